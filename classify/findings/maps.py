"""Maps of every finding, on images with and without it; what several findings hide alike is measured once."""
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from classify.findings.audit import FindingsAudit, known_images
from classify.findings.bundle import FindingModel
from classify.maps.result import Maps
from classify.maps.run import make_maps
from classify.sweep.choose import Remeasure
from featurize.batch.hidden import Remembered


def maps_of_findings(models: Sequence[FindingModel], result: FindingsAudit, settings: Remeasure, out: Path
                     ) -> dict[str, Maps]:
    """Maps of the findings that the table tells, by name.

    The finding is named from the threshold that is stored with its model, and the maps explain its log-odds.

    Raises
    ------
    UserError, Stopped
        As `classify.maps.run.make_maps`.
    """
    found, remembered, known = {}, Remembered(), known_images(result)
    told = set(result.labelled["finding"])
    for model in models:
        if model.name in told:
            audit = result.audits[model.name]
            found[model.name] = make_maps(model.bundle, audit.frame, replace(result.info, label_columns=[]), known,
                                          settings, out, model.threshold, remembered)
    return found
