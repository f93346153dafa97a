"""A saved model, fitted to another place by a few labelled images: same trees, other probabilities, sets and limits."""
from dataclasses import replace
from pathlib import Path

import numpy as np

from classify.audit.labels_section import LabelledRows
from classify.bundle import Bundle
from classify.data.folds import make_folds
from classify.elsewhere.few_labels import FewLabels, fit_few, fitted
from classify.review import LEAST_PROBABILITY
from classify.run_folder import FINDINGS_FOLDER, METRICS, MODEL_FOLDER
from classify.uncertainty.calibrate import Calibration
from classify.uncertainty.conformal import fit_conformal
from classify.uncertainty.operating_point import OperatingPoint, choose_threshold
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError
from featurize.runtime.folders import check_replaceable

# Labelled images that are needed: sets of fewer hold every class.
FEWEST = 20
# Parts whose probabilities are in turn fitted on the others, for sets and threshold.
FOLDS = 5
# Percentile of the out-of-distribution scores there above which an image is unlike the place.
NOVEL_PERCENTILE = 95


def check_fitted(folder: Path, run: Path, several: bool = False) -> None:
    """Refuse a place where the model of a run, or foreign files, would be replaced; `several`: it is of findings.

    Raises
    ------
    UserError
    """
    if run.resolve() in (folder.resolve(), *folder.resolve().parents) or (folder.parent / METRICS).is_file():
        raise UserError(f"--fitted {folder} lies in a run folder, whose model would be replaced: choose a folder of "
                        "its own")
    check_replaceable(folder, FINDINGS_FOLDER if several else MODEL_FOLDER)


def fit_there(bundle: Bundle, known: LabelledRows) -> Bundle:
    """The model for the place where the labelled images come from.

    Prediction sets, operating point and the limit of novelty are taken from the labelled images. The promise of few
    errors was made at home: it is dropped. So is the comparison of a table with the images at home.

    Parameters
    ----------
    bundle : Bundle
    known : LabelledRows
        Of that place.

    Raises
    ------
    UserError
        Too few labelled images or groups, or the model's calibration is no linear one.
    """
    p, y, group = known.p, known.y, known.group
    if len(y) < FEWEST or len(np.unique(group)) < FOLDS:
        raise UserError(f"{len(y)} labelled images of {len(np.unique(group))} groups: at least {FEWEST} images of "
                        f"{FOLDS} groups are needed to fit a model to another place; label more")
    calibration = _composed(bundle.calibration, fit_few(p, y), len(bundle.classes))
    fold = make_folds(y, group, FOLDS, 0)
    unseen = np.empty_like(p)
    for number in range(FOLDS):
        own = fold == number
        unseen[own] = fitted(fit_few(p[~own], y[~own]), p[own])
    rule = replace(bundle.review, by_set=True, least_probability=LEAST_PROBABILITY, accepted=None,
                   most_novelty=max(bundle.review.most_novelty, float(np.percentile(known.novelty, NOVEL_PERCENTILE))))
    return replace(bundle, calibration=calibration, conformal=fit_conformal(unseen, y, bundle.conformal.alpha),
                   review=rule, operating_point=_point(bundle.operating_point, unseen, y), batch=None)


def _composed(home: Calibration, few: FewLabels, classes: int) -> Calibration:
    """Both maps in one: of the logarithms of the uncalibrated probabilities."""
    if home.method == "isotonic":
        raise UserError("the model is calibrated by isotonic steps, which cannot be fitted further: train it with "
                        "`python cli.py classify --calibration temperature`")
    matrix = np.array(home.matrix) if home.method == "matrix" else np.eye(classes) / home.temperature
    bias = np.array(home.bias) if home.bias else np.zeros(classes)
    scaled, added = few.factor * matrix, few.factor * bias + np.array(few.bias)
    return Calibration("matrix", matrix=tuple(map(tuple, scaled.tolist())), bias=tuple(added.tolist()))


def _point(home: OperatingPoint | None, p: Float64Array, y: Int64Array) -> OperatingPoint | None:
    """The operating point by the same rule; home's where only one class is labelled."""
    if home is None or len(np.unique(y)) < 2:
        return home
    return replace(home, threshold=choose_threshold(y == 1, p[:, 1], home.rule))
