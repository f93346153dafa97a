"""QRS overlaps: complexes of several leads that run through each other."""
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import digitize
from ecg.kernels import overlap
from ecg.layout.model import Cell, Layout
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from ecg.trace.evidence import PageEvidence, Pen
from ecg.trace.line import STEP_PX, Line
from ecg.trace.overlap.candidates import _inside, from_limb_leads, from_other_complexes, over_tips, tips
from ecg.trace.overlap.joint import QrsOverlap, best_combinations, best_shared_combination, error, refined, wrong_ink
from ecg.trace.overlap.resolve import _different, _Group, _offer_paths, _Page, find_complexes
from ecg.trace.work_limit import WorkLimit

sys.path.insert(0, str(Path(__file__).parent))
from naive_ecg import bare_length, cover, pair_errors  # noqa: E402

PEN = Pen(2.0, 0.3)
NO_LAYOUT = Layout("", [], [], [], [], [], 10, 25, PEN.width_px, PEN.blur_px, Scale.square(6), [])
WIDTH, HEIGHT = 40, 120
X = np.arange(3.0, WIDTH - 3, STEP_PX)


def path(*points: tuple[float, float]) -> np.ndarray:
    """Rows of a path at X, straight between points."""
    at = np.array(points)
    return np.interp(X, at[:, 0], at[:, 1])


# One lead's R goes up through the lead above it, whose S goes down through the first one's line.
UPPER = path((3, 30), (16, 30), (19, 90), (22, 30), (37, 30))
LOWER = path((3, 80), (18, 80), (21, 10), (24, 80), (37, 80))
# The same ink nearly, each with the other's strokes.
UPPER_WRONG = path((3, 30), (18, 30), (20, 12), (22, 30), (37, 30))
LOWER_WRONG = path((3, 80), (16, 80), (17.5, 50), (19, 88), (24, 80), (37, 80))


def overlapping(*paths: np.ndarray, drawn: tuple[np.ndarray, ...] = (UPPER, LOWER)) -> QrsOverlap:
    """Lines with some paths in a window that shows other ones."""
    ink = np.zeros((len(drawn), HEIGHT, WIDTH), np.float32)
    overlap.covers(np.array(drawn)[:, :], X[0], STEP_PX, PEN.table, 1, ink)
    bare = np.full((HEIGHT, WIDTH), PEN.reach_px, np.float32)
    n = len(paths)
    evidence = PageEvidence(ink.max(axis=0), np.ones((HEIGHT, WIDTH), np.float32), PEN)
    return QrsOverlap(list(range(n)), [(0, len(X) - 1)] * n, [float(X[0])] * n, list(paths), [(True, True)] * n, 0, 0,
                      evidence, bare)


def test_covers_are_those_of_the_reference() -> None:
    paths = np.array([[3.2, 9.7, 4.4, 4.5, 6.0], [8.0, 2.0, 2.0, 12.0, 5.0]])
    pen = Pen(1.6, 0.4).table
    for every in (1, 3):
        out = np.zeros((2, len(range(0, 14, every)), 9), np.float32)
        overlap.covers(paths, 2.1, 0.9, pen, every, out)
        for p, r, x in np.ndindex(out.shape):
            wanted = cover(paths[p], 2.1, 0.9, pen.shares, pen.steps_per_px, r * every, x)
            assert out[p, r, x] == pytest.approx(wanted, abs=0.02)


def test_bare_lengths_are_those_of_the_reference() -> None:
    rng = np.random.default_rng(0)
    bare = rng.random((20, 15)).astype(np.float32)
    begins, ends = rng.uniform(0, 14, (4, 2)), rng.uniform(0, 14, (5, 2))
    out = np.empty((4, 5))
    overlap.bare_lengths(bare, begins, ends, 4.0, out)
    for a, b in np.ndindex(out.shape):
        assert out[a, b] == pytest.approx(bare_length(bare, begins[a], ends[b], 4.0), abs=1e-5)


def test_no_pair_is_better() -> None:
    rng = np.random.default_rng(1)
    ink, confidence, rest = rng.random((3, 300)).astype(np.float32)
    first, second = rng.random((4, 300)).astype(np.float32), rng.random((6, 300)).astype(np.float32)
    costs = rng.random(4) * 5, rng.random(6) * 5
    pixels = overlap.PixelEvidence(ink, confidence, rest, np.arange(300))
    errors = pair_errors(ink, confidence, rest, first, second, *costs)
    best = min(errors, key=lambda pair: errors[pair])
    found = overlap.best_pair(pixels, first, second, np.arange(4), *costs, 1e9, np.empty(300, np.float32))
    assert found[1:] == best and found[0] == pytest.approx(errors[best], rel=1e-5)
    none = overlap.best_pair(pixels, first, second, np.arange(4), *costs, errors[best] * 0.99,
                             np.empty(300, np.float32))
    assert none[1:] == (-1, -1)
    alone = np.empty(4)
    overlap.pixel_errors(pixels._replace(rest=np.maximum(rest, second[2])), first, alone)
    assert alone[3] == pytest.approx(errors[3, 2] - costs[0][3] - costs[1][2], rel=1e-5)


def test_wrong_ink_is_none_where_the_page_is_drawn_as_it_is() -> None:
    shown = overlapping(UPPER, LOWER)
    assert wrong_ink(shown, [UPPER, LOWER]) < 0.1
    assert wrong_ink(shown, [UPPER_WRONG, LOWER_WRONG]) > 20
    assert error(shown, [UPPER, LOWER]) < error(shown, [UPPER_WRONG, LOWER_WRONG])


def test_two_paths_are_exchanged_together() -> None:
    shown = overlapping(UPPER_WRONG, LOWER_WRONG)
    found = best_combinations(shown, [np.array([UPPER_WRONG, UPPER]), np.array([LOWER_WRONG, LOWER])],
                              [(0, 0), (1, 1)], WorkLimit(1e9))
    assert found[0] == (1, 1)
    assert (0, 0) not in found


def test_a_search_ends_when_its_work_is_spent() -> None:
    shown, none = overlapping(UPPER_WRONG, LOWER_WRONG), WorkLimit(0)
    candidates = [np.array([UPPER_WRONG, UPPER]), np.array([LOWER_WRONG, LOWER_WRONG])]
    # Of the combinations that it begins with, (1, 1) is not the current one; exchanging pairs would change it.
    assert best_combinations(shown, candidates, [(0, 0), (1, 1)], none) == [(1, 1)]
    enough = WorkLimit(1e9)
    best_combinations(shown, candidates, [(0, 0), (1, 1)], enough)
    assert none.spent and not enough.spent


def test_several_overlaps_agree_on_what_explains_all_of_them() -> None:
    """One shows the complex hidden by ink that is another's; the others tell."""
    other = path((16, 5), (16.1, 110), (25, 5), (25.1, 110), (37, 110))
    hidden = overlapping(UPPER, LOWER, drawn=(UPPER, LOWER, other))
    candidates = [np.array([UPPER_WRONG, UPPER]), np.array([LOWER_WRONG, LOWER])]
    overlaps = [hidden, overlapping(UPPER, LOWER), overlapping(UPPER, LOWER)]
    assert best_shared_combination(overlaps, [candidates] * 3, WorkLimit(1e9)) == (1, 1)


def test_the_fit_of_all_lines_holds_their_ends() -> None:
    shown = overlapping(UPPER + 0.6, LOWER - 0.6)
    found = refined(shown, shown.paths)
    assert [y[0] for y in found] == pytest.approx([30.6, 79.4], abs=1e-3)
    assert np.abs(found[0] - UPPER)[20:-20].mean() < 0.3


def test_a_candidate_goes_over_a_tip_that_another_line_hides() -> None:
    flat = path((3, 80), (37, 80))
    shown = overlapping(UPPER, flat)
    found = over_tips(shown, 1, tips(shown), WorkLimit(1e9))
    assert min(float(np.abs(y - LOWER).mean()) for y in found) < 2


def lines_of(*rows: np.ndarray) -> list[Line]:
    return [Line(float(X[0]), y, np.ones(len(y))) for y in rows]


def test_a_line_that_goes_on_beyond_the_page_has_no_points_there() -> None:
    ink = np.ones((60, 20), np.float32)
    inside = _inside(1 - ink, -7.3, 25.5)
    assert inside[:, 0].min() == 0 and inside[:, 0].max() == 19 and set(inside[:, 1]) == {10, 20, 30, 40, 50}


def test_limb_leads_tell_each_other() -> None:
    one, two = path((3, 0), (15, 0), (20, -20), (25, 0), (37, 0)), path((3, 0), (18, 0), (20, 30), (22, 0), (37, 0))
    names = ["I", "II", "III", "-aVR", "aVL", "V1"]
    truth = {"I": one, "II": two, "III": two - one, "-aVR": (one + two) / 2, "aVL": one - two / 2, "V1": one}
    cells = [Cell(name, k, float(X[0]), float(X[-1]), 0.0, True) for k, name in enumerate(names)]
    for k, name in enumerate(names):
        shown = replace(overlapping(*[np.zeros(len(X))] * 6), owners=list(range(6)))
        found = list(from_limb_leads(lines_of(*truth.values()), cells, shown, k))
        assert bool(found) == (name != "V1")
        assert all(np.abs(y - truth[name]).max() < 1e-6 for y in found)


def test_other_complexes_of_a_lead_are_moved_to_where_this_one_is() -> None:
    long = np.tile(np.r_[np.zeros(30), -np.hanning(21) * 40, np.zeros(49)], 3)
    line = Line(0.0, long, np.ones(300))
    shown = replace(overlapping(np.zeros(60)), owners=[0], spans=[(10, 69)])
    found = list(from_other_complexes([line], [Cell("II", 0, 0.0, 100.0, 0.0, True)], shown, 0,
                                      [0.0, 100 * STEP_PX, 200 * STEP_PX]))
    assert len(found) == 2
    assert all(np.abs(y - long[10:70]).max() < 0.5 for y in found)


def test_paths_that_are_nearly_alike_are_one_candidate() -> None:
    paths, numbers = _different([UPPER, UPPER + 1.0, LOWER, UPPER - 2.0, LOWER + 0.5])
    assert numbers == [0, 0, 1, 0, 1]
    assert (paths == np.array([UPPER, LOWER])).all()


def three_complexes(upper: list[np.ndarray], lower: list[np.ndarray]) -> list[Line]:
    """Two lines over three windows, side by side."""
    level = [np.full(int(3 / STEP_PX), row) for row in (30.0, 80.0)]
    return [Line(0.0, y, np.ones(len(y))) for y in (
        np.concatenate([piece for part in parts for piece in (level[k], part, level[k])])
        for k, parts in enumerate((upper, lower)))]


def test_paths_found_in_one_overlap_are_taken_in_the_others() -> None:
    truth = three_complexes([UPPER] * 3, [LOWER] * 3)
    found = three_complexes([UPPER, UPPER_WRONG, UPPER_WRONG], [LOWER, LOWER_WRONG, LOWER_WRONG])
    wide = int(truth[0].x[-1]) + 4
    ink = np.zeros((2, HEIGHT, wide), np.float32)
    for k, line in enumerate(truth):
        overlap.covers(line.y[None], 0.0, STEP_PX, PEN.table, 1, ink[k:k + 1])
    px = len(truth[0].y) * STEP_PX / 3
    middles = [px * (k + 0.5) for k in range(3)]
    page = _Page(NO_LAYOUT, PageEvidence(ink.max(axis=0), np.ones((HEIGHT, wide), np.float32), PEN), 100.0, middles,
                 WorkLimit(1e9), WorkLimit(1e9))
    groups = [_Group(x, (0, 1)) for x in middles]
    lines = list(found)
    _offer_paths(lines, replace(page, offers=WorkLimit(0)), groups)
    assert all(line is other for line, other in zip(lines, found))
    _offer_paths(lines, page, groups)
    for line, other, wrong in zip(lines, truth, found):
        assert np.abs(wrong.y - other.y).mean() > 2 > 8 * np.abs(line.y - other.y).mean()


def test_complexes_stand_where_most_ink_does() -> None:
    ink = np.zeros((100, 600), np.float32)
    ink[50] = 1
    for x in (100, 300, 500):
        ink[20:80, x - 1:x + 2] = 1
    assert find_complexes(ink, 200.0) == pytest.approx([100, 300, 500], abs=1)
    assert find_complexes(np.zeros((100, 600), np.float32), 200.0) == []


@pytest.mark.slow
def test_rows_that_run_through_each_other_are_told_apart() -> None:
    """Followed one by one, leads of this page give 11.7 dB."""
    rgb, truth = draw_page(heartbeats(2, size=2.2), Style(layout="12x1", row_mm=16, separators="none", names="above"))
    found = digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    assert decibels([page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), 500)]) > 20
