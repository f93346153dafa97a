"""What the report says of a record, on signals and beats that are made by hand."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_result import PAGE

from ecg.record_summary import Measurement, doubts, measurements, median_beat, most_doubtful_first, unusual
from ecg.report import page
from ecg.result import FinishedFile, LeadFacts
from ecg.usual_ranges import NONE, PR_MS

FS_HZ = 100.0


def beats_of(*onsets_s: float, p: bool = True) -> pd.DataFrame:
    """Rows of beats.csv: P from 150 to 70 ms before QRS, QRS of 90 ms, no T; the first P and all QRS are uncertain."""
    onset = np.array(onsets_s)
    unknown = np.full(len(onset), np.nan)
    p_at = onset if p else unknown
    return pd.DataFrame({
        "lead": "II", "beat": range(len(onset)), "p_onset_s": p_at - 0.15, "p_peak_s": p_at - 0.1,
        "p_offset_s": p_at - 0.07, "qrs_onset_s": onset, "qrs_offset_s": onset + 0.09, "t_onset_s": unknown,
        "t_offset_s": unknown, "p_confidence": [0.3, *[0.9] * (len(onset) - 1)], "qrs_confidence": 0.3,
        "t_confidence": unknown})


def test_the_median_beat_is_aligned_at_qrs_and_freed_of_each_beats_level() -> None:
    mv = np.zeros(400)
    for onset, level, height in ((100, 0.0, 1.0), (200, 0.5, 2.0), (300, -0.5, 9.0)):
        mv[onset - 40:onset + 60] = level
        mv[onset + 5] += height
    found = median_beat(mv, beats_of(1.0, 2.0, 3.0), FS_HZ)
    assert found is not None
    # From .3 s before QRS to .55 s after: 30 samples, then 55; the middle of 1, 2 and 9 mV is 2 mV.
    assert len(found.mv) == 85 and found.time_s[30] == 0 and found.mv[35] == 2
    assert np.count_nonzero(found.mv) == 1
    assert found.waves_s == {"P": pytest.approx((-0.15, -0.07)), "QRS": pytest.approx((0.0, 0.09))}


def test_a_lead_that_is_not_drawn_at_its_beats_has_no_median_beat() -> None:
    assert median_beat(np.full(400, np.nan), beats_of(1.0, 2.0), FS_HZ) is None
    assert median_beat(np.zeros(400), beats_of(1.0)[:0], FS_HZ) is None


def test_a_measurement_outside_what_is_usual_is_marked() -> None:
    assert [Measurement("PR", value, "ms", PR_MS).side for value in (119, 120, 200, 201, None)] == [
        "below", "", "", "above", ""]
    assert not Measurement("rate", 5.0, "/min", NONE).side
    assert [m.name for m in unusual({"heart_atria_pr_s": 0.25, "heart_ventricles_axis_deg": 60.0,
                                     "heart_rr_rate_bpm": 45.0})] == ["Heart rate", "PR interval"]
    shown = {m.name: m.value for m in measurements({"heart_atria_pr_s": 0.25, "heart_rr_sd_s": None})}
    assert shown["PR interval"] == 250 and shown["Spread of RR (SD)"] is None and shown["Heart rate"] is None


def test_names_with_commas_are_told_apart_in_a_row_of_the_page() -> None:
    facts = replace(PAGE, rhythm={"heart_atria_p_share": .1, "heart_ventricles_qtc_fridericia_s": .6})
    assert page._also_unusual(facts) == [
        "also unusual: Beats with a P wave 10\u00a0% (below 85 %); QTc, Fridericia 600\u00a0ms (450 ms or more)"]


def test_doubts_tell_gaps_uncertain_waves_and_missing_p() -> None:
    sure = replace(PAGE, review=False, review_reason="")
    assert doubts(sure, beats_of(1.0, 2.0)) == [
        "gray – 60 %", "0.75 s in I were not seen surely and are bridged",
        "P of 1 of 2 beats is uncertain (confidence under .4)",
        "QRS of 2 of 2 beats is uncertain (confidence under .4)"]
    assert doubts(sure, beats_of(1.0, 2.0, p=False))[-1] == (
        "no P wave was found: what precedes QRS differs from beat to beat")
    part = pd.concat([beats_of(1.0, 2.0), beats_of(3.0, p=False).assign(beat=2)])
    assert doubts(sure, part)[-1] == "1 of 3 beats have no P wave"
    first = pd.concat([beats_of(0.1, p=False), beats_of(1.0, 2.0).assign(beat=lambda b: b["beat"] + 1)])
    assert not any("no P wave" in doubt for doubt in doubts(sure, first)), "P lay before the start of the record"


def test_a_page_for_review_says_so_first_and_stands_first() -> None:
    review = replace(PAGE, path="z", review=True, review_reason="grid|twice")
    assert doubts(review, beats_of(1.0, 2.0))[:2] == ["for review because of: grid, a lead drawn twice", "gray – 60 %"]
    sure = replace(PAGE, review=False, review_reason="")
    ranked = most_doubtful_first([FinishedFile("a", "a", sure), FinishedFile("z", "z", review)])
    assert [found.path for found in ranked] == ["z", "a"]
    told = page._warnings(ranked, [], [])
    assert told[0]["text"] == "For review: 1 page."
    assert [tile["value"] for tile in page._tiles(ranked, []) if tile["name"] == "For review"] == ["1"]


def test_the_most_doubtful_file_comes_first() -> None:
    def file(path: str, confidence: float) -> FinishedFile:
        return FinishedFile(path, path, replace(PAGE, leads={"I": LeadFacts(confidence, [])}))
    ranked = most_doubtful_first([file("c", 0.9), file("b", 0.5), file("a", 0.9)])
    assert [found.path for found in ranked] == ["b", "a", "c"]
