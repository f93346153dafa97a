"""From an audited table to a baseline, and from a baseline and a newer table to what has drifted."""
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from classify.monitor.baseline import Baseline, SavedModel, rounded, sample
from classify.monitor.drift import Drift, drift, smallest_p
from classify.monitor.observed import Answers, observe
from featurize.arrays import BoolArray
from featurize.errors import UserError

# Images that a baseline, and new images, need at least.
FEWEST = 10
# New images that are compared, at most: a sample of whole units, as in the baseline.
MOST_NEW = 2000
# New images of which the answers are a baseline, at least: shares of fewer say little.
FEWEST_ANSWERED = 50
# Rates of false alarms that can be promised: smaller ones need more divisions than are drawn.
LEAST_RATE = 0.002
LARGEST_RATE = 0.2


def check_rate(rate: float) -> None:
    """Refuse a rate that is not between the two limits.

    Raises
    ------
    UserError
    """
    if not LEAST_RATE <= rate <= LARGEST_RATE:
        raise UserError(f"--alarm-rate {rate:g} was given, a share from {LEAST_RATE} to {LARGEST_RATE} was wanted, "
                        "such as 0.01 for one false alarm in a hundred comparisons")


def has_answers(trained_on: BoolArray) -> bool:
    """Whether a table has enough new images for a baseline of the model's answers."""
    return int((~trained_on).sum()) >= FEWEST_ANSWERED


def make_baseline(frame: pd.DataFrame, answers: Mapping[str, Answers], trained_on: BoolArray, model: SavedModel,
                  picture: list[str]) -> Baseline:
    """The baseline of a table.

    A model is surer of images that it learned from than of new ones, and also surer of new ones than the models of the
    folds were of the images that they held out: neither can stand for its answers on new images. So a table with
    FEWEST_ANSWERED new images gives a baseline of these, and another one a baseline without answers, of all images.

    Parameters
    ----------
    frame : (n, ...) DataFrame
    answers : mapping of str to Answers
        Of the saved model, see `classify.monitor.observed.Observed`.
    trained_on : (n,) bool
        Images that it learned from.
    model : SavedModel
    picture : list of str
        Properties of the picture that are watched.

    Raises
    ------
    UserError
        Fewer than FEWEST images.
    """
    if len(frame) < FEWEST:
        raise UserError(f"{len(frame)} images are no baseline, at least {FEWEST} were wanted: give a larger table")
    rows = observe(frame, answers, list(model.features), picture)
    kept = rows.take(np.flatnonzero(~trained_on)) if has_answers(trained_on) else replace(rows, answers={})
    return Baseline(model, rounded(sample(kept)), len(frame), int(trained_on.sum()))


def compare(baseline: Baseline, frame: pd.DataFrame, answers: Mapping[str, Answers], trained_on: BoolArray,
            rate: float) -> Drift:
    """What has drifted in a newer table; images that the model learned from are left out of it.

    Raises
    ------
    UserError
        Too few images or units are left, or the table lacks a column.
    """
    kept = np.flatnonzero(~trained_on)
    if len(kept) < FEWEST:
        raise UserError(f"{len(kept)} of {len(frame)} images are new to the model, at least {FEWEST} were wanted to "
                        "compare with a baseline: give a table with more new images")
    home = baseline.rows
    watched = observe(frame, answers, list(home.measurements.columns), list(home.picture.columns))
    rows = rounded(sample(watched.take(kept), MOST_NEW))
    if home.grouped and not rows.grouped:
        raise UserError("the baseline knows the patients of its images and the new table does not: give them to "
                        "`python cli.py featurize` with --group-column or --group-regex, or the alarm would count "
                        "images of one patient as independent")
    units = (home.units, rows.units)
    if smallest_p(units) > rate:
        raise UserError(f"the baseline has {units[0]} and the new table {units[1]} independent "
                        f"{'patients' if home.grouped else 'images'}: with so few an alarm at a rate of {rate:g} is "
                        "not possible; give more of them, or a larger --alarm-rate")
    return drift(home, rows, baseline.model.classes, rate)
