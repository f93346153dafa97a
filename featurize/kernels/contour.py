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
    for turn in range(2):
        for r in range(m):
            score[0, r] = gain[0, r] if start < 0 or r == start else -1e30
        for a in range(1, n):
            now, old = a % 2, 1 - a % 2
            for r in range(m):
                best, at = -1e30, r
                for q in range(max(0, r - reach), min(m, r + reach + 1)):
                    s = score[old, q] - bend * abs(q - r)
                    if s > best:
                        best, at = s, q
                score[now, r] = best + gain[a, r]
                back[a, r] = at
        last = (n - 1) % 2
        best, at = -1e30, 0
        for r in range(m):
            s = score[last, r]
            if start >= 0:
                s = s - bend * abs(r - start) if abs(r - start) <= reach else -1e30
            if s > best:
                best, at = s, r
        out[n - 1] = at
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
