"""Loops of the cell segmenter: dye and its slope by level, colors inside and far away, likelihood, peaks of depth."""
import numpy as np
from numba import njit

# Color histogram: bins of total density, of red share and of blue share.
COLOR_BINS = 16, 12, 12
# Density below which a share of it is mere noise: shares are taken of at least this.
LEAST_DENSITY = np.float32(0.08)
_BINS_TO_SCALE = np.float32(12)      # bins of density from 0 to `scale`; the rest is for denser pixels
_SHARE_BINS = np.float32(12)         # bins over _SHARE_SPAN
_SHARE_SPAN = np.float32(0.5)        # range of shares that the bins cover
_LOWEST_RED = np.float32(0.05)       # share at the lower end of that range
_LOWEST_BLUE = np.float32(0.02)
# Likelihood, in units of the log ratio of colors.
_REDNESS_WEIGHT = np.float32(2)      # of .5 - redness
_REDNESS_OFFSET = np.float32(0.3)    # taken off everywhere: in doubt a pixel is not cell
_EVEN_REDNESS = np.float32(0.5)      # redness that speaks neither for nor against the cell
_DISTANCE_WEIGHT = np.float32(0.5)   # per radius of the nucleus beyond _FREE_RADII
_FREE_RADII = np.float32(0.5)        # up to this distance from the nucleus nearness doesn't matter
_EMPTY_LIKELIHOOD = np.float32(-1)   # the most that empty slide gets
_KNOWN_LIKELIHOOD = np.float32(3)    # of the nucleus; the nuclei of other cells get its negative


@njit(cache=True)
def slopes_by_level(dye, slope, first, step, counts, totals):
    """Number of pixels and sum of the slope by level of dye.

    dye, slope (H, W) float32; counts (K,) int64, totals (K,) float64, zeroed: place k for k <= (dye - first) / step <
    k + 1; place 0 takes the step below `first` as well, what lies beyond is left out.
    """
    n = len(counts)
    below, above = first - 2 * step, first + (n + 1) * step
    for i in range(dye.shape[0]):
        for j in range(dye.shape[1]):
            # Most pixels lie beside the levels: a comparison costs less than a division.
            if not below < dye[i, j] < above:
                continue
            at = (dye[i, j] - first) / step
            if -1 < at < n:
                k = int(at)
                counts[k] += 1
                totals[k] += slope[i, j]


@njit(cache=True)
def count_between(values, edges, counts):
    """Histogram of equal bins, those of `numpy.histogram`: the last one holds its upper edge too.

    values (n,) float32; edges (K + 1,) float32 rising; counts (K,) int64, zeroed.
    """
    bins = len(counts)
    low, high = edges[0], edges[bins]
    scale = bins / (np.float64(high) - np.float64(low))
    for p in range(len(values)):
        v = values[p]
        if v < low or v > high:
            continue
        # The product is at most one bin off; the edges decide.
        k = min(int((np.float64(v) - np.float64(low)) * scale), bins - 1)
        while k > 0 and v < edges[k]:
            k -= 1
        while k < bins - 1 and v >= edges[k + 1]:
            k += 1
        counts[k] += 1


@njit(cache=True)
def color_bins(total, red, blue, scale, out):
    """Index into a 16 x 12 x 12 histogram of density, red share and blue share.

    total, red, blue (H, W) float32 densities; scale float32; out (H, W) uint16.
    """
    height, width = total.shape
    last_density = np.float32(COLOR_BINS[0] - 1)
    last_red = np.float32(COLOR_BINS[1] - 1)
    last_blue = np.float32(COLOR_BINS[2] - 1)
    zero = np.float32(0)
    for i in range(height):
        for j in range(width):
            t = total[i, j]
            safe = max(t, LEAST_DENSITY)
            a = min(max(t / scale * _BINS_TO_SCALE, zero), last_density)
            b = min(max((red[i, j] / safe - _LOWEST_RED) / _SHARE_SPAN * _SHARE_BINS, zero), last_red)
            c = min(max((blue[i, j] / safe - _LOWEST_BLUE) / _SHARE_SPAN * _SHARE_BINS, zero), last_blue)
            out[i, j] = (np.int32(a) * COLOR_BINS[1] + np.int32(b)) * COLOR_BINS[2] + np.int32(c)


@njit(cache=True)
def count_colors(bins, inside, far, counts):
    """Histograms of the bins in two masks.

    bins (H, W) uint16; inside, far (H, W) bool; counts (2, K) int32, zeroed.
    """
    odd = np.zeros_like(counts)
    for i in range(bins.shape[0]):
        for j in range(bins.shape[1]):
            # Neighbors are often equal: two tables, so that one increment needn't wait for the other.
            if inside[i, j]:
                counts[0, bins[i, j]] += 1
            if far[i, j]:
                if j & 1:
                    odd[1, bins[i, j]] += 1
                else:
                    counts[1, bins[i, j]] += 1
    counts += odd


@njit(cache=True)
def smooth_bins(counts, turned):
    """Binomial smoothing 1-2-1 along all three axes, ends repeated; in place.

    counts, turned (A, B, C) float32, the second for use on the way.
    """
    many, rows, columns = counts.shape
    for axis in range(3):
        for a in range(many):
            for b in range(rows):
                for c in range(columns):
                    if axis == 0:
                        low, high = counts[max(a - 1, 0), b, c], counts[min(a + 1, many - 1), b, c]
                    elif axis == 1:
                        low, high = counts[a, max(b - 1, 0), c], counts[a, min(b + 1, rows - 1), c]
                    else:
                        low, high = counts[a, b, max(c - 1, 0)], counts[a, b, min(c + 1, columns - 1)]
                    turned[a, b, c] = (low + np.float32(2) * counts[a, b, c] + high) / np.float32(4)
        counts[:] = turned


@njit(cache=True)
def likelihood(ratio, bins, redness, gap, radius, empty, nucleus, others, out):
    """How much each pixel looks like the cell: its color's log ratio, redness and nearness; known parts are fixed.

    ratio (K,) float32; bins (H, W) uint16; redness, gap (H, W) float32; radius float32; empty, nucleus, others (H, W)
    bool; out (H, W) float32.
    """
    zero = np.float32(0)
    for i in range(bins.shape[0]):
        for j in range(bins.shape[1]):
            color = _REDNESS_WEIGHT * (_EVEN_REDNESS - redness[i, j]) - _REDNESS_OFFSET
            away = max(gap[i, j] / radius - _FREE_RADII, zero)
            value = ratio[bins[i, j]] + (color - _DISTANCE_WEIGHT * away)
            value = min(value, _EMPTY_LIKELIHOOD) if empty[i, j] else value
            value = _KNOWN_LIKELIHOOD if nucleus[i, j] else value
            out[i, j] = -_KNOWN_LIKELIHOOD if others[i, j] else value


@njit(cache=True)
def peaks(depth, least, reach, out):
    """Pixels deeper than `least` with nothing deeper in the square of `reach` px around.

    depth (H, W) float32; out (H, W) bool, False.
    """
    height, width = depth.shape
    for i in range(height):
        for j in range(width):
            d = depth[i, j]
            # Most pixels lie on a slope: one of the four neighbors is deeper.
            if (d <= least or (j and depth[i, j - 1] > d) or (j < width - 1 and depth[i, j + 1] > d)
                    or (i and depth[i - 1, j] > d) or (i < height - 1 and depth[i + 1, j] > d)):
                continue
            highest = True
            for y in range(max(i - reach, 0), min(i + reach + 1, height)):
                for x in range(max(j - reach, 0), min(j + reach + 1, width)):
                    if depth[y, x] > d:
                        highest = False
                        break
                if not highest:
                    break
            out[i, j] = highest
