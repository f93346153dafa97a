"""What the page of a run says of values outside their usual range."""
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_result import PAGE

from ecg.lead_table import LEADS
from ecg.record_summary import RecordSummary, measurements, unusual
from ecg.report.page import write_report
from ecg.result import FinishedFile, TruthScore

USUAL = {"heart_rr_rate_bpm": 75.0, "heart_atria_pr_s": 0.16, "heart_ventricles_qrs_s": 0.09,
         "heart_ventricles_qtc_bazett_s": 0.42, "heart_ventricles_axis_deg": 50.0, "record_signal_noise_mv": 0.001}


def report(folder: Path, changed: dict[str, float], doubts: tuple[str, ...] = (), **facts: object) -> str:
    usual = {"warnings": [], "px_per_mm": None, "rhythm": USUAL | changed, "review": False, "review_reason": ""}
    page = replace(PAGE, **usual | facts)  # type: ignore[arg-type]
    signals = pd.DataFrame({lead: np.zeros(1000) for lead in LEADS})
    beats = pd.DataFrame({name: pd.Series(dtype=float) for name in ("p_peak_s", "r_peak_s", "t_peak_s")} | {"lead": []})
    summary = RecordSummary(page.path, 500, signals, beats, {}, measurements(page.rhythm), doubts)
    write_report([FinishedFile(page.path, "b", page)], [], [summary], folder)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("column", "value", "name", "beyond", "shown"), [
    ("heart_rr_rate_bpm", 45.0, "Heart rate", "45 /min (below 60 /min)", "45 ▼"),
    ("heart_atria_pr_s", 0.24, "PR interval", "240 ms (above 200 ms)", "240 ▲"),
    ("heart_ventricles_qrs_s", 0.15, "QRS duration", "150 ms (above 110 ms)", "150 ▲"),
    ("heart_ventricles_qtc_bazett_s", 0.5, "QTc, Bazett", "500 ms (450 ms or more)", "500 ▲"),
    ("heart_ventricles_qtc_bazett_s", 0.36, "QTc, Bazett", "360 ms (360 ms or less)", "360 ▼"),
    ("heart_ventricles_qtc_bazett_s", 0.45, "QTc, Bazett", "450 ms (450 ms or more)", "450 ▲"),
    ("heart_ventricles_axis_deg", -60.0, "Electrical axis", "−60° (below −30°)", "−60 ▼"),
    ("heart_atria_p_duration_s", 0.13, "P duration", "130 ms (130 ms or more)", "")])
def test_a_value_outside_its_range_is_marked_in_its_rows_and_nothing_is_called_undoubtful(
        column: str, value: float, name: str, beyond: str, shown: str, tmp_path: Path) -> None:
    text = report(tmp_path, {column: value}).replace("\u00a0", " ")
    assert "Nothing doubtful" not in text and "Values outside their usual range: 1 page or record" in text
    if shown:
        assert re.search(f'<td class="(right )?bad"[^>]*>{shown}</td>', text)
    else:
        assert f"<dd>also unusual: {name} {beyond}</dd>" in text
    assert f"<li>{name} {beyond}</li>" in text
    assert f'<tr><td class="bad">{name}</td><td class="bad">' in text


def test_usual_values_with_their_ranges_and_sources_are_not_marked(tmp_path: Path) -> None:
    text = report(tmp_path, {})
    assert text.count("Nothing doubtful was found, and every value lies within its usual range") == 2
    assert not re.search('class="(right )?bad"', text)
    assert "up to 110 ms" in text and "above 360 and below 450 ms" in text
    assert "10.1161/CIRCULATIONAHA.108.191095" in text


@pytest.mark.parametrize(("column", "value"), [
    ("heart_atria_p_duration_s", 0.128), ("heart_atria_p_share", 0.9), ("heart_ventricles_qtc_bazett_s", 0.37)])
def test_what_a_quarter_of_all_people_have_is_not_marked(column: str, value: float) -> None:
    """Of LUDB's 140 records .22, .24 and .22 were marked before; one P wave of ten lay before the record's start."""
    assert not unusual({column: value})


@pytest.mark.parametrize("kind", ["warning", "wave"])
def test_nothing_doubtful_stands_beside_no_doubt(kind: str, tmp_path: Path) -> None:
    text = report(tmp_path, {}, ("odd wave",), **({"warnings": ["odd page"]} if kind == "warning" else {}))
    assert "Nothing doubtful" not in text and "odd" in text


def test_true_signals_stand_beside_every_page(tmp_path: Path) -> None:
    text = report(tmp_path, {}, truth=TruthScore("b.csv", 18.25, {"I": 12.04}))
    assert 'id="true-signals"' in text and ">18.2<" in text and ">12.0<" in text
    assert "True signals" not in report(tmp_path, {})
