"""Labels that the model doubts: which images a person should look at again before the model is blamed.

The score is cleanlab's self-confidence turned around and the flag its confident learning (Northcutt et al. 2021,
doi:10.1613/jair.1.12125). Only held-out rows take part: a model remembers the labels that it was trained on.
"""
from dataclasses import asdict

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from classify.data.tasks import Task
from classify.evaluate import metrics
from classify.evaluate.summary import plain
from classify.fitting.contradicted import contradicted_when_sure
from classify.result import Predicted, SuspectLabels
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Keeps rows whose probability lies on classes without a held-out row from a division by zero.
LEAST_PROBABILITY = 1e-12
# Scores that are given with and without the flagged rows.
COMPARED = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss")


def suspect_labels(frame: pd.DataFrame, task: Task, predicted: Predicted) -> SuspectLabels:
    """Suspect labels of the held-out, labelled rows, with what stands about them in metrics.json.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        The table.
    task : Task
    predicted : Predicted
    """
    table, copies = suspect_table(frame, task, predicted), copies_labelled_differently(frame, task)
    rows = table.index.to_numpy()
    y, p, kept = task.y[rows], predicted.probabilities[rows], ~table["flagged"].to_numpy(bool)
    sure, pairs = contradicted_when_sure(y, p), class_pairs(table)
    content = {"n": len(table), "flagged": int((~kept).sum()), "surest": asdict(sure),
               "copies_labelled_differently": len(copies), "pairs": pairs.to_dict("records"),
               "scores": _compared(y, p), "scores_without_flagged": _compared(y[kept], p[kept])}
    return SuspectLabels(table, pairs, copies, plain(content), sure.unusual)


def _compared(y: Int64Array, p: Float64Array) -> dict[str, float]:
    if not len(y):
        return dict.fromkeys(COMPARED, np.nan)
    found = metrics.scores(y, p)
    return {name: float(found[name][0]) for name in COMPARED}


def suspect_table(frame: pd.DataFrame, task: Task, predicted: Predicted) -> pd.DataFrame:
    """Every held-out, labelled row, most suspect first.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        `image_id, path` are copied, and `site` where a row has one.
    task : Task
    predicted : Predicted

    Returns
    -------
    DataFrame
        `image_id, path, (site,) label, likely, score, flagged`; the index is the row of `frame`. `likely` is the most
        probable class, `score` one minus the probability of the row's own label, 0..1, `flagged` is True where
        confident learning takes the label for wrong.
    """
    rows = np.flatnonzero(predicted.held_out & task.labelled)
    y, p = task.y[rows], predicted.probabilities[rows]
    names = np.array(task.classes, dtype=object)
    site = ["site"] if "site" in frame and frame["site"].notna().any() else []
    table = frame.iloc[rows][["image_id", "path", *site]].assign(
        label=names[y], likely=names[p.argmax(axis=1)], score=scores_of(y, p), flagged=flags(y, p))
    table.index = pd.Index(rows)
    return table.sort_values("score", ascending=False, kind="stable")


def scores_of(y: Int64Array, p: Float64Array) -> Float64Array:
    """(n,) one minus the probability of the row's own label."""
    return np.clip(1 - np.asarray(get_label_quality_scores(y, p, method="self_confidence")), 0, 1)


def flags(y: Int64Array, p: Float64Array) -> BoolArray:
    """(n,) labels that confident learning takes for wrong; none where fewer than two classes occur."""
    occurring = np.unique(y)
    if len(occurring) < 2:
        return np.zeros(len(y), bool)
    code = np.searchsorted(occurring, y)
    share = np.maximum(p[:, occurring], LEAST_PROBABILITY)
    # Without min_examples_per_class a class of one image is a Python warning.
    flagged = find_label_issues(code, share / share.sum(axis=1, keepdims=True), min_examples_per_class=0, n_jobs=1)
    return np.asarray(flagged, bool) & (p.argmax(axis=1) != y)


def class_pairs(suspects: pd.DataFrame) -> pd.DataFrame:
    """`label, likely, n` of the flagged rows, most frequent pair first."""
    flagged = suspects[suspects["flagged"]]
    counts = flagged.groupby(["label", "likely"], sort=False).size().reset_index(name="n")
    return counts.sort_values("n", ascending=False, kind="stable", ignore_index=True)


def copies_labelled_differently(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Labelled rows whose duplicates, exact or near, bear another label: `duplicate_group, row, path, label`."""
    labelled = frame[task.labelled]
    several = labelled.groupby("duplicate_group")["label"].transform("nunique") > 1
    found = labelled.loc[several, ["duplicate_group", "path", "label"]]
    found = found.assign(row=found.index).sort_values(["duplicate_group", "row"], kind="stable", ignore_index=True)
    return found[["duplicate_group", "row", "path", "label"]]
