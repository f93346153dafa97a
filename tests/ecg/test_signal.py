"""Leads in millivolts: where 0 mV lies, and what limb leads that are drawn at one time tell each other."""
import numpy as np
import pytest

from ecg.layout.model import Cell, Layout, Pulse, RowPath
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.signals.millivolts import share_limb_leads, zero_row

SCALE = Scale.square(8.0)
N = 500


def layout(bases: list[float], leads: list[str], *pulses: Pulse) -> Layout:
    """One lead in each row."""
    ink = np.ones(4, np.int32)
    rows = [RowPath(base, 0.0, 4.0, ink, ink, np.ones(4, bool), 4) for base in bases]
    cells = [Cell(lead, k, 0.0, 4.0, 0.0, True) for k, lead in enumerate(leads)]
    return Layout("made", rows, cells, pulses, [], [], 10.0, 25.0, 2.0, 0.3, SCALE, [])


def pulse(base: float) -> Pulse:
    """1 mV at 10 mm/mV: 80 px high."""
    return Pulse(10.0, 50.0, base - 80, base)


def test_zero_is_the_foot_of_the_pulses_of_the_row() -> None:
    two = layout([100.0, 300.0], ["I", "II"], pulse(101.0), pulse(103.0), pulse(296.0))
    assert [zero_row(two, row) for row in (0, 1)] == [102.0, 296.0]


def test_without_a_pulse_of_its_own_a_row_of_another_lead_keeps_its_usual_level() -> None:
    assert zero_row(layout([100.0, 300.0], ["I", "II"], pulse(106.0)), 1) == 300.0
    assert zero_row(layout([100.0], ["II"]), 0) == 100.0


def test_one_pulse_tells_the_zero_of_all_rows_of_a_lead_that_runs_on() -> None:
    running = layout([100.0, 200.0, 290.0], ["II", "II", "II"], pulse(103.0))
    assert [zero_row(running, row) for row in range(3)] == [103.0, 203.0, 293.0]


def test_without_pulses_rows_of_one_lead_are_taken_to_be_printed_at_one_distance() -> None:
    """The straight line of least squares through 100, 202, 300 is 100 2/3, 200 2/3, 300 2/3."""
    even = layout([100.0, 202.0, 300.0], ["II"] * 3)
    assert [zero_row(even, row) for row in range(3)] == pytest.approx([100 + 2 / 3, 200 + 2 / 3, 300 + 2 / 3])


@pytest.mark.parametrize("bases", [[100.0, 260.0, 300.0], [100.0, 202.0]], ids=["uneven", "two rows"])
def test_rows_at_unequal_distances_or_two_of_them_keep_their_levels(bases: list[float]) -> None:
    made = layout(bases, ["II"] * len(bases))
    assert [zero_row(made, row) for row in range(len(bases))] == bases


def limb(*leads: str) -> tuple[np.ndarray, np.ndarray]:
    """(12, N) lawful limb leads of two random ones, of which only `leads` are drawn, and how surely each was seen."""
    one, two = np.random.default_rng(0).normal(0, 0.3, (2, N))
    values = {"I": one, "II": two, "III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2,
              "aVF": two - one / 2}
    mv, seen = np.full((12, N), np.nan), np.full((12, N), np.nan)
    for lead in leads:
        mv[LEADS.index(lead)], seen[LEADS.index(lead)] = values[lead], 1.0
    return mv, seen


ALL = ("I", "II", "III", "aVR", "aVL", "aVF")


def test_lawful_leads_are_left_as_they_are() -> None:
    mv, seen = limb(*ALL)
    before = mv.copy()
    assert share_limb_leads(mv, seen) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(mv, before, atol=1e-12)


def test_a_small_disagreement_of_leads_equally_seen_is_shared_in_three() -> None:
    mv, seen = limb("I", "II", "III")
    true = mv.copy()
    mv[LEADS.index("III"), 7] += 0.09
    assert share_limb_leads(mv, seen) == pytest.approx(0.09 / np.sqrt(N))
    np.testing.assert_allclose((mv - true)[:3, 7], [-0.03, 0.03, 0.06], atol=1e-9)  # I + III - II is 0 again
    np.testing.assert_allclose(np.delete(mv, 7, axis=1), np.delete(true, 7, axis=1), atol=1e-12)


def test_a_hidden_lead_takes_all_of_the_disagreement_however_large() -> None:
    mv, seen = limb(*ALL)
    true = mv.copy()
    mv[LEADS.index("III"), 7] += 0.9
    seen[LEADS.index("III"), 7] = 0.0
    share_limb_leads(mv, seen)
    # A likelihood of 0 counts as .02, a variance of 2500 against 1 and 1: a lead that was seen moves by .9 / 2502.
    np.testing.assert_allclose(mv[:6, 7], true[:6, 7], atol=1e-3)


def test_a_large_disagreement_of_leads_that_were_all_seen_is_not_shared() -> None:
    mv, seen = limb("I", "II", "III")
    mv[LEADS.index("III"), 7] += 0.2
    before = mv.copy()
    share_limb_leads(mv, seen)
    np.testing.assert_allclose(mv, before, atol=1e-12)


def test_leads_of_different_times_are_not_shared() -> None:
    mv, seen = limb("I", "II", "III")
    mv[LEADS.index("III")] = np.roll(mv[LEADS.index("III")], 50)
    before = mv.copy()
    assert share_limb_leads(mv, seen) > 0.3
    np.testing.assert_array_equal(mv, before)


def test_av_leads_obey_goldberger() -> None:
    """aVR + aVL + aVF = 0 (Goldberger 1942, 10.1016/S0002-8703(42)90821-4): a hidden aVL is what the others ask for."""
    mv, seen = limb("aVR", "aVL", "aVF")
    true = mv.copy()
    mv[LEADS.index("aVL"), 100:120] += 0.5
    seen[LEADS.index("aVL"), 100:120] = 0.0
    assert np.isnan(share_limb_leads(mv, seen)), "I, II and III are not drawn"
    np.testing.assert_allclose(mv[3:6], true[3:6], atol=1e-3)


def test_fewer_than_50_common_samples_tell_nothing() -> None:
    mv, seen = limb("I", "II", "III")
    mv[LEADS.index("III"), 49:] = np.nan
    mv[LEADS.index("III"), 7] += 0.09
    before = mv.copy()
    assert np.isnan(share_limb_leads(mv, seen))
    np.testing.assert_array_equal(mv, before)
