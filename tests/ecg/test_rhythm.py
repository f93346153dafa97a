"""Numbers of a record whose heart is known, and the table of many."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_heart import LEADS, heart, page

from classify.data.columns import check_columns, matrix, model_columns
from ecg.beats.delineate import find_beats
from ecg.rhythm.features import FEATURES, NUISANCE, rhythm_row
from ecg.rhythm.rr import RR, rr_statistics
from ecg.rhythm.table import write_rhythm
from featurize.errors import UserError
from featurize.table import read_table

STEADY = np.arange(0.5, 9.6, 0.8)
IRREGULAR = np.cumsum([0.5, 0.61, 1.02, 0.55, 0.78, 0.49, 1.1, 0.66, 0.9, 0.52, 0.71, 0.95])


def row(signals: np.ndarray) -> dict[str, float]:
    return rhythm_row(signals, find_beats(signals, LEADS, 500))


def test_a_steady_heart_has_its_rate_and_no_spread() -> None:
    found = row(heart(STEADY))
    assert found["heart_rr_rate_bpm"] == pytest.approx(75, abs=0.5)
    assert found["heart_rr_sd_s"] < 0.005 and found["heart_rr_early_share"] == 0
    assert found["heart_atria_p_share"] == 1 and found["heart_atria_p_coherence"] > 0.8


def test_intervals_are_those_that_were_drawn() -> None:
    """P stands .16 s before R, 18 ms wide (SD), T .28 s behind it, 45 ms wide: they end at two to three of these."""
    found = row(heart(STEADY))
    assert 0.12 < found["heart_atria_pr_s"] < 0.2
    assert 0.05 < found["heart_ventricles_qrs_s"] < 0.11
    assert 0.36 < found["heart_ventricles_qt_s"] < 0.48
    qt = found["heart_ventricles_qt_s"]
    assert found["heart_ventricles_qtc_bazett_s"] == pytest.approx(qt / np.sqrt(0.8), rel=0.01)
    assert found["heart_ventricles_qtc_fridericia_s"] == pytest.approx(qt / 0.8 ** (1 / 3), rel=0.01)


def test_axis_follows_the_limb_leads() -> None:
    """II is the tallest limb lead: an axis around 60 degrees."""
    assert 40 < row(heart(STEADY))["heart_ventricles_axis_deg"] < 80
    assert row(-heart(STEADY))["heart_ventricles_axis_deg"] < -90


def test_amplitudes_are_in_mv() -> None:
    found = row(heart(STEADY))
    assert found["II_waves_r_mv"] == pytest.approx(1.1, abs=0.1)
    assert found["II_waves_t_mv"] == pytest.approx(0.3, abs=0.05)
    assert found["V2_waves_s_mv"] == pytest.approx(1.1, abs=0.2)


def test_fibrillation_is_irregular_and_without_p() -> None:
    steady, wild = row(heart(STEADY)), row(heart(IRREGULAR, p=False, flutter_hz=6.0))
    for name in ("heart_rr_variation", "heart_rr_trendless_variation", "heart_rr_entropy_bit",
                 "heart_atria_f_power_share"):
        assert wild[name] > steady[name], name
    assert wild["heart_atria_p_share"] == 0 and np.isnan(wild["heart_atria_pr_s"])


def test_an_ectopic_beat_stands_out() -> None:
    plain, odd = row(heart(STEADY)), row(heart(STEADY, wide=(5,)))
    assert odd["heart_ventricles_qrs_widest_s"] > plain["heart_ventricles_qrs_widest_s"] + 0.02
    assert odd["heart_ventricles_least_alike"] < plain["heart_ventricles_least_alike"] - 0.1


def test_a_page_tells_what_the_record_tells() -> None:
    whole, paper = row(heart(STEADY)), row(page(heart(STEADY)))
    for name, near in (("heart_rr_rate_bpm", 0.5), ("heart_ventricles_qrs_s", 0.015), ("heart_ventricles_qt_s", 0.03),
                       ("heart_atria_pr_s", 0.02), ("V5_waves_r_mv", 0.1)):
        assert paper[name] == pytest.approx(whole[name], abs=near), name


@pytest.mark.parametrize("shift", np.arange(0, 0.8, 0.06).tolist())
def test_complexes_cut_by_the_ends_of_windows_never_stop_a_page(shift: float) -> None:
    found = row(page(heart(np.arange(0.02 + shift, 9.99, 0.8))))
    assert found["heart_rr_rate_bpm"] == pytest.approx(75, abs=1)


@pytest.mark.parametrize("signals", [np.full((12, 5000), np.nan), np.zeros((12, 5000)),
                                     np.random.default_rng(1).normal(size=(12, 600))], ids=["nothing", "flat", "noise"])
def test_every_record_has_every_column_and_none_is_infinite(signals: np.ndarray) -> None:
    found = row(signals)
    assert list(found) == [*FEATURES, *NUISANCE]
    assert not np.isinf(list(found.values())).any()


def test_statistics_of_intervals_by_hand() -> None:
    """RR of 1, 1, 2 s: mean 4/3, median 1, successive differences 0 and 1."""
    found = rr_statistics(np.array([0.0, 1.0, 2.0, 4.0]))
    assert set(found) == set(RR)
    assert found["mean_s"] == pytest.approx(4 / 3) and found["rmssd_s"] == pytest.approx(np.sqrt(0.5))
    assert found["longest_to_median"] == 2 and found["over_50_ms_share"] == 0.5
    assert found["sd1_s"] == pytest.approx(np.sqrt(0.125))


def test_no_interval_is_taken_over_a_break() -> None:
    assert rr_statistics(np.array([0.0, 1.0, np.nan, 6.0, 7.0]))["mean_s"] == 1


def rows(count: int = 6) -> list[dict[str, object]]:
    return [{**row(heart(STEADY, seed=k)), "path": f"{k}.csv", "sha256": f"{k % 5:064d}"} for k in range(count)]


@pytest.mark.slow
def test_classify_takes_the_table(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("file,rhythm,patient\n" + "".join(f"{k}.csv,{'AB'[k % 2]},p{k // 2}\n" for k in range(6)))
    write_rhythm(rows(), tmp_path / "rhythm.parquet", labels, ("rhythm",), "patient")
    frame, info = read_table(tmp_path / "rhythm.parquet")
    check_columns(frame, info)
    assert matrix(frame, model_columns(info)).shape == (6, len(FEATURES))
    assert list(frame["label"]) == list("ABABAB") and list(frame["group"]) == ["p0", "p0", "p1", "p1", "p2", "p2"]
    # The first and the last are the same file: one record, which never stands on two sides of a split.
    assert frame["duplicate_group"].iloc[0] == frame["duplicate_group"].iloc[5]


def test_another_column_may_hold_the_files_of_the_labels(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("patient,rhythm,file\n" + "".join(f"p{k},{'AB'[k]},{k}.csv\n" for k in range(2)))
    write_rhythm(rows(2), tmp_path / "rhythm.parquet", labels, ("rhythm",), "patient", "file")
    frame, _ = read_table(tmp_path / "rhythm.parquet")
    assert list(frame["label"]) == ["A", "B"] and list(frame["group"]) == ["p0", "p1"]
    with pytest.raises(UserError, match="has no column 'page' for --path-column"):
        write_rhythm(rows(2), tmp_path / "rhythm.parquet", labels, ("rhythm",), None, "page")


@pytest.mark.slow
def test_several_label_columns_are_findings(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("file,AFIB,PVC\n" + "".join(f"{k}.csv,{k % 2},{int(k > 3)}\n" for k in range(6)))
    write_rhythm(rows(), tmp_path / "rhythm.parquet", labels, ("AFIB", "PVC"))
    frame, info = read_table(tmp_path / "rhythm.parquet")
    assert info.label_columns == ["AFIB", "PVC"] and frame["label_PVC"].tolist() == [0, 0, 0, 0, 1, 1]


def test_a_label_column_needs_its_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--label-column, .* name columns of --labels F.csv, which was not given"):
        write_rhythm(rows(2), tmp_path / "rhythm.parquet", None, ("rhythm",))


@pytest.mark.slow
def test_the_table_does_not_depend_on_the_order_of_records(tmp_path: Path) -> None:
    given = rows(4)
    write_rhythm(given, tmp_path / "a.parquet")
    write_rhythm(given[::-1], tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet")[0], read_table(tmp_path / "b.parquet")[0])
