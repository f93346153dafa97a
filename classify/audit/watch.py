"""The audit's part in monitoring: a baseline of the audited table, or what drifted since one."""
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from classify.audit.result import Audit
from classify.bundle import model_digest
from classify.evaluate.parts_of_table import nuisances_of
from classify.monitor.baseline import Baseline, SavedModel, write_baseline
from classify.monitor.compare import compare, make_baseline
from classify.monitor.drift import Drift
from classify.monitor.observed import ONE, Answers, answers_of
from featurize.arrays import BoolArray
from featurize.errors import UserError

# Promised share of false alarms where none is chosen.
RATE = 0.01


@dataclass(frozen=True)
class Watch:
    """What is watched.

    Parameters
    ----------
    write : Path or None
        Where the baseline of this table goes.
    against : Baseline or None
        What this table is compared with.
    rate : float
        Promised share of false alarms.
    """

    write: Path | None = None
    against: Baseline | None = None
    rate: float = RATE


@dataclass(frozen=True)
class Watched:
    """A table with what a saved model says of it; n rows.

    Parameters
    ----------
    model : SavedModel
    frame : (n, ...) DataFrame
    answers : mapping of str to Answers
        See `classify.monitor.observed.Observed`.
    trained_on : (n,) bool
        Images that the model learned from.
    picture : list of str
        Columns that describe the picture.
    """

    model: SavedModel
    frame: pd.DataFrame
    answers: Mapping[str, Answers]
    trained_on: BoolArray
    picture: list[str]


def watched(watch: Watch, model: Path, result: Audit) -> Drift | None:
    """Write the baseline that was asked for, and compare with the one that was given.

    Raises
    ------
    UserError
        The baseline is of another model, or too little can be compared.
    """
    if not (watch.write or watch.against):
        return None
    bundle = result.bundle
    saved = SavedModel(str(model), model_digest(model), tuple(bundle.classes), tuple(bundle.model.features))
    answers = {ONE: answers_of(bundle.review, result.predictions, result.frame)}
    return drift_of(watch, Watched(saved, result.frame, answers, result.trained_on,
                                   nuisances_of(result.frame, result.info)))


def drift_of(watch: Watch, given: Watched) -> Drift | None:
    """`watched` for a model of any kind."""
    if watch.write:
        write_baseline(make_baseline(given.frame, given.answers, given.trained_on, given.model, given.picture),
                       watch.write)
    if watch.against is None:
        return None
    if watch.against.model.digest != given.model.digest:
        raise UserError(f"the baseline was written for another model than {given.model.path}, which cannot be compared "
                        "with it: write one of this model with `python cli.py audit RUN TABLE --baseline`")
    return compare(watch.against, given.frame, given.answers, given.trained_on, watch.rate)
