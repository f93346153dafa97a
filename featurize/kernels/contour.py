"""The best closed contour in a polar image, by dynamic programming."""
import numpy as np
from numba import njit


@njit(cache=True)
def closed_path(gain, reach, bend, out, score, back):
    """Radius index per angle that maximizes summed gain minus `bend` per step, closed: |r[0] - r[-1]| <= reach.

    gain (angles, radii) float32; out (angles,) int32; score (radii,) x 2 float64; back (angles, radii) int32.
    Two passes: the first finds a good start, the second forces the path to come back to it.
    """
    n, m = gain.shape
    start = -1
    best, move = np.empty(m), np.empty(m, np.int64)
    for turn in range(2):
        for r in range(m):
            score[0, r] = gain[0, r] if start < 0 or r == start else -1e30
        for a in range(1, n):
            best[:] = -1e30
            move[:] = 0
            # Step by step over all radii: a loop without branches is done for several of them at once.
            for step in range(-reach, reach + 1):
                first, stop, cost = max(0, -step), min(m, m - step), bend * abs(step)
                old = score[1 - a % 2, first + step: stop + step]
                top, by = best[first: stop], move[first: stop]
                for r in range(stop - first):
                    s = old[r] - cost
                    better = s > top[r]
                    top[r] = s if better else top[r]
                    by[r] = step if better else by[r]
            for r in range(m):
                score[a % 2, r] = best[r] + gain[a, r]
                back[a, r] = r + move[r]
        last = (n - 1) % 2
        highest, where = -1e30, 0
        for r in range(m):
            s = score[last, r]
            if start >= 0:
                s = s - bend * abs(r - start) if abs(r - start) <= reach else -1e30
            if s > highest:
                highest, where = s, r
        out[n - 1] = where
        for a in range(n - 1, 0, -1):
            out[a - 1] = back[a, out[a]]
        # Halfway round is the place that the open ends disturb least: start the second pass there.
        if turn == 0:
            start = out[n // 2]
            rolled = np.empty_like(gain)
            for a in range(n):
                rolled[a] = gain[(a + n // 2) % n]
            gain = rolled
    for a in range(n):
        back[a, 0] = out[a]
    for a in range(n):
        out[(a + n // 2) % n] = back[a, 0]
