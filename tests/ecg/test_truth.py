"""Pages beside their true signals: --truth."""
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from read_pages import ReadPage
from test_ecg_command import call  # noqa: F401

from ecg.job import PageJob
from ecg.result import PageFacts, TruthScore
from ecg.simulate.score import decibels, page_ratio
from ecg.truth import _score, find_truths
from featurize.errors import UserError

pytestmark = pytest.mark.usefixtures("_pages_read_once")


@pytest.fixture
def pages(tmp_path: Path, three_leads_page: ReadPage) -> Path:
    """Two pages of one picture and a record; true signals of the first page."""
    for name in ("p.png", "sub/q.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(cv2.imencode(".png", three_leads_page.rgb[..., ::-1])[1].tobytes())
    (tmp_path / "truth").mkdir()
    three_leads_page.truth.to_csv(tmp_path / "truth/p.csv", index=False)
    return tmp_path


@pytest.mark.slow
def test_true_signals_give_db_in_json_report_csv_and_on_the_terminal(
        pages: Path, call: Any, three_leads_page: ReadPage) -> None:  # noqa: F811
    command = ("ecg", pages / "in", "-o", pages / "out", "--jobs", 1)
    code, printed, _ = call(*command, "--truth", pages / "truth")
    found = pd.read_csv(pages / "out/p.csv")
    wanted = decibels([page_ratio(three_leads_page.truth, found, 500)])
    assert code == 0 and "at most 25.84 dB can be shown" in printed
    assert f"true signals: 1 page compared: {wanted:.2f} dB on average" in printed
    facts = PageFacts.from_json((pages / "out/p.json").read_text())
    assert facts.truth and facts.truth.db == pytest.approx(wanted, abs=0.01) and set(facts.truth.leads) == {
        "I", "II", "III"}
    table = pd.read_csv(pages / "out/truth_scores.csv")
    assert list(table["path"]) == ["p.png"] and table["all_db"][0] == facts.truth.db
    assert table["II_db"][0] == facts.truth.leads["II"] and table["V1_db"].isna().all()
    assert "True signals" in (pages / "out/report.html").read_text()
    assert f"{facts.truth.leads['II']:.1f}" in (pages / "out/report.html").read_text()
    assert "truth" not in json.loads((pages / "out/sub/q.json").read_text())
    # Without --truth no number of an earlier run stays.
    call(*command)
    assert "truth" not in json.loads((pages / "out/p.json").read_text())
    assert not (pages / "out/truth_scores.csv").exists()
    assert "True signals" not in (pages / "out/report.html").read_text()


def jobs(*paths: str) -> list[PageJob]:
    return [PageJob(Path(path), path, path) for path in paths]


def test_true_signals_are_found_by_path_or_by_name(tmp_path: Path) -> None:
    for name in ("a.csv", "sub/a.csv", "b.csv", "r.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("I\n1\n")
    found = find_truths(jobs("a.png", "sub/a.jpg", "other/b.png", "c.png", "r.csv"), tmp_path)
    assert {path: place.relative_to(tmp_path).as_posix() for path, place in found.items()} == {
        "a.png": "a.csv", "sub/a.jpg": "sub/a.csv", "other/b.png": "b.csv"}
    with pytest.raises(UserError, match="has no csv called as a page: x.csv was wanted for x.png"):
        find_truths(jobs("x.png"), tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        find_truths(jobs("x.png"), tmp_path / "none")


@pytest.fixture
def signals() -> pd.DataFrame:
    """Ten seconds of two leads."""
    mv = np.random.default_rng(0).normal(0, 1, (5000, 2)).cumsum(axis=0) / 50
    return pd.DataFrame(mv, columns=["I", "II"])


def scored(truth: pd.DataFrame, found: pd.DataFrame, folder: Path) -> TruthScore:
    truth.to_csv(folder / "t.csv", index=False)
    found.to_csv(folder / "f.csv", index=False)
    return _score(folder / "f.csv", folder / "t.csv", 500)


def test_a_lead_that_is_wrong_has_few_db(signals: pd.DataFrame, tmp_path: Path) -> None:
    score = scored(signals, signals.assign(II=-signals["II"]), tmp_path)
    assert score.leads["I"] == 25.84 and score.leads["II"] < 3 and score.leads["II"] < (score.db or 0) < 25.84


def test_true_signals_of_ten_seconds_are_compared_where_a_lead_is_drawn(signals: pd.DataFrame, tmp_path: Path) -> None:
    drawn = signals.assign(I=signals["I"].where(signals.index < 1250))
    assert scored(signals, drawn, tmp_path).leads == {"I": 25.84, "II": 25.84}
    # True signals of the window alone: what is not drawn of it is missing.
    window = signals.assign(I=signals["I"].where(signals.index < 2500))
    assert scored(window, drawn, tmp_path).leads["I"] < 10


def test_true_signals_of_another_rate_are_told(signals: pd.DataFrame, tmp_path: Path) -> None:
    score = scored(signals[::2], signals, tmp_path)
    assert score.db is None and score.error == ("2,500 rows came, 5,000 were wanted (10 s at 500 a second): say their "
                                                "rate with --fs")
    assert scored(signals.head(4900), signals, tmp_path).db == 25.84
    assert "no column is called like a lead" in scored(signals.rename(columns=str.lower).rename(
        columns={"i": "a", "ii": "b"}), signals, tmp_path).error
