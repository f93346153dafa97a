"""Numbers of records that are not to be trusted: empty, with a sentence that says why."""
import numpy as np
import pytest
from made_heart import LEADS, heart, page

from ecg.beats.preprocess import resampled
from ecg.process_file import analyze
from ecg.rhythm.features import missing_spans

# 60.5 a minute.
STEADY = np.arange(0.5, 9.9, 60 / 60.5)


@pytest.mark.parametrize("lost", [np.nan, 0.0, -1.5], ids=["empty", "zero", "another constant"])
def test_no_interval_is_taken_over_seconds_without_any_lead(lost: float) -> None:
    signals = heart(STEADY)
    signals[:, 1500:3500] = lost
    _, facts = analyze(signals, LEADS, 500)
    assert facts.rate_bpm == pytest.approx(60.5, abs=0.3)
    assert facts.rhythm["heart_rr_rate_lowest_bpm"] > 55
    assert facts.warnings == ["no lead is drawn from 3.0 to 7.0 s: times between beats are not taken over it"]


def test_leads_that_are_drawn_one_after_the_other_miss_nothing() -> None:
    signals = heart(STEADY)
    signals[:6, 1500:3500] = np.nan
    for shown in (signals, page(heart(STEADY))):
        _, facts = analyze(shown, LEADS, 500)
        assert facts.rate_bpm == pytest.approx(60.5, abs=0.3) and facts.warnings == []


def test_missing_spans_lie_between_drawn_ones() -> None:
    record = np.random.default_rng(0).normal(0, 1, (2, 5000))
    record[:, :300] = record[:, 4800:] = record[:, 1000:1200] = record[:, 2000:2030] = np.nan
    record[0, 3000:4100] = record[1, 3010:4200] = np.nan
    assert missing_spans(record).tolist() == [[1000, 1200], [3010, 4100]]


def test_a_lead_that_does_not_change_for_two_seconds_is_not_connected() -> None:
    record = np.random.default_rng(0).normal(0, 1, (2, 5000))
    record[0, 1000:2001] = record[1, 1000:1990] = 7.0
    lost = np.isnan(resampled(record, 500))
    assert lost[0, 1000:2001].all() and lost.sum() == 1001


@pytest.mark.parametrize("kind", ["white", "smooth", "walk", "one lead", "page"])
def test_noise_has_no_rate(kind: str) -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, (12, 5000))
    signals = {"white": noise, "smooth": (noise[:, 2:] + noise[:, 1:-1] + noise[:, :-2]) / 3,
               "walk": np.cumsum(noise, axis=1) / 20, "one lead": noise[:1], "page": page(noise)}[kind]
    _, facts = analyze(signals, LEADS[:len(signals)], 500)
    assert facts.rate_bpm is None and facts.rhythm["heart_ventricles_qrs_s"] is None
    assert facts.rhythm["record_signal_noise_mv"] is not None
    assert len(facts.warnings) == 1 and "is noise" in facts.warnings[0]


@pytest.mark.parametrize("noise_mv", [0.05, 0.15])
def test_a_noisy_heart_keeps_its_rate(noise_mv: float) -> None:
    _, facts = analyze(heart(STEADY, noise_mv=noise_mv), LEADS, 500)
    assert facts.rate_bpm == pytest.approx(60.5, abs=1) and facts.warnings == []


def test_where_times_are_doubted_the_intervals_within_a_beat_stay() -> None:
    _, facts = analyze(heart(STEADY), LEADS, 500, "the page may be cut")
    assert facts.rate_bpm is None and facts.rhythm["heart_ventricles_qtc_bazett_s"] is None
    assert facts.rhythm["heart_ventricles_qrs_s"] is not None
    assert facts.warnings == ["the page may be cut, so heart rate and what depends on it are left out"]
