"""What a reader must know before trusting the scores: whole sentences, most important first."""
import numpy as np
import pandas as pd

from classify.data.folds import FEW_SPLIT_GROUPS
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.fitting.crossfit import CrossFit
from classify.result import Predicted, Scores
from classify.uncertainty.conformal import too_few

UNEQUAL = 10
# Score margins below which a difference from a baseline or from a promise is taken for chance.
BEHIND = 0.01
SHORT = 0.05


def of_data(frame: pd.DataFrame, task: Task) -> list[str]:
    """Warnings that the table itself gives."""
    said = []
    labelled = frame[task.labelled]
    torn = labelled.groupby("duplicate_group")["label"].nunique()
    if (torn > 1).any():
        rows = labelled[labelled["duplicate_group"].isin(torn.index[torn > 1])]
        said.append(f"{len(rows)} images are duplicates of each other but labelled differently, for "
                    f"example {rows['path'].iloc[0]!r}: look at these labels first")
    if labelled["group"].isna().all():
        said.append("the table knows no groups: if a patient gave several images, they stand on both sides and "
                    "the scores are too good; name groups with --group-column or --group-regex of `python cli.py "
                    "featurize`")
    counts = task.counts()
    if counts.max() > UNEQUAL * counts.min():
        rare = task.classes[int(counts.argmin())]
        said.append(f"the classes are unequal: {rare!r} has {counts.min()} images, the largest class {counts.max()}; "
                    "look at its own scores, not at the accuracy")
    copies = len(labelled) - labelled["duplicate_group"].nunique()
    if copies:
        said.append(f"{copies} images repeat others (also turned or mirrored): copies were kept on one side")
    unlabelled = int((~task.labelled).sum())
    if unlabelled:
        said.append(f"{unlabelled} rows have no label: the final model predicted them and they count in no score")
    return said


def of_result(task: Task, split: Split, crossed: CrossFit, predicted: Predicted, scores: Scores,
              alpha: float) -> tuple[list[str], list[str]]:
    """Warnings that the results give: grave ones, and others."""
    grave = [w for w in scores.shortcuts["warning"] if w]
    grave += _against_baseline(scores) + _coverage(scores, alpha)
    other = []
    groups = scores.metrics["groups"]
    if groups < FEW_SPLIT_GROUPS:
        grave.append(f"only {groups} independent groups were tested: the intervals, which resample groups, are too "
                     "narrow to be trusted")
    honest = predicted.held_out & task.labelled
    rows = (split.part == "val") if split.kind == "given" else honest
    rare = too_few(task.y[rows], task.classes, alpha)
    if rare:
        other.append(f"too few calibrating images of {', '.join(map(repr, rare))}: at alpha {alpha:g} a prediction "
                     f"set can leave out a class only with at least {int(np.ceil(1 / alpha)) - 1} of them")
    learned = scores.metrics["calibration"]
    few = len(np.unique(split.split_group[rows]))
    if few < FEW_SPLIT_GROUPS and learned["method"] == "none":
        other.append(f"only {few} independent groups to calibrate on: the probabilities are the trees' own")
    if crossed.stopped_by_rows:
        other.append("groups are too few to keep one back inside a fold: the number of trees was chosen on rows of "
                     "groups that the trees knew; the tested groups were never seen")
    return grave, other


def _against_baseline(scores: Scores) -> list[str]:
    mine = scores.metrics
    for name, found in mine["baselines"].items():
        if found["macro_f1"] is not None and found["macro_f1"] > mine["macro_f1"] + BEHIND:
            return [f"the baseline {name} has a better macro-F1 ({found['macro_f1']:.3f}) than the trees "
                    f"({mine['macro_f1']:.3f}): the features may be few, linear, or the images too few for trees"]
    return []


def _coverage(scores: Scores, alpha: float) -> list[str]:
    found = {name: c["coverage"] for name, c in scores.metrics["per_class"].items() if c["coverage"] is not None}
    name = min(found, key=lambda c: found[c])
    n = scores.metrics["per_class"][name]["n"]
    # Chance alone moves the coverage of n rows by about two standard errors.
    allowed = max(SHORT, 2 * np.sqrt(alpha * (1 - alpha) / n))
    if found[name] >= 1 - alpha - allowed:
        return []
    return [f"the prediction sets hold the truth in {100 * found[name]:.0f} % of {name!r} instead of "
            f"{100 - 100 * alpha:g} %: the tested rows differ from the calibrating ones"]
