"""Pale or broken strokes around bare paper are followed; remains of a grid, ink of other lines and names are not."""
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import digitize
from ecg.layout.model import Layout
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import page_ratio
from ecg.text.lead_names import Word
from ecg.trace.corrections import Point
from ecg.trace.evidence import PageEvidence, Pen
from ecg.trace.line import Line
from ecg.trace.pale_strokes import bare_columns, with_pale_strokes
from ecg.trace.way_around import PageInk
from featurize.arrays import Float32Array, UInt8Array

BASE, TIP, LEFT, RIGHT = 60, 20, 145, 154
LAYOUT = Layout("1x1", (), (), (), (), (), 10.0, 25.0, 2.0, 0.3, Scale(6.0, 6.0), ())
BRIDGE = Line(0.0, np.full(899, float(BASE)), np.ones(899))


def beat(ink_of_strokes: float) -> Float32Array:
    """(80, 300) a level line that is broken below a peak of 40 px, which is 8 px wide."""
    ink = np.zeros((80, 300), np.float32)
    ink[BASE, :LEFT + 1] = ink[BASE, RIGHT:] = 1
    ink[TIP:BASE, [LEFT, RIGHT]] = ink[TIP, LEFT:RIGHT + 1] = ink_of_strokes
    return ink


def followed(ink: Float32Array, *others: Line, layout: Layout = LAYOUT, points: tuple[Point, ...] = ()
             ) -> tuple[Line, PageEvidence]:
    evidence = PageEvidence(ink, np.ones_like(ink), Pen(2.0, 0.3))
    lines, after = with_pale_strokes([BRIDGE, *others], layout, PageInk(ink, ink, 1.0), evidence, points)
    return lines[0], after


def test_a_line_that_cuts_a_beat_off_lies_on_bare_paper_once() -> None:
    ink = beat(0.5)
    sure = np.ones_like(ink)
    assert bare_columns(BRIDGE, ink, sure, (), LAYOUT.px_per_mm) == [(LEFT + 1, RIGHT)]
    assert bare_columns(followed(ink)[0], ink, sure, (), LAYOUT.px_per_mm) == []
    assert bare_columns(BRIDGE, ink, sure * 0, (), LAYOUT.px_per_mm) == []


@pytest.mark.parametrize(("ink_of_strokes", "top"), [(0.5, TIP), (0.3, TIP), (0.15, BASE)])
def test_strokes_of_less_ink_are_followed_and_remains_of_a_grid_are_not(ink_of_strokes: float, top: int) -> None:
    line, _ = followed(beat(ink_of_strokes))
    assert line.y.min() == top


def test_a_line_on_ink_stays() -> None:
    ink = beat(0.5)
    ink[BASE] = 1
    assert followed(ink)[0] is BRIDGE


def test_pale_strokes_become_as_dark_as_level_lines_and_nothing_else_changes() -> None:
    ink = beat(0.5)
    _, evidence = followed(ink)
    assert evidence.ink[BASE - 20, LEFT] == 1
    assert (evidence.ink[:, :LEFT - 5] == ink[:, :LEFT - 5]).all()


def test_a_stroke_that_a_grid_line_broke_is_followed() -> None:
    ink = beat(0.5)
    ink[BASE - 25:BASE - 15, LEFT] = 0
    assert followed(ink)[0].y.min() == TIP


def test_one_stroke_that_leads_nowhere_is_not_followed() -> None:
    ink = beat(0.5)
    ink[TIP:BASE - 6, LEFT + 1:RIGHT + 1] = 0
    assert followed(ink)[0].y.min() == BASE


def test_ink_that_another_line_draws_stays_its_own() -> None:
    ink = beat(0.5)
    assert followed(ink, followed(ink)[0])[0].y.min() == BASE


def test_a_peak_that_the_line_drew_is_not_given_up_for_a_pale_one() -> None:
    ink = beat(0.5)
    drawn = Line(0.0, np.where(np.abs(BRIDGE.x - 158) < 1.5, 75.0, BASE), BRIDGE.seen)
    ink[BASE:76, 158] = ink[BASE, 155:157] = 0
    evidence = PageEvidence(ink, np.ones_like(ink), Pen(2.0, 0.3))
    lines, _ = with_pale_strokes([drawn], LAYOUT, PageInk(ink, ink, 1.0), evidence, ())
    assert (lines[0].y.min(), lines[0].y.max()) == (TIP, 75)


def test_a_name_is_no_stroke() -> None:
    name = replace(LAYOUT, words=[Word("V1", LEFT - 1.0, TIP - 1.0, RIGHT - LEFT + 2.0, 30.0, 1.0)])
    assert followed(beat(0.5), layout=name)[0].y.min() == BASE


def test_a_pin_on_bare_paper_is_not_left() -> None:
    assert followed(beat(0.5), points=(Point("I", 150.0, float(BASE), "pin"),))[0] is BRIDGE


@pytest.mark.parametrize("row", [-400.0, 400.0])
def test_a_line_that_has_left_the_page_stays(row: float) -> None:
    ink = beat(0.5)
    gone = Line(0.0, np.full(899, row), np.ones(899))
    evidence = PageEvidence(ink * 0, np.ones_like(ink), Pen(2.0, 0.3))
    ink[[1, -2], :100] = ink[[1, -2], 110:] = 1
    assert with_pale_strokes([gone], LAYOUT, PageInk(ink, ink, 1.0), evidence, ())[0][0] is gone


def test_what_the_boxes_beside_show_too_is_grid() -> None:
    ink = beat(0.5)
    cleaned = ink.copy()
    cleaned[TIP:BASE, LEFT - 2:RIGHT + 3] = 0
    marks = np.maximum(ink, sum(np.roll(ink - cleaned, 30 * box, axis=1) for box in (-2, -1, 1, 2)))
    evidence = PageEvidence(cleaned, np.ones_like(ink), Pen(2.0, 0.3))
    for shown, top in ((ink, TIP), (marks, BASE)):
        lines, _ = with_pale_strokes([BRIDGE], LAYOUT, PageInk(shown, cleaned, 1.0), evidence, ())
        assert lines[0].y.min() == top


def faded(rgb: UInt8Array, share: float) -> UInt8Array:
    """A page in dark ink on pale paper whose upright strokes of more than a millimetre have a share of their ink."""
    dark = (rgb.max(axis=2) < 128).astype(np.uint8)
    steep = cv2.dilate(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((9, 1), np.uint8)), np.ones((1, 3), np.uint8))
    return np.where(steep[..., None] > 0, np.round(255 - share * (255.0 - rgb)), rgb).astype(np.uint8)


def test_a_page_with_pale_beats_is_read() -> None:
    rgb, truth = draw_page(heartbeats(3), Style(px_per_mm=8, names="above"))
    found = digitize(cv2.imencode(".png", faded(rgb, 0.5)[..., ::-1])[1].tobytes())
    read = pd.DataFrame(dict(zip(LEADS, found.signals.mv)))
    assert 10 * np.log10(page_ratio(truth, read, 500.0)) > 12
