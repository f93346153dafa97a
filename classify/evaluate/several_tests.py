"""Several tests together: p-values that hold for all of them, and the test of a promised share."""
import numpy as np
from scipy.stats import binom, binomtest

from classify.data.independent_rows import independent_rows
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Level of a verdict, after Holm's correction.
LEVEL = 0.05


def holm(p: Float64Array) -> Float64Array:
    """p-values that hold for all tests together: Holm 1979, Scand J Stat 6:65, for tests that depend in any way.

    >>> holm(np.array([.01, .04, .03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def p_below(hit: BoolArray, group: Int64Array, promise: float) -> float:
    """One-sided: that the share of hits is not below what is promised; exact binomial test of the independent rows.

    Parameters
    ----------
    hit : (m,) bool
    group : (m,) int64
        Rows with the same number are not independent.
    promise : float

    Examples
    --------
    Of 20 images 16 are hits, and .95 were promised:

    >>> round(p_below(np.arange(20) < 16, np.arange(20), .95), 4)
    0.0159
    """
    if not len(hit):
        return float("nan")
    n = max(1, round(independent_rows(hit, group)))
    return float(binomtest(round(float(hit.mean()) * n), n, promise, alternative="less").pvalue)


def shown_from(n: int, promise: float, tests: int) -> float:
    """The largest share of n independent rows that is shown to lie below the promise, however many tests count.

    >>> shown_from(20, .95, 1), shown_from(20, .95, 100)
    (0.8, 0.7)
    """
    hits = np.arange(n + 1)
    shown = hits[binom.cdf(hits, n, promise) < LEVEL / max(tests, 1)]
    return float(shown[-1] / n) if len(shown) else float("nan")
