"""PDFs whose traces are drawn as paths, made by three other programs: what is read is what was drawn."""
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from draw_pdf import Sheet, by_cairo, by_matplotlib, by_reportlab, decibels, truth_of

from ecg.digitize import digitize
from ecg.job import DigitizeSettings
from ecg.layout.model import GivenScale
from ecg.run import digitize_pages
from ecg.simulate.heart import heartbeats
from ecg.trace.corrections import Point
from ecg.vectors import drawing, read
from ecg.vectors.line import VectorLine
from ecg.vectors.printed import lead_names, speeds_and_gains
from ecg.vectors.read import NoVectors, read_vectors

pytest.importorskip("pypdfium2")
pytest.importorskip("reportlab")
MV = heartbeats(3)
SHEETS = {"3x4+1": Sheet(), "12x1": Sheet(layout="12x1", row_mm=13, top_mm=30)}
# The truth is rounded to 1 µV, after which limb leads keep their laws to that; PDFs round places to 0.001 points or so.
LEAST_DB = 50.0


def page_of_cairo(mv: np.ndarray, sheet: Sheet) -> bytes:
    pytest.importorskip("cairocffi", exc_type=ImportError)
    try:
        return by_cairo(mv, sheet)
    except OSError:
        pytest.skip("cairo's own library is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("draw", [by_reportlab, by_matplotlib, page_of_cairo])
@pytest.mark.parametrize("layout", SHEETS)
def test_pages_of_three_programs_are_read_exactly(draw: Callable[[np.ndarray, Sheet], bytes], layout: str) -> None:
    found = digitize(draw(MV, SHEETS[layout]))
    assert (found.read_from, found.layout.name) == ("vectors", layout)
    assert not found.warnings and not found.review
    assert decibels(found.signals.mv, truth_of(MV, layout)) > LEAST_DB
    assert (found.layout.mm_per_s, found.layout.mm_per_mv) == (25, 10)


OTHERS = {
    "a path for each row, with its pulse": (Sheet(pieces="rows"), {}),
    "a path from sample to sample": (Sheet(pieces="segments"), {}),
    "sideways": (Sheet(), {"turn": True}),
    "sideways on a page that is turned": (Sheet(), {"turn": True, "page_rotation": 90}),
    "upside down": (Sheet(), {"page_rotation": 180}),
    "smaller than full size": (Sheet(), {"scaled": 0.8}),
    "no grid": (Sheet(grid="none"), {}),
    "5 mm/mV without a pulse": (Sheet(mm_per_mv=5, pulse=False, text="25 mm/s 5 mm/mV"), {}),
    "two columns": (Sheet(layout="6x2", row_mm=25), {})}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_other_ways_to_draw_change_nothing(name: str) -> None:
    sheet, options = OTHERS[name]
    found = digitize(by_reportlab(MV, sheet, **options))
    assert (found.read_from, found.layout.name) == ("vectors", sheet.layout)
    assert decibels(found.signals.mv, truth_of(MV, sheet.layout)) > LEAST_DB


@pytest.mark.slow
def test_a_grid_of_pixels_gives_the_scale() -> None:
    found = digitize(by_reportlab(MV, Sheet(grid="image")))
    assert found.read_from == "vectors" and decibels(found.signals.mv, truth_of(MV, "3x4+1")) > 40


@pytest.mark.slow
def test_corners_that_a_program_left_out_are_its_own_loss() -> None:
    # matplotlib leaves out what is off a line by up to 1/9 point, 4 µV at 10 mm/mV, and rounds no better.
    found = digitize(by_matplotlib(MV, Sheet(), simplified=True))
    assert found.read_from == "vectors" and decibels(found.signals.mv, truth_of(MV, "3x4+1")) > 28


@pytest.mark.slow
def test_names_that_are_outlines_are_read_from_the_picture() -> None:
    pytest.importorskip("cairocffi", exc_type=ImportError)
    found = read_vectors(by_cairo(MV, Sheet(), outlines=True), 25_000_000)
    assert sum(cell.named for cell in found.layout.cells) >= 10


def test_speed_and_gain_of_the_text_are_taken() -> None:
    assert [(p.kind, p.value, p.leads) for p in speeds_and_gains("50 mm/sec, Limb 20mm/mV Chest 10 mm/mV")] == [
        ("speed", 50, ""), ("gain", 20, "limb"), ("gain", 10, "chest")]
    assert not speeds_and_gains("125 mm/s 2025 mm/mV 10 mm 25 mV")
    words = [drawing.PdfWord(text, (0, 0, 1, 1), None) for text in ("AVL:", "ii", "-aVR", "V7", "V1x", "Id")]
    assert [word.text for word in lead_names(words)] == ["aVL", "II", "-aVR"]


REFUSED = {"covered": (Sheet(covered_mm=40), "what its paths draw is not what the page shows"),
           "neither grid nor print": (Sheet(grid="none", text=""), "no grid of straight lines"),
           "a layout of other rows": (Sheet(layout="3x4"), "layout 12x1 has 12 rows, 3 were found")}


@pytest.mark.parametrize("name", REFUSED)
def test_paths_that_cannot_be_relied_on_are_refused(name: str) -> None:
    sheet, words = REFUSED[name]
    with pytest.raises(NoVectors, match=words):
        read_vectors(by_reportlab(MV, sheet), 25_000_000, layout="12x1" if "layout" in name else "auto")


def test_given_scale_reads_a_page_without_grid_and_print() -> None:
    found = read_vectors(by_reportlab(MV, Sheet(grid="none", text="")), 25_000_000, given=GivenScale(10, 25))
    assert "no grid was found" in found.layout.warnings[0]


def test_too_many_points_and_pages_without_paths_are_no_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoVectors, match="^$"):
        read_vectors(by_reportlab(MV[:, :48], Sheet()), 25_000_000)
    monkeypatch.setattr(drawing, "_MOST_POINTS", 1000)
    with pytest.raises(NoVectors, match="more than 1,000 points of paths"):
        read_vectors(by_reportlab(MV, Sheet()), 25_000_000)


@pytest.mark.slow
def test_what_cannot_be_read_as_vectors_is_read_as_a_picture_and_said() -> None:
    found = digitize(by_reportlab(MV, Sheet(layout="3x1", covered_mm=30)), layout="3x1")
    assert found.read_from == "picture"
    assert found.warnings[0].startswith("its traces are drawn as paths, but what its paths draw is not")
    pinned = digitize(by_reportlab(MV, Sheet(layout="3x1")), points=[Point("I", 900, 400, "pin")])
    assert pinned.read_from == "picture" and not any("paths" in warning for warning in pinned.warnings)


def test_what_would_cost_memory_or_time_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    from reportlab.pdfgen.canvas import Canvas
    held = io.BytesIO()
    canvas = Canvas(held, pagesize=(842, 595))
    path = canvas.beginPath()
    path.moveTo(-1e9, 100)
    for k in range(100):
        path.lineTo(-1e9 + 2e7 * k, 100 + 3e8 * (k % 2))
    canvas.drawPath(path, stroke=1, fill=0)
    canvas.save()
    assert not drawing.read_drawing(held.getvalue(), 25_000_000).polylines
    monkeypatch.setattr(read, "_MOST_PIECES", 5)
    with pytest.raises(NoVectors, match="at most 5 are read"):
        read_vectors(by_reportlab(MV, Sheet()), 25_000_000)
    monkeypatch.undo()
    with pytest.raises(NoVectors, match="names of leads are printed"):
        read_vectors(by_reportlab(MV, Sheet(text=" V1" * 300)), 25_000_000)


def test_a_cut_is_bridged_and_not_seen() -> None:
    line = VectorLine(np.arange(5.0), np.array([0, 1, 9, 3, 4.0]), np.ones(5)).without(1.5, 2.5)
    at = np.array([1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(np.interp(at, line.x, line.y), [1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(np.interp([1, 1.4, 1.6, 2, 2.4, 2.6, 3], line.x, line.seen), [1, 1, 0, 0, 0, 1, 1])


@pytest.mark.slow
def test_a_run_writes_vectors_like_pages(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.pdf").write_bytes(by_reportlab(MV, Sheet()))
    corrections = tmp_path / "c.csv"
    corrections.write_text("page,lead,x,y,action\na.pdf,II,700,0,cut\na.pdf,II,720,0,cut\na.pdf,V6,500,400,rename\n")
    digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
    facts = json.loads((tmp_path / "out/a.json").read_text(encoding="utf-8"))
    assert facts["read_from"] == "vectors" and facts["leads"]["II"] == {"confidence": 1.0, "gaps": []}
    assert pd.read_csv(tmp_path / "out/a.csv")["II"].notna().all()
    assert "3x4+1, vectors" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1, points=corrections)
    again = json.loads((tmp_path / "out/a.json").read_text(encoding="utf-8"))
    assert again["read_from"] == "vectors" and again["leads"]["II"]["gaps"] and "I" not in again["leads"]
