"""One definition of the disagreement of I, II and III, for pages and for digital records."""
import numpy as np
import pytest
from made_heart import LEADS, heart

from ecg.page_facts import BeatFacts, SourceFacts, facts_of_record
from ecg.signals.millivolts import share_limb_leads
from ecg.signals.records import Record
from ecg.signals.residual import einthoven_residual_mv, limb_disagreement

BEATS = np.arange(0.5, 9.6, 0.8)


def wrong(offset_mv: float) -> np.ndarray:
    """(12, n) mV whose lead III is off by a wave of 0.1 mV amplitude and by a constant."""
    mv = heart(BEATS)
    mv[2] += offset_mv + 0.1 * np.sin(2 * np.pi * np.arange(mv.shape[1]) / 500)
    return mv


def residual_of_record(mv: np.ndarray, leads: tuple[str, ...]) -> float | None:
    beats = BeatFacts({"heart_rr_rate_bpm": None}, [])
    return facts_of_record(Record(mv, leads, 500.0), beats, SourceFacts("", "", "")).einthoven_residual_mv


def test_a_page_and_a_record_of_the_same_signals_have_one_residual() -> None:
    mv = wrong(0.3)
    of_record = residual_of_record(mv, LEADS)
    assert of_record == pytest.approx(0.1 / np.sqrt(2), abs=1e-4)
    assert share_limb_leads(mv.copy(), np.ones_like(mv)) == pytest.approx(of_record, abs=1e-4)


def test_the_offset_is_that_of_samples_that_were_seen_surely() -> None:
    one, two, three = np.zeros((3, 400))
    three[300:] = 1.0
    sure = np.arange(400) >= 300
    assert einthoven_residual_mv(one, two, three) == pytest.approx(0.5)
    assert einthoven_residual_mv(one, two, three, sure) == pytest.approx(np.sqrt(0.75))


def test_leads_that_are_never_known_together_have_none() -> None:
    mv = wrong(0.0)
    mv[0, 40:], mv[1, :10] = np.nan, np.nan
    assert residual_of_record(mv, LEADS) is None
    assert residual_of_record(mv, LEADS[1:]) is None


def test_all_laws_of_the_limb_leads_are_tested() -> None:
    mv = heart(BEATS)
    assert limb_disagreement(mv) < 0.05
    for lead in ("I", "aVR", "aVL", "aVF"):
        off = mv.copy()
        off[LEADS.index(lead)] *= -1
        # aVL is the smallest: turned over, it is off by .34 of the size of all six.
        assert limb_disagreement(off) > 0.3, lead


def test_each_law_is_tested_where_its_leads_are_drawn() -> None:
    mv = heart(BEATS)
    mv[[0, 2]] = np.nan
    assert limb_disagreement(mv) < 0.05
    mv[LEADS.index("aVL")] *= -1
    assert limb_disagreement(mv) > 0.3
    mv[LEADS.index("aVR")] = np.nan
    assert np.isnan(limb_disagreement(mv))
    assert np.isnan(limb_disagreement(np.zeros((12, 500))))
