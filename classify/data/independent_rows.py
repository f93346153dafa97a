"""How much rows that come in groups can tell."""
import numpy as np

from featurize.arrays import BoolArray, Int64Array


def independent_rows(hit: BoolArray, group: Int64Array) -> float:
    """The number of independent rows whose share of hits would have the same variance (Korn and Graubard 1998).

    Surv Methodol 24:193. Where all rows are hits, or none, every group counts once.

    Parameters
    ----------
    hit : (m,) bool
    group : (m,) int64

    Examples
    --------
    Ten patients of two images each, always both right or both wrong, say as much as ten images:

    >>> round(independent_rows(np.repeat([True] * 7 + [False] * 3, 2), np.arange(20) // 2), 6)
    10.0
    """
    n = len(hit)
    share = float(hit.mean()) if n else 0.0
    code, size = np.unique(group, return_inverse=True, return_counts=True)[1:]
    if share in (0, 1):
        return float(len(size))
    off = np.bincount(code, hit - share)
    independent = n * n * share * (1 - share) / float(off @ off) if (off != 0).any() else n
    return min(float(independent), float(n))
