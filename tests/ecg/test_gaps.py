"""Hidden stretches of leads are filled with what the same heart did at another beat."""
import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import digitize
from ecg.lead_table import LEADS
from ecg.signals.gaps import fill_gaps
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio

FS_HZ = 500.0


def hidden(seed: int, lead: int, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, the same with a straight line over the span, and likelihoods that say so."""
    truth = heartbeats(seed)
    mv, likelihood = truth.copy(), np.ones_like(truth)
    mv[lead, begin:end] = np.linspace(mv[lead, begin], mv[lead, end - 1], end - begin)
    likelihood[lead, begin:end] = 0
    return truth, mv, likelihood


def tallest(truth: np.ndarray, lead: int) -> int:
    """Sample of the tallest beat of a lead, away from both ends."""
    return 1000 + int(np.abs(truth[lead, 1000:4000]).argmax())


@pytest.mark.parametrize("lead", [1, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_hidden_beat_is_drawn_like_the_others(seed: int, lead: int) -> None:
    at = tallest(heartbeats(seed), lead)
    truth, mv, likelihood = hidden(seed, lead, at - 60, at + 60)
    span = slice(at - 60, at + 60)
    before = float(np.square(mv - truth)[lead, span].sum())
    fill_gaps(mv, likelihood, FS_HZ, 0.35, 0.02)
    assert np.square(mv - truth)[lead, span].sum() < 0.1 * before
    assert (likelihood[lead, span] == 0).all()


def test_what_is_seen_stays_as_it_is() -> None:
    truth, mv, likelihood = hidden(1, 1, 2000, 2100)
    fill_gaps(mv, likelihood, FS_HZ, 0.35, 0.02)
    mv[1, 1990:2110] = truth[1, 1990:2110]
    np.testing.assert_array_equal(mv, truth)


def test_what_is_nowhere_alike_stays_a_straight_line() -> None:
    rng = np.random.default_rng(0)
    mv, likelihood = rng.normal(0, 1, (12, 5000)), np.ones((12, 5000))
    likelihood[3, 2000:2100] = 0
    line = mv.copy()
    fill_gaps(mv, likelihood, FS_HZ, 0.35, 0.02)
    np.testing.assert_array_equal(mv, line)


def test_empty_and_wholly_hidden_leads_are_left_alone() -> None:
    mv, likelihood = heartbeats(0), np.ones((12, 5000))
    mv[2], likelihood[2], likelihood[4] = np.nan, np.nan, 0
    before = mv.copy()
    fill_gaps(mv, likelihood, FS_HZ, 0.35, 0.02)
    np.testing.assert_array_equal(mv, before)


@pytest.mark.slow
def test_torn_pages_are_read_and_their_gaps_told() -> None:
    rgb, truth = draw_page(heartbeats(100))
    found = digitize(cv2.imencode(".png", degrade(rgb, "tears", 0)[..., ::-1])[1].tobytes())
    assert decibels([page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), FS_HZ)]) > 20
    assert any(begin < 8.0 < end for begin, end in found.signals.gaps("II"))
