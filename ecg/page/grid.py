"""The paper's grid as a lattice: where every 5 mm line lies, however the page is turned, tilted or photographed.

A grid is periodic, so its phase can be measured in every part of a page from all lines there together, to a small
fraction of a pixel, even where most of each line is hidden or faint. Spectra of tiles tell period and direction; then
the phases of blocks, unwrapped outward from the middle, fix a homography from pixels to millimetres.
"""
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft2
from scipy.ndimage import maximum_filter

from ecg.scale import Scale
from featurize.arrays import Float32Array, Float64Array
from featurize.images.picture import ImageError

# A 5 mm box: what every ECG paper prints strongest. Lattice coordinates count these boxes.
BOX_MM = 5.0
# A plainer map may fit worse by this factor.
_AS_WELL = 1.03
# Boxes across a block, where the picture is large enough.
_PERIODS = 6
# Blocks that a map is fitted to, at least; of so many that are looked at some must fit.
_FEWEST = 6
_MANY = 24
# Phases that a map foresaw, from this part of the page on, to so many cycles: it holds for the rest of the page too.
_FORESEEN_FROM = 0.36
_FORESEEN = 0.03
# Share of a grid's weight at a fifth of its coarsest period that 1 mm lines in 5 mm boxes have at least.
_FIFTH = 0.06
# Lines at every millimetre a box; share of the blocks in which these must agree with the boxes to be believed.
_FINER = 5.0
_MOST_OF = 0.8
# Sheets are shorter than this; counted in boxes of 1 mm taken for 5 mm they would be five times as long.
_LONGEST_PAPER_MM = 700.0


class NoGrid(ImageError):
    """No periodic grid: not an ECG page."""

    reason = "no_grid"


@dataclass(frozen=True)
class Lattice:
    """From pixels to boxes of 5 mm.

    Parameters
    ----------
    matrix : (3, 3) float64
        Homography: (x, y, 1) in pixels to (u, v, 1) in boxes, u along the time axis.
    error_px : float
        Median distance of the measured phases from it.
    strength : float
        Share of blocks whose phase agrees with it, 0..1.
    """

    matrix: Float64Array
    error_px: float
    strength: float

    def boxes(self, xy: Float64Array) -> Float64Array:
        """Lattice coordinates (n, 2) of pixel positions (n, 2)."""
        lifted = np.c_[xy, np.ones(len(xy))] @ self.matrix.T
        return np.asarray(lifted[:, :2] / lifted[:, 2:])

    def px_per_mm(self, shape: tuple[int, ...]) -> Scale:
        """Scale along x and y in the middle of an image of that shape."""
        middle = np.array([[shape[1] / 2, shape[0] / 2]])
        steps = np.array([[100., 0], [0, 100.]])
        moved = [self.boxes(middle + step) - self.boxes(middle - step) for step in steps]
        return Scale(*(200 / (BOX_MM * float(np.hypot(*m[0]))) for m in moved))

    def rotation_deg(self, shape: tuple[int, ...]) -> float:
        """Angle of the time axis against the image's rows, positive where the page falls to the right."""
        middle = np.array([[shape[1] / 2, shape[0] / 2]])
        du, dv = (self.boxes(middle + [50., 0]) - self.boxes(middle - [50., 0]))[0]
        return float(-np.degrees(np.arctan2(dv, du)))


def find_lattice(signal: Float32Array) -> Lattice:
    """The lattice of a page.

    Parameters
    ----------
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal`.

    Raises
    ------
    NoGrid
        No two directions at right angles with lines at equal distances of 4 to 150 px.
    """
    waves, share = _waves(signal)
    matrix, error, strength = _follow_phases(signal, waves)
    matrix = np.diag([share, share, 1.0]) @ matrix
    if strength < 0.35:
        raise NoGrid(f"no regular grid: lines at equal distances fit {strength:.0%} of the page, at least 35 % were "
                     "wanted; is this an ECG on grid paper?")
    return Lattice(matrix, error, strength)


def _waves(signal: Float32Array) -> tuple[Float64Array, float]:
    """(2, 2) frequency vectors (fx, fy) in cycles/px along x and along y in the middle of the page; boxes a cycle."""
    size = min(512, signal.shape[0] // 2 * 2, signal.shape[1] // 2 * 2)
    window = np.hanning(size)[:, None] * np.hanning(size)[None, :]
    power = np.zeros((size, size // 2 + 1))
    for top in _starts(signal.shape[0], size, 3):
        for left in _starts(signal.shape[1], size, 3):
            tile = signal[top:top + size, left:left + size]
            power += np.abs(rfft2((tile - tile.mean()) * window, workers=1)) ** 2
    peaks = _peaks(power, size)
    angle = _direction(peaks)
    # Seen at a slant the two directions are not at right angles: each is found for itself.
    turns = [_own_direction(peaks, angle + turn) for turn in (0.0, np.pi / 2)]
    combs = [_comb(peaks, turn, size, signal.shape) for turn in turns]
    along = _same_unit(combs)
    waves = np.array([[f * np.cos(turn), f * np.sin(turn)] for f, turn in zip(along, turns)])
    return waves, _boxes_a_cycle(along, max(fifth for _, fifth in combs), max(signal.shape))


def _starts(length: int, size: int, most: int) -> list[int]:
    count = min(most, 1 + (length - size) // (size // 2)) if length > size else 1
    return [round(s) for s in np.linspace(0, length - size, count)]


def _peaks(power: Float64Array, size: int) -> Float64Array:
    """(n, 3) strongest spectral peaks: fx, fy in cycles/px, weight; only one of each pair of mirror images."""
    root = np.sqrt(power)
    shifted = np.roll(root, size // 2, axis=0)
    fy = np.fft.fftshift(np.fft.fftfreq(size))
    radius = np.hypot(fy[:, None], np.arange(shifted.shape[1])[None, :] / size)
    # Below 4 cycles a tile lie shading and the traces' own shape; above .45 aliases.
    shifted[(radius < 4.5 / size) | (radius > 0.45)] = 0
    top = (shifted == maximum_filter(shifted, 5)) & (shifted > 6 * np.median(shifted))
    rows, columns = np.nonzero(top)
    order = np.argsort(-shifted[rows, columns])[:60]
    out = []
    for r, c in zip(rows[order], columns[order]):
        dr = _vertex(shifted[r - 1, c], shifted[r, c], shifted[(r + 1) % size, c])
        dc = _vertex(shifted[r, c - 1], shifted[r, c], shifted[r, c + 1]) if 0 < c < shifted.shape[1] - 1 else 0.0
        x, y = (c + dc) / size, fy[r] + dr / size
        if x < 0 or (c == 0 and y < 0):
            continue
        out.append((x, y, shifted[r, c]))
    if len(out) < 2:
        raise NoGrid("no regular grid was found; is this an ECG on grid paper?")
    return np.array(out)


def _vertex(a: float, b: float, c: float) -> float:
    """Offset of the top of the parabola through three values."""
    bend = a - 2 * b + c
    return float(0.5 * (a - c) / bend) if bend < 0 else 0.0


def _direction(peaks: Float64Array) -> float:
    """Angle of the time axis in rad, -pi/4..pi/4: most of the weight lies on it and at right angles to it."""
    angles = np.arctan2(peaks[:, 1], peaks[:, 0])
    turns = np.exp(4j * angles)
    best, spread = 0.0, np.radians(1.5)
    scores = []
    for start in angles:
        off = np.angle(turns * np.exp(-4j * start)) / 4
        scores.append(float((peaks[:, 2] * np.exp(-0.5 * (off / spread) ** 2)).sum()))
    best = angles[int(np.argmax(scores))]
    off = np.angle(turns * np.exp(-4j * best)) / 4
    near = np.abs(off) < 2 * spread
    best += float(np.average(off[near], weights=peaks[near, 2]))
    return float((best + np.pi / 4) % (np.pi / 2) - np.pi / 4)


def _own_direction(peaks: Float64Array, near: float) -> float:
    """Angle within 15 degrees of another on which most of the weight lies."""
    angles = np.arctan2(peaks[:, 1], peaks[:, 0])
    off = np.angle(np.exp(2j * (angles - near))) / 2
    close = np.abs(off) < np.radians(15)
    if not close.any():
        return near
    off, weight = off[close], peaks[close, 2]
    spread = np.radians(1.5)
    best = max(off, key=lambda o: float((weight * np.exp(-0.5 * ((off - o) / spread) ** 2)).sum()))
    on = np.abs(off - best) < 2 * spread
    return near + float(np.average(off[on], weights=weight[on]))


def _comb(peaks: Float64Array, angle: float, size: int, shape: tuple[int, ...]) -> tuple[float, float]:
    """Fundamental frequency along a direction, and the share of weight at five times it."""
    along = np.abs(peaks[:, 0] * np.cos(angle) + peaks[:, 1] * np.sin(angle))
    across = np.abs(-peaks[:, 0] * np.sin(angle) + peaks[:, 1] * np.cos(angle))
    on = across < np.maximum(0.03 * along, 1.5 / size)
    if not on.any():
        raise NoGrid("lines in one direction only, a grid was wanted; is this an ECG on grid paper?")
    f, w = along[on], peaks[on, 2]
    best, score = 0.0, -1.0
    for base in {value / k for value in f for k in range(1, 6) if value / k > 4.4 / size}:
        k = np.round(f / base)
        fits = (np.abs(f - k * base) < 1.0 / size) & (k >= 1) & (k <= 12)
        # More lines explained by the same comb is better; so is a coarser comb that explains as many.
        explained = float(w[fits].sum() / w.sum())
        missed = len(np.unique(k[fits])) / max(k[fits].max(), 1) if fits.any() else 0.0
        value = explained + 0.35 * missed
        if value > score + 1e-9:
            best, score = base, value
    k = np.round(f / best)
    fits = (np.abs(f - k * best) < 1.0 / size) & (k >= 1) & (k <= 12)
    exact = float((w[fits] * k[fits] * f[fits]).sum() / (w[fits] * k[fits] ** 2).sum())
    fifth = float(w[fits & (k == 5)].sum() / w[fits].sum())
    return exact, fifth


def _same_unit(along: list[tuple[float, float]]) -> tuple[float, float]:
    """Both directions count the same box: where one sees only the 1 mm lines it is brought to the other's 5 mm."""
    (a, _), (b, _) = along
    ratio = max(a, b) / min(a, b)
    whole = min((1, 2, 3, 4, 5), key=lambda m: abs(np.log(ratio / m)))
    if abs(np.log(ratio / whole)) < 0.14:
        # Five: one direction shows its 1 mm lines only. Else the wider comb left out every other of its lines.
        unit = min(a, b) if whole == 5 else max(a, b)
        return _to_unit(a, unit), _to_unit(b, unit)
    raise NoGrid(f"lines {1 / a:.1f} px apart in one direction and {1 / b:.1f} px in the other, no squares; is this an "
                 "ECG on grid paper?")


def _boxes_a_cycle(along: tuple[float, float], fifth: float, length: int) -> float:
    """1, or 1 / 5 where only dots or lines at every millimetre are printed: paper is not metres long."""
    return 0.2 if fifth < _FIFTH and length * max(along) * BOX_MM > _LONGEST_PAPER_MM else 1.0


def _to_unit(frequency: float, unit: float) -> float:
    """The multiple or whole part of a frequency that is nearest to another one."""
    return frequency / round(frequency / unit) if frequency > unit else frequency * round(unit / frequency)


def _follow_phases(signal: Float32Array, waves: Float64Array) -> tuple[Float64Array, float, float]:
    """Homography that agrees with the phase of the grid in blocks, taken in from the middle outward."""
    period = 1 / np.hypot(*waves[0])
    size = int(min(max(_PERIODS * period, 48), min(signal.shape) / 2))
    step = max(size // 2, int(max(signal.shape) / 24))
    middle = np.array([signal.shape[1] / 2, signal.shape[0] / 2])
    centers = np.array([(x, y) for y in range(size // 2, signal.shape[0] - size // 2 + 1, step)
                        for x in range(size // 2, signal.shape[1] - size // 2 + 1, step)], float)
    matrix = np.vstack([np.c_[waves, -waves @ middle], [0, 0, 1]])
    reach = np.hypot(*(centers - middle).T) / (np.hypot(*middle) + 1)
    window = np.hanning(size + 2)[1:-1]
    # The first guess knows no phase: take it from the blocks around the middle.
    inner = centers[np.argsort(reach)[:9]]
    _, weights, off = _block_phases(signal, matrix, inner, size, window)
    matrix[:2, 2] += np.angle((weights[:, None] * np.exp(2j * np.pi * off)).sum(axis=0)) / (2 * np.pi)
    agree = np.zeros(len(centers), bool)
    errors = np.zeros(len(centers))
    foreseen = False
    for limit in (0.2, 0.28, 0.36, 0.44, 0.52, 0.6, 0.68, 0.76, 0.84, 0.92, 1.0, 1.0):
        if foreseen and limit < 1:
            continue  # a page that lies as flat as this needs no steps
        use = reach <= limit
        targets, weights, off = _block_phases(signal, matrix, centers[use], size, window)
        good = weights > 0.25 * np.median(weights[np.argsort(-weights)][:max(4, len(weights) // 2)])
        agree[:] = False
        near = good & (np.abs(off).max(axis=1) < 0.3)
        if near.sum() < _FEWEST:
            if use.sum() < _MANY and size + 1 > _PERIODS * period:
                continue  # the middle of a small picture holds few blocks; of a patchwork they are not whole
            break
        chosen = centers[use][near], targets[near], weights[near]
        matrix = _fit(*chosen, 8 if limit >= 0.36 else 6)
        foreseen |= limit >= _FORESEEN_FROM and bool(np.abs(off[good]).max() < _FORESEEN)
        agree[np.flatnonzero(use)[near]] = True
        errors[np.flatnonzero(use)] = np.hypot(*off.T) * period
    inside = reach <= 0.85
    strength = float(agree[inside].mean())
    if not agree.any():
        return matrix, np.inf, strength
    error = float(np.median(errors[agree]))
    finer = _millimetres(signal, matrix, centers[agree], size, window, error / period)
    return _plainest(matrix, *(finer or chosen)), error, strength


def _millimetres(signal: Float32Array, matrix: Float64Array, centers: Float64Array, size: int, window: Float64Array,
                 error: float) -> tuple[Float64Array, Float64Array, Float64Array] | None:
    """Places, lattice coordinates and weights that the 1 mm lines tell, five times as finely as the boxes do.

    None where there are none, or none that agree with each other better than the boxes' median error (in boxes).
    """
    targets, weights, off = _block_phases(signal, np.diag([_FINER, _FINER, 1.0]) @ matrix, centers, size, window)
    near = (weights > 0.25 * np.median(weights)) & (np.abs(off).max(axis=1) < 0.3)
    if near.mean() < _MOST_OF or near.sum() < _FEWEST:
        return None
    found = centers[near], targets[near] / _FINER, weights[near]
    left = np.hypot(*(Lattice(_fit(*found, 8), 0, 0).boxes(found[0]) - found[1]).T)
    return found if np.median(left) < 0.5 * error else None


def _block_phases(signal: Float32Array, matrix: Float64Array, centers: Float64Array, size: int, window: Float64Array
                  ) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Lattice coordinates (n, 2) that the phase in each block tells, weights (n,), and their distance to the model."""
    lattice = Lattice(matrix, 0, 0)
    now = lattice.boxes(centers)
    right, down = lattice.boxes(centers + [1., 0]) - now, lattice.boxes(centers + [0, 1.]) - now
    at = np.arange(size) - (size - 1) / 2
    found, weights = np.empty_like(now), np.empty(len(centers))
    for n, (x, y) in enumerate(centers):
        left, top = int(round(x - size / 2)), int(round(y - size / 2))
        tile = signal[top:top + size, left:left + size]
        dx, dy = left + (size - 1) / 2 - x, top + (size - 1) / 2 - y
        size_of = []
        # Down the columns first, both axes, cosine and sine at once: complex numbers would copy the tile. The last
        # row of factors sums up the tile: its mean is taken off what comes out, before the window across.
        turns = -2 * np.pi * down[n][:, None] * at
        factors = np.concatenate([window * np.cos(turns), window * np.sin(turns), np.ones((1, size))])
        rows = factors.astype(np.float32) @ tile
        rows = (rows[:4] - factors[:4].sum(axis=1, keepdims=True) * (float(rows[4].sum()) / size ** 2)) * window
        for axis in (0, 1):
            fx, fy = right[n, axis], down[n, axis]
            wave = (rows[axis] + 1j * rows[axis + 2]) @ np.exp(-2j * np.pi * fx * at)
            # The phase is that of the block's center, the model's value that of `centers`.
            found[n, axis] = np.angle(wave) / (2 * np.pi) - fx * dx - fy * dy
            size_of.append(abs(wave))
        weights[n] = min(size_of)
    off = found - now
    off -= np.round(off)
    return now + off, weights, off


def _plainest(matrix: Float64Array, xy: Float64Array, uv: Float64Array, weights: Float64Array) -> Float64Array:
    """The map with the fewest freedoms that fits as well: a scan has no perspective, and noise would give it one.

    `matrix` may be of coarser phases: it is only what the plainer maps are measured against.
    """
    def error(candidate: Float64Array) -> float:
        return float(np.median(np.hypot(*(Lattice(candidate, 0, 0).boxes(xy) - uv).T)))
    least = error(matrix)
    for freedoms in (4, 6):
        candidate = _fit(xy, uv, weights, freedoms)
        if error(candidate) < _AS_WELL * least:
            return candidate
    return _fit(xy, uv, weights, 8)


def _fit(xy: Float64Array, uv: Float64Array, weights: Float64Array, freedoms: int) -> Float64Array:
    """Weighted least squares similarity (4 freedoms), affine map (6) or homography (8), outliers let go in rounds."""
    center, scale = xy.mean(axis=0), max(float(xy.std()), 1.0)
    x, y = ((xy - center) / scale).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    a = np.r_[np.c_[x, y, one, zero, zero, zero, -uv[:, 0] * x, -uv[:, 0] * y],
              np.c_[zero, zero, zero, x, y, one, -uv[:, 1] * x, -uv[:, 1] * y]][:, :max(freedoms, 6)]
    if freedoms == 4:  # v turns as u does: (x, y) and (y, -x) share their factors
        a = np.c_[a[:, 0] + a[:, 4], a[:, 1] - a[:, 3], a[:, 2], a[:, 5]]
    b = np.r_[uv[:, 0], uv[:, 1]]
    w = np.r_[weights, weights] / weights.max()
    robust = np.ones_like(w)
    for _ in range(4):
        root = np.sqrt(w * robust)
        h = np.linalg.lstsq(a * root[:, None], b * root, rcond=None)[0]
        off = a @ h - b
        robust = 1 / (1 + (off / (1.5 * np.median(np.abs(off)) + 1e-6)) ** 2)
    if freedoms == 4:
        h = np.array([h[0], h[1], h[2], -h[1], h[0], h[3]])
    full = np.r_[h, np.zeros(8 - len(h)), 1].reshape(3, 3)
    return full @ np.array([[1 / scale, 0, -center[0] / scale], [0, 1 / scale, -center[1] / scale], [0, 0, 1]])
