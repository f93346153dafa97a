"""Beats of electrocardiograms whose waves are known."""
from pathlib import Path

import numpy as np
import pytest
from made_heart import LEADS, PR_S, T_S, heart, page

from ecg.beats.delineate import COLUMNS, WAVES, Beats, find_beats
from ecg.beats.preprocess import median_over_leads

STEADY = np.arange(0.5, 9.6, 0.8)
IRREGULAR = np.cumsum([0.5, 0.61, 1.02, 0.55, 0.78, 0.49, 1.1, 0.66, 0.9, 0.52, 0.71, 0.95])
PTBXL = Path(__file__).parents[3] / "shared/data/ecg_ptbxl/ptbxl.npz"


def found(signals: np.ndarray, fs_hz: float = 500.0) -> Beats:
    return find_beats(signals, LEADS, fs_hz)


def worst(times: np.ndarray, known: np.ndarray) -> float:
    """Largest distance of a known time from the nearest found one, and of a found one from the nearest known one, s."""
    seen = times[np.isfinite(times)]
    apart = np.abs(seen[:, None] - known[None])
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def test_every_beat_is_found_and_none_is_invented() -> None:
    beats = found(heart(STEADY))
    for row, lead in enumerate(LEADS):
        # aVR and aVL have little or no R: within the QRS complex.
        assert worst(beats.times["r_peak"][row], STEADY) <= (0.01 if lead not in ("aVR", "aVL") else 0.035)


def qrs_of_v1(r_mv: float, s_mv: float, st_mv: float = 0.0) -> np.ndarray:
    """The heart with another V1: r and S of these sizes, and ST lifted from the end of S on."""
    signals, time = heart(STEADY), np.arange(5000) / 500
    signals[6] = 0.003 * np.random.default_rng(1).standard_normal(5000)
    for beat in STEADY:
        for size, at, width in ((r_mv, 0.0, 0.01), (-s_mv, 0.035, 0.011)):
            signals[6] += size * np.exp(-0.5 * ((time - beat - at) / width) ** 2)
        signals[6] += st_mv * ((time > beat + 0.05) & (time < beat + 0.25)) * np.minimum(1, (time - beat - 0.05) / 0.03)
    return signals


@pytest.mark.parametrize("r_mv", [0.12, 0.29, 0.31, 0.6])
def test_the_r_of_rs_is_the_r_wave_however_deep_the_s(r_mv: float) -> None:
    assert worst(found(qrs_of_v1(r_mv, 1.2)).times["r_peak"][6], STEADY) <= 0.01


@pytest.mark.parametrize("st_mv", [0.0, 0.2], ids=["level", "lifted"])
def test_without_r_the_deepest_point_is_given(st_mv: float) -> None:
    assert worst(found(qrs_of_v1(0.0, 1.2, st_mv)).times["r_peak"][6], STEADY + 0.035) <= 0.01


@pytest.mark.parametrize("late", [-0.03, -0.01, 0.005, 0.03, 0.06])
def test_a_complex_that_its_window_cuts_has_no_r_wave(late: float) -> None:
    beats = np.array([0.9, 1.7, 2.5 + late, 3.4, 4.2, 5.9, 6.7, 8.3, 9.1])
    seen = found(page(heart(beats))).times["r_peak"]
    # QRS lasts from 50 ms before R to 50 ms after it.
    drawn = {"I": late <= -0.03, "V4": False, "II": True, "aVF": late >= 0.06}
    for lead, there in drawn.items():
        row = seen[LEADS.index(lead)]
        assert ((np.abs(row - beats[2]) < 0.05).sum() == 1) == there
    assert worst(seen[1], beats) <= 0.01


def test_p_and_t_peaks_lie_where_they_were_drawn() -> None:
    beats = found(heart(STEADY))
    assert worst(median_over_leads(beats.times["p_peak"]), STEADY - PR_S) < 0.012
    assert worst(median_over_leads(beats.times["t_peak"]), STEADY + T_S) < 0.012


def test_waves_of_a_beat_follow_each_other() -> None:
    times = found(heart(IRREGULAR)).times
    order = np.stack([median_over_leads(times[wave]) for wave in WAVES if wave != "r_peak"])
    steps = np.diff(order, axis=0)
    assert (steps[np.isfinite(steps)] > 0).all()


@pytest.mark.parametrize("scale", [-1.0, 0.4], ids=["inverted", "small"])
def test_t_waves_of_another_size_or_sign_are_found(scale: float) -> None:
    assert worst(median_over_leads(found(heart(STEADY, t=scale)).times["t_peak"]), STEADY + T_S) < 0.03


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.0])
def test_in_fast_rhythms_p_is_not_the_bend_between_t_and_p(scale: float) -> None:
    """100 a minute: T ends 60 ms before P begins. The bend lies 200 ms and more before R, P 160 ms."""
    at = np.arange(0.5, 9.6, 0.6)
    seen = found(heart(at, t=scale)).times["p_peak"][1]
    assert np.nanmedian(at - seen) == pytest.approx(PR_S, abs=0.01)
    assert np.isfinite(seen).mean() > 0.9


def test_fibrillation_has_no_p_waves() -> None:
    beats = found(heart(IRREGULAR, p=False, flutter_hz=6.3))
    assert not np.isfinite(beats.times["p_peak"]).any()
    assert beats.p_coherence < 0.2
    assert np.isfinite(beats.times["r_peak"]).sum() == 12 * len(IRREGULAR)


def test_an_ectopic_beat_has_no_p_wave_and_the_others_keep_theirs() -> None:
    has_p = np.isfinite(found(heart(STEADY, wide=(5,))).times["p_peak"]).any(axis=0)
    assert has_p.tolist() == [k != 5 for k in range(len(STEADY))]


@pytest.mark.parametrize("rate", [40, 140, 180])
def test_slow_and_fast_hearts_are_counted(rate: int) -> None:
    known = np.arange(0.4, 9.7, 60 / rate)
    beats = found(heart(known, t=0.5))
    assert worst(beats.times["r_peak"][1], known) < 0.01


@pytest.mark.parametrize("fs_hz", [100.0, 250.0, 360.0, 1000.0])
def test_other_rates_give_the_same_times(fs_hz: float) -> None:
    beats = found(heart(STEADY, fs_hz=fs_hz), fs_hz)
    assert worst(beats.times["r_peak"][1], STEADY) < 0.011
    assert worst(median_over_leads(beats.times["t_peak"]), STEADY + T_S) < 0.02


def test_a_page_has_the_beats_of_each_lead_in_its_own_window() -> None:
    beats = found(page(heart(STEADY)))
    for row in range(12):
        seen = beats.times["r_peak"][row]
        seen = seen[np.isfinite(seen)]
        first = 0.0 if row == 1 else 2.5 * (row // 3)
        last = 10.0 if row == 1 else first + 2.5
        known = STEADY[(STEADY > first + 0.03) & (STEADY < last - 0.03)]
        assert worst(seen, known) < 0.04
        assert ((seen >= first - 0.02) & (seen <= last + 0.02)).all()
    assert worst(beats.times["t_peak"][1], STEADY + T_S) < 0.03


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05, 0.1, -0.03])
def test_a_beat_where_columns_of_a_page_meet_is_found_in_the_strip(shift: float) -> None:
    known = np.arange(0.1 + shift, 9.8, 0.8)
    known = known[known > 0.05]
    beats = found(page(heart(known)))
    assert worst(beats.times["r_peak"][1], known) < 0.01


@pytest.mark.parametrize("columns", [2, 4], ids=["6x2", "3x4"])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 0.45])
def test_columns_without_a_strip_never_stop_a_page(columns: int, shift: float) -> None:
    """No lead is drawn in two columns: beats of the next column have no slope in the leads of this one."""
    signals, known = heart(np.arange(0.2 + shift, 9.8, 0.8)), np.arange(0.2 + shift, 9.8, 0.8)
    out, part = np.full(signals.shape, np.nan), 5000 // columns
    for column in range(columns):
        rows = range(column * 12 // columns, (column + 1) * 12 // columns)
        for row in rows:
            out[row, column * part:(column + 1) * part] = signals[row, column * part:(column + 1) * part]
    seen = median_over_leads(found(out).times["qrs_onset"])
    inside = known[np.min(np.abs(known[:, None] - np.arange(0, 10.1, 10 / columns)), axis=1) > 0.06]
    assert np.abs(seen[:, None] - inside[None]).min(axis=0).max() < 0.1


def test_pacemaker_spikes_are_not_beats_nor_the_start_of_them() -> None:
    plain, spiked = heart(STEADY), heart(STEADY)
    for beat in STEADY:
        spiked[:, round((beat - 0.08) * 500):round((beat - 0.08) * 500) + 2] += 3.0
    a, b = found(plain), found(spiked)
    assert a.times["r_peak"].shape == b.times["r_peak"].shape
    assert np.nanmax(np.abs(median_over_leads(a.times["qrs_onset"]) - median_over_leads(b.times["qrs_onset"]))) < 0.02


def test_a_gap_and_a_flat_lead_cost_only_themselves() -> None:
    signals = heart(STEADY)
    signals[3, 1000:1600] = np.nan
    signals[7] = 0.4
    beats = found(signals)
    assert not np.isfinite(beats.times["r_peak"][7]).any()
    assert worst(beats.times["r_peak"][1], STEADY) < 0.01
    seen = beats.times["r_peak"][3]
    assert not ((seen > 2.05) & (seen < 3.15)).any()


@pytest.mark.parametrize("signals", [np.full((12, 5000), np.nan), np.zeros((12, 5000)), np.ones((12, 40)),
                                     np.zeros((12, 0))], ids=["nothing", "flat", "short", "empty"])
def test_a_record_without_beats_is_an_empty_table(signals: np.ndarray) -> None:
    table = found(signals).table()
    assert list(table) == list(COLUMNS) and not len(table)


@pytest.mark.parametrize("n", [400, 1250, 5000])
def test_beats_of_noise_lie_within_the_record_and_follow_each_other(n: int) -> None:
    times = found(np.random.default_rng(0).standard_normal((12, n))).times["r_peak"]
    assert times.shape[0] == 12
    for lead in times:
        seen = lead[np.isfinite(lead)]
        assert ((seen >= 0) & (seen < n / 500)).all() and (np.diff(seen) > 0).all()


def test_confidence_is_a_share_and_falls_with_noise() -> None:
    clean, noisy = found(heart(STEADY)), found(heart(STEADY, noise_mv=0.12))
    for beats in (clean, noisy):
        for values in beats.confidence.values():
            known = values[np.isfinite(values)]
            assert known.size and ((known >= 0) & (known <= 1)).all()
    assert np.nanmedian(clean.confidence["p"]) > np.nanmedian(noisy.confidence["p"])


def test_signals_and_names_must_fit() -> None:
    with pytest.raises(ValueError, match=r"shape \(12, 5000\) came with 3 names"):
        find_beats(heart(STEADY), LEADS[:3], 500)
    with pytest.raises(ValueError, match="10 samples a second came: 50 to 20,000 are wanted"):
        find_beats(heart(STEADY), LEADS, 10)


@pytest.mark.slow
@pytest.mark.skipif(not PTBXL.exists(), reason="shared/data/ecg_ptbxl is not here")
def test_real_records_have_plausible_rates() -> None:
    with np.load(PTBXL) as archive:
        signals, leads = archive["sig_uv"][:20] / 1000, [str(lead) for lead in archive["leads"]]
    assert len(signals) == 20
    for record in signals:
        r = median_over_leads(find_beats(record.T, leads, 500).times["r_peak"])
        assert 5 <= len(r) <= 35 and (np.diff(r) > 0.24).all()
