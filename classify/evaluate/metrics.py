"""Scores of predictions, and how sure they are: pure functions of truth, probabilities and sets.

Every score is written once, for B sets of row weights at a time: weights of one give the score itself, the counts of a
bootstrap give its interval. A new kind of task is one more branch in `scores`.
"""
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from classify.evaluate.ranking import ranked_by_class
from classify.report_numbers import RELIABILITY_BINS
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Weights that the bootstrap holds in memory at a time: 32 MB.
WEIGHTS_AT_ONCE = 4_000_000
# Weights that all resamples have together, a fifth of a million rows a thousand times: larger tables are drawn fewer
# times, as a million rows took ten minutes and their intervals are narrow.
MOST_WEIGHTS = 200_000_000
# So many resamples there are at least, if as many were asked for: five lie outside on either side of a 95 % interval.
LEAST_RESAMPLES = 200
# Least probability in the log-loss, so that it stays finite.
LEAST_PROBABILITY = 1e-12
# Equal bins of the out-of-distribution score.
NOVELTY_BINS = 20
# Shares of the tested rows that are kept, surest first.
KEPT_SHARES = (1, .95, .9, .8, .7, .5)
# 97.5th percentile of the normal distribution: half the width of a 95 % interval in standard errors.
NORMAL_975 = 1.959964


def scores(y: Int64Array, p: Float64Array, sets: BoolArray | None = None, weights: Float64Array | None = None,
           ranked: tuple[Float64Array, Float64Array] | None = None, ordered: bool = False) -> dict[str, Float64Array]:
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
    ranked : pair of (B, K) float64 or None
        `ranked_by_class` of the same rows and weights, where it is known already.
    ordered : bool
        The classes are stages from the lowest to the highest.

    Returns
    -------
    dict of str to (B,) float64
        accuracy, balanced_accuracy (mean recall), macro_f1 (F1 over the classes that occur in the truth: a class absent
        there would count as 0 for one row called so), weighted_f1, macro_precision, macro_specificity, mcc, auroc and
        average_precision (macro one-vs-rest; binary: of class 1), log_loss, brier (binary: of class 1; multiclass:
        summed over classes), ece (top label, 15 equal bins), coverage, mean_set_size; ordered: qwk, mae,
        adjacent_error_share. NaN where undefined, as the AUROC of a class that does not occur.
    """
    w = np.ones((1, len(y))) if weights is None else weights
    total = w.sum(axis=1)
    table = weighted_confusion(y, p.argmax(axis=1), p.shape[1], w)
    by_name = {**of_confusion(table), **(_of_stages(table) if ordered else {})}
    auroc, precision = ranked or ranked_by_class(y, p, w)
    by_name["auroc"], by_name["average_precision"] = _mean_of_classes(auroc), _mean_of_classes(precision)
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
        Most resamples, and random seed.
    level : float
        Share of the resamples inside the interval.
    """

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def resamples_of(self, rows: int) -> int:
        """Resamples of a table: fewer from 200,000 rows on, never under 200.

        >>> [Bootstrap().resamples_of(rows) for rows in (10_000, 400_000, 10_000_000)]
        [1000, 500, 200]
        """
        return min(self.resamples, max(LEAST_RESAMPLES, MOST_WEIGHTS // max(rows, 1)))


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
    drawn = [scores(y, p, sets, w, ordered=ordered) for w in draws(split_group, bootstrap)]
    return intervals_of(drawn, bootstrap, float(scores(y, p)["ece"][0]))


def draws(split_group: Int64Array, bootstrap: Bootstrap) -> Iterator[Float64Array]:
    """Row weights (B, n) of the resamples, as many at a time as memory allows; whole groups are drawn."""
    code, names = pd.factorize(split_group)
    draw = np.random.default_rng(bootstrap.seed)
    resamples = bootstrap.resamples_of(len(split_group))
    step = max(1, min(resamples, WEIGHTS_AT_ONCE // max(len(split_group), 1)))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        counts = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size).astype(np.float64)
        yield counts[:, code]


def intervals_of(parts: Sequence[Mapping[str, Float64Array]], bootstrap: Bootstrap,
                 ece: float) -> dict[str, list[float]]:
    """Intervals of scores that were drawn in parts, the basic one for `ece`, of which the score itself is given.

    NaN where a score is undefined in every resample.
    """
    edge = 100 * (1 - bootstrap.level) / 2
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    found = {name: [_percentile(values, edge), _percentile(values, 100 - edge)] for name, values in drawn.items()}
    if "ece" in found:
        low, high = found["ece"]
        found["ece"] = [max(2 * ece - high, 0.0), max(2 * ece - low, ece)]
    return found


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
        rows = pd.DataFrame({"bin": bins_of(confidence), "confidence": confidence, "frequency": right})
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


def weighted_confusion(y: Int64Array, guess: Int64Array, k: int, w: Float64Array) -> Float64Array:
    """(B, K, K) weighted counts."""
    cell = csr_array((np.ones(len(y)), (np.arange(len(y)), y * k + guess)), shape=(len(y), k * k))
    return np.asarray(w @ cell).reshape(len(w), k, k)


def of_confusion(table: Float64Array) -> dict[str, Float64Array]:
    """Scores that the confusion matrix holds."""
    truth, guessed = table.sum(axis=2), table.sum(axis=1)
    hit, total = np.diagonal(table, axis1=1, axis2=2), table.sum(axis=(1, 2))
    rest = total[:, None] - truth
    with np.errstate(invalid="ignore"):
        recall, f1, precision = hit / truth, 2 * hit / (truth + guessed), hit / guessed
        specificity = (rest - guessed + hit) / rest
    return {"accuracy": hit.sum(axis=1) / total, "balanced_accuracy": _nanmean(recall),
            "macro_f1": _nanmean(np.where(truth > 0, f1, np.nan)),
            "weighted_f1": np.nansum(f1 * truth, axis=1) / total,
            # A class that no row was called counts as 0, as in scikit-learn; one that does not occur is left out.
            "macro_precision": _nanmean(np.where(truth > 0, np.nan_to_num(precision), np.nan)),
            "macro_specificity": _nanmean(np.where(truth > 0, specificity, np.nan)), "mcc": _mcc(table)}


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


def _mcc(table: Float64Array) -> Float64Array:
    """(B,) Matthews correlation of K classes (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006).

    NaN where all rows are of one class or were called one class.
    """
    truth, guessed, total = table.sum(axis=2), table.sum(axis=1), table.sum(axis=(1, 2))
    hits = np.trace(table, axis1=1, axis2=2)
    spread = (total ** 2 - (truth ** 2).sum(axis=1)) * (total ** 2 - (guessed ** 2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (hits * total - (truth * guessed).sum(axis=1)) / np.sqrt(spread), np.nan)


def _mean_of_classes(values: Float64Array) -> Float64Array:
    """(B,) macro mean over the classes; of two classes that of class 1 alone."""
    return values[:, 1] if values.shape[1] == 2 else _nanmean(values)


def _squares(y: Int64Array, p: Float64Array) -> Float64Array:
    """(n,) Brier 1950: squared distance to the truth, over one column for binary, over all for multiclass."""
    if p.shape[1] == 2:
        return np.asarray((p[:, 1] - (y == 1)) ** 2)
    return np.asarray(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1))


def bins_of(confidence: Float64Array) -> Int64Array:
    return np.minimum((confidence * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)


def _ece(y: Int64Array, p: Float64Array, w: Float64Array) -> Float64Array:
    """(B,) expected calibration error of the top label (Naeini et al. 2015): |accuracy - confidence| over the bins."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    gap = csr_array((right - confidence, (np.arange(len(y)), bins_of(confidence))), shape=(len(y), RELIABILITY_BINS))
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
    # Rounding must not take the end of a share of none or all off 0 or 1.
    return 0.0 if hits == 0 else float(max(0, middle - half)), 1.0 if hits == n else float(min(1, middle + half))


def percentile_rank(values: Float64Array, value: float) -> int:
    """Per cent of the values below, ties counting half: 1..99, and 0 or 100 for a value outside all of them."""
    if value < values.min() or value > values.max():
        return 0 if value < values.min() else 100
    below = (values < value).sum() + .5 * (values == value).sum()
    return int(np.clip(round(100 * below / len(values)), 1, 99))
