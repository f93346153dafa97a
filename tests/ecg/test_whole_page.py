"""Pictures of two pages, and of a part of one."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from test_layout import SCALE, path

from ecg.digitize import digitize
from ecg.layout.model import TraceScale
from ecg.layout.whole_page import SeveralPages, check_one_page, cut_warnings, rate_doubt
from ecg.lead_table import LEADS
from ecg.process_file import analyze
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.text.lead_names import Word


def word(text: str, x: float, y: float) -> Word:
    return Word(text, int(x), int(y), 10, 12, 0.9)


def names(dx: float = 0, dy: float = 0, leads: tuple[str, ...] = LEADS) -> list[Word]:
    """Names as a page of 3 x 4 has them, and that of the strip."""
    return [word(lead, 100 + 400 * (LEADS.index(lead) // 3) + dx, 100 + 200 * (LEADS.index(lead) % 3) + dy)
            for lead in leads] + [word("II", 100 + dx, 700 + dy)]


@pytest.mark.parametrize(("dx", "dy"), [(1800, 0), (0, 900), (5, 900)], ids=["beside", "below", "moved"])
def test_names_that_stand_twice_are_two_pages(dx: float, dy: float) -> None:
    with pytest.raises(SeveralPages, match="III, aVL, V3 are named twice, one page a picture was wanted: cut it"):
        check_one_page([*names(), *names(dx, dy, ("II", "III", "aVL", "V1", "V3"))], SCALE)


@pytest.mark.parametrize("more", [
    [], names(0, 900, ("I", "II", "V1", "V5")), names(20, 4), names(1800, 0, ("aVL", "V3"))],
    ids=["one page", "strips of three leads", "read twice at one place", "two misread words"])
def test_one_page_is_one(more: list[Word]) -> None:
    check_one_page([*names(), *more], SCALE)


def test_a_trace_that_runs_on_to_the_edge_is_told() -> None:
    rows = [path(np.zeros(300), start=start) for start in (2.0, 2.0, 90.0)]
    traces = TraceScale(SCALE, 25, 2.0)  # 150 px a second
    assert cut_warnings(rows, 600, traces) == [
        "the traces run to the left edge of the picture: the page may be cut there"]
    assert cut_warnings(rows, 403, traces) == [
        "the traces run to the left and the right edge of the picture: the page may be cut there"]
    assert not cut_warnings(rows[1:] + rows[2:], 600, traces)
    ten_seconds = [path(np.zeros(1500), start=2.0)]
    assert not cut_warnings(ten_seconds, 1602, traces)


@pytest.mark.parametrize(("name", "leads", "doubtful"), [
    ("3x4+1", ("I", "II"), False), ("I/II aVL/III aVF/II", ("I", "II", "aVL"), True), ("V2/V2", ("V2", "V2"), False)])
def test_times_are_doubted_where_leads_stand_as_on_no_page(name: str, leads: tuple[str, ...], doubtful: bool) -> None:
    layout = SimpleNamespace(name=name, cells=[SimpleNamespace(lead=lead) for lead in leads])
    assert bool(rate_doubt(layout)) == doubtful  # type: ignore[arg-type]


@pytest.mark.slow
def test_half_a_page_has_a_warning_and_no_rate() -> None:
    rgb, _ = draw_page(heartbeats(3), Style(layout="3x4+1", px_per_mm=6))
    half = rgb[:, :rgb.shape[1] // 2, ::-1]
    found = digitize(cv2.imencode(".png", np.ascontiguousarray(half))[1].tobytes())
    _, facts = analyze(found.signals.mv, LEADS, 500, rate_doubt(found.layout))
    assert any("right edge" in warning for warning in found.warnings)
    assert facts.rate_bpm is None and any("heart rate" in warning for warning in facts.warnings)


@pytest.mark.slow
def test_two_pages_in_a_picture_are_refused() -> None:
    one, two = (draw_page(heartbeats(seed), Style(layout="3x4+1", px_per_mm=6))[0] for seed in (3, 4))
    with pytest.raises(SeveralPages):
        digitize(cv2.imencode(".png", np.hstack([one, two])[..., ::-1])[1].tobytes())
