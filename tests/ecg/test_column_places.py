"""Columns of leads on pages that are cut through a pulse or a lead, or have something else beside their traces."""
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecg.layout.catalogue import LAYOUTS
from ecg.layout.column_marks import find_column_marks
from ecg.layout.column_places import column_places
from ecg.layout.find import find_layout
from ecg.layout.half_pulses import find_half_pulses
from ecg.layout.model import Layout, Pulse, RowPath, TraceScale
from ecg.page.read import flatten
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.text.lead_names import Word

PX = 5.9
SCALE = TraceScale(Scale.square(PX), 25, 2)
# The leads of a drawn page begin here, and its pulses 5 mm before.
LEFT_MM = 15.0
STYLE = Style(layout="3x4", px_per_mm=PX, separators="none", names="below", words=False)
PAGE, _ = draw_page(heartbeats(0), STYLE)


def read(rgb: np.ndarray, left_mm: float, right_mm: float) -> Layout:
    """The layout of a part of a page."""
    return find_layout(flatten(np.ascontiguousarray(rgb[:, round(left_mm * PX):round(right_mm * PX)])))


def starts_mm(layout: Layout, row: int) -> list[float]:
    return [cell.start / PX for cell in layout.cells if cell.row == row]


@pytest.mark.parametrize(("left_mm", "right_mm"), [(12.0, 280.0), (11.0, 245.0)])
def test_half_a_pulse_is_no_signal_and_a_cut_last_lead_leaves_the_others_where_they_are(
        left_mm: float, right_mm: float) -> None:
    found = read(PAGE, left_mm, right_mm)
    for row in range(3):
        assert starts_mm(found, row) == pytest.approx(LEFT_MM - left_mm + 62.5 * np.arange(4), abs=0.6)
    assert sorted({cell.start_s for cell in found.cells}) == pytest.approx([0, 2.5, 5, 7.5], abs=0.02)
    assert found.cells[3].end < (right_mm - left_mm + 1) * PX
    assert len(found.pulses) == 3


def test_a_page_cut_at_the_right_alone_keeps_its_columns() -> None:
    found = read(PAGE, 0, 243)
    assert starts_mm(found, 1) == pytest.approx(LEFT_MM + 62.5 * np.arange(4), abs=0.6)
    assert found.cells[3].end < 244 * PX


def with_dashes(rgb: np.ndarray, x_mm: float, bases_mm: list[float]) -> None:
    """Dashed separators of one column, drawn into the page."""
    for base in bases_mm:
        for top in np.arange(base - 8, base + 8, 1.6):
            x, end = round(x_mm * PX), round((top + 0.8) * PX)
            cv2.line(rgb, (x, round(top * PX)), (x, end), (20, 20, 20), 1)


def test_dashed_separators_place_the_columns_where_a_level_line_runs_on_in_front_of_the_rows() -> None:
    """As behind a pulse too narrow to be found, which ends 6 mm before the leads."""
    rgb, _ = draw_page(heartbeats(0), replace(STYLE, pulse="none", size_mm=(300, 142)))
    rgb = np.roll(rgb, round(15 * PX), axis=1)
    for row in range(3):
        base = round((22 + 36 * (row + 0.5)) * PX)
        cv2.line(rgb, (round(18 * PX), base), (round(23 * PX), base), (20, 20, 20), 2)
    for c in (1, 2, 3):
        with_dashes(rgb, 23 + 62.5 * c, [22 + 36 * (row + 0.5) for row in range(3)])
    found = read(rgb, 0, 300)
    for row in range(3):
        assert starts_mm(found, row) == pytest.approx(23 + 62.5 * np.arange(4), abs=0.8)


def test_what_stands_far_in_front_of_a_column_of_pulses_is_no_trace() -> None:
    """The edge of a sheet, or the table that it lies on."""
    rgb, _ = draw_page(heartbeats(0), replace(STYLE, layout="6x2", row_mm=26, size_mm=(320, 190)))
    rgb = np.roll(rgb, round(30 * PX), axis=1)
    for row in range(6):
        base = round((22 + 26 * (row + 0.5)) * PX)
        cv2.line(rgb, (round(16 * PX), base), (round(40 * PX), base), (20, 20, 20), 2)
    found = read(rgb, 0, 320)
    for row in range(6):
        assert starts_mm(found, row) == pytest.approx([45, 170], abs=0.6)


def path(y: np.ndarray, base: float, start: float = -0.5) -> RowPath:
    rows = np.round(y).astype(np.int32)
    return RowPath(base, start, len(y) - 0.5, rows, rows, np.ones(len(y), bool), len(y))


def half(roof_mm: float, wide_mm: float, back_mm: float = 0.0) -> RowPath:
    """A row of 100 mm at 300 px that begins with a roof, and returns to it for a while if back_mm is not 0."""
    y = np.full(round(100 * PX), 300.0)
    y[:round(wide_mm * PX)] -= roof_mm * PX
    if back_mm:
        y[round((wide_mm + 1) * PX):round((wide_mm + 1 + back_mm) * PX)] -= roof_mm * PX
    return path(y, 300.0)


def test_half_pulses_are_roofs_that_fall_once_in_one_column() -> None:
    rows = [half(10, 3), half(10, 3.2)]
    found = find_half_pulses(rows, [], SCALE.px_per_mm)
    assert [pulse.right / PX for pulse in found] == pytest.approx([3, 3.2], abs=0.2)
    assert [(pulse.base - pulse.top) / PX for pulse in found] == pytest.approx([10, 10], abs=0.2)
    assert find_half_pulses(rows, [Pulse(10, 20, 200, 300)], SCALE.px_per_mm) == []  # a whole one is there
    assert find_half_pulses(rows[:1], [], SCALE.px_per_mm) == []
    assert find_half_pulses([half(10, 3), half(10, 5)], [], SCALE.px_per_mm) == []  # two columns
    assert find_half_pulses([half(3, 3)] * 2, [], SCALE.px_per_mm) == []  # too low
    assert find_half_pulses([half(10, 8)] * 2, [], SCALE.px_per_mm) == []  # too wide
    assert find_half_pulses([half(10, 3, 4)] * 2, [], SCALE.px_per_mm) == []  # a beat comes back


def test_marks_of_beats_that_stand_in_one_column_only_are_no_separators() -> None:
    rows = [path(np.full(1600, 100.0 * (k + 1)), 100.0 * (k + 1)) for k in range(3)]
    ink = np.zeros((400, 1600), np.float32)
    ink[:, 400:402] = 1
    assert find_column_marks(ink, rows, 4, 62.5 * PX, SCALE) is None
    ink[:, 400 + 369:402 + 369] = ink[:, 400 + 738:402 + 738] = 1
    found = find_column_marks(ink, rows, 4, 62.5 * PX, SCALE)
    assert found is not None and found == pytest.approx([400.5, 769.5, 1138.5], abs=1.5)


def test_spikes_as_regular_as_separators_count_only_beside_names_or_where_the_rows_begin() -> None:
    rows = [path(np.full(1600, 100.0 * (k + 1)), 100.0 * (k + 1)) for k in range(3)]
    ink = np.zeros((400, 1600), np.float32)
    for c in (1, 2, 3):
        ink[:, 60 + round(62.5 * PX * c):62 + round(62.5 * PX * c)] = 1
    assert column_places(ink, rows, LAYOUTS["3x4"], [], [], SCALE) is None
    name = Word("V2", 64 + 2 * 62.5 * PX, 210, 20, 15, 0.9)
    found = column_places(ink, rows, LAYOUTS["3x4"], [name], [], SCALE)
    assert found is not None and found == pytest.approx(60.5 + 62.5 * PX * np.arange(5), abs=1.5)
    begun = [replace(row, start=62.0, end=62 + 262 * PX) for row in rows]
    found = column_places(ink, begun, LAYOUTS["3x4"], [], [], SCALE)
    assert found is not None and found == pytest.approx(60.5 + 62.5 * PX * np.arange(5), abs=1.5)
