"""The radiomics kernels against their slow twins, on odd shapes; and the engine against the naive whole, on noise."""
import importlib.util
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.kernels.radiomics import emphasis, first_order, glcm, glrlm, glszm, neighbors, quantizing, shape2d
from featurize.radiomics import engine
from featurize.radiomics.glcm import NAMES
from featurize.radiomics.offsets import full, half
from featurize.radiomics.settings import WEIGHTINGS, RadiomicsSettings

_spec = importlib.util.spec_from_file_location("naive_radiomics", Path(__file__).parents[1] / "naive_radiomics.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

ALL = tuple(engine.FAMILIES)
COLUMNS = engine.names(ALL)
# The texture families: what they tell hangs on gray levels, not on values.
TEXTURE = ("glcm", "glrlm", "glszm", "gldm", "ngtdm", "gldzm", "ngldm", "histogram", "volume_histogram")
REACHES = [(1, (1,)), (3, (1,)), (2, (2,)), (3, (1, 3))]
few = settings(max_examples=30, deadline=None, derandomize=True)


def shapes() -> dict[str, np.ndarray]:
    """Masks by name; the last two have pixels of all four rims of the plane."""
    names = ("empty", "one pixel", "two apart", "row", "column", "diagonal", "checkerboard", "ring", "noise", "full")
    masks = {name: np.zeros((6, 7), bool) for name in names}
    masks["one pixel"][2, 3] = True
    masks["two apart"][[0, 5], [0, 6]] = True
    masks["row"][3, 1:6] = True
    masks["column"][1:5, 6] = True
    masks["diagonal"][range(1, 6), range(5, 0, -1)] = True
    masks["checkerboard"][np.indices((6, 7)).sum(axis=0) % 2 == 0] = True
    masks["ring"][1:6, :5] = True
    masks["ring"][2:4, 2:4] = False
    masks["noise"] = np.random.default_rng(4).random((6, 7)) < 0.6
    masks["full"][:] = True
    return masks | {"1 x n": np.ones((1, 9), bool), "n x 1": np.ones((9, 1), bool), "256 px": np.ones((16, 16), bool)}


SHAPES = shapes()
PATTERNS = ("constant", "checkered", "few levels", "all different", "gaps")
CASES = [(shape, pattern) for shape in SHAPES for pattern in PATTERNS
         if shape != "256 px" or pattern in ("all different", "few levels")]
# 256 gray values make matrices of 256 x 256, which take the slow twins seconds; the other cases cover the same code.
by_case = pytest.mark.parametrize(("shape", "pattern"), [
    pytest.param(*case, marks=pytest.mark.slow if case == ("256 px", "all different") else (), id="-".join(case))
    for case in CASES])
by_shape = pytest.mark.parametrize("shape", SHAPES)


def plane_of(pattern: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(9)
    return {"constant": np.full(shape, 77), "checkered": np.indices(shape).sum(axis=0) % 2 * 200 + 20,
            "few levels": rng.integers(3, 8, shape), "all different": rng.permutation(math.prod(shape)).reshape(shape),
            "gaps": rng.choice([1, 2, 300, 9000, 40000], shape)}[pattern]


def canvas_of(shape: str, pattern: str, pad: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of the gray levels, padded, and the levels, from 1 on."""
    mask, plane = SHAPES[shape], plane_of(pattern, SHAPES[shape].shape) + 1
    values = np.unique(plane[mask])
    ranks = np.where(mask, np.searchsorted(values, plane) + 1, 0)
    return np.pad(ranks, pad).astype(np.uint16), values.astype(np.int64)


def assert_close(found: Any, wanted: Any, columns: Any) -> None:
    """Equal within 1e-9 of the value; NaN where NaN is wanted.

    What cancels in exact arithmetic keeps the rounding error of what it is made of: moments of odd order that of the
    even ones, roots that of their squares.
    """
    table = dict(zip(columns, zip(found, wanted, strict=True), strict=True))
    for name, (f, w) in table.items():
        if name.endswith(("elongation", "minor_axis_length")):
            f, w, spare = f * f, w * w, 1e-11
        elif name.endswith(("imc2", "mcc")):
            # A mean of roots, one of which may be that of a rounding error.
            spare = 3e-7
        elif name.endswith("cluster_shade"):
            spare = 1e-11 * (1 + table[name.replace("shade", "prominence")][1])
        else:
            spare = 1e-12 if not name.endswith("skewness") else 1e-9
        assert f == pytest.approx(w, rel=1e-9, abs=spare, nan_ok=True), name


# Quantizing ------------------------------------------------------------------------------------------------------


@by_shape
def test_bytes_are_counted_and_boxed(shape: str) -> None:
    mask = SHAPES[shape]
    plane = np.random.default_rng(1).integers(0, 256, mask.shape).astype(np.uint8)
    counts, box = np.zeros(256, np.int64), np.full(4, -9)
    ends = quantizing.count_bytes(plane, mask, counts, box)
    assert (counts.tolist(), box.tolist(), *ends) == naive.count_bytes(plane, mask)


@by_shape
def test_the_box_holds_the_mask(shape: str) -> None:
    box = np.full(4, -9)
    assert quantizing.bounds(SHAPES[shape], box) == SHAPES[shape].sum()
    assert box.tolist() == naive.box_of(SHAPES[shape])


@pytest.mark.parametrize("width", [0.5, 1.0, 7.3, 25.0, 300.0])
@by_shape
def test_bytes_become_ranks_of_gray_levels_in_their_places(shape: str, width: float) -> None:
    mask = SHAPES[shape]
    plane = np.random.default_rng(2).integers(40, 256, mask.shape).astype(np.uint8)
    counts, box, low, high = naive.count_bytes(plane, mask)
    edges = np.arange(low - low % width, max(high, low) + 2 * width, width)
    table, values, level_counts = np.zeros(256, np.uint16), np.empty(256, np.int64), np.empty(256, np.int64)
    k = quantizing.rank_bytes(np.array(counts), edges, table, values, level_counts)
    assert (table.tolist(), values[:k].tolist(), level_counts[:k].tolist()) == naive.rank_bytes(counts, edges)
    for pad in (1, 3):
        wanted = naive.look_up(plane, mask, table, pad)
        out = np.zeros_like(wanted)
        quantizing.look_up(plane, mask, np.array(box), table, pad, out)
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("edges", [np.array([2.0]), np.arange(-3.0, 9), np.arange(0.7 - 0.7 % 0.1, 5, 0.1),
                                   np.arange(33) * (7 / 32) + 0.3, np.array([0.0, 1.0, 5.0])],
                         ids=["one", "whole", "tenths", "32 parts", "a wide last one"])
def test_values_are_numbered_as_numpy_does(edges: np.ndarray) -> None:
    values = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges[1:], -np.inf), edges[-1:] + 30,
                             np.random.default_rng(3).uniform(edges[0], edges[-1] + 1, 50)])
    out = np.empty(len(values), np.int64)
    quantizing.digitize(values, edges, out)
    assert out.tolist() == naive.digitize(values, edges) == np.digitize(values, edges).tolist()


@by_shape
def test_levels_come_back_to_their_places(shape: str) -> None:
    mask = SHAPES[shape]
    levels = np.arange(1, mask.sum() + 1, dtype=np.uint16)
    for pad in (1, 2):
        wanted = naive.scatter(levels, mask, pad)
        out = np.zeros_like(wanted)
        quantizing.scatter(levels, mask, np.array(naive.box_of(mask)), pad, out)
        np.testing.assert_array_equal(out, wanted)


# Co-occurrences --------------------------------------------------------------------------------------------------


@by_case
def test_pairs_are_those_of_the_slow_twin(shape: str, pattern: str) -> None:
    for pad, distances in REACHES:
        canvas, values = canvas_of(shape, pattern, pad)
        table = np.zeros((len(half(distances)), len(values) + 1, len(values) + 1), np.int32)
        glcm.pairs(canvas, pad, half(distances), table)
        np.testing.assert_array_equal(table, naive.pairs(canvas, half(distances), len(values)))
        if distances == (1,):
            touching = np.zeros_like(table)
            glcm.touching_pairs(canvas, pad, touching)
            np.testing.assert_array_equal(touching, table)


@pytest.mark.parametrize("distances", [(1,), (2,), (1, 3)])
def test_half_of_the_steps_and_their_opposites_are_all(distances: tuple[int, ...]) -> None:
    assert [tuple(s) for s in full(distances)] == naive.steps(distances)
    assert sorted([*map(tuple, half(distances)), *map(tuple, -half(distances))]) == naive.steps(distances)


@pytest.mark.parametrize("symmetrical", [True, False])
@pytest.mark.parametrize("merge", [True, False])
def test_counts_are_gathered_without_what_left_the_region(symmetrical: bool, merge: bool) -> None:
    table = np.random.default_rng(5).integers(0, 3, (4, 6, 6)).astype(np.int32)
    weights = np.array([1.0, 0.25, 3.0, 0.5])
    out = np.zeros((1 if merge else 4, 5, 5))
    glcm.gather(table, weights, symmetrical, merge, out)
    np.testing.assert_allclose(out, naive.gather(table, weights, symmetrical, merge), rtol=1e-14)


@pytest.mark.parametrize("symmetrical", [True, False])
@by_case
def test_cooccurrence_features_are_their_formulas(shape: str, pattern: str, symmetrical: bool) -> None:
    canvas, values = canvas_of(shape, pattern)
    if not len(values):
        return
    steps = naive.LINES[1:2] if len(values) > 60 else [*naive.LINES, (0, 40)]
    counts = naive.gather(naive.pairs(canvas, steps, len(values)), np.ones(len(steps)), symmetrical, False)
    out = np.empty((len(steps) + 1, 24))
    glcm.features(counts.copy(), values, symmetrical, out)
    # 256 levels make many eigenvalues that are 1: test_radiomics_degenerate says what becomes of them.
    names = [name for name in NAMES if name != "mcc" or symmetrical and len(values) < 256]
    kept = [NAMES.index(name) for name in names]
    wanted = [[f[name] for name in names] for f in (naive.glcm(m, values) for m in counts)]
    for row, twin in zip(out, [*wanted, naive.mean_of(wanted, len(names))], strict=True):
        assert_close(row[kept], twin, names)


def links(kind: str, n: int = 9) -> np.ndarray:
    """Symmetric counts whose second eigenvalue is a special one."""
    rng = np.random.default_rng(n)
    near = np.abs(np.subtract.outer(range(n), range(n)))
    counts = {"identity": np.eye(n), "opposites": np.eye(n)[::-1],
              "rank one": np.outer(range(1, n + 1), range(1, n + 1)),
              "chain": near == 1, "two blocks": (near < n) & (np.add.outer(np.arange(n) < 4, np.arange(n) < 4) != 1),
              "noise": rng.integers(0, 9, (n, n)), "sparse": rng.random((n, n)) < 0.2, "steep": 10.0 ** -near,
              "gap": np.where(near < 2, 3.0, 0.0) * (np.arange(n) != 4) * (np.arange(n) != 4)[:, None],
              "almost independent": np.ones((n, n)) + 1e-6 * np.eye(n)}[kind].astype(float)
    return counts + counts.T


@pytest.mark.parametrize("kind", ["identity", "opposites", "rank one", "chain", "two blocks", "noise", "sparse",
                                  "steep", "gap", "almost independent"])
def test_maximal_correlation_is_the_root_of_the_second_eigenvalue(kind: str) -> None:
    for n in range(5, 14):
        p = links(kind, n) / links(kind, n).sum()
        wanted = naive.mcc(p, p.sum(axis=1), p.sum(axis=0))
        # The twin's own rounding is that of a number near 1 under a root.
        assert glcm.second_correlation(p, p.sum(axis=1)) == pytest.approx(wanted, abs=3e-7 if wanted < 1e-3 else 1e-9)


# Runs, zones, dependences ----------------------------------------------------------------------------------------


@by_case
def test_runs_are_those_along_every_line(shape: str, pattern: str) -> None:
    canvas, values = canvas_of(shape, pattern)
    longest = max(canvas.shape)
    table = np.zeros((4, len(values) + 1, longest + 1), np.int32)
    glrlm.runs(canvas, table)
    np.testing.assert_array_equal(table[:, 1:], naive.runs(canvas, len(values))[:, 1:])


@by_case
def test_zones_are_those_of_a_flood(shape: str, pattern: str) -> None:
    canvas, values = canvas_of(shape, pattern)
    depth = np.full(canvas.shape, -9, np.int32)
    glszm.rim_distance(canvas, depth)
    np.testing.assert_array_equal(depth, naive.rim_distance(canvas))
    parent, level, size, near = np.empty((4, int((canvas > 0).sum()) + 1), np.int32)
    z = glszm.zones(canvas, depth, parent, level, size, near)
    found = [(int(a), int(b), int(c)) for a, b, c in zip(level[:z], size[:z], near[:z])]
    assert sorted(found) == naive.zones(canvas)
    plain = np.empty((4, len(parent)), np.int32)
    assert glszm.zones(canvas, np.zeros((0, 0), np.int32), *plain) == z
    np.testing.assert_array_equal(plain[1:3, :z], [level[:z], size[:z]])
    if z:
        rank = np.zeros(size[:z].max() + 1, np.int32)
        counts = np.zeros((len(values), glszm.distinct(size, z, rank)))
        glszm.fill(level, size, z, rank, counts)
        wanted, sizes = naive.by_size([(a, b) for a, b, _ in found], len(values))
        assert np.flatnonzero(rank).tolist() == sizes
        np.testing.assert_array_equal(counts, wanted)


def test_zones_that_meet_late_are_one() -> None:
    comb = np.zeros((9, 13), np.uint16)
    comb[1:8, 1:12:2] = 3
    comb[7, 1:12] = 3
    spiral = np.pad(np.array([[1, 1, 1, 1, 1], [2, 2, 2, 2, 1], [1, 1, 1, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]],
                             np.uint16), 1)
    for canvas in (comb, comb[::-1].copy(), spiral, spiral[::-1].copy()):
        n = int((canvas > 0).sum())
        parent, level, size, near = np.empty((4, n + 1), np.int32)
        z = glszm.zones(canvas, naive.rim_distance(canvas).astype(np.int32), parent, level, size, near)
        assert sorted(zip(level[:z].tolist(), size[:z].tolist(), near[:z].tolist())) == naive.zones(canvas)


@pytest.mark.parametrize("kind", [np.int32, np.float64])
@pytest.mark.parametrize("pixels", [0, 50])
def test_emphases_are_their_formulas(kind: type, pixels: int) -> None:
    values, sizes = np.array([1, 4, 60000]), np.array([1.0, 2.0, 9.0, 4000.0])
    counts = np.random.default_rng(6).integers(0, 4, (5, 3, 4)).astype(kind)
    counts[1], counts[2, 1:], counts[3, :, 1:], counts[4] = 0, 0, 0, 0
    counts[4, 2, 3] = 7
    counts[2:4, 0, 0] = 1
    for chosen in (counts, counts[:1], counts[1:2], counts[2:4], counts[4:], counts[:0]):
        out = np.full(16, -9.0)
        emphasis.emphases(chosen, values, sizes, pixels, out)
        rows = [naive.emphases(m, values.tolist(), sizes.tolist(), pixels) for m in chosen]
        np.testing.assert_allclose(out, naive.mean_of(rows, 16), rtol=1e-12, atol=1e-14)


@by_case
def test_neighbors_are_those_of_the_slow_twin(shape: str, pattern: str) -> None:
    for pad, distances in REACHES:
        canvas, values = canvas_of(shape, pattern, pad)
        levels, steps = np.array([0, *values], np.int64), full(distances)
        for alpha in (0, 2, 70000):
            dependence = np.zeros((len(levels), len(steps) + 1), np.int64)
            counted, tones = np.zeros(len(levels), np.int64), np.zeros(len(levels))
            neighbors.around(canvas, pad, steps, levels, alpha, dependence, counted, tones)
            wanted = naive.around(canvas, naive.steps(distances), levels.tolist(), alpha)
            np.testing.assert_array_equal(dependence, wanted[0])
            np.testing.assert_array_equal(counted, wanted[1])
            np.testing.assert_allclose(tones, wanted[2], rtol=1e-12)


@by_case
def test_tone_features_are_their_formulas(shape: str, pattern: str) -> None:
    canvas, values = canvas_of(shape, pattern)
    _, counted, tones = naive.around(canvas, naive.steps((1,)), [0, *values.tolist()], 0)
    out = np.full(5, -9.0)
    neighbors.tone_features(counted[1:], tones[1:], values, out)
    np.testing.assert_allclose(out, naive.ngtdm(counted[1:], tones[1:], values.tolist()), rtol=1e-9, atol=1e-12)


# First order and shape -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 100.0])
@by_case
def test_first_order_features_are_those_of_the_plain_list(shape: str, pattern: str, shift: float) -> None:
    inside = plane_of(pattern, SHAPES[shape].shape)[SHAPES[shape]] * 0.5 - 40
    numbers, counts = np.unique(inside, return_counts=True)
    level_counts = np.array([c for c in (3, len(inside) - 3) if len(inside) > 3], np.int64)
    out = np.full(19, -9.0)
    first_order.statistics(counts, numbers, level_counts, shift, 0.6, out)
    assert_close(out, naive.first_order(inside, level_counts, shift, 0.6), engine.FAMILIES["firstorder"])
    # Numbers that nobody has change nothing, so a table of all bytes may be passed.
    more = np.union1d(numbers, [-999.0, -3.25, 99999.0])
    sparse = np.zeros(len(more), np.int64)
    sparse[np.searchsorted(more, numbers)] = counts
    again = np.full(19, -9.0)
    first_order.statistics(sparse, more, level_counts, shift, 0.6, again)
    np.testing.assert_array_equal(again, out)


@pytest.mark.parametrize("n", range(1, 42))
def test_percentiles_are_those_of_numpy(n: int) -> None:
    values = np.sort(np.random.default_rng(n).integers(0, 15, n)).astype(float)
    numbers, counts = np.unique(values, return_counts=True)
    out = np.empty(19)
    first_order.statistics(counts, numbers, counts, 0.0, 1.0, out)
    p10, p25, p50, p75, p90 = np.percentile(values, (10, 25, 50, 75, 90))
    np.testing.assert_allclose(out[[4, 5, 8, 9]], [p10, p90, p50, p75 - p25], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 1.25)])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "empty"])
def test_the_outline_is_the_marching_squares_polygon(shape: str, spacing: tuple[float, float]) -> None:
    mask, (dy, dx) = SHAPES[shape], spacing
    box = np.array(naive.box_of(mask))
    sums, ends = np.full(8, -9.0), np.full((2 * (box[1] - box[0]) + 3, 2), -9.0)
    shape2d.outline(mask, box, dy, dx, sums, ends)
    perimeter, area, vertices = naive.outline(mask[box[0]:box[1], box[2]:box[3]], dy, dx)
    y, x = (np.nonzero(mask)[0] - box[0]) * dy, (np.nonzero(mask)[1] - box[2]) * dx
    moments = [mask.sum(), y.sum(), x.sum(), (y * y).sum(), (x * x).sum(), (x * y).sum()]
    np.testing.assert_allclose(sums, [perimeter, area, *moments], rtol=1e-12, atol=1e-12)
    wanted = np.full(ends.shape, np.nan)
    for row in range(len(ends)):
        # The kernel's rows are half a pixel apart and start one pixel above the first; its x starts half a pixel left.
        on = [vx + dx / 2 for vy, vx in vertices if round(2 * vy / dy) + 2 == row]
        wanted[row] = (min(on), max(on)) if on else np.nan
    np.testing.assert_allclose(ends, wanted, rtol=1e-12, atol=1e-12)
    assert shape2d.diameter(ends, dy) == pytest.approx(naive.diameter(vertices), rel=1e-12)


@few
@given(st.integers(0, 10 ** 6), st.floats(0.05, 1.0), st.integers(1, 9), st.integers(1, 9))
def test_the_diameter_is_the_largest_distance_of_two_vertices(seed: int, share: float, height: int, width: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    mask[0, seed % width] = mask[-1, seed % 7 % width] = mask[seed % height, 0] = mask[seed % 5 % height, -1] = True
    ends = np.empty((2 * height + 3, 2))
    shape2d.outline(mask, np.array([0, height, 0, width]), 1.0, 1.3, np.empty(8), ends)
    assert shape2d.diameter(ends, 1.0) == pytest.approx(naive.diameter(naive.outline(mask, 1.0, 1.3)[2]), rel=1e-12)


# The engine ------------------------------------------------------------------------------------------------------


@st.composite
def regions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A small plane of one of four types and a mask of at least one pixel."""
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10 ** 6)))
    kind, top = draw(st.sampled_from(["u1", "u2", "i2", "f8"])), draw(st.sampled_from([1, 2, 4, 30, 256]))
    plane = rng.integers(0, top, (height, width))
    mask = rng.random((height, width)) < draw(st.sampled_from([0.1, 0.5, 0.8, 1.0]))
    mask[rng.integers(height), rng.integers(width)] = True
    # Halves below zero are exact, as are multiples of a hundred: no rounding decides about a gray level.
    return {"u1": plane, "u2": plane * 100, "i2": plane - 60, "f8": plane * 0.5 - 20}[kind].astype(kind), mask


def choices() -> st.SearchStrategy[RadiomicsSettings]:
    return st.builds(RadiomicsSettings, bin_width=st.sampled_from([1, 7.5, 25.0]),
                     bin_count=st.sampled_from([None, None, 1, 2, 8]), distances=st.sampled_from([(1,), (2,), (1, 3)]),
                     symmetrical_glcm=st.booleans(),
                     weighting_norm=st.sampled_from(WEIGHTINGS), gldm_a=st.sampled_from([0, 1]),
                     voxel_array_shift=st.sampled_from([0.0, 50.0]), spacing=st.sampled_from([(1.0, 1.0), (0.5, 1.25)]))


def assert_naive(plane: np.ndarray, mask: np.ndarray, chosen: RadiomicsSettings) -> None:
    known = naive.whole(plane, mask, chosen)
    known["glcm"] = [known["glcm"][name] for name in NAMES]
    assert_close(engine.measure_region(plane, mask, ALL, chosen), [v for f in ALL for v in known[f]], COLUMNS)


@pytest.mark.slow
@settings(few, max_examples=60)
@given(regions(), choices())
def test_the_engine_equals_the_naive_whole(region: tuple[np.ndarray, np.ndarray], chosen: RadiomicsSettings) -> None:
    assert_naive(*region, chosen)


@by_case
def test_the_engine_equals_the_naive_whole_on_odd_shapes(shape: str, pattern: str) -> None:
    plane, mask = plane_of(pattern, SHAPES[shape].shape), SHAPES[shape]
    chosen = RadiomicsSettings(bin_width=1, distances=(1, 2), gldm_a=1)
    if mask.any():
        assert_naive(plane.astype(np.uint16), mask, replace(chosen, bin_count=64) if shape == "256 px" else chosen)
    if mask.any() and plane.max() < 256 and shape != "256 px":
        assert_naive(plane.astype(np.uint8), mask, chosen)


@few
@given(regions(), st.integers(1, 3))
def test_turning_the_picture_changes_nothing(region: tuple[np.ndarray, np.ndarray], quarters: int) -> None:
    plane, mask = region
    upright = engine.measure_region(plane, mask, ALL)
    turned = engine.measure_region(np.rot90(plane, quarters), np.rot90(mask, quarters), ALL)
    assert_close(turned, upright, COLUMNS)


@few
@given(regions(), st.integers(0, 5), st.integers(0, 5))
def test_neither_place_nor_surroundings_matter(region: tuple[np.ndarray, np.ndarray], down: int, right: int) -> None:
    plane, mask = region
    wide = np.roll(np.pad(mask, 5), (down - 2, right - 2), (0, 1))
    large = np.random.default_rng(8).integers(0, 120, wide.shape).astype(plane.dtype)
    large[wide] = plane[mask]
    np.testing.assert_array_equal(engine.measure_region(large, wide, ALL), engine.measure_region(plane, mask, ALL))


@few
@given(regions(), st.integers(-3, 3))
def test_whole_gray_levels_more_or_less_change_no_texture(region: tuple[np.ndarray, np.ndarray], levels: int) -> None:
    plane, mask = region
    wide = plane.astype(np.int32) if plane.dtype.kind in "ui" else plane
    chosen = RadiomicsSettings(bin_width=25)
    np.testing.assert_array_equal(engine.measure_region(wide + 25 * levels, mask, TEXTURE, chosen),
                                  engine.measure_region(wide, mask, TEXTURE, chosen))


@few
@given(regions())
def test_the_type_of_the_plane_changes_nothing(region: tuple[np.ndarray, np.ndarray]) -> None:
    plane, mask = region
    plane = plane.astype(np.uint8)
    for kind in (np.int64, np.float32, ">u2"):
        found = engine.measure_region(plane.astype(kind), mask, ALL)
        assert_close(found, engine.measure_region(plane, mask, ALL), COLUMNS)


@few
@given(st.lists(regions(), max_size=4), choices())
def test_a_batch_is_the_rows_of_its_regions(batch: list[tuple[np.ndarray, np.ndarray]],
                                            chosen: RadiomicsSettings) -> None:
    table = engine.measure([plane for plane, _ in batch], [mask for _, mask in batch], ALL, chosen)
    assert list(table.columns) == COLUMNS and len(table) == len(batch)
    for row, region in zip(table.to_numpy(), batch, strict=True):
        np.testing.assert_array_equal(row, engine.measure_region(*region, ALL, chosen))


@few
@given(regions())
def test_families_alone_are_those_measured_together(region: tuple[np.ndarray, np.ndarray]) -> None:
    alone = [engine.measure_region(*region, (family,)) for family in ALL]
    np.testing.assert_array_equal(np.concatenate(alone), engine.measure_region(*region, ALL))
    backwards = np.concatenate(alone[::-1])
    np.testing.assert_array_equal(backwards, engine.measure_region(*region, ALL[::-1]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64])
def test_what_is_passed_is_left_untouched(kind: type) -> None:
    plane, mask = plane_of("few levels", (6, 7)).astype(kind) * 20, SHAPES["ring"].copy()
    before = engine.measure_region(plane, mask, ALL)
    copies = plane.copy(), mask.copy()
    plane.setflags(write=False)
    mask.setflags(write=False)
    np.testing.assert_array_equal(engine.measure_region(plane, mask, ALL), before)
    np.testing.assert_array_equal(plane, copies[0])
    np.testing.assert_array_equal(mask, copies[1])
    # A view with steps is as good as a plane of its own.
    wide, hole = np.repeat(np.repeat(plane, 2, 0), 3, 1), np.repeat(np.repeat(mask, 2, 0), 3, 1)
    np.testing.assert_array_equal(engine.measure_region(wide[::2, ::3], hole[::2, ::3], ALL), before)
