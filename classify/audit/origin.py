"""Where a model comes from and what it measures: hashes, seeds, versions, machine, division at home, definitions."""
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from classify.crosswalk.answers import Evidence
from classify.run_folder import STABILITY
from classify.runtime.versions import library_versions
from featurize.families import blocks
from featurize.registry import region_and_family

# Sentences of the run that the page of an audit repeats, by their names in items.csv, and what they are about.
TOLD = {"run.data": "Images at home", "run.split": "Splits", "run.groups": "Patients and copies",
        "run.suspects": "Labels that look wrong", "run.performance": "Scores at home",
        "run.baselines": "Simpler models", "run.limits": "Limits of the data", "run.start": "Pretraining"}


@dataclass(frozen=True)
class Origin:
    """What must be known to make a model and its audit again.

    Parameters
    ----------
    model_sha256 : str
        Of the manifest, which holds the hashes of all files of the model.
    seed : int or None
        Of the training.
    trained_with, audited_with : mapping of str to str
        Versions of the libraries.
    machine : str
        That of the audit; a run does not keep the one that it was trained on.
    told : mapping of str to str
        What the run says, by what it is about (`TOLD`); empty where no metrics.json lies beside the model.
    class_counts : mapping of str to mapping
        Images of each class in each part of the run.
    definitions : DataFrame
        A row a measurement of the model: `feature, unit, formula`, and `icc, low, high` (agreement of images that were
        changed and measured again; NaN where that is not known).
    """

    model_sha256: str
    seed: int | None
    trained_with: Mapping[str, str]
    audited_with: Mapping[str, str]
    machine: str
    told: Mapping[str, str]
    class_counts: Mapping[str, Mapping[str, int]]
    definitions: pd.DataFrame


def origin(digest: str, settings: Mapping[str, Any], versions: Mapping[str, str], features: Sequence[str], run: Path,
           home: Mapping[str, Any], evidence: Mapping[str, Evidence]) -> Origin:
    """The origin of a saved model.

    Parameters
    ----------
    digest : str
        `classify.bundle.model_digest` or `findings_digest`.
    settings, versions
        Of the model.
    features : sequence of str
        Columns that the model reads.
    run : Path
        Its run folder.
    home : mapping
        metrics.json of the run; empty where it is not known.
    evidence : mapping of str to Evidence
        Sentences of the run, as reporting guidelines use them.
    """
    told = {name: evidence[key].sentence for key, name in TOLD.items() if key in evidence}
    seed = settings.get("seed")
    return Origin(digest, seed if isinstance(seed, int) else None, versions, library_versions(), this_machine(), told,
                  home.get("class_counts") or {}, definitions(features, run / STABILITY))


def this_machine() -> str:
    """Kind of processor, their number, system and Python."""
    return (f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}, Python "
            f"{platform.python_version()}")


def definitions(features: Sequence[str], stability: Path) -> pd.DataFrame:
    """See `Origin.definitions`; `stability` is stability.csv of the run, which may be missing."""
    known, rows = blocks(), []
    for column in features:
        found = region_and_family(column, known)
        described = known[found[1]].describe(column) if found else None
        rows.append((column, described.unit if described else "", described.formula if described else ""))
    table = pd.DataFrame(rows, columns=["feature", "unit", "formula"])
    if not stability.is_file():
        return table.assign(icc=float("nan"), low=float("nan"), high=float("nan"))
    return table.merge(pd.read_csv(stability)[["feature", "icc", "low", "high"]], on="feature", how="left")
