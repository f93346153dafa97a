"""Does one score tell the label beyond another one? A score test with one degree of freedom.

Both scores are out of fold, one log-odds a class. The label is a multinomial logit of the known score, scaled, with
an intercept a class; the question is whether the added score has a weight above 0 in it. Rao's score test needs the fit
without it only, so that it also holds where the added score tells the label perfectly; its variance sums whole groups
(White 1982, Econometrica 50:1; Boos 1992, Am Stat 46:327), so that images of one patient are not counted as
independent. One degree of freedom whatever the number of properties behind the score: a small set has more power than
by a comparison of two cross-fitted models.
"""
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from scipy.stats import norm

from featurize.arrays import Float64Array, Int64Array

# Scores are cut at this many log-odds from their class mean: of separated classes they have no end.
MOST_LOGIT = 8.0


@dataclass(frozen=True)
class Added:
    """What the added score tells.

    Parameters
    ----------
    share : float
        Fall of the log-loss when the score is added, as a share of it; 0 where its weight would be negative.
    p : float
        One-sided, that its weight is 0 or less.
    """

    share: float
    p: float


def added_score(y: Int64Array, known: Float64Array, added: Float64Array, group: Int64Array) -> Added:
    """Compare two scores.

    Parameters
    ----------
    y : (n,) int64
        Class, 0..K-1.
    known, added : (n, K) float64
        Out-of-fold log-odds of each class.
    group : (n,) int64
        Rows of one group are not independent.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, noise = np.arange(200) % 2, rng.normal(size=(200, 2))
    >>> tells = np.eye(2)[y] + noise
    >>> added_score(y, noise * 0, tells, np.arange(200)).p < 1e-4
    True
    >>> added_score(y, tells, rng.normal(size=(200, 2)), np.arange(200)).p > .01
    True
    """
    m, q = _centered(known), _centered(added)
    truth = np.eye(m.shape[1])[y]
    weights = _fitted(truth, [m])
    p = softmax(_logits(weights, [m]), axis=1)
    score = _by_group(((truth - p) * q).sum(axis=1), group)
    # What the fit of the other weights takes from the score: its regression on their own scores.
    others = np.column_stack([_by_group(((truth - p) * m).sum(axis=1), group),
                              *(_by_group(column, group) for column in (truth - p)[:, 1:].T)])
    bread = _information(p, q, m)
    left = score - others @ bread
    z = float(left.sum() / max(float(np.sqrt((left ** 2).sum())), np.finfo(float).tiny))
    before, both = _loss(weights, truth, [m]), _fitted(truth, [m, q])
    gained = before - _loss(both, truth, [m, q]) if both[1] > 0 else 0.0
    return Added(max(0.0, float(gained / before)) if before > 0 else 0.0, float(norm.sf(z)))


def _centered(score: Float64Array) -> Float64Array:
    return np.asarray(np.clip(score - score.mean(axis=1, keepdims=True), -MOST_LOGIT, MOST_LOGIT))


def _by_group(values: Float64Array, group: Int64Array) -> Float64Array:
    return np.asarray(np.bincount(np.unique(group, return_inverse=True)[1], values))


def _logits(weights: Float64Array, scores: list[Float64Array]) -> Float64Array:
    """A weight a score, then an intercept for each class but the first."""
    total = sum(weight * score for weight, score in zip(weights, scores))
    return np.asarray(total + np.r_[0.0, weights[len(scores):]])


def _loss(weights: Float64Array, truth: Float64Array, scores: list[Float64Array]) -> float:
    return float(-(truth * log_softmax(_logits(weights, scores), axis=1)).sum())


def _fitted(truth: Float64Array, scores: list[Float64Array]) -> Float64Array:
    """Weights and intercepts of the smallest log-loss."""
    def loss(weights: Float64Array) -> float:
        return _loss(weights, truth, scores)

    def slope(weights: Float64Array) -> Float64Array:
        rest = softmax(_logits(weights, scores), axis=1) - truth
        return np.r_[[(rest * score).sum() for score in scores], rest[:, 1:].sum(axis=0)]
    start = np.zeros(len(scores) + truth.shape[1] - 1)
    found = minimize(loss, start, jac=slope, method="BFGS")
    return np.asarray(found.x, dtype=np.float64)


def _information(p: Float64Array, q: Float64Array, m: Float64Array) -> Float64Array:
    """Weights by which the scores of the fitted parameters explain that of the added one, by expected information."""
    classes = [np.broadcast_to(row, p.shape) for row in np.eye(p.shape[1])[1:]]
    own = [m, *classes]

    def covariance(a: Float64Array, b: Float64Array) -> float:
        return float(((p * a * b).sum(axis=1) - (p * a).sum(axis=1) * (p * b).sum(axis=1)).sum())
    inner = np.array([[covariance(a, b) for b in own] for a in own])
    return np.asarray(np.linalg.lstsq(inner, np.array([covariance(a, q) for a in own]), rcond=None)[0])
