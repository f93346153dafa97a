"""Numbers that stand on the page of a run and in none of its other files, computed from the run."""
import numpy as np
import pandas as pd

from classify.evaluate.metrics import kept_when_surest, novelty_shares, percentile_rank, with_intervals
from classify.evaluate.sets import coverage_by_class, pairs_in_sets
from classify.report_numbers import PlaceInClasses, Reason, ReportNumbers, ScoredRows, SwarmFeature, WrongPrediction
from classify.result import RunResult
from classify.review import count_reasons
from featurize.arrays import Float32Array, Float64Array, Int64Array

# Features of the beeswarm, and of the table of each class.
SWARM_FEATURES = 20
CLASS_FEATURES = 5
# Pairs of classes in one prediction set.
SET_PAIRS = 10
# Images that are shown: wrong predictions, of each class the typical ones, and the most novel ones.
WRONG = 8
TYPICAL = 4
NOVEL = 6
# Contributions that are named for each wrong prediction.
REASONS = 6
# Probabilities that differ by less than half of this unit count as equally sure: 3 decimals.
CONFIDENCE_DECIMALS = 3
# The axis on which a value is placed among the images of two classes ends at these percentiles of both.
AXIS_PERCENTILES = (1, 99)
# Shortest axis: all values are equal.
LEAST_AXIS = 1e-12
# A rank correlation of value and contribution needs at least this many values.
LEAST_VALUES = 3


def report_numbers(result: RunResult) -> ReportNumbers:
    """Everything that `classify.report` shows and a `RunResult` does not hold."""
    scored = scored_rows(result)
    predicted = result.predicted
    novelty = predicted.novelty[scored.rows]
    return ReportNumbers(
        scored=scored, reliability=with_intervals(result.scores.reliability),
        kept=kept_when_surest(scored.confidence, scored.right),
        set_coverage=coverage_by_class({str(c): result.scores.metrics["per_class"][c] for c in result.task.classes},
                                       1 - result.settings.alpha),
        set_pairs=pairs_in_sets(scored.truth, predicted.sets[scored.rows], result.task.classes, SET_PAIRS),
        empty_sets=int(predicted.empty[scored.rows].sum()),
        novelty={"right": novelty_shares(novelty[scored.right]), "wrong": novelty_shares(novelty[~scored.right])},
        missing_share=float(result.frame[list(result.features)].isna().to_numpy().mean()),
        swarm=_swarm(result), class_features=_class_features(result), wrong=_wrong_predictions(result, scored),
        typical={k: _typical_rows(scored, k, novelty) for k in range(len(result.task.classes))},
        novel=np.argsort(-predicted.novelty, kind="stable")[:NOVEL],
        review_reasons=count_reasons(predicted.table["review_reason"].iloc[scored.rows]))


def scored_rows(result: RunResult) -> ScoredRows:
    """Pick the rows that count in the scores."""
    predicted = result.predicted
    rows = np.flatnonzero(predicted.held_out & (np.asarray(result.task.y) >= 0))
    probabilities = predicted.probabilities[rows]
    chosen = probabilities.argmax(axis=1) if len(rows) else np.zeros(0, dtype=np.int64)
    review = predicted.table["review"].to_numpy(bool)[rows]
    return ScoredRows(rows, np.asarray(result.task.y)[rows], chosen, probabilities.max(axis=1, initial=0), review)


def _swarm(result: RunResult) -> tuple[SwarmFeature, ...]:
    """The features that matter most, row by row."""
    names = result.explanation.features["feature"].astype(str).tolist()[:SWARM_FEATURES]
    values = _contributions_to_margin(result)
    column = {name: at for at, name in enumerate(result.features)}
    return tuple(SwarmFeature(name, values[:, column[name]], _levels(result, name)) for name in names)


def _contributions_to_margin(result: RunResult) -> Float64Array:
    """(m, d) contributions to the margin of the predicted class (binary: of class 1)."""
    values = result.explanation.contributions[:, :, :-1]
    if values.shape[1] == 1:
        return np.asarray(values[:, 0], dtype=float)
    chosen = result.predicted.probabilities[result.explanation.rows].argmax(axis=1)
    return np.asarray(values[np.arange(len(values)), chosen], dtype=float)


def _levels(result: RunResult, name: str) -> Float64Array:
    """Rank 0..1 of the values of one feature among the explained rows; NaN where missing."""
    values = result.frame[name].iloc[result.explanation.rows]
    ranks = values.rank(method="average")
    last = max(int(values.notna().sum()) - 1, 1)
    return np.asarray((ranks - 1) / last, dtype=np.float64)


def _class_features(result: RunResult) -> pd.DataFrame:
    """For each class, the features that contribute most to its margin; a binary model has one margin, of class 1."""
    shown = [(1, 0)] if len(result.task.classes) == 2 else [(k, k) for k in range(len(result.task.classes))]
    rows = [row for k, margin in shown for row in _features_of_class(result, k, margin)]
    return pd.DataFrame(rows, columns=["class", "feature", "weight", "direction", "median", "median_of_rest"])


def _features_of_class(result: RunResult, k: int, margin: int) -> list[tuple[str, str, float, float, float, float]]:
    values = result.explanation.contributions[:, margin, :-1]
    weight = np.abs(values).mean(axis=0)
    own = np.asarray(result.task.y) == k
    rest = (np.asarray(result.task.y) >= 0) & ~own
    rows = []
    for at in np.argsort(-weight, kind="stable")[:CLASS_FEATURES]:
        measured = result.frame[result.features[at]].to_numpy(float)
        direction = _rank_correlation(measured[result.explanation.rows], values[:, at])
        rows.append((str(result.task.classes[k]), result.features[at], float(weight[at]), direction,
                     _median(measured[own]), _median(measured[rest])))
    return rows


def _rank_correlation(value: Float64Array, contribution: Float32Array) -> float:
    """Spearman correlation of the measured values and their contributions; NaN where one of them is constant."""
    known = np.isfinite(value)
    if known.sum() < LEAST_VALUES or np.ptp(value[known]) == 0 or np.ptp(contribution[known]) == 0:
        return float("nan")
    a, b = (pd.Series(x[known]).rank().to_numpy() for x in (value, contribution))
    return float(np.corrcoef(a, b)[0, 1])


def _median(values: Float64Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _wrong_predictions(result: RunResult, scored: ScoredRows) -> tuple[WrongPrediction, ...]:
    """The wrong predictions of the highest probability, with the reasons."""
    wrong = np.flatnonzero(~scored.right)
    surest = wrong[np.argsort(-scored.confidence[wrong], kind="stable")][:WRONG]
    predictions = []
    for at in surest:
        row, truth, chosen = int(scored.rows[at]), int(scored.truth[at]), int(scored.chosen[at])
        predictions.append(WrongPrediction(row, truth, chosen, reasons_of(result, row, (truth, chosen))))
    return tuple(predictions)


def reasons_of(result: RunResult, row: int, classes: tuple[int, int]) -> tuple[Reason, ...]:
    """The features that contributed most to a prediction, and where their values lie among the images of two classes.

    Images of the row's own group, and its duplicates, are left out of the comparison.
    """
    table = result.explanation.reasons
    largest = table[table["row"] == row].sort_values("rank").head(REASONS)
    others = result.split.split_group != result.split.split_group[row]
    y = np.asarray(result.task.y)
    reasons = []
    for r in largest.to_dict("records"):
        values = result.frame[r["feature"]].to_numpy(float)
        usable = others & np.isfinite(values)
        place = _place(float(r["value"]), values[(y == classes[0]) & usable], values[(y == classes[1]) & usable])
        reasons.append(Reason(r["feature"], r["value"], r["contribution"], place))
    return tuple(reasons)


def _place(value: float, first: Float64Array, second: Float64Array) -> PlaceInClasses | None:
    """Where a value lies among those of two classes."""
    if not np.isfinite(value) or not len(first) or not len(second):
        return None
    low, high = np.percentile(np.concatenate([first, second]), AXIS_PERCENTILES)
    span = max(high - low, LEAST_AXIS)
    halves = [np.clip((np.percentile(values, [25, 75]) - low) / span, 0, 1) for values in (first, second)]
    return PlaceInClasses((percentile_rank(first, value), percentile_rank(second, value)),
                          ((halves[0][0], halves[0][1]), (halves[1][0], halves[1][1])),
                          float(np.clip((value - low) / span, 0, 1)))


def _typical_rows(scored: ScoredRows, k: int, novelty: Float64Array) -> Int64Array:
    """Positions among the tested rows: right and surest, the least novel first among equals."""
    at = np.flatnonzero(scored.right & (scored.truth == k))
    order = np.lexsort((novelty[at], -np.round(scored.confidence[at], CONFIDENCE_DECIMALS)))
    return at[order][:TYPICAL]
