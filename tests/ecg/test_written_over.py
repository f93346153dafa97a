"""Pages with handwriting, in the color of the trace and in another."""
import cv2
import numpy as np
from read_pages import ReadPage

from ecg.digitize import Digitized, trace
from ecg.layout.common_end import with_common_end
from ecg.layout.row_path import row_path
from ecg.page.read import flatten
from ecg.layout.find import find_layout
from ecg.scale import Scale
from ecg.trace.left_ink import left_ink_mm

SCALE = Scale.square(6.0)
# Rows, and the column in which they end.
BASES = (100, 440, 780)
END = 900


def written_over() -> np.ndarray:
    """Three level traces with beats; from a beat of the first a stroke leads to the edge of the picture."""
    ink = np.zeros((900, 1200), np.float32)
    x = np.arange(40, END)
    for base in BASES:
        beats = base - 60 * np.exp(-0.5 * ((x % 170 - 85) / 4) ** 2)
        cv2.polylines(ink, [np.round(16 * np.c_[x, beats]).astype(np.int32)], False, 1.0, 2, cv2.LINE_8, 4)
    cv2.polylines(ink, [np.array([[765, 80], [820, 60], [1000, 75], [1199, 60]])], False, 1.0, 2)
    return ink


def test_a_row_ends_with_the_others_not_with_handwriting() -> None:
    ink = written_over()
    rows = [row for base in BASES for row in [row_path(ink, base, SCALE, 1.0)] if row]
    assert rows[0].end > 1190 and abs(rows[1].end - END) < 5
    found = with_common_end(rows, ink, SCALE, 1.0)
    assert abs(found[0].end - END) < 5
    assert np.abs(found[0].middle[830:890] - BASES[0]).max() < 3
    assert found[1] is rows[1] and found[2] is rows[2]


def test_a_row_that_only_is_longer_stays() -> None:
    ink = written_over()
    ink[:200, 760:] = 0
    cv2.line(ink, (40, 100), (1150, 100), 1.0, 2)
    rows = [row for base in BASES for row in [row_path(ink, base, SCALE, 1.0)] if row]
    assert with_common_end(rows, ink, SCALE, 1.0)[0] is rows[0]


def test_handwriting_over_leads_is_left_and_told(usual_page: ReadPage) -> None:
    found = usual_page.found
    assert left_ink_mm(found.page.ink, found.lines, found.layout) == 0
    assert "strokes" in written_on(usual_page, (23, 23, 23)).review


def test_handwriting_in_another_color_hides_the_traces_and_is_pale(usual_page: ReadPage) -> None:
    assert not usual_page.found.page.written.any()
    blue, black = written_on(usual_page, (30, 40, 150)), written_on(usual_page, (23, 23, 23))
    assert blue.page.written.any() and not black.page.written.any()
    assert blue.page.ink[blue.page.written].max() <= np.float32(0.4)

    def off_mv(found: Digitized) -> float:
        return float(np.nanmax(np.abs(found.signals.mv - usual_page.found.signals.mv)))
    assert off_mv(blue) < 0.3 < off_mv(black)


def test_handwriting_that_is_no_ink_hides_nothing(usual_page: ReadPage) -> None:
    pale = written_on(usual_page, (150, 120, 230))
    assert not pale.page.written.any()
    assert float(np.nanmax(np.abs(pale.signals.mv - usual_page.found.signals.mv))) < 0.3


def written_on(drawn: ReadPage, color: tuple[int, int, int]) -> Digitized:
    """The page with a stroke over its second row."""
    rgb = drawn.rgb.copy()
    row, mm = drawn.found.layout.rows[1], drawn.found.page.px_per_mm.x
    steps = np.array([[0, 0], [8, -9], [14, 6], [20, -12], [30, 4], [24, 9], [40, -8]]) * mm
    cv2.polylines(rgb, [np.round(steps + [100 * mm, row.base]).astype(np.int32)], False, color, 3, cv2.LINE_AA)
    page = flatten(rgb)
    return trace(page, find_layout(page), 500)
