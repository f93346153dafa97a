"""Features, properties of the picture and labels compared among images of one class, or alike in the properties."""
import numpy as np
import pandas as pd

from featurize.arrays import Float64Array, Int64Array

# Strata of each class that properties name, by their probability, inside which labels are permuted.
STRATA = 3


def explained_inside(x: pd.DataFrame, properties: pd.DataFrame, y: Int64Array) -> Float64Array:
    """(d,) share of the variance of each feature inside the classes that a linear fit of the properties explains.

    Adjusted for the number of properties, ranks in place of values: outliers count little. 0 for a constant feature.
    """
    return explained_share(ranks_inside(x, y), ranks_inside(properties, y), y)


def ranks_inside(table: pd.DataFrame, y: Int64Array) -> Float64Array:
    """Ranks less their mean in the class."""
    return _inside(table.rank(pct=True).fillna(.5), y)


def explained_share(features: Float64Array, given: Float64Array, y: Int64Array) -> Float64Array:
    """`explained_inside` of (n, d) and (n, k) `ranks_inside`."""
    rest = features - given @ np.linalg.lstsq(given, features, rcond=None)[0]
    total = (features ** 2).sum(axis=0)
    left = np.divide((rest ** 2).sum(axis=0), total, out=np.ones(len(total)), where=total > 1e-9)
    free = max(1, len(y) - len(np.unique(y)))
    return np.asarray(np.clip(1 - left * free / max(1, free - given.shape[1]), 0, 1))


def less_explained(x: pd.DataFrame, properties: pd.DataFrame) -> pd.DataFrame:
    """(n, d) ranks of the features less what a linear fit of the properties' ranks explains, classes left aside.

    Whatever the properties and the classes share goes, too: what such features still tell is none of the properties'.
    """
    ranks = [np.asarray(table.rank(pct=True).fillna(.5) - .5, dtype=np.float64) for table in (x, properties)]
    features, given = ranks[0], np.hstack([ranks[1], ranks[1] ** 2, np.ones((len(x), 1))])
    rest = features - given @ np.linalg.lstsq(given, features, rcond=None)[0]
    return pd.DataFrame(rest.astype(np.float32), columns=x.columns)


def permuted_inside(y: Int64Array, p: Float64Array, seed: int) -> Int64Array:
    """Labels permuted among rows of which the properties say the same: one class, and a third of its probability.

    Parameters
    ----------
    y : (n,) int64
    p : (n, K) float64
        Out-of-fold probabilities from the properties.
    seed : int

    Examples
    --------
    >>> y, p = np.array([0, 1] * 20), np.tile([[.9, .1]], (40, 1))
    >>> p[20:] = .1, .9
    >>> new = permuted_inside(y, p, 0)
    >>> new[:20].sum() == 10 and new[20:].sum() == 10 and (new != y).any()
    np.True_
    """
    rng, new, called = np.random.default_rng(seed), y.copy(), p.argmax(axis=1)
    for c in np.unique(called):
        rows = np.flatnonzero(called == c)
        ordered = rows[np.argsort(p[rows, c], kind="stable")]
        for stratum in np.array_split(ordered, min(STRATA, max(1, len(rows) // 2))):
            new[stratum] = y[rng.permutation(stratum)]
    return new


def _inside(table: pd.DataFrame, y: Int64Array) -> Float64Array:
    """Values less the mean of their class."""
    return np.asarray(table - table.groupby(y).transform("mean"), dtype=np.float64)
