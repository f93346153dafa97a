"""Folders of pages: what is written, what is refused, what is done again."""
import json
import sys
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from read_pages import ReadPage

from ecg import process_file
from ecg.digitize import digitize
from ecg.lead_table import LEADS
from ecg.outputs import csv_of, overlay_png
from ecg.page.pdf import page_count
from ecg.run import DigitizeSettings, digitize_pages
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from ecg.trace.corrections import read_points
from featurize.errors import UserError
from featurize.images.picture import ImageError


def write(rgb: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, three_leads_page: ReadPage) -> Path:
    """One good page and what a folder of pages may hold besides."""
    place = tmp_path_factory.mktemp("pages")
    write(three_leads_page.rgb, place / "a/good.png")
    write(np.full((900, 1200, 3), 255, np.uint8), place / "blank.png")
    write(cv2.resize(np.random.default_rng(1).integers(0, 255, (9, 12, 3), np.uint8), (1200, 900)), place / "cat.png")
    write(np.full((60, 50, 3), 200, np.uint8), place / "stamp.png")
    (place / "text.png").write_text("hello")
    return place


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory, _pages_read_once: None) -> Path:
    out = tmp_path_factory.mktemp("out")
    digitize_pages([folder], out, DigitizeSettings(), jobs=1)
    return out


@pytest.mark.slow
def test_every_bad_file_is_one_clear_line(done: Path) -> None:
    errors = pd.read_csv(done / "errors.csv").set_index("path")
    assert errors["reason"].to_dict() == {"blank.png": "no_grid", "cat.png": "no_grid", "stamp.png": "too_small",
                                          "text.png": "not_an_image"}
    assert not errors["error"].str.contains("\n").any()


def test_what_is_written_for_a_page(done: Path) -> None:
    signals = pd.read_csv(done / "a/good.csv")
    assert list(signals) == list(LEADS) and len(signals) == 5000
    assert signals[["I", "II", "III"]].notna().all().all() and signals["V1"].isna().all()
    facts = json.loads((done / "a/good.json").read_text(encoding="utf-8"))
    assert {"fs_hz", "px_per_mm", "mm_per_mv", "chest_mm_per_mv", "mm_per_s", "layout", "rotation_deg", "leads",
            "einthoven_residual_mv", "heart_rate_bpm", "warnings"} <= set(facts)
    assert set(facts["leads"]) == {"I", "II", "III"} and set(facts["leads"]["I"]) == {"confidence", "gaps"}
    assert (done / "a/good.overlay.png").stat().st_size > 10_000
    report = (done / "report.html").read_text(encoding="utf-8")
    assert "a/good.png" in report and "cat.png" in report and "http://" not in report.replace("http://www.w3.org", "")


def test_signals_are_written_as_pandas_would_write_them() -> None:
    mv = np.random.default_rng(0).normal(0, 1, (12, 400))
    mv[3, 100:] = mv[:, 7] = np.nan
    mv[0, :3] = 0.00005, -0.00001, 12345.67895
    assert csv_of(mv) == pd.DataFrame(dict(zip(LEADS, mv))).to_csv(index=False, float_format="%.4f")


def test_an_overlay_is_the_picture_that_was_drawn() -> None:
    drawn = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    assert (np.asarray(Image.open(BytesIO(overlay_png(drawn)))) == drawn).all()


def test_finished_pages_are_not_done_again(folder: Path, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("done again")
    (folder / "only").mkdir(exist_ok=True)
    monkeypatch.setattr(process_file, "digitize", refuse)
    summary = digitize_pages([folder / "a/good.png"], done / "a", DigitizeSettings(), jobs=1)
    assert summary.resumed == 1


@pytest.mark.slow
@pytest.mark.usefixtures("_pages_read_once")
def test_another_rate_is_done_again(folder: Path, tmp_path: Path) -> None:
    digitize_pages([folder / "a/good.png"], tmp_path, DigitizeSettings(), jobs=1)
    summary = digitize_pages([folder / "a/good.png"], tmp_path, DigitizeSettings(fs_hz=250), jobs=1)
    assert summary.resumed == 0 and len(pd.read_csv(tmp_path / "good.csv")) == 2500


@pytest.mark.slow
def test_processes_write_the_same_as_one(folder: Path, done: Path, tmp_path: Path) -> None:
    digitize_pages([folder], tmp_path, DigitizeSettings(), jobs=2)
    for name in ("a/good.csv", "a/good.json", "errors.csv"):
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes()


def test_nothing_but_bad_files_is_an_error_that_names_the_first(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not one of 1 pages could be digitized; the first, blank.png"):
        digitize_pages([folder / "blank.png"], tmp_path, DigitizeSettings(), jobs=1)
    assert len(pd.read_csv(tmp_path / "errors.csv")) == 1


@pytest.mark.parametrize(("text", "words"), [
    ("page,lead,x\n", "lacks y, action"), ("page,lead,x,y,action\na,V9,1,2,pin\n", "line 2: lead 'V9'"),
    ("page,lead,x,y,action\na,V1,1,no,pin\n", "pixels were wanted"),
    ("page,lead,x,y,action\na,V1,1,2,push\n", "pin, cut or rename were wanted")])
def test_wrong_corrections_are_told(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        read_points(tmp_path / "p.csv")


@pytest.mark.slow
def test_a_page_in_a_pdf_is_the_same_page(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    picture, truth = draw_page(heartbeats(3))
    Image.fromarray(picture).save(tmp_path / "p.pdf", resolution=200)
    found = digitize((tmp_path / "p.pdf").read_bytes())
    assert decibels([page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), 500)]) > 15


def test_a_pdf_of_several_pages_is_refused_by_their_number(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    blank = Image.new("RGB", (400, 300), "white")
    blank.save(tmp_path / "p.pdf", save_all=True, append_images=[blank, blank])
    with pytest.raises(ImageError, match="the PDF has 3 pages, one was wanted"):
        digitize((tmp_path / "p.pdf").read_bytes())


def test_every_page_of_a_pdf_is_a_row(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    folder, out = tmp_path / "pages", tmp_path / "out"
    folder.mkdir()
    first, second = (Image.fromarray(draw_page(heartbeats(seed=seed), Style(px_per_mm=5))[0]) for seed in (3, 4))
    blank = Image.new("RGB", first.size, "white")
    first.save(folder / "p.pdf", resolution=127, save_all=True, append_images=[blank, second])
    second.save(folder / "q.pdf", resolution=127)
    run = digitize_pages([folder], out, DigitizeSettings(), jobs=1)
    assert (run.pages, run.errors) == (3, 1)
    assert sorted(pd.read_parquet(out / "rhythm.parquet")["path"]) == ["p.pdf/page 1", "p.pdf/page 3", "q.pdf"]
    assert list(pd.read_csv(out / "errors.csv")["path"]) == ["p.pdf/page 2"]
    assert (out / "p.pdf/page 3.csv").read_bytes() == (out / "q.csv").read_bytes()
    assert (out / "p.pdf/page 1.csv").read_bytes() != (out / "q.csv").read_bytes()
    assert digitize_pages([folder], out, DigitizeSettings(), jobs=1).resumed == 3


def test_a_pdf_that_cannot_be_opened_counts_as_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 nothing else")
    assert page_count(tmp_path / "a.pdf") == page_count(tmp_path / "lacking.pdf") == 1
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    assert page_count(tmp_path / "a.pdf") == 1


def test_a_damaged_pdf_is_one_line() -> None:
    pytest.importorskip("pypdfium2")
    with pytest.raises(ImageError, match="the PDF cannot be opened"):
        digitize(b"%PDF-1.4 nothing else")
