"""A digest of all that the fitted models of a run depend on."""
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.bundle import FORMAT
from classify.data import folds
from classify.data.dataset import Dataset
from classify.fitting import crossfit
from classify.fitting.augment import perturbations_of
from classify.runtime.versions import library_versions
from classify.settings import TrainSettings


def run_key(tasks: Iterable[Dataset], settings: TrainSettings, perturbed: pd.DataFrame | None) -> str:
    """16 hex digits: of two runs with the same ones, each fits the very models of the other.

    They change with the features and their order, the truth, the division of the rows, the second measurements, the
    settings of a fit, the versions of the libraries and the code that fits. They do not change with what is done after
    the fits, such as --alpha or --names.

    Parameters
    ----------
    tasks : iterable of Dataset
        One, or one of each finding: these share their features.
    settings : TrainSettings
    perturbed : DataFrame or None
        Second measurements of some rows.
    """
    digest = hashlib.sha256()
    plain = {"fit": asdict(settings.fit_settings()), "weight_power": settings.weight_power,
             "balance": settings.balance, "versions": library_versions(), "format": FORMAT}
    digest.update(json.dumps(plain, sort_keys=True).encode())
    digest.update(code_digest().encode())
    for number, task in enumerate(tasks):
        if not number:
            _add_features(digest, task, perturbed)
        split = task.split
        digest.update(json.dumps([split.kind, split.part.tolist()]).encode())
        for array in (task.task.y, split.fold, split.split_group):
            _add(digest, array)
    return digest.hexdigest()[:16]


def code_digest() -> str:
    """16 hex digits of the code that fits models: an update in the midst of a run must not mix models of two kinds."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    return [*sorted(Path(crossfit.__file__).parent.glob("*.py")), Path(folds.__file__)]


def _add_features(digest: Any, task: Dataset, perturbed: pd.DataFrame | None) -> None:
    digest.update(json.dumps(list(task.x.columns)).encode())
    for name in task.x.columns:
        _add(digest, task.x[name].to_numpy())
    found = perturbations_of(task.frame, perturbed, task.x)
    if found is not None:
        _add(digest, found.rows)
        _add(digest, found.deltas)


def _add(digest: Any, array: NDArray[Any]) -> None:
    digest.update(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
