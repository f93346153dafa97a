"""Boxes of several sizes over a region: what they hold, how their gray levels range, how much that varies."""
from enum import IntEnum

import numpy as np
from numba import njit


class Ladder(IntEnum):
    """Place of each sum in a row of `box_ladder`."""

    OUTLINE_BOXES = 0
    GRAY_RANGES = 1


class Gliding(IntEnum):
    """Place of each sum in a row of `gliding_boxes`: over boxes inside the image, then over boxes around pixels."""

    BOXES = 0
    PIXELS = 1
    PIXEL_SQUARES = 2
    CENTERS = 3
    LEVELS = 4
    LEVEL_SQUARES = 5


@njit(cache=True)
def box_ladder(low, high, edge, counts, frame, out):
    """Boxes of sides 1, 2, 4, ... at every place: how many hold outline, and how far their gray levels range.

    low, high (H, W) uint8: gray levels of the region, 255 and 0 elsewhere; edge (H, W) uint8: 1 on its outline; all
    with a frame of `frame` pixels, not less than the largest side, and overwritten: from one size to the next, the
    extremes of two boxes side by side are those of the box of both. counts (H + 1, W + 1) float64: integral image of
    the region; out (S, 2) float64 in the order of `Ladder`: boxes of side x side pixels with outline; sum over boxes of
    (side + 1)^2 pixels (neighbors share their walls) of pixels of the region x range of gray levels.
    """
    height, width = low.shape
    for k in range(out.shape[0]):
        side = 2 ** k
        step, half = max(side // 2, 1), side // 2
        for i in range(height):
            for j in range(width - step):
                low[i, j], high[i, j] = min(low[i, j], low[i, j + step]), max(high[i, j], high[i, j + step])
            if half > 0:
                for j in range(width - half):
                    edge[i, j] = max(edge[i, j], edge[i, j + half])
        for i in range(height - step):
            for j in range(width):
                low[i, j], high[i, j] = min(low[i, j], low[i + step, j]), max(high[i, j], high[i + step, j])
            if half > 0:
                for j in range(width):
                    edge[i, j] = max(edge[i, j], edge[i + half, j])
        boxes, total = 0, 0.0
        for i in range(frame - side, height - frame):
            for j in range(frame - side, width - frame):
                boxes += np.int64(edge[i, j])
                if high[i, j] > low[i, j]:
                    bottom, right = i + side + 1, j + side + 1
                    inside = counts[bottom, right] - counts[i, right] - counts[bottom, j] + counts[i, j]
                    total += inside * (np.int64(high[i, j]) - np.int64(low[i, j]))
        out[k, Ladder.OUTLINE_BOXES], out[k, Ladder.GRAY_RANGES] = boxes, total


@njit(cache=True)
def gliding_boxes(counts, sums, mask, sides, out):
    """Sums over boxes of every size at every place.

    counts, sums (H + 1, W + 1) float64: integral images of the region and of the gray levels in it; mask (H, W) bool;
    sides (S,) int64; out (S, 6) float64 in the order of `Gliding`: boxes inside the image, sum of their pixels of the
    region, sum of squares of that; boxes around a pixel of the region (cut at the rim), sum of the mean gray level in
    it, sum of squares of that.
    """
    height, width = mask.shape
    for k in range(sides.shape[0]):
        side, half = sides[k], sides[k] // 2
        places, first, second = 0, 0.0, 0.0
        for i in range(height - side + 1):
            for j in range(width - side + 1):
                n = counts[i + side, j + side] - counts[i, j + side] - counts[i + side, j] + counts[i, j]
                places += 1
                first += n
                second += n * n
        out[k, Gliding.BOXES] = places
        out[k, Gliding.PIXELS] = first
        out[k, Gliding.PIXEL_SQUARES] = second
        pixels, level, square = 0, 0.0, 0.0
        for i in range(height):
            top, bottom = max(i - half, 0), min(i - half + side, height)
            for j in range(width):
                if mask[i, j]:
                    left, right = max(j - half, 0), min(j - half + side, width)
                    n = counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left]
                    mean = (sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]) / n
                    pixels += 1
                    level += mean
                    square += mean * mean
        out[k, Gliding.CENTERS] = pixels
        out[k, Gliding.LEVELS] = level
        out[k, Gliding.LEVEL_SQUARES] = square
