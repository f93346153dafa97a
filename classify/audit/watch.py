"""The audit's part in monitoring: a baseline of the audited table, or what drifted since one."""
from dataclasses import dataclass
from pathlib import Path

from classify.audit.result import Audit
from classify.bundle import model_digest
from classify.evaluate.parts_of_table import nuisances_of
from classify.monitor.baseline import Baseline, SavedModel, write_baseline
from classify.monitor.compare import compare, make_baseline
from classify.monitor.drift import Drift
from classify.monitor.observed import Answers, answers_of
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


def watched(watch: Watch, model: Path, result: Audit) -> Drift | None:
    """Write the baseline that was asked for, and compare with the one that was given.

    Raises
    ------
    UserError
        The baseline is of another model, or too little can be compared.
    """
    if watch.write:
        write_baseline(_baseline(model, result), watch.write)
    if watch.against is None:
        return None
    if watch.against.model.digest != model_digest(model):
        raise UserError(f"the baseline was written for another model than {model}, which cannot be compared with it: "
                        "write one of this model with `python cli.py audit RUN TABLE --baseline`")
    return compare(watch.against, result.frame, _answers(result), result.trained_on, watch.rate)


def _answers(result: Audit) -> Answers:
    return answers_of(result.bundle.review, result.predictions, result.frame)


def _baseline(model: Path, result: Audit) -> Baseline:
    saved = SavedModel(str(model), model_digest(model), tuple(result.bundle.classes),
                       tuple(result.bundle.model.features))
    return make_baseline(result.frame, _answers(result), result.trained_on, saved,
                         nuisances_of(result.frame, result.info))
