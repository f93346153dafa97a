"""Where the models of several findings come from and what they measure."""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from classify.audit.examine import run_metrics
from classify.audit.origin import origin
from classify.audit.reporting import run_and_words
from classify.bundle import findings_digest
from classify.findings.audit import FindingsAudit
from classify.findings.bundle import FindingModel, folders_of
from classify.findings.reporting import evidence_of_run


def with_origin(run: Path, models: Sequence[FindingModel], result: FindingsAudit) -> FindingsAudit:
    """The audit with where its models come from.

    Parameters
    ----------
    run : Path
        The run folder, or the model folder in it.
    models : sequence of FindingModel
        All of its models, in its order.
    result : FindingsAudit
    """
    place, _ = run_and_words(run, None)
    home, first = run_metrics(place) or {}, models[0].bundle
    features = list(dict.fromkeys(name for model in models for name in model.bundle.model.features))
    digest = findings_digest(folders_of(run, models), [model.threshold for model in models])
    found = origin(digest, first.settings, first.versions, features, place, home,
                   evidence_of_run(place, home, models) if home else {})
    return replace(result, origin=replace(found, class_counts=_counts(home.get("findings") or {})))


def _counts(findings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Tested images with each finding and without it."""
    found = {name: int(of["positives"]) for name, of in findings.items()}
    without = {name: int(of["n"]) - found[name] for name, of in findings.items()}
    return {"with it": found, "without it": without} if found else {}


def by_weight(result: FindingsAudit) -> list[str]:
    """Measurements of all models, those first that weigh most here in the mean of the findings."""
    table = pd.concat([audit.shift for audit in result.audits.values()])
    weight = table.groupby("feature", sort=False)["weight"].sum()
    return [str(name) for name in weight.sort_values(ascending=False, kind="stable").index]
