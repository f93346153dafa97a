"""Slow twins that define the kernels of texture and of object shapes: plain Python, one obvious loop each."""
import cmath
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pixel(plane: Array, y: int, x: int) -> float:
    """0 outside."""
    return float(plane[y, x]) if 0 <= y < plane.shape[0] and 0 <= x < plane.shape[1] else 0.0


def between(plane: Array, y: float, x: float) -> float:
    """Bilinear, along the row first."""
    top, left = math.floor(y), math.floor(x)
    fy, fx = y - top, x - left
    upper = (1 - fx) * pixel(plane, top, left) + fx * pixel(plane, top, left + 1)
    lower = (1 - fx) * pixel(plane, top + 1, left) + fx * pixel(plane, top + 1, left + 1)
    return (1 - fy) * upper + fy * lower


def local_binary_pattern(plane: Array, points: int, radius: float, method: str) -> Array:
    """(H, W) codes: compared with the value of the pixel, counter-clockwise from the right."""
    out = np.zeros(plane.shape, np.int32)
    for i, j in np.ndindex(*plane.shape):
        bits = []
        for p in range(points):
            turn = 2 * np.pi * p / points
            y, x = np.round(-radius * np.sin(turn), 5), np.round(radius * np.cos(turn), 5)
            bits.append(int(between(plane, i + y, j + x) - float(plane[i, j]) >= 0))
        out[i, j] = name(bits, method)
    return out


def name(bits: list[int], method: str) -> int:
    n, ones = len(bits), sum(bits)
    turns = [bits[k:] + bits[:k] for k in range(n)]
    if method == "default":
        return sum(b << k for k, b in enumerate(bits))
    if method == "ror":
        return min(sum(b << k for k, b in enumerate(turn)) for turn in turns)
    changes = sum(bits[k] != bits[k - 1] for k in range(n))
    if method == "uniform":
        return ones if changes <= 2 else n + 1
    if changes > 2:
        return n * (n - 1) + 2
    if ones in (0, n):
        return 0 if ones == 0 else n * (n - 1) + 1
    run = next(k for k in range(n) if bits[k] and not bits[k - 1])
    return 1 + (ones - 1) * n + (n - run) % n if run else 1 + (ones - 1) * n


def hog(plane: Array, orientations: int, cell: tuple[int, int], block: tuple[int, int], norm: str) -> Array:
    """(block rows, block columns, a, b, bins): every pixel votes with its gradient for one direction of its cell."""
    height, width = plane.shape
    rows, columns = height // cell[0], width // cell[1]
    cells = np.zeros((rows, columns, orientations))
    for i, j in itertools.product(range(rows * cell[0]), range(columns * cell[1])):
        dy = float(plane[i + 1, j]) - float(plane[i - 1, j]) if 0 < i < height - 1 else 0.0
        dx = float(plane[i, j + 1]) - float(plane[i, j - 1]) if 0 < j < width - 1 else 0.0
        degrees = math.degrees(math.atan2(dy, dx)) % 180
        cells[i // cell[0], j // cell[1], int(degrees // (180 / orientations))] += math.hypot(dy, dx)
    cells /= cell[0] * cell[1]
    out = np.zeros((rows - block[0] + 1, columns - block[1] + 1, *block, orientations))
    for i, j in np.ndindex(*out.shape[:2]):
        part = cells[i: i + block[0], j: j + block[1]]
        if norm == "L1":
            out[i, j] = part / (part.sum() + 1e-5)
        else:
            out[i, j] = part / math.sqrt((part ** 2).sum() + 1e-10)
        if norm == "L2-Hys":
            clipped = np.minimum(out[i, j], 0.2)
            out[i, j] = clipped / math.sqrt((clipped ** 2).sum() + 1e-10)
    return out


def gabor_energy(plane: Array, mask: Array, wavelength: float, turn: float) -> float:
    """Sum over the plane of |complex Gabor filter of the region without its mean|^2 / pixels of the region."""
    sigma = wavelength / math.pi * math.sqrt(math.log(2) / 2) * 3
    reach = math.ceil(5 * sigma)
    height, width = plane.shape
    field = np.zeros((height + 4 * reach, width + 4 * reach))
    field[2 * reach: -2 * reach, 2 * reach: -2 * reach] = (plane - plane[mask].mean()) * mask
    answer = np.zeros((height + 2 * reach, width + 2 * reach), complex)
    for y, x in itertools.product(range(-reach, reach + 1), repeat=2):
        along = x * math.cos(turn) + y * math.sin(turn)
        tap = cmath.exp(-(x * x + y * y) / (2 * sigma ** 2) + 2j * math.pi * along / wavelength) / (
            2 * math.pi * sigma ** 2)
        answer += tap * field[reach - y: reach - y + answer.shape[0], reach - x: reach - x + answer.shape[1]]
    return float((np.abs(answer) ** 2).sum() / mask.sum())


def zernike_moment(plane: Array, radius: float, center: tuple[float, float], n: int, order: int) -> float:
    """|(n + 1) / pi sum of share x R_nl(r) exp(-i l t)| over the pixels above 0 in the disk."""
    total, moment = 0.0, 0j
    for i, j in np.ndindex(*plane.shape):
        y, x = (i - center[0]) / radius, (j - center[1]) / radius
        r = math.hypot(y, x)
        if r > 1 or plane[i, j] <= 0:
            continue
        value = sum((-1) ** s * math.factorial(n - s) * r ** (n - 2 * s) / (
            math.factorial(s) * math.factorial((n + order) // 2 - s) * math.factorial((n - order) // 2 - s))
            for s in range((n - order) // 2 + 1))
        total += float(plane[i, j])
        moment += float(plane[i, j]) * value * cmath.exp(-1j * order * math.atan2(y, x))
    return abs(moment) / total * (n + 1) / math.pi


def power_sums(plane: Array, center: tuple[float, float], radius: float, powers: int) -> Array:
    out = np.zeros((powers, powers))
    for i, j in np.ndindex(*plane.shape):
        y, x = (i - center[0]) / radius, (j - center[1]) / radius
        if y * y + x * x <= 1 and plane[i, j] > 0:
            out += float(plane[i, j]) * np.outer(y ** np.arange(powers), x ** np.arange(powers))
    return out


def local_entropies(levels: Array, mask: Array, half: int) -> Array:
    """(H, W): Shannon entropy of the pixels of the region in the window, 0 outside of the region."""
    out = np.zeros(levels.shape)
    for i, j in np.argwhere(mask):
        window = np.s_[max(i - half, 0): i + half + 1, max(j - half, 0): j + half + 1]
        p = np.bincount(levels[window][mask[window]]) / mask[window].sum()
        out[i, j] = -sum(v * math.log2(v) for v in p if v > 0)
    return out


def outline(mask: Array) -> Array:
    framed = np.pad(mask, 1)
    inner = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return np.asarray(mask & ~inner)


def box_ladder(plane: Array, mask: Array, edge: Array, sides: list[int]) -> Array:
    """(S, 2), boxes at every place: how many hold outline; sum of pixels x gray range of boxes one pixel larger."""
    rows = []
    for side in sides:
        boxes, total = 0, 0
        for i, j in itertools.product(range(-side, mask.shape[0]), range(-side, mask.shape[1])):
            own = np.s_[max(i, 0): max(i + side, 0), max(j, 0): max(j + side, 0)]
            wide = np.s_[max(i, 0): i + side + 1, max(j, 0): j + side + 1]
            boxes += bool(edge[own].any())
            if mask[wide].any():
                values = plane[wide][mask[wide]].astype(int)
                total += len(values) * int(values.max() - values.min())
        rows.append([boxes, total])
    return np.array(rows, float)


def gliding_boxes(plane: Array, mask: Array, side: int) -> Array:
    """(6,): places, sum of pixels, of their squares; pixels of the region, sum of mean levels, of their squares."""
    height, width = mask.shape
    held = [float(mask[i: i + side, j: j + side].sum())
            for i in range(height - side + 1) for j in range(width - side + 1)]
    means = []
    for i, j in np.argwhere(mask):
        top, left = i - side // 2, j - side // 2
        window = np.s_[max(top, 0): top + side, max(left, 0): left + side]
        means.append(float(plane[window][mask[window]].mean()))
    return np.array([len(held), sum(held), sum(h * h for h in held), len(means), sum(means), sum(m * m for m in means)])


def opened(plane: Array, mask: Array, disk: Array) -> Array:
    """Highest of the lowest levels of the disks that hold a pixel, by their part in the region; centers inside too."""
    reach = disk.shape[0] // 2
    taps = np.argwhere(disk) - reach

    def around(values: Array, y: int, x: int) -> list[float]:
        spots = [(y + a, x + b) for a, b in taps]
        return [values[p] for p in spots if 0 <= p[0] < mask.shape[0] and 0 <= p[1] < mask.shape[1] and mask[p]]

    low, out = np.zeros(plane.shape), np.zeros(plane.shape)
    for i, j in np.argwhere(mask):
        low[i, j] = min(around(plane, i, j))
    for i, j in np.argwhere(mask):
        out[i, j] = max(around(low, i, j))
    return out


def hull_corners(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Corners of the convex hull by Andrew's monotone chain, counter-clockwise, in exact integers."""
    def chain(ordered: list[tuple[int, int]]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for p in ordered:
            while len(found) > 1 and cross(found[-2], found[-1], p) <= 0:
                found.pop()
            found.append(p)
        return found[:-1]
    ordered = sorted(set(points))
    return chain(ordered) + chain(ordered[::-1])


def cross(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def sides(pixels: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Middles of the four sides of every pixel, in half pixels."""
    return [(2 * y + a, 2 * x + b) for y, x in pixels for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))]


def convex_hull(mask: Array) -> tuple[int, int]:
    """Pixels whose center lies in or on the hull of all middles of sides; largest squared distance across them."""
    corners = hull_corners(sides([(int(y), int(x)) for y, x in np.argwhere(mask)]))
    inside = [(i, j) for i, j in np.ndindex(*mask.shape)
              if all(cross(a, b, (2 * i, 2 * j)) >= 0 for a, b in zip(corners, corners[1:] + corners[:1]))]
    wide = hull_corners(sides(inside))
    return len(inside), max((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 for a in wide for b in wide)


def quads(mask: Array) -> Array:
    """(16,): windows of 2 x 2 pixels by which are set: 1 lower right, 2 upper right, 4 lower left, 8 upper left."""
    out, framed = np.zeros(16, np.int64), np.pad(mask, 1).astype(int)
    for i, j in itertools.product(range(mask.shape[0] + 1), range(mask.shape[1] + 1)):
        (a, b), (c, d) = framed[i: i + 2, j: j + 2]
        out[d + 2 * b + 4 * c + 8 * a] += 1
    out[[0, 15]] = 0
    return out


def outline_steps(mask: Array) -> Array:
    """(3,): pixels of the outline that count 1, sqrt(2) and (1 + sqrt(2)) / 2."""
    edge, out = np.pad(outline(mask), 1).astype(int), np.zeros(3, np.int64)
    weights = {(2, 0): 0, (3, 0): 0, (2, 1): 0, (3, 1): 0, (2, 2): 0, (3, 2): 0,
               (0, 2): 1, (1, 3): 1, (1, 1): 2, (1, 2): 2}
    for i, j in np.argwhere(edge):
        window = edge[i - 1: i + 2, j - 1: j + 2]
        slanted = int(window[::2, ::2].sum())
        kind = weights.get((int(window.sum()) - 1 - slanted, slanted))
        if kind is not None:
            out[kind] += 1
    return out
