"""Another path of a part of a line, where it explains the page better."""
import cv2
import numpy as np
import pytest

from ecg.trace.candidates import Window, _drawn, _partly_kept, _Waypoints, better_candidate
from ecg.trace.evidence import PageEvidence, Pen
from ecg.trace.line import STEP_PX

HEIGHT, WIDTH, PEN = 80, 50, Pen(2.0, 0.3)
X = np.arange(10.0, 40.0, STEP_PX)
LEVEL = 60.0


def window(current: np.ndarray, *drawn: tuple[list[float], list[float]], hidden: np.ndarray | None = None) -> Window:
    """Ink of polylines on a page where nothing else is drawn; all of it hangs together with the line."""
    canvas = np.zeros((HEIGHT * 8, WIDTH * 8), np.uint8)
    for x, y in drawn:
        points = np.round((np.c_[x, y] + 0.5) * 8 * 16 - 8).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, round(PEN.width_px * 8), cv2.LINE_AA, 4)
    ink = cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    ones = np.ones_like(ink)
    confidence = ones if hidden is None else np.where(hidden, 0, 1).astype(np.float32)
    far = np.full_like(ink, 1000.0)
    own = ((ink > 0.5) & (confidence > 0)).astype(np.uint8)
    return Window(X, current, False, False, PageEvidence(ink, confidence, PEN), confidence.copy(), far, own)


SPIKE = ([0.0, 20, 25, 30, 50], [LEVEL, LEVEL, 15, LEVEL, LEVEL])


@pytest.mark.slow
def test_a_line_that_cuts_a_spike_off_is_drawn_over_its_tip() -> None:
    found = better_candidate(window(np.full(len(X), LEVEL), SPIKE))
    assert found is not None
    rows, gain = found
    # About 2 x 45 px of line, 2 px wide, were ink that nothing drew.
    assert 60 < gain < 200
    assert rows.min() == pytest.approx(15, abs=1.5) and abs(X[rows.argmin()] - 25) < 1
    away = np.abs(X - 25) > 7
    assert np.abs(rows - LEVEL)[away].max() < 0.7
    assert rows[0] == rows[-1] == LEVEL, "the joints are held"


@pytest.mark.slow
def test_a_detour_over_bare_paper_is_straightened() -> None:
    now = np.where(np.abs(X - 25) < 3, 30.0, LEVEL)
    found = better_candidate(window(now, ([0.0, 50], [LEVEL, LEVEL])))
    assert found is not None and np.abs(found[0] - LEVEL).max() < 0.7


@pytest.mark.parametrize("near", [1.0, 5.0])
@pytest.mark.parametrize(("at", "joint"), [(X[0] + 0.5, 0), (X[-1] - 0.5, -1)])
def test_a_path_over_a_tip_at_the_edge_of_a_window_meets_the_line_there(at: float, joint: int, near: float) -> None:
    """A jump from the line to a path that begins elsewhere would be drawn nowhere, and cost nothing."""
    flat = np.full(len(X), LEVEL)
    way = _Waypoints((X[0], LEVEL), ((at, 15.0),), (X[-1], LEVEL))
    shown = window(flat, ([0.0, 50], [LEVEL, LEVEL]))
    rows, = _drawn(shown, [_partly_kept(shown, way, near, True, True)])
    assert rows[joint] == pytest.approx(LEVEL, abs=0.01) and rows.min() < 40


def test_a_line_that_follows_its_ink_stays() -> None:
    assert better_candidate(window(np.interp(X, *SPIKE), SPIKE)) is None
    assert better_candidate(window(np.full(len(X), LEVEL), ([0.0, 50], [LEVEL, LEVEL]))) is None


def test_ink_that_counts_for_nothing_draws_no_line_away() -> None:
    """The spike stands where something printed hides the page."""
    hidden = np.zeros((HEIGHT, WIDTH), bool)
    hidden[:56] = True
    hidden[:, 18:33] = True
    assert better_candidate(window(np.full(len(X), LEVEL), SPIKE, hidden=hidden)) is None
