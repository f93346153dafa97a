"""Numbers that stand on the page of a run and in none of its other files, computed from the run."""
from collections.abc import Sequence

import numpy as np
import pandas as pd

from classify.evaluate.curves import operating_points, reliability_points, thinned, threshold_curve
from classify.evaluate.explain import to_predicted
from classify.evaluate.metrics import kept_when_surest, novelty_shares, percentile_rank
from classify.evaluate.sets import coverage_by_class, pairs_in_sets, with_sets_of_all
from classify.report_numbers import (Concept, PlaceInClasses, Reason, ReportNumbers, ScoredRows, SwarmFeature,
                                     WrongPrediction)
from classify.result import RunResult
from classify.review import count_reasons
from featurize.arrays import Float32Array, Float64Array, Int64Array
from featurize.report.feature_names import HEADLINES, feature_name

# Of the beeswarm: measurements by themselves, and sums.
SWARM_MEASUREMENTS = 10
SWARM_SUMS = 10
# Of the table of each class: measurements by themselves, and sums.
CLASS_MEASUREMENTS = 5
CLASS_SUMS = 3
# Pairs of classes in one prediction set.
SET_PAIRS = 10
# Images that are shown: wrong predictions, of each class the typical ones, and the most novel ones.
WRONG = 8
TYPICAL = 4
NOVEL = 6
# Contributions that are named for each wrong prediction: measurements by themselves, and sums.
REASON_MEASUREMENTS = 4
REASON_SUMS = 4
# Smaller contributions would be written as 0.00, log-odds.
LEAST_CONTRIBUTION = .005
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
    scored, listed = scored_rows(result), concepts(result)
    predicted = result.predicted
    novelty, sizes = predicted.novelty[scored.rows], predicted.sets[scored.rows].sum(axis=1)
    curve, points = _thresholds(result, scored)
    return ReportNumbers(
        scored=scored, reliability=reliability_points(result.scores.reliability),
        thresholds=curve, operating_points=points,
        kept=kept_when_surest(scored.confidence, scored.right),
        set_coverage=_set_coverage(result),
        set_pairs=pairs_in_sets(scored.truth, predicted.sets[scored.rows], result.task.classes, SET_PAIRS),
        empty_sets=int(predicted.empty[scored.rows].sum()), sets_of_one=float((sizes == 1).mean()),
        sets_of_all=float((sizes == len(result.task.classes)).mean()),
        novelty={"right": novelty_shares(novelty[scored.right]), "wrong": novelty_shares(novelty[~scored.right])},
        missing_share=_missing_share(result),
        swarm=_swarm(result, listed), class_features=_class_features(result, listed),
        wrong=_wrong_predictions(result, listed, scored),
        typical={k: _typical_rows(scored, k, novelty) for k in range(len(result.task.classes))},
        novel=np.argsort(-predicted.novelty, kind="stable")[:NOVEL],
        review_reasons=count_reasons(predicted.table["review_reason"].iloc[scored.rows]))


def _missing_share(result: RunResult) -> float:
    """Share of the measurements that are missing; counted column by column, as all at once would be a second table."""
    missing = sum(int(result.frame[name].isna().sum()) for name in result.features)
    return missing / (len(result.frame) * len(result.features))


def scored_rows(result: RunResult) -> ScoredRows:
    """Pick the rows that count in the scores."""
    predicted = result.predicted
    rows = np.flatnonzero(predicted.held_out & (np.asarray(result.task.y) >= 0))
    probabilities = predicted.probabilities[rows]
    chosen = probabilities.argmax(axis=1) if len(rows) else np.zeros(0, dtype=np.int64)
    review = predicted.table["review"].to_numpy(bool)[rows]
    return ScoredRows(rows, np.asarray(result.task.y)[rows], chosen, probabilities.max(axis=1, initial=0), review)


def _set_coverage(result: RunResult) -> pd.DataFrame:
    per_class = {str(c): result.scores.metrics["per_class"][c] for c in result.task.classes}
    return with_sets_of_all(coverage_by_class(per_class, 1 - result.settings.alpha), result.scores.set_sizes)


def _thresholds(result: RunResult, scored: ScoredRows) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """ROC, precision-recall and operating points of the second of two classes."""
    positive = scored.truth == 1
    if len(result.task.classes) != 2 or not positive.any() or positive.all():
        return None, None
    p = result.predicted.probabilities[scored.rows, 1]
    curve = threshold_curve(positive, p)
    stored = result.scores.metrics.get("operating_point")
    return thinned(curve), operating_points(positive, p, result.split.split_group[scored.rows], stored)


def _swarm(result: RunResult, listed: Sequence[Concept]) -> tuple[SwarmFeature, ...]:
    """What matters most, row by row: first what can be checked by eye, then sums of many numbers."""
    values = _contributions_to_margin(result)
    sums = [values[:, concept.columns].sum(axis=1) for concept in listed]
    weights = np.array([np.abs(own).mean() for own in sums])
    return tuple(SwarmFeature(listed[at].name, len(listed[at].columns), sums[at], _levels(result, listed[at]))
                 for at in largest_concepts(listed, weights, SWARM_MEASUREMENTS, SWARM_SUMS))


def _contributions_to_margin(result: RunResult) -> Float64Array:
    """(m, d) contributions to the margin of the predicted class (binary: of class 1)."""
    values = result.explanation.contributions[:, :, :-1]
    if values.shape[1] == 1:
        return np.asarray(values[:, 0], dtype=float)
    chosen = result.predicted.probabilities[result.explanation.rows].argmax(axis=1)
    return np.asarray(values[np.arange(len(values)), chosen], dtype=float)


def _levels(result: RunResult, concept: Concept) -> Float64Array:
    """Rank 0..1 of the values of a measurement among the explained rows; NaN where missing, and for a sum."""
    if len(concept.columns) > 1:
        return np.full(len(result.explanation.rows), np.nan)
    values = result.frame[result.features[int(concept.columns[0])]].iloc[result.explanation.rows]
    ranks = values.rank(method="average")
    last = max(int(values.notna().sum()) - 1, 1)
    return np.asarray((ranks - 1) / last, dtype=np.float64)


def concepts(result: RunResult) -> tuple[Concept, ...]:
    """The features of the model by the name that they have on the page."""
    return concepts_of(result.features, str(result.info.preset.get("name", "")))


def concepts_of(features: Sequence[str], preset: str) -> tuple[Concept, ...]:
    """Columns by the name that they have on a page; `preset` is the name of the one that measured them."""
    columns: dict[tuple[str, bool], list[int]] = {}
    for at, feature in enumerate(features):
        named = feature_name(feature, preset)
        columns.setdefault((named.name, named.by_itself), []).append(at)
    return tuple(Concept(name, by_itself, np.array(at)) for (name, by_itself), at in columns.items())


def largest_concepts(listed: Sequence[Concept], weights: Float64Array, measurements: int, sums: int) -> list[int]:
    """Positions of the concepts of the largest weight: measurements by themselves, then sums."""
    order = [int(at) for at in np.argsort(-weights, kind="stable") if weights[at] >= LEAST_CONTRIBUTION]
    by_itself = [at for at in order if listed[at].by_itself]
    return by_itself[:measurements] + [at for at in order if not listed[at].by_itself][:sums]


def _class_features(result: RunResult, listed: Sequence[Concept]) -> pd.DataFrame:
    """For each class, the concepts that contribute most to its margin; a binary model has one margin, of class 1."""
    shown = [(1, 0)] if len(result.task.classes) == 2 else [(k, k) for k in range(len(result.task.classes))]
    rows = [row for k, margin in shown for row in _features_of_class(result, listed, k, margin)]
    return pd.DataFrame(rows, columns=["class", "concept", "feature", "weight", "direction", "median",
                                       "median_of_rest"])


def _features_of_class(result: RunResult, listed: Sequence[Concept], k: int, margin: int
                       ) -> list[tuple[str, Concept, str, float, float, float, float]]:
    values = result.explanation.contributions[:, margin, :-1]
    weight = np.array([np.abs(values[:, c.columns].sum(axis=1)).mean() for c in listed])
    own = np.asarray(result.task.y) == k
    rest = (np.asarray(result.task.y) >= 0) & ~own
    rows = []
    for at in largest_concepts(listed, weight, CLASS_MEASUREMENTS, CLASS_SUMS):
        concept = listed[at]
        first = int(concept.columns[np.abs(values[:, concept.columns]).mean(axis=0).argmax()])
        direction = own_median = rest_median = float("nan")
        if concept.by_itself:
            measured = result.frame[result.features[first]].to_numpy(float)
            direction = _rank_correlation(measured[result.explanation.rows], values[:, first])
            own_median, rest_median = _median(measured[own]), _median(measured[rest])
        rows.append((str(result.task.classes[k]), concept, result.features[first], float(weight[at]), direction,
                     own_median, rest_median))
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


def _wrong_predictions(result: RunResult, listed: Sequence[Concept], scored: ScoredRows
                       ) -> tuple[WrongPrediction, ...]:
    """The wrong predictions of the highest probability, with the reasons."""
    wrong = np.flatnonzero(~scored.right)
    surest = wrong[np.argsort(-scored.confidence[wrong], kind="stable")][:WRONG]
    predictions = []
    for at in surest:
        row, truth, chosen = int(scored.rows[at]), int(scored.truth[at]), int(scored.chosen[at])
        predictions.append(WrongPrediction(row, truth, chosen, reasons_of(result, listed, row, (truth, chosen))))
    return tuple(predictions)


def reasons_of(result: RunResult, listed: Sequence[Concept], row: int, classes: tuple[int, int]) -> tuple[Reason, ...]:
    """What contributed most to a prediction, and where the values lie among the images of two classes.

    Images of the row's own group, and its duplicates, are left out of the comparison.
    """
    at = np.flatnonzero(result.explanation.rows == row)
    if not len(at):
        return ()
    margins = result.explanation.contributions[at]
    chosen = result.predicted.probabilities[[row]].argmax(axis=1)
    own = to_predicted(margins, chosen)[0, :-1].astype(np.float64)
    sums = np.array([own[c.columns].sum() for c in listed])
    largest = largest_concepts(listed, np.abs(sums), REASON_MEASUREMENTS, REASON_SUMS)
    largest = _with_headlines(result, listed, row, largest)
    reasons = [_reason(result, listed[i], own, row, classes) for i in largest]
    rest = float(sums.sum() - sums[largest].sum())
    others = Reason(None, "", float("nan"), rest, None)
    return (*reasons, others) if len(largest) < len(listed) and reasons else tuple(reasons)


def _with_headlines(result: RunResult, listed: Sequence[Concept], row: int, largest: list[int]) -> list[int]:
    """Where few measurements by themselves decided, those that a reader looks for first stand behind them."""
    few = [at for at in largest if listed[at].by_itself]
    measured = {c.name: at for at, c in enumerate(listed) if c.by_itself and at not in few
                and result.frame.iloc[row][[result.features[i] for i in c.columns]].notna().any()}
    more = [measured[name] for name in HEADLINES if name in measured][:REASON_MEASUREMENTS - len(few)]
    return few + more + largest[len(few):]


def _reason(result: RunResult, concept: Concept, own: Float64Array, row: int, classes: tuple[int, int]) -> Reason:
    # Of columns without any contribution the one that was measured: a diameter may lack one of its units.
    known = result.frame.iloc[row][[result.features[at] for at in concept.columns]].notna().to_numpy()
    order = np.lexsort((~known, -np.abs(own[concept.columns])))
    feature = result.features[int(concept.columns[order[0]])]
    value, place = float("nan"), None
    if concept.by_itself:
        values = result.frame[feature].to_numpy(float)
        value, y = float(values[row]), np.asarray(result.task.y)
        usable = (result.split.split_group != result.split.split_group[row]) & np.isfinite(values)
        place = _place(value, values[(y == classes[0]) & usable], values[(y == classes[1]) & usable])
    return Reason(concept, feature, value, float(own[concept.columns].sum()), place)


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
