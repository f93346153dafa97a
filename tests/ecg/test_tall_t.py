"""T waves as steep as QRS are no beats; numbers that no heart has are left out with the reason."""
import math

import numpy as np
import pytest
from made_heart import LEADS, heart, page

from ecg.beats.preprocess import resampled
from ecg.beats.qrs import common_beats
from ecg.process_file import analyze
from ecg.rhythm.doubts import judge
from ecg.rhythm.features import FEATURES, NUISANCE
from ecg.rhythm.impossible import LIMITS, OF_INTERVALS, Limit, without_impossible


@pytest.mark.parametrize("rate", [50, 67, 100])
@pytest.mark.parametrize("t", [6, 8, -8])
def test_tall_t_waves_are_not_counted(rate: int, t: int) -> None:
    signals = heart(np.arange(0.5, 9.9, 60 / rate), t=t)
    for shown in (signals, page(signals)):
        _, facts = analyze(shown, LEADS, 500)
        assert facts.rate_bpm == pytest.approx(rate, abs=0.5)
        assert facts.rhythm["heart_ventricles_qtc_bazett_s"] < 0.6


def test_a_t_wave_whose_qrs_lies_before_the_record_is_no_beat() -> None:
    signals = heart(np.arange(-0.1, 9.9, 0.9), t=8)
    assert common_beats(resampled(signals, 500))[0] > 0.7 * 500


def test_early_broad_beats_are_counted() -> None:
    times = np.array([0.5, 1.4, 2.3, 2.72, 4.1, 5.0, 5.9, 6.32, 7.7, 8.6, 9.5])
    signals = heart(times, wide=(3, 7))
    assert len(common_beats(resampled(signals, 500))) == len(times)


def test_neurokit_hearts_with_tall_t_waves_keep_their_rate() -> None:
    neurokit2 = pytest.importorskip("neurokit2")
    # T is the fifth Gaussian of the model of McSharry et al. 2003: 0.75 there.
    lead = neurokit2.ecg_simulate(duration=10, sampling_rate=500, heart_rate=70, method="ecgsyn", random_state=1,
                                  random_state_distort=1, ai=(1.2, -5, 30, -7.5, 12.0))
    _, facts = analyze(np.asarray(lead, np.float64)[None], ("II",), 500)
    assert facts.rate_bpm == pytest.approx(70, abs=3)


def test_where_many_beats_may_be_t_waves_there_is_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecg.beats.t_as_beats._T_SHARE", 0.0)
    _, facts = analyze(heart(np.arange(0.5, 9.9, 0.9), t=8), LEADS, 500)
    assert facts.rate_bpm is None and facts.rhythm["heart_ventricles_qtc_bazett_s"] is None
    assert any("may be T waves, so heart rate and what depends on it are left out" in line for line in facts.warnings)


def row_with(**values: float) -> dict[str, float]:
    return dict.fromkeys((*FEATURES, *NUISANCE), math.nan) | values


@pytest.mark.parametrize("limit", LIMITS, ids=[limit.column for limit in LIMITS])
@pytest.mark.parametrize("beyond", ["low", "high"])
def test_a_number_that_no_heart_has_is_left_out_and_told(limit: Limit, beyond: str) -> None:
    value = (limit.low - 1 if beyond == "low" else limit.high + 1) / limit.factor
    row, told = without_impossible(row_with(**dict.fromkeys(limit.leaves_out, 1.0)) | {limit.column: value})
    assert all(math.isnan(row[name]) for name in limit.leaves_out)
    assert any("which no heart has" in line and limit.unit in line for line in told)


def test_the_limits_themselves_are_kept() -> None:
    for limit in LIMITS:
        for edge in (limit.low, limit.high):
            row, told = without_impossible(row_with(**{limit.column: edge / limit.factor}))
            assert told == [] and row[limit.column] == edge / limit.factor


def test_526_a_minute_is_left_out_with_all_that_follows_from_intervals() -> None:
    signals = heart(np.arange(0.5, 9.9, 0.9))
    beats, _ = analyze(signals, LEADS, 500)
    row, told = judge(signals, beats, row_with(heart_ventricles_alike=0.9, heart_rr_rate_highest_bpm=526.0,
                                               heart_rr_rate_bpm=90.0, heart_ventricles_qtc_bazett_s=0.4))
    assert all(math.isnan(row[name]) for name in OF_INTERVALS)
    assert told == ["the rate over one interval of 526 /min is above 300 /min, which no heart has: what depends on the "
                    "times between beats is left out"]
