"""Monitoring of a model of several findings: one baseline and one alarm for all of them."""
from collections.abc import Sequence
from pathlib import Path

from classify.audit.watch import Watch, Watched, drift_of
from classify.bundle import findings_digest
from classify.evaluate.parts_of_table import nuisances_of
from classify.findings.audit import FindingsAudit, known_images
from classify.findings.bundle import FindingModel, folders_of
from classify.monitor.baseline import SavedModel
from classify.monitor.drift import Drift
from classify.monitor.observed import answers_of_finding


def watched_findings(watch: Watch, run: Path, models: Sequence[FindingModel], result: FindingsAudit) -> Drift | None:
    """Write the baseline that was asked for, and compare with the one that was given.

    Measurements and picture are watched once, and of each finding how often it is named, its probability, and the
    reasons for review: one permutation test counts them all, so the promised rate is that of all findings together.

    Raises
    ------
    UserError
        The baseline is of another model, or too little can be compared.
    """
    if not (watch.write or watch.against):
        return None
    features = tuple(dict.fromkeys(name for model in models for name in model.bundle.model.features))
    digest = findings_digest(folders_of(run, models), [model.threshold for model in models])
    saved = SavedModel(str(run), digest, tuple(model.name for model in models), features, several=True)
    answers = {model.name: answers_of_finding(model.bundle.review, result.audits[model.name].predictions, result.frame,
                                              model.threshold) for model in models}
    return drift_of(watch, Watched(saved, result.frame, answers, known_images(result),
                                   nuisances_of(result.frame, result.info)))
