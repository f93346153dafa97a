"""Put the scores of a run together: the content of metrics.json and the curves beside it."""
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.data.costs import CostMatrix
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.evaluate import metrics
from classify.evaluate.against_baseline import baseline_differences
from classify.evaluate.by_class import class_scores
from classify.evaluate.curves import net_benefit
from classify.evaluate.decisions import decision_scores
from classify.evaluate.lineage import LineageRows, lineage_scores
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.parts_of_table import coverage_of_parts, nuisances_of, parts_of_table
from classify.evaluate.review_scores import abstention, review_scores
from classify.evaluate.sets import set_sizes
from classify.evaluate.threshold import threshold_scores
from classify.result import Predicted, Scores
from classify.uncertainty.calibrate import Calibration
from classify.uncertainty.operating_point import OperatingPoint
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.table import TableInfo


@dataclass(frozen=True)
class Comparisons:
    """What stands beside the scores of the model; n rows of the table, K classes.

    Parameters
    ----------
    baselines : dict of str to (n, K) float64
        Probabilities of each baseline; those of the held-out rows are read.
    shortcuts : DataFrame
        As `classify.evaluate.shortcuts.shortcuts` gives it.
    calibration : Calibration
        That of the saved model.
    operating_point : OperatingPoint or None
        That of the saved model.
    thresholds : (n,) float64 or None
        Of each row, see `classify.uncertainty.held_out.thresholds_at_home`.
    sites : sequence of dict
        As `classify.evaluate.left_out_sites.left_out_sites` gives them.
    """

    baselines: dict[str, Float64Array]
    shortcuts: pd.DataFrame
    calibration: Calibration
    operating_point: OperatingPoint | None = None
    thresholds: Float64Array | None = None
    sites: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Context:
    """What the predictions are asked for besides the class, and how the rows differ.

    Parameters
    ----------
    alpha : float
        Promised rate of prediction sets that miss the truth.
    costs : CostMatrix or None
    frame, info
        The table of n rows, RangeIndex: coverage is scored in its parts, too.
    """

    alpha: float
    costs: CostMatrix | None
    frame: pd.DataFrame
    info: TableInfo


def score(task: Task, split: Split, predicted: Predicted, comparisons: Comparisons, bootstrap: Bootstrap,
          context: Context) -> Scores:
    """Every score of the held-out, labelled rows.

    Parameters
    ----------
    task : Task
    split : Split
        Its groups are resampled as a whole.
    predicted : Predicted
    comparisons : Comparisons
    bootstrap : Bootstrap
        How the intervals are drawn.
    context : Context
    """
    rows = np.flatnonzero(predicted.held_out & task.labelled)
    y, p, sets = task.y[rows], predicted.probabilities[rows], predicted.sets[rows]
    split_group, classes, calibration = split.split_group[rows], task.classes, comparisons.calibration
    table = pd.DataFrame(metrics.confusion(y, p.argmax(axis=1), len(classes)), index=list(classes),
                         columns=list(classes))
    found = class_scores(y, p, sets, split_group, classes, bootstrap, task.ordered)
    content = {
        "task": task.kind, "n": len(rows), "classes": list(classes),
        "classes_tested": [name for c, name in enumerate(classes) if (y == c).any()],
        **{name: values[0] for name, values in metrics.scores(y, p, sets, ordered=task.ordered).items()},
        "per_class": found.per_class, "intervals": found.intervals,
        "confusion": confusion_of(table), "class_counts": class_counts(split),
        **({"decision_curve": net_benefit(y == 1, p[:, 1]).to_dict("list")} if len(classes) == 2 else {}),
        "baselines": {name: {k: v[0] for k, v in metrics.scores(y, probabilities[rows], ordered=task.ordered).items()}
                      for name, probabilities in comparisons.baselines.items()},
        "baseline_differences": baseline_differences(
            y, p, {name: other[rows] for name, other in comparisons.baselines.items()}, split_group, bootstrap),
        "shortcuts": {f"{r['name']}_to_{r['target']}": r["score"] for r in comparisons.shortcuts.to_dict("records")},
        "shortcut_gain": {f"{r['name']}_to_{r['target']}": r["gain"] for r in comparisons.shortcuts.to_dict("records")},
        "left_out_sites": list(comparisons.sites),
        "calibration": {"method": calibration.method, "temperature": calibration.temperature,
                        "log_loss_by_method": dict(calibration.losses or {}),
                        "log_loss_before": metrics.scores(y, predicted.raw[rows])["log_loss"][0]},
        "operating_point": _operating_point(y, p, comparisons, rows, split_group),
        "review_share": predicted.table["review"].to_numpy()[rows].mean(),
        "review": review_scores(predicted.table["review_reason"].iloc[rows], p.argmax(axis=1) == y, split_group),
        "abstention": abstention(y, p, split_group),
        "coverage_by_part": _coverage_by_part(y, sets, split_group, classes, rows, context),
        "groups": len(np.unique(split_group)), "split": split.kind, "folds": int(split.fold.max()) + 1}
    if task.lineage:
        content["lineage"] = lineage_scores(task.lineage, classes, LineageRows(y, p, sets, split_group), context.alpha,
                                            bootstrap)
    if context.costs:
        content["costs"] = decision_scores(context.costs, classes, y, p, split_group, bootstrap)
    return Scores(plain(content), table, metrics.reliability(y, p, classes, task.ordered), metrics.risk_coverage(y, p),
                  set_sizes(y, sets, classes), comparisons.shortcuts)


def _coverage_by_part(y: Int64Array, sets: BoolArray, split_group: Int64Array, classes: tuple[str, ...],
                      rows: Int64Array, context: Context) -> list[dict[str, Any]]:
    tested = context.frame.iloc[rows].reset_index(drop=True)
    parts = parts_of_table(tested, pd.Series(np.array(classes)[y]), nuisances_of(context.frame, context.info))
    return coverage_of_parts(parts, y, sets, split_group, 1 - context.alpha)


def confusion_of(table: pd.DataFrame) -> dict[str, Any]:
    """Counts, and per cent of the row, as lists in the order of the classes; a row without images has no per cent."""
    counts = table.to_numpy()
    total = counts.sum(axis=1, keepdims=True)
    percent = np.where(total > 0, 100 * counts / np.maximum(total, 1), np.nan)
    return {"rows": "truth", "columns": "predicted", "counts": counts.tolist(), "percent": percent.round(2).tolist()}


def class_counts(split: Split) -> dict[str, dict[str, int]]:
    """Images of every class in every part, `{part: {class: images}}`."""
    return {str(part): {str(name): int(n) for name, n in split.counts[part].items()} for part in split.counts}


def _operating_point(y: Int64Array, p: Float64Array, comparisons: Comparisons, rows: Int64Array,
                     split_group: Int64Array) -> dict[str, Any] | None:
    """The saved threshold, and what thresholds chosen without the row's fold give."""
    point, thresholds = comparisons.operating_point, comparisons.thresholds
    if point is None or thresholds is None:
        return None
    return {**point.to_dict(), **threshold_scores(y == 1, p[:, 1] >= thresholds[rows], split_group)}


def plain(value: Any) -> Any:
    """Numbers as JSON knows them: NaN becomes None, numpy's types become Python's."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
