"""Shapes in the average beat: what was drawn into a beat is measured in it."""
import numpy as np
import pytest
from made_heart import LEADS, heart, page

from ecg.beats.delineate import find_beats
from ecg.rhythm.average_beat import AverageBeat, average_beats, usual_beats
from ecg.rhythm.features import FEATURES, rhythm_row
from ecg.rhythm.morphology import beats_alike
from ecg.rhythm.pacing import pacing_spikes
from ecg.rhythm.qrs_shape import qrs_shape

STEADY = np.arange(0.5, 9.6, 0.8)
BEFORE, LENGTH = 150, 50


def bump(height_mv: float, at: int, width: float = 4.0) -> np.ndarray:
    """A deflection of an average beat of 0.7 s, its top `at` samples behind the onset of QRS."""
    return height_mv * np.exp(-0.5 * ((np.arange(350) - BEFORE - at) / width) ** 2)


def beat(*bumps: np.ndarray) -> AverageBeat:
    return AverageBeat(np.sum(bumps, axis=0), BEFORE, BEFORE + LENGTH, 9)


def test_the_r_prime_of_rsr_is_measured_and_a_plain_rs_has_none() -> None:
    triphasic = qrs_shape({"V1": beat(bump(0.2, 10), bump(-0.6, 24), bump(0.3, 40))})
    assert triphasic["V1_r_prime_mv"] == pytest.approx(0.3, abs=0.02)
    assert triphasic["V1_last_peak_s"] == pytest.approx(0.08, abs=0.004)
    assert qrs_shape({"V1": beat(bump(0.3, 14), bump(-0.9, 30))})["V1_r_prime_mv"] == 0


def test_a_second_peak_of_r_without_s_is_an_r_prime_too() -> None:
    notched = qrs_shape({"V1": beat(bump(0.4, 12), bump(0.9, 34))})
    assert notched["V1_r_prime_mv"] == pytest.approx(0.9, abs=0.02)


def test_a_q_wave_counts_as_it_is_in_the_second_largest_of_contiguous_leads() -> None:
    """A Q of 0.2 mV in III, of 0.1 mV in aVF and none in II: 0.1 mV."""
    r = bump(0.8, 30)
    found = qrs_shape({"II": beat(r), "III": beat(bump(-0.2, 12), r), "aVF": beat(bump(-0.1, 12), r)})
    assert found["q_inferior_mv"] == pytest.approx(0.1, abs=0.02)
    assert 0.01 < found["q_inferior_s"] < 0.04
    assert np.isnan(found["q_lateral_mv"]) and np.isnan(found["sokolow_lyon_mv"])


def test_the_end_of_s_is_measured_behind_r() -> None:
    found = qrs_shape({"I": beat(bump(-0.3, 6, 2.0), bump(0.8, 18), bump(-0.25, 36))})
    assert found["I_end_s_mv"] == pytest.approx(0.25, abs=0.03)
    assert 0.02 < found["I_end_s_s"] < 0.06


def test_voltages_are_sums_over_their_leads() -> None:
    found = qrs_shape({"V1": beat(bump(-1.5, 20)), "V5": beat(bump(2.2, 20)), "V6": beat(bump(1.9, 20)),
                       "aVL": beat(bump(1.0, 20)), "V3": beat(bump(-1.6, 20))})
    assert found["sokolow_lyon_mv"] == pytest.approx(3.7, abs=0.02)
    assert found["cornell_mv"] == pytest.approx(2.6, abs=0.02)


def test_ectopic_beats_are_left_out_of_the_average() -> None:
    signals = heart(STEADY, wide=(3, 7))
    beats = find_beats(signals, LEADS, 500)
    usual = usual_beats(beats.times, beats_alike(signals, beats.times))
    assert list(np.flatnonzero(~usual)) == [3, 7]
    plain = heart(STEADY)
    found = average_beats(signals, LEADS, beats.times, usual)["II"]
    known = average_beats(plain, LEADS, find_beats(plain, LEADS, 500).times, np.ones(len(STEADY), bool))["II"]
    assert found.beats >= 8 and np.nanmax(np.abs(found.mv - known.mv)) < 0.06


def test_noise_falls_in_the_average() -> None:
    signals = heart(STEADY, noise_mv=0.1)
    beats = find_beats(signals, LEADS, 500)
    found = average_beats(signals, LEADS, beats.times, np.ones(beats.times["r_peak"].shape[1], bool))["II"]
    quiet = found.mv[found.onset - 20:found.onset]
    assert np.std(quiet) < 0.03


def test_spikes_are_counted_by_beat_and_a_sharp_r_is_none() -> None:
    signals = heart(STEADY)
    assert pacing_spikes(signals, 500, len(STEADY))["spikes_per_beat"] == 0
    for at in STEADY[:9]:
        signals[:, round((at - 0.07) * 500)] -= 0.5
    found = pacing_spikes(signals, 500, len(STEADY))
    assert found["spikes_per_beat"] == 9 / len(STEADY)
    assert found["spike_mv"] > 0.3 and found["spike_to_slope"] > 2


def test_spikes_are_not_sought_where_the_rate_cannot_show_them() -> None:
    assert np.isnan(list(pacing_spikes(heart(STEADY, fs_hz=250), 250, 12).values())).all()
    assert np.isnan(list(pacing_spikes(heart(STEADY), 500, 0).values())).all()


def test_a_page_has_the_shapes_of_its_record() -> None:
    whole, paper = (rhythm_row(x, find_beats(x, LEADS, 500)) for x in (heart(STEADY), page(heart(STEADY))))
    shapes = [name for name in FEATURES if "_shape_" in name and name.endswith("_mv")]
    assert [n for n in shapes if not abs(whole[n] - paper[n]) < 0.1] == []
