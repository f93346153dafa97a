"""Slow twins that define the radiomics kernels: plain Python, one obvious loop each, straight from the formulas.

Formulas: IBSI reference manual, arXiv:1612.07003, and pyradiomics 3 (10.1158/0008-5472.CAN-17-0339) where it guards a
logarithm or a denominator. A canvas is a plane of ranks of gray levels, 0 outside the region, padded with zeros.
"""
import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Step = tuple[int, int]

EPS = float(np.spacing(1.0))
LINES: tuple[Step, ...] = ((0, 1), (1, -1), (1, 0), (1, 1))
# Places of the sixteen without normalized non-uniformity of levels and without percentage.
GLDM = (0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15)


def places(shape: tuple[int, ...]) -> Iterable[Step]:
    return itertools.product(range(shape[0]), range(shape[1]))


def bits(shares: Iterable[float]) -> float:
    return -sum(q * math.log2(q + EPS) for q in shares)


# Quantizing ------------------------------------------------------------------------------------------------------


def box_of(mask: Array) -> list[int]:
    """First row, last row + 1, first column, last column + 1; zeros for nothing."""
    inside = [(i, j) for i, j in places(mask.shape) if mask[i, j]]
    if not inside:
        return [0, 0, 0, 0]
    rows, columns = [i for i, _ in inside], [j for _, j in inside]
    return [min(rows), max(rows) + 1, min(columns), max(columns) + 1]


def count_bytes(plane: Array, mask: Array) -> tuple[list[int], list[int], int, int]:
    """How often each byte occurs, the box, the smallest and the largest byte (256 and -1 for nothing)."""
    inside = [int(plane[place]) for place in places(mask.shape) if mask[place]]
    return [inside.count(v) for v in range(256)], box_of(mask), min(inside, default=256), max(inside, default=-1)


def digitize(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Number of edges that are not above the value."""
    return [sum(edge <= value for edge in edges) for value in values]


def rank_bytes(counts: Sequence[int], edges: Sequence[float]) -> tuple[list[int], list[int], list[int]]:
    """Rank of each byte that occurs (0 for the others), gray level of each rank, pixels of each rank."""
    level = {v: digitize([v], edges)[0] for v in range(256) if counts[v]}
    values = sorted(set(level.values()))
    table = [values.index(level[v]) + 1 if v in level else 0 for v in range(256)]
    return table, values, [sum(counts[v] for v in level if level[v] == value) for value in values]


def scatter(levels: Sequence[int], mask: Array, pad: int) -> Array:
    """Canvas of the mask's box: the levels in reading order."""
    top, bottom, left, right = box_of(mask)
    out = np.zeros((bottom - top + 2 * pad, right - left + 2 * pad), np.uint16)
    for level, (i, j) in zip(levels, [place for place in places(mask.shape) if mask[place]], strict=True):
        out[i - top + pad, j - left + pad] = level
    return out


def look_up(plane: Array, mask: Array, table: Sequence[int], pad: int) -> Array:
    return scatter([table[plane[place]] for place in places(mask.shape) if mask[place]], mask, pad)


def gray_levels(values: Sequence[float], bin_width: float, bin_count: int | None) -> list[int]:
    """Level of each value: multiples of the width, the first that occurs is 1; or equal parts of the range."""
    low, high = min(values), max(values)
    if bin_count is None:
        return [math.floor(v / bin_width) - math.floor(low / bin_width) + 1 for v in values]
    if low == high:
        return [digitize([low], np.linspace(low - 0.5, high + 0.5, bin_count + 1))[0]] * len(values)
    return [min(n, bin_count) for n in digitize(values, np.linspace(low, high, bin_count + 1))]


# Co-occurrences --------------------------------------------------------------------------------------------------


def steps(distances: Sequence[int]) -> list[Step]:
    """All steps of these Chebyshev lengths, both senses."""
    reach = range(-max(distances), max(distances) + 1)
    return [(y, x) for y in reach for x in reach if max(abs(y), abs(x)) in distances]


def length(step: Step, norm: str, spacing: tuple[float, float]) -> float:
    y, x = abs(step[0]) * spacing[0], abs(step[1]) * spacing[1]
    return {"no_weighting": 1.0, "infinity": max(y, x), "euclidean": math.sqrt(y * y + x * x), "manhattan": y + x}[norm]


def pairs(canvas: Array, offsets: Iterable[Step], k: int) -> Array:
    """(D, k + 1, k + 1): how often rank b lies one offset from rank a; b is 0 where the neighbor is outside."""
    out = np.zeros((len(list(offsets)), k + 1, k + 1), np.int64)
    for d, (down, right) in enumerate(offsets):
        for i, j in places(canvas.shape):
            if canvas[i, j]:
                y, x = i + down, j + right
                there = 0 <= y < canvas.shape[0] and 0 <= x < canvas.shape[1]
                out[d, canvas[i, j], canvas[y, x] if there else 0] += 1
    return out


def gather(table: Array, weights: Sequence[float], symmetrical: bool, merge: bool) -> Array:
    inner = table[:, 1:, 1:].astype(float)
    one_way = [w * m for w, m in zip(weights, inner)]
    both = [m + m.T if symmetrical else m for m in one_way]
    return sum(both)[None] if merge else np.array(both)


def mcc(p: Array, px: Sequence[float], py: Sequence[float]) -> float:
    """Square root of the second eigenvalue of Q(i, j) = sum_k p(i, k) p(j, k) / (px(i) py(k)); 1 for one level."""
    k = len(p)
    if k == 1:
        return 1.0
    rows, columns = (np.array([1 / q if q > 0 else 0.0 for q in side]) for side in (px, py))
    q = (p * rows[:, None]) @ (p * columns).T
    return math.sqrt(max(sorted(np.linalg.eigvals(q).real)[-2], 0.0))


def glcm(matrix: Array, values: Sequence[int]) -> dict[str, float]:
    """The 24 features by name; NaN without a pair."""
    k, n, top = len(values), float(matrix.sum()), values[-1]
    p = matrix / n if n else matrix
    px, py = [sum(p[i, :]) for i in range(k)], [sum(p[:, j]) for j in range(k)]
    ux, uy = sum(values[i] * px[i] for i in range(k)), sum(values[j] * py[j] for j in range(k))
    sx = math.sqrt(sum((values[i] - ux) ** 2 * px[i] for i in range(k)))
    sy = math.sqrt(sum((values[j] - uy) ** 2 * py[j] for j in range(k)))
    of_sum: dict[int, float] = {}
    of_gap: dict[int, float] = {}
    f = dict.fromkeys(("autocorrelation", "cluster_prominence", "cluster_shade", "cluster_tendency", "contrast",
                       "difference_average", "joint_energy", "joint_entropy", "idm", "idmn", "id", "idn",
                       "inverse_variance", "sum_average", "sum_squares"), 0.0)
    covariance, hxy1, hxy2 = 0.0, 0.0, 0.0
    for a, b in places((k, k)):
        q, i, j = float(p[a, b]), values[a], values[b]
        gap = abs(i - j)
        of_sum[i + j] = of_sum.get(i + j, 0.0) + q
        of_gap[gap] = of_gap.get(gap, 0.0) + q
        f["autocorrelation"] += i * j * q
        f["cluster_prominence"] += (i + j - ux - uy) ** 4 * q
        f["cluster_shade"] += (i + j - ux - uy) ** 3 * q
        f["cluster_tendency"] += (i + j - ux - uy) ** 2 * q
        f["contrast"] += gap ** 2 * q
        f["difference_average"] += gap * q
        f["joint_energy"] += q * q
        f["joint_entropy"] -= q * math.log2(q + EPS)
        f["idm"] += q / (1 + gap ** 2)
        f["idmn"] += q / (1 + gap ** 2 / top ** 2)
        f["id"] += q / (1 + gap)
        f["idn"] += q / (1 + gap / top)
        f["inverse_variance"] += q / gap ** 2 if gap else 0.0
        f["sum_average"] += (i + j) * q
        f["sum_squares"] += (i - ux) ** 2 * q
        covariance += (i - ux) * (j - uy) * q
        hxy1 -= q * math.log2(px[a] * py[b] + EPS)
        hxy2 -= px[a] * py[b] * math.log2(px[a] * py[b] + EPS)
    # One level on a side: no spread and no information, whatever rounding leaves of them.
    flat_x, flat_y = sum(q > 0 for q in px) == 1, sum(q > 0 for q in py) == 1
    f["correlation"] = 1.0 if flat_x or flat_y else covariance / (sx * sy + EPS)
    f["imc1"] = 0.0 if flat_x and flat_y else (f["joint_entropy"] - hxy1) / (max(bits(px), bits(py)) or 1.0)
    f["imc2"] = math.sqrt(max(1 - math.exp(-2 * (hxy2 - f["joint_entropy"])), 0.0))
    f["joint_average"], f["maximum_probability"] = ux, float(p.max())
    f["difference_entropy"], f["sum_entropy"] = bits(of_gap.values()), bits(of_sum.values())
    f["difference_variance"] = sum((g - f["difference_average"]) ** 2 * q for g, q in of_gap.items())
    f["mcc"] = mcc(p, px, py)
    return f if n else dict.fromkeys(f, math.nan)


# Runs, zones, dependences ----------------------------------------------------------------------------------------


def lines(canvas: Array, step: Step) -> list[list[int]]:
    """Every line of the canvas along the step, from rim to rim."""
    out = []
    for i, j in places(canvas.shape):
        if not (0 <= i - step[0] < canvas.shape[0] and 0 <= j - step[1] < canvas.shape[1]):
            line, y, x = [], i, j
            while 0 <= y < canvas.shape[0] and 0 <= x < canvas.shape[1]:
                line.append(int(canvas[y, x]))
                y, x = y + step[0], x + step[1]
            out.append(line)
    return out


def runs(canvas: Array, k: int) -> Array:
    """(4, k + 1, longest + 1): runs by direction, rank and length; nothing is counted for rank 0."""
    out = np.zeros((4, k + 1, max(canvas.shape) + 1), np.int64)
    for d, step in enumerate(LINES):
        for line in lines(canvas, step):
            for rank, run in itertools.groupby(line):
                out[d, rank, len(list(run))] += rank > 0
    return out


def rim_distance(canvas: Array) -> Array:
    """Least city-block distance of each pixel to a pixel outside the region; 0 outside. The canvas is padded."""
    outside = [place for place in places(canvas.shape) if not canvas[place]]
    out = np.zeros(canvas.shape, np.int64)
    for i, j in places(canvas.shape):
        if canvas[i, j]:
            out[i, j] = min(abs(i - y) + abs(j - x) for y, x in outside)
    return out


def zones(canvas: Array) -> list[tuple[int, int, int]]:
    """(rank, size, least distance from the rim) of each zone of 8 neighbors, sorted."""
    depth, left, out = rim_distance(canvas), {p for p in places(canvas.shape) if canvas[p]}, []
    while left:
        zone, front = set(), [left.pop()]
        while front:
            i, j = front.pop()
            zone.add((i, j))
            near = {(i + y, j + x) for y in (-1, 0, 1) for x in (-1, 0, 1)} & left
            same = [place for place in near if canvas[place] == canvas[i, j]]
            left.difference_update(same)
            front.extend(same)
        out.append((int(canvas[i, j]), len(zone), int(min(depth[place] for place in zone))))
    return sorted(out)


def by_size(things: Iterable[tuple[int, int]], k: int) -> tuple[Array, list[float]]:
    """Counts of (rank, size) by rank and by the sizes that occur, and these sizes."""
    things = list(things)
    sizes = sorted({size for _, size in things})
    out = np.zeros((k, len(sizes)))
    for rank, size in things:
        out[rank - 1, sizes.index(size)] += 1
    return out, [float(s) for s in sizes]


def emphases(matrix: Array, values: Sequence[int], sizes: Sequence[float], pixels: int = 0) -> list[float]:
    """The sixteen features of one matrix of counts, in the kernel's order; NaN where it counts nothing."""
    cells = [(float(c), values[a], sizes[b]) for (a, b), c in np.ndenumerate(matrix) if c]
    n = sum(c for c, _, _ in cells)
    if not n:
        return [math.nan] * 16
    rows, columns = [sum(row) for row in matrix], [sum(column) for column in matrix.T]
    mean_i, mean_j = sum(c * i for c, i, _ in cells) / n, sum(c * j for c, _, j in cells) / n
    gray, size = sum(float(r) ** 2 for r in rows), sum(float(c) ** 2 for c in columns)
    return [sum(c / j ** 2 for c, _, j in cells) / n, sum(c * j ** 2 for c, _, j in cells) / n,
            gray / n, gray / n ** 2, size / n, size / n ** 2,
            n / (pixels or sum(c * j for c, _, j in cells)),
            sum(c / n * (i - mean_i) ** 2 for c, i, _ in cells), sum(c / n * (j - mean_j) ** 2 for c, _, j in cells),
            bits(c / n for c, _, _ in cells),
            sum(c / i ** 2 for c, i, _ in cells) / n, sum(c * i ** 2 for c, i, _ in cells) / n,
            sum(c / (i ** 2 * j ** 2) for c, i, j in cells) / n, sum(c * i ** 2 / j ** 2 for c, i, j in cells) / n,
            sum(c * j ** 2 / i ** 2 for c, i, j in cells) / n, sum(c * i ** 2 * j ** 2 for c, i, j in cells) / n]


def mean_of(rows: Iterable[Sequence[float]], width: int) -> list[float]:
    """The mean of the rows that are not NaN."""
    kept = [row for row in rows if not math.isnan(row[0])]
    return [sum(column) / len(kept) for column in zip(*kept)] if kept else [math.nan] * width


def around(canvas: Array, offsets: Sequence[Step], values: Sequence[int], alpha: int) -> tuple[Array, Array, Array]:
    """Pixels by rank and number of dependent neighbors; pixels with a neighbor; sums of |level - neighbors' mean|.

    `values` starts with the 0 of rank 0.
    """
    k = len(values)
    dependence, counted, tones = np.zeros((k, len(offsets) + 1), np.int64), np.zeros(k, np.int64), np.zeros(k)
    for i, j in places(canvas.shape):
        rank = canvas[i, j]
        if rank:
            there = [(i + y, j + x) for y, x in offsets
                     if 0 <= i + y < canvas.shape[0] and 0 <= j + x < canvas.shape[1] and canvas[i + y, j + x]]
            near = [values[canvas[place]] for place in there]
            dependence[rank, sum(abs(b - values[rank]) <= alpha for b in near)] += 1
            if near:
                counted[rank] += 1
                tones[rank] += abs(values[rank] - sum(near) / len(near))
    return dependence, counted, tones


def ngtdm(counted: Sequence[int], tones: Sequence[float], values: Sequence[int]) -> list[float]:
    """Coarseness, contrast, busyness, complexity, strength; shares are fractions, so that a zero is a zero."""
    n = int(sum(counted))
    if not n:
        return [math.nan] * 5
    used = [(Fraction(int(c), n), float(s), int(i)) for c, s, i in zip(counted, tones, values) if c]
    two = [(x, y) for x in used for y in used]
    all_tones = sum(s for _, s, _ in used)
    weighted = sum(float(p) * s for p, s, _ in used)
    busy = float(sum(abs(i * p - j * q) for (p, _, i), (q, _, j) in two))
    spread = float(sum(p * q * (i - j) ** 2 for (p, _, i), (q, _, j) in two))
    apart = float(sum((p + q) * (i - j) ** 2 for (p, _, i), (q, _, j) in two))
    complexity = sum(abs(i - j) * (float(p) * s + float(q) * t) / float(p + q) for (p, s, i), (q, t, j) in two)
    return [1 / weighted if weighted else 1e6,
            spread / (len(used) * (len(used) - 1)) * all_tones / n if len(used) > 1 else 0.0,
            weighted / busy if busy else 0.0, complexity / n, apart / all_tones if all_tones else 0.0]


# First order and shape -------------------------------------------------------------------------------------------


def first_order(values: Sequence[float], level_counts: Sequence[int], shift: float = 0.0,
                area: float = 1.0) -> list[float]:
    """The 19 features of a plain list of values."""
    x = np.array(values, float)
    if not len(x):
        return [math.nan] * 19
    p10, p25, p50, p75, p90 = np.percentile(x, (10, 25, 50, 75, 90))
    robust = x[(x >= p10) & (x <= p90)]
    away = x - x.mean()
    m2 = (away ** 2).mean() if x.min() < x.max() else 0.0
    energy = ((x + shift) ** 2).sum()
    p = [c / len(x) for c in level_counts]
    return [energy, energy * area, bits(p), x.min(), p10, p90, x.max(), x.mean(), p50, p75 - p25, x.max() - x.min(),
            np.abs(away).mean(), np.abs(robust - robust.mean()).mean() if len(robust) else math.nan,
            math.sqrt(energy / len(x)), math.sqrt(m2), (away ** 3).mean() / m2 ** 1.5 if m2 else 0.0,
            (away ** 4).mean() / m2 ** 2 if m2 else 0.0, m2, sum(q * q for q in p)]


def corner_of_outline(block: Array) -> list[list[tuple[float, float]]]:
    """Polygons (y, x) of what lies inside one 2 x 2 block of pixel centers; two triangles for a diagonal pair."""
    around_it = [(0, 0), (0, 1), (1, 1), (1, 0)]
    if block.sum() == 2 and block[0, 0] == block[1, 1]:
        return [p for k in around_it if block[k]
                for p in corner_of_outline(np.array([[k == (y, x) for x in (0, 1)] for y in (0, 1)]))]
    polygon: list[tuple[float, float]] = []
    for here, after in zip(around_it, around_it[1:] + around_it[:1]):
        if block[here]:
            polygon.append((float(here[0]), float(here[1])))
        if block[here] != block[after]:
            polygon.append(((here[0] + after[0]) / 2, (here[1] + after[1]) / 2))
    return [polygon]


def outline(mask: Array, dy: float, dx: float) -> tuple[float, float, list[tuple[float, float]]]:
    """Perimeter, area and vertices (y, x, in units from the first pixel's center) of the marching squares."""
    wide = np.pad(mask, 1)
    perimeter, area, vertices = 0.0, 0.0, []
    for i, j in places((wide.shape[0] - 1, wide.shape[1] - 1)):
        for polygon in corner_of_outline(wide[i:i + 2, j:j + 2]):
            around_it = list(zip(polygon, polygon[1:] + polygon[:1]))
            area += abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in around_it)) / 2 * dy * dx
            cut = [v for v in polygon if v[0] % 1 or v[1] % 1]
            if cut:
                perimeter += math.hypot((cut[0][0] - cut[1][0]) * dy, (cut[0][1] - cut[1][1]) * dx)
            vertices += [((i - 1 + y) * dy, (j - 1 + x) * dx) for y, x in cut]
    return perimeter, area, vertices


def diameter(vertices: Sequence[tuple[float, float]]) -> float:
    return max(math.dist(a, b) for a in vertices for b in vertices)


def shape2d(mask: Array, spacing: tuple[float, float]) -> list[float]:
    dy, dx = spacing
    perimeter, area, vertices = outline(mask, dy, dx)
    at = np.array([(i * dy, j * dx) for i, j in places(mask.shape) if mask[i, j]])
    away = at - at.mean(axis=0)
    small, large = np.linalg.eigvalsh(away.T @ away / len(at))
    small = max(small, 0.0)
    sphericity = 2 * math.sqrt(math.pi * area) / perimeter
    return [area, len(at) * dy * dx, perimeter, perimeter / area, sphericity, 1 / sphericity, diameter(vertices),
            4 * math.sqrt(large), 4 * math.sqrt(small), math.sqrt(small / large) if len(at) > 1 else math.nan]


# Histograms and the whole ----------------------------------------------------------------------------------------


def histogram(levels: Sequence[int]) -> list[float]:
    """The 23 features of IBSI's intensity histogram."""
    x = np.array(levels)
    counts = np.bincount(x - x.min()).tolist()
    f = first_order(levels, counts)
    most, mean = max(counts), x.mean()
    mode = min((g for g, c in enumerate(counts, int(x.min())) if c == most), key=lambda g: abs(g - mean))
    ends = [min(max(k, 0), len(counts) - 1) for k in range(-1, len(counts) + 1)]
    slope = [(counts[b] - counts[a]) / max(b - a, 1) for a, b in zip(ends, ends[2:])]
    p25, p75 = np.percentile(x, (25, 75))
    return [f[7], f[17], f[15], f[16] - 3 if f[17] else 0.0, f[8], f[3], f[4], f[5], f[6], mode, f[9], f[10], f[11],
            f[12], np.abs(x - np.median(x)).mean(), f[14] / f[7], (p75 - p25) / (p75 + p25), f[2], f[18],
            max(slope), int(x.min()) + slope.index(max(slope)), min(slope), int(x.min()) + slope.index(min(slope))]


def volume_histogram(levels: Sequence[int]) -> list[float]:
    """Share of pixels above 10 and 90 % of the range; lowest level above which 10 and 90 % are, the last if none."""
    low, high, n = min(levels), max(levels), len(levels)
    volume = [sum(10 * (g - low) >= tenths * (high - low) for g in levels) / n for tenths in (1, 9)]
    # The number of pixels at or above a level only falls just above one that occurs.
    reached = {g: sum(other >= g for other in levels) for g in sorted({low, *(g + 1 for g in levels)}) if g <= high}
    level = [next((g for g in reached if 10 * reached[g] <= tenths * n), high) for tenths in (1, 9)]
    return [*volume, *level, volume[0] - volume[1], level[0] - level[1]]


def whole(plane: Array, mask: Array, settings: Any) -> dict[str, list[float] | dict[str, float]]:
    """Every family of a region that is not empty."""
    inside = [float(plane[place]) for place in places(mask.shape) if mask[place]]
    levels = gray_levels(inside, settings.bin_width, settings.bin_count)
    values, spacing, norm = sorted(set(levels)), settings.spacing, settings.weighting_norm
    k, counts = len(values), [levels.count(v) for v in values]
    canvas = scatter([values.index(level) + 1 for level in levels], mask, 1)
    half = [step for step in steps(settings.distances) if step > (0, 0)]
    weights = [1.0 if norm in (None, "no_weighting") else math.exp(-length(s, norm, spacing) ** 2) for s in half]
    matrices = gather(pairs(canvas, half, k), weights, settings.symmetrical_glcm, norm is not None)
    co = [glcm(m, values) for m in matrices]
    kept = [d for d, step in enumerate(LINES) if any(sum(map(bool, line)) > 1 for line in lines(canvas, step))]
    run = runs(canvas, k)[kept, 1:, 1:]
    if norm is not None:
        run = np.array([sum((length(LINES[d], norm, spacing) * m for d, m in zip(kept, run)), np.zeros(run.shape[1:]))])
    found = zones(canvas)
    areas, sizes = by_size([(rank, size) for rank, size, _ in found], k)
    depths, distances = by_size([(rank, depth) for rank, _, depth in found], k)
    near, counted, tones = around(canvas, steps(settings.distances), [0, *values], settings.gldm_a)
    dependence = emphases(near[1:], values, range(1, near.shape[1] + 1), len(inside))
    return {"firstorder": first_order(inside, counts, settings.voxel_array_shift, spacing[0] * spacing[1]),
            "shape2d": shape2d(mask, spacing),
            "glcm": {name: mean_of([[f[name]] for f in co], 1)[0] for name in co[0]},
            "glrlm": mean_of([emphases(m, values, range(1, m.shape[1] + 1)) for m in run], 16),
            "glszm": emphases(areas, values, sizes), "gldm": [dependence[f] for f in GLDM],
            "ngtdm": ngtdm(counted[1:], tones[1:], values),
            "gldzm": emphases(depths, values, distances, len(inside)),
            "ngldm": [*dependence, sum((c / len(inside)) ** 2 for c in near.ravel())],
            "histogram": histogram(levels), "volume_histogram": volume_histogram(levels)}
