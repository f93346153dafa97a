"""The files of a run folder, and reading them again."""
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from featurize.errors import UserError
from featurize.runtime.cells import original_cells
from featurize.runtime.folders import FolderKind, restore_interrupted
from featurize.runtime.seal import sealed, sha256_of, unsealed

PREDICTIONS = "predictions.csv"
METRICS = "metrics.json"
CURVES = "curves.csv"
SUSPECTS = "suspects.csv"
STABILITY = "stability.csv"
WORDS = "words.csv"
REPORT = "report.html"
CROSSWALK = "crosswalk.csv"
STUDY = "study.json"
# Seconds of each stage: the only file of a run that another run of the same command writes otherwise.
TIMINGS = "timings.json"
# Files of the model folder in it: `classify.bundle` says what they hold.
MANIFEST = "manifest.json"
ARRAYS = "arrays.npz"
TREES = {"xgboost": "trees.ubj", "lightgbm": "trees.txt", "logistic": "weights.json"}
# Linear log-odds that trees start from.
START = "start.json"
# The same for each threshold of ordered stages: ``trees_0.ubj``, ``trees_1.ubj``, ...
STAGE_FILE = "|".join(rf"{Path(name).stem}_\d+\{Path(name).suffix}" for name in (*TREES.values(), START))
# Fingerprints of the training images of a model of several findings, which share them.
FINGERPRINTS = "fingerprints.npz"
# Every file of a model folder: only these are replaced when a model is written again, all others stay.
MODEL_FOLDER = FolderKind(MANIFEST, frozenset((MANIFEST, ARRAYS, START, *TREES.values())), STAGE_FILE)
# Name of a finding in the names of files and folders: its number and its letters, ``03_pleural_thickening``.
FINDING_NAME = r"\d{2,}_[a-z0-9_]*"
# Of the models of several findings without their run.
FINDINGS_FOLDER = FolderKind(MANIFEST, frozenset((MANIFEST, FINGERPRINTS)),
                             rf"{FINDING_NAME}/({'|'.join(map(re.escape, sorted(MODEL_FOLDER.files)))})")
# Every file of a run folder: the same goes for them.
RUN_FOLDER = FolderKind(f"model/{MANIFEST}", frozenset(
    (PREDICTIONS, METRICS, CURVES, SUSPECTS, STABILITY, WORDS, REPORT, CROSSWALK, STUDY, TIMINGS,
     f"model/{FINGERPRINTS}",
     *(f"model/{name}" for name in MODEL_FOLDER.files))),
    rf"findings/{FINDING_NAME}\.html|model/{FINDING_NAME}/({'|'.join(map(re.escape, sorted(MODEL_FOLDER.files)))})"
    rf"|model/({STAGE_FILE})")
# Columns of predictions.csv that stay text, also where all of them look like numbers.
_TEXT = ("image_id", "path", "label", "group", "site", "split", "predicted", "decision", "prediction_set", "branch_set",
         "lineage_answer", "review_reason")


@dataclass(frozen=True)
class RunFiles:
    """The files of a run that hold its results.

    Parameters
    ----------
    predictions : DataFrame
        predictions.csv, a row an image.
    metrics : dict
        metrics.json.
    curves : DataFrame
        curves.csv: `fold, round, train_loss, valid_loss`.
    """

    predictions: pd.DataFrame
    metrics: dict[str, Any]
    curves: pd.DataFrame


def restore_run(folder: Path) -> None:
    """Bring back a run folder whose replacement was killed between its two steps.

    Parameters
    ----------
    folder : Path
        The run folder, its model folder, or the folder of one finding in that.
    """
    for place in (folder.parent.parent, folder.parent, folder):
        restore_interrupted(place)


def stage_file(file: str, stage: int) -> str:
    """Name of the file that holds one threshold of ordered stages.

    >>> stage_file("trees.ubj", 2)
    'trees_2.ubj'
    """
    name = Path(file)
    return f"{name.stem}_{stage}{name.suffix}"


def write_metrics(metrics: Mapping[str, Any], folder: Path) -> None:
    """Write metrics.json beside predictions and curves: with the SHA-256 of both and a checksum of its own."""
    files = {name: sha256_of(folder / name) for name in (PREDICTIONS, CURVES)}
    text = json.dumps(sealed({**metrics, "files": files}), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / METRICS).write_text(f"{text}\n", encoding="utf-8")


def check_as_written(folder: Path, name: str, metrics: Mapping[str, Any]) -> None:
    """Refuse a file of a run folder whose SHA-256 is not that of its metrics.json; older ones hold none.

    Raises
    ------
    UserError
    """
    known = metrics.get("files", {}).get(name)
    if known is not None and sha256_of(folder / name) != known:
        raise UserError(f"{folder / name} is not as `classify` wrote it: it was damaged, or changed by hand; bring it "
                        "back, or run `python cli.py classify` again")


def read_run(run: Path | str) -> RunFiles:
    """Predictions, metrics and learning curves of a run folder.

    Raises
    ------
    UserError
        One of the files is missing or damaged.
    """
    folder = Path(run)
    restore_run(folder)
    try:
        metrics = unsealed(json.loads((folder / METRICS).read_text(encoding="utf-8")))
        for name in (PREDICTIONS, CURVES):
            check_as_written(folder, name, metrics)
        predictions = original_cells(pd.read_csv(folder / PREDICTIONS, dtype=dict.fromkeys(_TEXT, str)))
        return RunFiles(predictions, metrics, pd.read_csv(folder / CURVES))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{folder} cannot be read as a run ({error}): a folder that `python cli.py classify` wrote was "
                        "wanted") from error
