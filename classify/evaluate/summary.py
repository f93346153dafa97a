"""Put the scores of a run together: the content of metrics.json and the curves beside it."""
import math
from typing import Any

import numpy as np
import pandas as pd

from classify.data.splits import Split
from classify.data.tasks import Task
from classify.evaluate import metrics
from classify.result import Predicted, Scores
from classify.uncertainty.calibrate import Calibration
from featurize.arrays import Float64Array


def score(task: Task, split: Split, predicted: Predicted, baselines: dict[str, Float64Array],
          shortcuts: pd.DataFrame, calibration: Calibration, resamples: int, seed: int) -> Scores:
    """Every score of the honest, labelled rows.

    Parameters
    ----------
    baselines : dict of str to (n, K) float64
        Probabilities of each baseline on the honest rows.
    resamples, seed : int
        Of the bootstrap.
    """
    rows = np.flatnonzero(predicted.held_out & task.labelled)
    y, p, sets = task.y[rows], predicted.probabilities[rows], predicted.sets[rows]
    component, classes = split.split_group[rows], task.classes
    table = pd.DataFrame(metrics.confusion(y, p.argmax(axis=1), len(classes)), index=list(classes),
                         columns=list(classes))
    content = {
        "task": task.kind, "n": len(rows), "classes": list(classes),
        **{name: values[0] for name, values in metrics.scores(y, p, sets).items()},
        "per_class": metrics.per_class(y, p, sets, classes),
        "intervals": metrics.intervals(y, p, sets, component, resamples, seed),
        "baselines": {name: {k: v[0] for k, v in metrics.scores(y, found[rows]).items()}
                      for name, found in baselines.items()},
        "shortcuts": {f"{r['name']}_to_{r['target']}": r["score"] for r in shortcuts.to_dict("records")},
        "calibration": {"method": calibration.method, "temperature": calibration.temperature,
                        "log_loss_by_method": dict(calibration.losses or {}),
                        "log_loss_before": metrics.scores(y, predicted.raw[rows])["log_loss"][0]},
        "review_share": predicted.table["review"].to_numpy()[rows].mean(),
        "groups": len(np.unique(component)), "split": split.kind, "folds": int(split.fold.max()) + 1}
    return Scores(plain(content), table, metrics.reliability(y, p, classes), metrics.risk_coverage(y, p),
                  metrics.set_sizes(y, sets, classes), shortcuts)


def plain(value: Any) -> Any:
    """Numbers as JSON knows them: NaN becomes None, numpy's types become Python's."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
