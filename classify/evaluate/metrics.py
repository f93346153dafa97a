"""Scores of predictions, and how sure they are: pure functions of truth, probabilities and sets.

Every score is written once, for B sets of row weights at a time: weights of one give the score itself, the counts of a
bootstrap give its interval. A new kind of task is one more branch in `scores`.
"""
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.metrics import average_precision_score

from classify.report_numbers import RELIABILITY_BINS
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Weights that the bootstrap holds in memory at a time: 32 MB.
WEIGHTS_AT_ONCE = 4_000_000
# Least probability in the log-loss, so that it stays finite.
LEAST_PROBABILITY = 1e-12
# Equal bins of the out-of-distribution score.
NOVELTY_BINS = 20
# Shares of the tested rows that are kept, surest first.
KEPT_SHARES = (1, .95, .9, .8, .7, .5)
# 97.5th percentile of the normal distribution: half the width of a 95 % interval in standard errors.
NORMAL_975 = 1.959964


def scores(y: Int64Array, p: Float64Array, sets: BoolArray | None = None, weights: Float64Array | None = None,
           ordered: bool = False) -> dict[str, Float64Array]:
    """Overall scores.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities; the class of the largest is the prediction.
    sets : (n, K) bool or None
        Prediction sets; without them coverage and mean_set_size are left out.
    weights : (B, n) float64 or None
        How often each row counts; None = once.
    ordered : bool
        The classes are stages from the lowest to the highest.

    Returns
    -------
    dict of str to (B,) float64
        accuracy, balanced_accuracy, macro_f1 (F1 over the classes that occur in the truth: a class absent there would
        count as 0 for one row called so), weighted_f1, auroc (macro one-vs-rest;
        binary: of class 1), log_loss, brier (binary: of class 1; multiclass: summed over classes), ece (top label,
        15 equal bins), coverage, mean_set_size; ordered: qwk, mae, adjacent_error_share. NaN where undefined, as the
        AUROC of a class that does not occur.
    """
    w = np.ones((1, len(y))) if weights is None else weights
    total = w.sum(axis=1)
    table = _confusion(y, p.argmax(axis=1), p.shape[1], w)
    by_name = {**_of_confusion(table), **(_of_stages(table) if ordered else {})}
    by_name["auroc"] = _mean_auroc(y, p, w)
    by_name["log_loss"] = w @ -np.log(np.maximum(p[np.arange(len(y)), y], LEAST_PROBABILITY)) / total
    by_name["brier"] = w @ _squares(y, p) / total
    by_name["ece"] = _ece(y, p, w)
    if sets is not None:
        by_name["coverage"] = w @ sets[np.arange(len(y)), y] / total
        by_name["mean_set_size"] = w @ sets.sum(axis=1) / total
    return by_name


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn.

    Parameters
    ----------
    resamples, seed : int
        Number of resamples, and random seed.
    level : float
        Share of the resamples inside the interval.
    """

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95


def intervals(y: Int64Array, p: Float64Array, sets: BoolArray | None, split_group: Int64Array,
              bootstrap: Bootstrap = Bootstrap(), ordered: bool = False) -> dict[str, list[float]]:
    """Bootstrap intervals of `scores`, drawing whole groups: rows of one patient are not independent.

    Percentile intervals, but for `ece`. Noise makes the gap of each of its bins larger, and resampling adds noise, so
    that all percentiles could lie above the score. Its interval is the basic one, from twice the score minus the upper
    percentile to twice the score minus the lower one, not below 0; the score itself, which noise makes too large, is
    always inside. On drawn data with an ECE of .06 to .11 and 200 to 1,000 rows it held the truth in 90 to 93 %, the
    percentiles in 44 to 91 %; with calibrated probabilities in 63 to 73 %, the percentiles never.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities.
    sets : (n, K) bool or None
        Prediction sets.
    split_group : (n,) int64
        Rows with the same number are drawn together.
    bootstrap : Bootstrap
    ordered : bool
        The classes are stages.

    Returns
    -------
    dict of str to [low, high]
        NaN where the score is undefined in every resample.
    """
    code, names = pd.factorize(split_group)
    draw = np.random.default_rng(bootstrap.seed)
    step = max(1, min(bootstrap.resamples, WEIGHTS_AT_ONCE // max(len(y), 1)))
    parts = []
    for start in range(0, bootstrap.resamples, step):
        size = min(step, bootstrap.resamples - start)
        counts = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size).astype(np.float64)
        parts.append(scores(y, p, sets, counts[:, code], ordered))
    edge = 100 * (1 - bootstrap.level) / 2
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found = {name: [_percentile(values, edge), _percentile(values, 100 - edge)] for name, values in drawn.items()}
    low, high = found["ece"]
    ece = float(scores(y, p)["ece"][0])
    return {**found, "ece": [max(2 * ece - high, 0.0), max(2 * ece - low, ece)]}


def per_class(y: Int64Array, p: Float64Array, sets: BoolArray, classes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Scores of every class against the rest.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities.
    sets : (n, K) bool
        Prediction sets.
    classes : tuple of K str

    Returns
    -------
    dict of class to dict
        n, precision, recall, f1, specificity, auroc, average_precision, coverage; NaN = undefined.
    """
    table = confusion(y, p.argmax(axis=1), len(classes))
    truth, guessed, hit = table.sum(axis=1), table.sum(axis=0), np.diag(table)
    rest = len(y) - truth
    once = np.ones((1, len(y)))
    with np.errstate(invalid="ignore"):
        columns = {"precision": hit / guessed, "recall": hit / truth, "f1": 2 * hit / (truth + guessed),
                   "specificity": (rest - guessed + hit) / rest}
    by_class: dict[str, dict[str, float]] = {}
    for c, name in enumerate(classes):
        own = y == c
        by_class[name] = {"n": int(truth[c]), **{key: float(values[c]) for key, values in columns.items()},
                          "auroc": float(_auroc(own, p[:, c], once)[0]),
                          "average_precision": float(average_precision_score(own, p[:, c])) if own.any() else np.nan,
                          "coverage": float(sets[own, c].mean()) if own.any() else np.nan}
    return by_class


def confusion(y: Int64Array, guess: Int64Array, k: int) -> Int64Array:
    """(K, K) counts; rows = truth, columns = predicted."""
    return np.bincount(y * k + guess, minlength=k * k).reshape(k, k)


def reliability(y: Int64Array, p: Float64Array, classes: tuple[str, ...], ordered: bool = False) -> pd.DataFrame:
    """Points of the reliability curves.

    Returns
    -------
    DataFrame
        `class, bin, n, confidence, frequency` of the filled ones among equal bins; class "" is the top label. Of
        ordered stages the curve of a class is that of "at least this stage", and the lowest has none.
    """
    curves = [("", p.max(axis=1), p.argmax(axis=1) == y)]
    if ordered:
        # Sums of many probabilities may exceed 1 by a rounding error.
        curves += [(name, np.minimum(p[:, c:].sum(axis=1), 1), y >= c) for c, name in enumerate(classes) if c]
    else:
        curves += [(name, p[:, c], y == c) for c, name in enumerate(classes)]
    tables = []
    for name, confidence, right in curves:
        rows = pd.DataFrame({"bin": _bins(confidence), "confidence": confidence, "frequency": right})
        grouped = rows.groupby("bin").agg(n=("confidence", "size"), confidence=("confidence", "mean"),
                                          frequency=("frequency", "mean"))
        tables.append(grouped.reset_index().assign(**{"class": name}))
    return pd.concat(tables, ignore_index=True)[["class", "bin", "n", "confidence", "frequency"]]


def risk_coverage(y: Int64Array, p: Float64Array, points: int = 200) -> pd.DataFrame:
    """Error among the surest rows, for growing shares of rows.

    Returns
    -------
    DataFrame
        `coverage` (share of rows kept), `risk` (share of errors among them), `confidence` (of the least sure kept).
    """
    confidence, wrong = p.max(axis=1), p.argmax(axis=1) != y
    order = np.argsort(-confidence, kind="stable")
    kept = np.unique(np.linspace(1, len(y), min(points, len(y))).round().astype(int))
    risk = np.cumsum(wrong[order])[kept - 1] / kept
    return pd.DataFrame({"coverage": kept / len(y), "risk": risk, "confidence": confidence[order][kept - 1]})


def with_intervals(curves: pd.DataFrame) -> pd.DataFrame:
    """`reliability` with the 95 % Wilson interval `low, high` of the frequency; NaN where a bin is empty."""
    pairs = [wilson(frequency * n, n) if n else (np.nan, np.nan)
             for frequency, n in zip(curves["frequency"], curves["n"])]
    return curves.assign(low=[low for low, _ in pairs], high=[high for _, high in pairs])


def kept_when_surest(confidence: Float64Array, right: BoolArray) -> pd.DataFrame:
    """What is left if only the surest rows are kept.

    Returns
    -------
    DataFrame
        `share, n, accuracy, errors, least_probability` for each of `KEPT_SHARES`.
    """
    order = np.argsort(-confidence, kind="stable")
    rows = []
    for share in KEPT_SHARES:
        kept = order[:max(1, round(share * len(order)))]
        rows.append((share, len(kept), float(right[kept].mean()), int((~right[kept]).sum()),
                     float(confidence[kept].min())))
    return pd.DataFrame(rows, columns=["share", "n", "accuracy", "errors", "least_probability"])


def novelty_shares(novelty: Float64Array) -> Float64Array:
    """(20,) share of the rows in each of 20 equal bins of the out-of-distribution score, 0..1."""
    counts = np.histogram(np.clip(novelty, 0, 1), np.linspace(0, 1, NOVELTY_BINS + 1))[0]
    return np.asarray(counts / max(len(novelty), 1))


def _confusion(y: Int64Array, guess: Int64Array, k: int, w: Float64Array) -> Float64Array:
    """(B, K, K) weighted counts."""
    cell = csr_array((np.ones(len(y)), (np.arange(len(y)), y * k + guess)), shape=(len(y), k * k))
    return np.asarray(w @ cell).reshape(len(w), k, k)


def _of_confusion(table: Float64Array) -> dict[str, Float64Array]:
    """Scores that the confusion matrix holds."""
    truth, guessed = table.sum(axis=2), table.sum(axis=1)
    hit, total = np.diagonal(table, axis1=1, axis2=2), table.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        recall, f1 = hit / truth, 2 * hit / (truth + guessed)
    present = np.where(truth > 0, f1, np.nan)
    return {"accuracy": hit.sum(axis=1) / total, "balanced_accuracy": _nanmean(recall), "macro_f1": _nanmean(present),
            "weighted_f1": np.nansum(f1 * truth, axis=1) / total}


def _of_stages(table: Float64Array) -> dict[str, Float64Array]:
    """Scores of (B, K, K) counts that know how far apart two stages are.

    The quadratic weighted kappa is that of Cohen 1968 (doi:10.1037/h0026256).
    """
    apart = np.abs(np.subtract.outer(np.arange(table.shape[1]), np.arange(table.shape[1])))
    total = table.sum(axis=(1, 2))
    wrong = (table * (apart > 0)).sum(axis=(1, 2))
    by_chance = np.einsum("bi,bj,ij->b", table.sum(axis=2), table.sum(axis=1), apart ** 2) / total
    with np.errstate(invalid="ignore"):
        return {"qwk": 1 - (table * apart ** 2).sum(axis=(1, 2)) / by_chance,
                "mae": (table * apart).sum(axis=(1, 2)) / total,
                "adjacent_error_share": (table * (apart == 1)).sum(axis=(1, 2)) / wrong}


def _mean_auroc(y: Int64Array, p: Float64Array, w: Float64Array) -> Float64Array:
    if p.shape[1] == 2:
        return _auroc(y == 1, p[:, 1], w)
    return _nanmean(np.column_stack([_auroc(y == c, p[:, c], w) for c in range(p.shape[1])]))


def _auroc(own: BoolArray, score: Float64Array, w: Float64Array) -> Float64Array:
    """(B,) weighted area under the ROC curve: chance that a positive scores higher, ties count half."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    ranked = w[:, order]
    positive = np.add.reduceat(ranked * own[order], starts, axis=1)
    negative = np.add.reduceat(ranked * ~own[order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore"):
        return np.asarray((positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1)))


def _squares(y: Int64Array, p: Float64Array) -> Float64Array:
    """(n,) Brier 1950: squared distance to the truth, over one column for binary, over all for multiclass."""
    if p.shape[1] == 2:
        return np.asarray((p[:, 1] - (y == 1)) ** 2)
    return np.asarray(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1))


def _bins(confidence: Float64Array) -> Int64Array:
    return np.minimum((confidence * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)


def _ece(y: Int64Array, p: Float64Array, w: Float64Array) -> Float64Array:
    """(B,) expected calibration error of the top label (Naeini et al. 2015): |accuracy - confidence| over the bins."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    gap = csr_array((right - confidence, (np.arange(len(y)), _bins(confidence))), shape=(len(y), RELIABILITY_BINS))
    return np.asarray(np.abs(w @ gap).sum(axis=1) / w.sum(axis=1))


def _nanmean(values: Float64Array) -> Float64Array:
    """(B,) mean of the defined ones of (B, K); NaN where none is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=1) / known.sum(axis=1))


def _percentile(values: Float64Array, q: float) -> float:
    """Among the resamples where the score is defined; NaN where it never is."""
    known = values[~np.isnan(values)]
    return float(np.percentile(known, q)) if len(known) else np.nan


def wilson(hits: float, n: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, J Am Stat Assoc 22:209)."""
    z, share = NORMAL_975, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(max(0, middle - half)), float(min(1, middle + half))


def percentile_rank(values: Float64Array, value: float) -> int:
    """Per cent of the values below, ties counting half: 1..99, and 0 or 100 for a value outside all of them."""
    if value < values.min() or value > values.max():
        return 0 if value < values.min() else 100
    below = (values < value).sum() + .5 * (values == value).sum()
    return int(np.clip(round(100 * below / len(values)), 1, 99))
