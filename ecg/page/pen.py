"""The pen: its width, its profile, and straight strokes drawn with it."""
import numpy as np
from scipy.special import erf

from featurize.arrays import Float32Array, Float64Array, IntpArray

# Half the height of the window in which a level run is measured, px.
_HALF_WINDOW_PX = 5
# Half the height of the window for thick lines, px.
_WIDE_HALF_WINDOW_PX = 9
# Below this share of runs that stand alone in their window the wide one is tried.
_ALONE_SHARE = 0.5
# Ink at the ends of its window below which a run stands alone.
_BARE_INK = 0.25
# Runs that are measured at most.
_MOST_RUNS = 4000
# Runs that are needed; with fewer, width and blur are the defaults.
_LEAST_RUNS = 30
# From this blur on the wide window is taken, standard deviation in px.
_BLURRED_PX = 1.7
# Default width, px.
_DEFAULT_WIDTH_PX = 2.0
# Default blur, standard deviation in px.
_DEFAULT_BLUR_PX = 0.3
# The pen's width is this quantile of the runs' ink.
_WIDTH_QUANTILE = 0.25
# Blur is measured on runs up to this quantile of ink: others cross a stroke.
_THIN_QUANTILE = 0.6
# Least square of the blur, px^2.
_LEAST_BLUR_PX2 = 0.06
# Steps of `pen_profile` to a pixel.
FINE = 16
# Below this share of ink a pen lays none.
_LEAST_SHARE = 0.001
# A profile is computed to this many standard deviations of blur, and 1 px, beyond the pen's edge.
_PROFILE_SIGMAS = 2.5
# Share of ink that a line leaves halfway between two rows of pixels from which on ink is not raised.
_CONTINUOUS = 0.92
# Share of ink there up to which it is raised fully.
_BROKEN = 0.8


def measure_pen(ink: Float32Array) -> tuple[float, float]:
    """Width of the trace's line and blur of its edge (standard deviation), px.

    Both from the sum and the spread of ink across nearly level runs that stand alone: a line of width w blurred by
    sigma spreads by w^2 / 12 + sigma^2.
    """
    mask = ink > 0.5
    # Columns of a level run: ink here, and at both sides two columns on.
    level = mask[1:-1, 2:-2] & mask[1:-1, :-4] & mask[1:-1, 4:]
    middle = ink[:, 2:-2]
    at = np.flatnonzero(level & (middle[1:-1] >= middle[:-2]) & (middle[1:-1] > middle[2:]))
    rows, columns = at // middle.shape[1] + 1, at % middle.shape[1]
    around, alone = _profiles(middle, rows, columns, _HALF_WINDOW_PX)
    if alone < _ALONE_SHARE:  # lines as thick as the window, or a page full of strokes
        wider, _ = _profiles(middle, rows, columns, _WIDE_HALF_WINDOW_PX)
        if len(wider) and np.quantile(wider.sum(axis=1), _WIDTH_QUANTILE) > _HALF_WINDOW_PX - 1:
            around = wider
    width, blur = _of_profiles(around)
    if blur > _BLURRED_PX:  # such a line reaches to the window's ends, which are taken for paper
        width, blur = _of_profiles(_profiles(middle, rows, columns, _WIDE_HALF_WINDOW_PX)[0])
    return width, blur


def _of_profiles(around: Float64Array) -> tuple[float, float]:
    """Width and blur of level runs (n, 2 reach + 1) that stand alone."""
    if len(around) < _LEAST_RUNS:
        return _DEFAULT_WIDTH_PX, _DEFAULT_BLUR_PX
    offsets = np.arange(around.shape[1]) - around.shape[1] // 2
    around = np.maximum(around - np.minimum(around[:, :1], around[:, -1:]), 0)
    total = around.sum(axis=1)
    center = (around * offsets).sum(axis=1) / total
    spread = (around * (offsets - center[:, None]) ** 2).sum(axis=1) / total
    thin = total <= np.quantile(total, _THIN_QUANTILE)
    width = float(np.quantile(total, _WIDTH_QUANTILE))
    blur = max(float(np.median(spread[thin])) - width ** 2 / 12, _LEAST_BLUR_PX2)
    return width, float(np.sqrt(blur))


def _profiles(ink: Float32Array, rows: IntpArray, columns: IntpArray,
              reach: int) -> tuple[Float64Array, float]:
    """(n, 2 reach + 1) ink above and below places of a level run where it stands alone, and the share that does."""
    inside = (rows >= reach) & (rows < len(ink) - reach)
    rows, columns = rows[inside], columns[inside]
    pick = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_RUNS)).astype(int)
    around = ink[rows[pick][:, None] + np.arange(-reach, reach + 1), columns[pick][:, None]].astype(np.float64)
    alone = np.maximum(around[:, 0], around[:, -1]) < _BARE_INK  # strokes run out of the window
    return around[alone], float(alone.mean()) if len(alone) else 0.0


def pen_profile(pen_px: float, blur_px: float) -> Float64Array:
    """Share of ink at distances 0, 1 / 16, 2 / 16, ... px from the path of a blurred pen, to where it ends."""
    radius = pen_px / 2
    d = np.arange(0, radius + 1 + _PROFILE_SIGMAS * blur_px, 1 / FINE)
    sigma = np.sqrt(2) * blur_px
    shares = 0.5 * (erf((radius - d) / sigma) + erf((radius + d) / sigma))
    # Loops over pixels take as long as this reaches far.
    return np.asarray(shares[:np.count_nonzero(shares > _LEAST_SHARE) + 1], np.float64)


def shares_at(distance: Float32Array, profile: Float64Array) -> Float32Array:
    """Share of ink (float32) that a pen lays at distances in px, of any shape; profile of `pen_profile`."""
    shares = np.r_[profile, 0].astype(np.float32)
    return np.asarray(shares[np.minimum((distance * FINE).astype(np.int32), len(profile))])


def as_line(ink: Float32Array, pen_px: float, blur_px: float) -> tuple[Float32Array, float]:
    """Share of ink raised where lines are so thin or blurred that between two rows of pixels little is left.

    Parameters
    ----------
    ink : (H, W) float32
    pen_px, blur_px : float
        Of `measure_pen`.

    Returns
    -------
    (H, W) float32
    float
        Share of ink then in the middle of a level line along one row of pixels.
    """
    profile = pen_profile(pen_px, blur_px)
    between = float(profile[FINE // 2])
    more = 1 + (1 / between - 1) * float(np.clip((_CONTINUOUS - between) / (_CONTINUOUS - _BROKEN), 0, 1))
    return (np.minimum(ink * np.float32(more), np.float32(1)) if more > 1 else ink), min(1.0, more * float(profile[0]))
