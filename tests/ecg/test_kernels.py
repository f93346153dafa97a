"""The kernels do what their slow reference implementations say."""
import sys
from pathlib import Path

import numpy as np
import pytest

from ecg.kernels import pen, row_path
from ecg.kernels.pen import NearestSegment, NodeEquations
from ecg.page.pen import FINE
from ecg.trace.evidence import Pen, no_segment

sys.path.insert(0, str(Path(__file__).parent))
from naive_ecg import candidate_error, cheapest_cost, distance, ink_run, moved, path_cost  # noqa: E402


@pytest.mark.parametrize("seed", range(4))
def test_no_path_is_cheaper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ink = rng.random((4, 3)).astype(np.float32)
    rest = np.full(3, rng.integers(0, 4), float)
    first, last = np.zeros(3, np.int32), np.zeros(3, np.int32)
    costs = row_path.PathCosts(travel=0.01, pull=0.05, far=2.0, gap=1.0, lift=1.3)
    scratch = row_path.PathScratch(np.zeros((2, 4)), np.zeros((3, 4), np.int32), np.zeros((3, 4), np.int32))
    row_path.cheapest_path(ink, rest, costs, scratch, first, last)
    found = path_cost(ink, rest, *costs, first.tolist(), last.tolist())
    assert found == pytest.approx(cheapest_cost(ink, rest, *costs), abs=1e-6)


def test_distance_is_that_of_the_reference() -> None:
    nodes = np.array([3.2, 9.7, 4.4, 4.5, 6.0])
    nearest = NearestSegment(np.full((14, 9), 2.5, np.float32), np.full((14, 9), -1, np.int32),
                             np.zeros((14, 9), np.int32))
    pen.pen_distance(nodes, 2.1, 0.9, 7, 2.5, nearest)
    for y in range(14):
        for x in range(9):
            assert nearest.distance[y, x] == pytest.approx(min(2.5, distance(nodes, 2.1, 0.9, x, y)), abs=1e-5)
            assert nearest.line[y, x] == (7 if nearest.distance[y, x] < 2.5 else -1)


def test_runs_of_ink_are_those_of_the_reference() -> None:
    rng = np.random.default_rng(3)
    ink = (rng.random((20, 12)) > 0.3).astype(np.float32)
    first, last = rng.integers(4, 16, 12).astype(np.int32), rng.integers(4, 16, 12).astype(np.int32)
    claimed = (rng.random((20, 12)) > 0.8).astype(np.int8)
    row_path.mark_path(first, last, 1, claimed)
    top, bottom = np.zeros(12, np.int32), np.zeros(12, np.int32)
    row_path.ink_run(ink, first, last, 1, claimed, top, bottom)
    assert (top.tolist(), bottom.tolist()) == ink_run(ink, first, last, 1, claimed)


def test_nothing_pulls_a_line_that_is_drawn_already() -> None:
    """A level pen's own picture leaves no error: the profile is the same at every column."""
    table = Pen(2.0, 0.4).table
    rows = np.arange(20)[:, None] - 9.3
    ink = np.interp(np.abs(rows), np.arange(len(table.shares)) / FINE, table.shares, right=0).astype(np.float32)
    ink = np.repeat(ink, 15, axis=1)
    nodes, n = np.full(31, 9.3), 31
    nearest = no_segment(ink.shape, table.reach_px)
    pen.pen_distance(nodes, 2.0, 1 / 3, 0, table.reach_px, nearest)
    equations = NodeEquations(np.zeros(n), np.zeros(n - 1), np.zeros(n))
    inside = np.zeros_like(ink)
    inside[:, 3:11] = 1
    left = pen.pen_equations(nodes, 2.0, 1 / 3, 0, table, ink, inside, nearest, equations)
    assert left < 1e-4 and np.abs(equations.right).max() < 1e-2 < equations.diagonal.max()


def test_errors_of_candidates_are_those_of_the_reference() -> None:
    rng = np.random.default_rng(5)
    table = Pen(2.0, 0.4).table
    shape = (16, 11)
    ink, confidence, missing = (rng.random(shape).astype(np.float32) for _ in range(3))
    others = np.minimum(rng.random(shape) * 6, table.reach_px).astype(np.float32)
    paths, errors = rng.random((4, 13)) * 15, np.zeros(4)
    pen.candidate_errors(paths, 1.4, 0.5, table, pen.WindowPixels(ink, confidence, missing, others), others.copy(),
                         np.zeros(ink.size, np.int32), errors)
    for path, found in zip(paths, errors):
        assert found == pytest.approx(
            candidate_error(path, 1.4, 0.5, table.shares, FINE, ink, confidence, missing, others), abs=1e-3)


@pytest.mark.parametrize("n", (3, 4, 30))
def test_nodes_move_as_those_of_the_reference(n: int) -> None:
    rng = np.random.default_rng(n)
    nodes, pulls = rng.random(n) * 9, rng.random((n, 2))
    diagonal, beside, right = (pulls ** 2).sum(axis=1), 0.4 * pulls[:-1, 0] * pulls[1:, 0], 3 * rng.random(n) - 1
    wanted = moved(nodes, diagonal, beside, right, 0.02, 0.6, 2.0)
    now = nodes.copy()
    most = pen.move_nodes(now, NodeEquations(diagonal, beside, right), 0.02, 0.6, 2.0, np.empty(n))
    assert now == pytest.approx(wanted, abs=1e-9)
    assert most == pytest.approx(np.abs(wanted - nodes).max(), abs=1e-9)
    assert 1 < most <= 2


def test_polylines_are_those_of_the_reference() -> None:
    at = np.array([[2.0, 3.5, 3.5 + 1e-6, 9.0], [-1.0, 4.0, 30.0, 31.0], [5.0, 5.1, 5.2, 5.3]])
    rows = np.random.default_rng(0).random(at.shape) * 20
    found = np.empty((3, 40))
    pen.polylines(at, rows, 0.3, 1 / 3, found)
    assert found == pytest.approx(np.array([np.interp(0.3 + np.arange(40) / 3, a, r) for a, r in zip(at, rows)]))
