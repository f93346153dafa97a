"""What a reader must know before trusting the scores."""
import numpy as np
import pandas as pd

from classify.accepted_error import AcceptedError
from classify.data.folds import FEW_SPLIT_GROUPS
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.evaluate.left_out_sites import worst_loss
from classify.fitting.crossfit import CrossFit
from classify.result import Predicted, Scores, SuspectLabels
from classify.uncertainty.conformal import Conformal, fewest_rows
from featurize.report.numbers import count

# The largest class has more than this many times the images of the smallest.
UNEQUAL_RATIO = 10
# Coverage by which a class may fall short of the promise before it is warned of.
SHORT_COVERAGE = 0.05
# Standard errors of the coverage that chance alone may take away.
CHANCE_STANDARD_ERRORS = 2
# Share of the training rows that were not learned from, from which on it is told: one row in one fold is no news.
LEAST_LEFT_OUT = 0.005


def of_data(frame: pd.DataFrame, task: Task) -> list[str]:
    """Warnings that the table itself gives: sentences without capital letter and full stop, most important first."""
    warnings = []
    labelled = frame[task.labelled]
    labels = labelled.groupby("duplicate_group")["label"].nunique()
    if (labels > 1).any():
        rows = labelled[labelled["duplicate_group"].isin(labels.index[labels > 1])]
        warnings.append(f"{len(rows)} images are duplicates of each other but labelled differently, for "
                        f"example {rows['path'].iloc[0]!r}: look at these labels first")
    if labelled["group"].isna().all():
        warnings.append("the table knows no groups: if a patient gave several images, they stand on both sides and "
                        "the scores are too good; name groups with --group-column or --group-regex of `python cli.py "
                        "featurize`")
    counts = task.counts()
    if counts.max() > UNEQUAL_RATIO * counts.min():
        rare = task.classes[int(counts.argmin())]
        warnings.append(f"the classes are unequal: {rare!r} has {counts.min()} images, the largest class "
                        f"{counts.max()}; look at its own scores, not at the accuracy")
    copies = len(labelled) - labelled["duplicate_group"].nunique()
    if copies:
        warnings.append(f"{copies} images repeat others (also turned or mirrored): copies were kept on one side")
    unlabelled = int((~task.labelled).sum())
    if unlabelled:
        warnings.append(f"{unlabelled} rows have no label: the final model predicted them and they count in no score")
    return warnings


def of_sets(classes: tuple[str, ...], conformal: Conformal) -> list[str]:
    """Warnings that few calibrating images give: they explain why many images are for review."""
    alpha, fewest, n = conformal.alpha, fewest_rows(conformal.alpha), len(conformal.y)
    if not conformal.pooled:
        return []
    if n < fewest:
        return [f"only {n} images calibrate the prediction sets, and at alpha {alpha:g} fewer than {fewest} can leave "
                "out no class: every set holds all classes and every image is for review; bring more calibrating "
                f"images, or choose --alpha {np.ceil(100 / (n + 1)) / 100:g}"]
    names = ", ".join(f"{classes[c]!r} ({int((conformal.y == c).sum())})" for c in conformal.pooled)
    return [f"few calibrating images of {names}: their prediction sets are calibrated on the images of all classes, so "
            f"that {100 - 100 * alpha:g} % of all sets hold the truth, but perhaps fewer in such a class"]


def of_review(accepted: AcceptedError | None) -> list[str]:
    """A warning where the error that the user named cannot be promised."""
    if accepted is None or accepted.kept or not accepted.chosen:
        return []
    return [f"{accepted.sentence}; every image is for review: name a larger --accept-error, or leave it out"]


def of_labels(suspects: SuspectLabels) -> list[str]:
    """A warning where more labels are contradicted than hard images explain."""
    if not suspects.unusual:
        return []
    sure, flagged = suspects.metrics["surest"], suspects.metrics["flagged"]
    pair = suspects.pairs.iloc[0] if len(suspects.pairs) else None
    often = f", most often {pair['label']!r} that looks like {pair['likely']!r}" if pair is not None else ""
    return [f"labels may be wrong: the label contradicts {sure['contradicted']} of the {sure['n']} surest answers, and "
            f"{count(flagged, 'label is', 'labels are')} flagged{often}; look at the first lines of suspects.csv"]


def of_result(task: Task, split: Split, crossed: CrossFit, predicted: Predicted, scores: Scores,
              alpha: float) -> tuple[list[str], list[str]]:
    """Warnings that the results give.

    Parameters
    ----------
    task : Task
    split : Split
    crossed : CrossFit
        Whether boosting was stopped by rows of known groups.
    predicted : Predicted
        Which rows are held out.
    scores : Scores
    alpha : float
        Promised rate of prediction sets that miss the truth.

    Returns
    -------
    serious, other : list of str
        Sentences without capital letter and full stop.
    """
    lost = worst_loss(scores.metrics["left_out_sites"])
    serious = [*([lost] if lost else []), *(w for w in scores.shortcuts["warning"] if w)]
    serious += _against_baseline(scores, crossed) + _coverage(scores, alpha)
    other = []
    groups = scores.metrics["groups"]
    if groups < FEW_SPLIT_GROUPS:
        serious.append(f"only {groups} independent groups were tested: the intervals, which resample groups, are too "
                       "narrow to be trusted")
    held_out = predicted.held_out & task.labelled
    rows = (split.part == "val") if split.kind == "given" else held_out
    method = scores.metrics["calibration"]["method"]
    few = len(np.unique(split.split_group[rows]))
    if few < FEW_SPLIT_GROUPS and method == "none":
        other.append(f"only {few} independent groups to calibrate on: the probabilities are the model's own")
    if crossed.stopped_by_rows:
        other.append("groups are too few to keep one back inside a fold: the number of trees was chosen on rows of "
                     "groups that the trees knew; the tested groups were never seen")
    if crossed.left_out >= LEAST_LEFT_OUT:
        other.append(f"{100 * crossed.left_out:.2g} % of the training rows were not learned from: labels of this table "
                     "contradict too many sure answers of models that did not see them, and these labels do, too")
    return serious, other


def _against_baseline(scores: Scores, crossed: CrossFit) -> list[str]:
    """The first baseline that is better beyond the paired interval of the difference."""
    model = scores.metrics["macro_f1"]
    for name, difference in scores.metrics["baseline_differences"].items():
        low, high = difference["macro_f1_interval"]
        if low is not None and low > 0:
            better = scores.metrics["baselines"][name]["macro_f1"]
            found = (f"the baseline {name} has a better macro-F1 ({better:.3f}) than the model ({model:.3f}); the "
                     f"difference is {low:.3f} to {high:.3f}")
            trees = not crossed.models or crossed.models[0].library != "logistic"
            advice = ": the images may be too few for trees; try --model logistic" if trees else ""
            return [found + (advice if name == "pca_logistic" else "")]
    return []


def _coverage(scores: Scores, alpha: float) -> list[str]:
    coverage = {name: c["coverage"] for name, c in scores.metrics["per_class"].items() if c["coverage"] is not None}
    name = min(coverage, key=lambda c: coverage[c])
    n = scores.metrics["per_class"][name]["n"]
    allowed = max(SHORT_COVERAGE, CHANCE_STANDARD_ERRORS * np.sqrt(alpha * (1 - alpha) / n))
    if coverage[name] >= 1 - alpha - allowed:
        return []
    return [f"the prediction sets hold the truth in {100 * coverage[name]:.0f} % of {name!r} instead of "
            f"{100 - 100 * alpha:g} %: the tested rows differ from the calibrating ones"]
