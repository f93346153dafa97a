"""What labels from the place of a table bring to each finding, and the models fitted to there."""
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from classify.audit.fitted_model import FEWEST, FOLDS, fit_there
from classify.audit.labels_section import LabelledRows, gains_of, labelled_rows
from classify.elsewhere.few_labels import Gain
from classify.findings.audit import FindingsAudit
from classify.findings.bundle import FindingModel, save_findings
from classify.run_folder import FINDINGS_FOLDER
from featurize.errors import UserError
from featurize.runtime.folders import replacing_folder

# Images with, and images without a finding that its fit wants at least.
FEWEST_OF_CLASS = 5


def gains_of_findings(result: FindingsAudit, counts: Sequence[int]) -> dict[str, tuple[Gain, ...]]:
    """What each number of labels brings to each finding that has enough labels.

    Raises
    ------
    UserError
        No finding has enough.
    """
    found, why = {}, None
    for name, audit in result.audits.items():
        try:
            found[name] = gains_of(audit, sorted(counts))
        except UserError as error:
            why = error
    if not found and why is not None:
        raise UserError(f"no finding has enough labels: {why}")
    return found


def fit_findings(models: Sequence[FindingModel], result: FindingsAudit
                 ) -> tuple[tuple[FindingModel, ...], list[str]]:
    """The models for the place of the table, and the findings whose model stays that of home.

    A finding needs 20 labelled images of five groups, five images with it and five without, and a model that is not
    calibrated by isotonic steps.

    Raises
    ------
    UserError
        No finding has all this.
    """
    fitted, kept = [], []
    for model in models:
        audit = result.audits[model.name]
        known = labelled_rows(audit) if audit.judged is not None else None
        if known is None or not _enough(known) or model.bundle.calibration.method == "isotonic":
            kept.append(model.name)
            fitted.append(model)
            continue
        there = fit_there(model.bundle, known)
        point = there.operating_point
        fitted.append(replace(model, bundle=there, threshold=point.threshold if point else model.threshold))
    if len(kept) == len(models):
        raise UserError(f"--fitted: no finding has {FEWEST} labelled images of {FOLDS} groups that the model was not "
                        f"trained on, {FEWEST_OF_CLASS} of them with it and {FEWEST_OF_CLASS} without, and a model "
                        "that can be fitted further (--calibration temperature): label more")
    return tuple(fitted), kept


def _enough(known: LabelledRows) -> bool:
    return (len(known.y) >= FEWEST and len(np.unique(known.group)) >= FOLDS
            and min(np.bincount(known.y, minlength=2)) >= FEWEST_OF_CLASS)


def save_fitted(models: Sequence[FindingModel], folder: Path) -> None:
    """Write the model folder, whole or not at all."""
    with replacing_folder(folder, FINDINGS_FOLDER) as part:
        save_findings(models, part)
