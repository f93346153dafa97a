"""How well probabilities rank a class above the rest, for B sets of row weights at a time."""
import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array


def ranked_by_class(y: Int64Array, p: Float64Array, w: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Area under the ROC curve and average precision of every class against the rest.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities.
    w : (B, n) float64
        How often each row counts.

    Returns
    -------
    auroc, average_precision : (B, K) float64
        NaN for a class that does not occur; the AUROC also where no other class occurs.

    Examples
    --------
    Rows of class 1 rank first and third of three:

    >>> y, p = np.array([1, 0, 1]), np.array([[.1, .9], [.2, .8], [.3, .7]])
    >>> auroc, precision = ranked_by_class(y, p, np.ones((1, 3)))
    >>> auroc[0, 1].item(), round(precision[0, 1].item(), 3)
    (0.5, 0.833)
    """
    pairs = [_ranked(y == c, p[:, c], w) for c in range(p.shape[1])]
    return np.column_stack([a for a, _ in pairs]), np.column_stack([b for _, b in pairs])


def _ranked(own: BoolArray, score: Float64Array, w: Float64Array) -> tuple[Float64Array, Float64Array]:
    """(B,) chance that a positive scores higher, ties counting half; (B,) mean of the precision over the positives."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    ranked = w[:, order]
    positive = np.add.reduceat(ranked * own[order], starts, axis=1)
    negative = np.add.reduceat(ranked * ~own[order], starts, axis=1)
    positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    # Everything from a threshold up is called positive.
    found = np.cumsum(positive[:, ::-1], axis=1)[:, ::-1]
    called = found + np.cumsum(negative[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(invalid="ignore"):
        auroc = (positive * below).sum(axis=1) / (positives * negatives)
        precision = np.where(called > 0, found / called, 0)
        return np.asarray(auroc), np.asarray((positive * precision).sum(axis=1) / positives)
