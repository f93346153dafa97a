"""Which of many overlapping outlines count: the surest first, each for what no surer one covers already."""
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurize.arrays import BoolArray, Float64Array

_LEAST_NEW = 0.5            # share of an outline's stained pixels that no surer outline covers
_LEAST_SCORE = 0.15         # in every field
# In fields with clumps or little contrast all scores are lower. A cell counts if its score is at least this share of
# the median of the field's sure cells: F1 was best there in every second field of fields_bccd.
_LEAST_OF_MEDIAN = 0.5
_SURE_SCORE = 0.3           # of cells that count for this median
_USUAL_MEDIAN = 0.7         # of fields without such cells


@dataclass(frozen=True)
class Patch:
    """What an outline covers: mask (h, w) bool, and where its left upper corner lies in the image."""

    mask: BoolArray
    left: int
    top: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def choose(patches: Sequence[Patch], score: Float64Array, stained: BoolArray) -> tuple[list[int], Float64Array]:
    """Numbers of the outlines that count, the surest first, and (n,) their scores.

    Parameters
    ----------
    patches : sequence of Patch
    score : (n,) float64
        0..1 of each outline by itself.
    stained : (H, W) bool
        What is to be covered by cells.

    Notes
    -----
    The score of an outline beside others is its own score times the share of its stained pixels that no outline
    chosen before covers. Each step takes the outline with the largest one.
    """
    free = stained.copy()
    area = [max(int(np.count_nonzero(free[one.window] & one.mask)), 1) for one in patches]
    waiting = [(-own, k) for k, own in enumerate(score.tolist()) if own >= _LEAST_SCORE]
    heapq.heapify(waiting)
    chosen, worth = [], []
    while waiting:
        _, k = heapq.heappop(waiting)
        new = np.count_nonzero(free[patches[k].window] & patches[k].mask) / area[k]
        now = float(score[k]) * new
        if new < _LEAST_NEW or now < _LEAST_SCORE:
            continue
        if waiting and now < -waiting[0][0]:
            heapq.heappush(waiting, (-now, k))
            continue
        chosen.append(k)
        worth.append(now)
        free[patches[k].window] &= ~patches[k].mask
    values = np.array(worth)
    sure = values[values >= _SURE_SCORE]
    least = _LEAST_OF_MEDIAN * (float(np.median(sure)) if len(sure) else _USUAL_MEDIAN)
    count = int(np.count_nonzero(values >= least))
    return chosen[:count], values[:count]
