"""Sweep and parts of the picture of several findings: images are measured once, and asked of every finding."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classify.audit.shortcuts.parts_evidence import PartScore, measure_parts, scored_parts, with_enough_groups
from classify.findings.audit import FindingsAudit, known_images
from classify.findings.bundle import FindingModel
from classify.sweep.choose import Remeasure
from classify.sweep.result import Sweep
from classify.sweep.run import measure_changed, scored_sweep
from classify.sweep.score import with_verdicts
from featurize.arrays import Int64Array
from featurize.batch.shards import Shards


def sweep_findings(models: Sequence[FindingModel], result: FindingsAudit, settings: Remeasure, out: Path
                   ) -> tuple[dict[str, Sweep], Shards]:
    """The sweep of every finding that the table tells, on the same changed images.

    Images are chosen evenly by the rarest finding that they have. A finding is named from the threshold that is stored
    with its model. Shards, errors: as of `classify.sweep.run.sweep`.
    """
    measured = measure_changed(result.frame, result.info, rarest(result), known_images(result), settings, out)
    told = set(result.labelled["finding"])
    found = {model.name: scored_sweep(model.bundle, measured, truth_of(result, model.name), model.threshold)
             for model in models if model.name in told}
    return with_verdicts({name: own for name, own in found.items() if own.unchanged.n}), measured.shards


def parts_of_findings(result: FindingsAudit, settings: Remeasure, out: Path
                      ) -> tuple[dict[str, tuple[PartScore, ...]], Shards]:
    """What parts of the picture tell of every finding; those with too few images or patients are missing.

    Images are chosen evenly by the rarest finding that they have. Shards, errors: as of
    `classify.audit.shortcuts.parts_evidence.part_scores`.
    """
    measured = measure_parts(result.frame, result.info, rarest(result), settings, out)
    frame, found = result.frame.iloc[measured.rows].reset_index(drop=True), {}
    for name in result.labelled["finding"]:
        truth = np.full(len(result.frame), -1, np.int64)
        truth[measured.rows] = with_enough_groups(frame, truth_of(result, name)[measured.rows])
        if len(np.unique(truth[truth >= 0])) == 2:
            found[name] = scored_parts(result.frame, truth, measured)
    return found, measured.shards


def truth_of(result: FindingsAudit, name: str) -> Int64Array:
    """(n,) 1 = the finding is present, 0 = absent, -1 = unknown."""
    truth, judged = np.full(len(result.frame), -1, np.int64), result.audits[name].judged
    if judged is not None:
        truth[judged.rows] = judged.y
    return truth


def rarest(result: FindingsAudit) -> Int64Array:
    """(n,) number of the rarest finding of each image, from 1 on; 0 = none is known to be present, -1 = no label."""
    told = list(result.labelled["finding"])
    truth = np.array([truth_of(result, name) for name in told]).reshape(len(told), len(result.frame))
    found = np.where((truth >= 0).any(axis=0), 0, -1)
    for at in np.argsort(-(truth == 1).sum(axis=1), kind="stable"):
        found[truth[at] == 1] = at + 1
    return np.asarray(found, dtype=np.int64)
