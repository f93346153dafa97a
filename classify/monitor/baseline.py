"""The baseline that later images are compared with, as one JSON file that needs no other.

It holds a seeded sample of whole units (patients, or images), their watched values, and which model answered. No name
of a patient, file or image is in it.
"""
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.monitor.observed import ONE, Answers, Observed
from classify.review import REASONS
from featurize.errors import UserError
from featurize.runtime.files import write_text
from featurize.runtime.folders import PROGRAM
from featurize.runtime.seal import sealed, unsealed

# Format 2 has the answers by finding; a model of one class an image still writes format 1.
FORMAT = 1
FORMAT_OF_FINDINGS = 2
KIND = "monitoring baseline"
# Images that are kept, at least, of tables that have as many: with 1,000 columns a file of about 5 MB.
KEPT_IMAGES = 500
# Units that are kept, at least: of few patients all are.
KEPT_UNITS = 50
# Images of one unit that are kept, at most: more say little that is new, and memory has an end.
IMAGES_OF_UNIT = 100
SEED = 0
# The kind of the file stands in so many first bytes.
_HEAD_BYTES = 200
# Significant digits that are kept of a measurement.
DIGITS = 6


@dataclass(frozen=True)
class SavedModel:
    """The model whose answers are watched.

    Parameters
    ----------
    path : str
        The run or model folder; in the file relative to it where possible.
    digest : str
        SHA-256 of the model's manifest, or of those of all its findings.
    classes, features : tuple of str
        Of several findings: these, and what any of their models reads.
    several : bool
        The model tells several findings of an image.
    """

    path: str
    digest: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    several: bool = False


@dataclass(frozen=True)
class Baseline:
    """What new images are compared with.

    Parameters
    ----------
    model : SavedModel
    rows : Observed
        The sample.
        Without answers where the table has too few images that are new to the model.
    images, learned : int
        Images of the table, and those of them that the model learned from.
    """

    model: SavedModel
    rows: Observed
    images: int
    learned: int


def sample(rows: Observed, images: int = KEPT_IMAGES) -> Observed:
    """Units in a seeded order until so many images and KEPT_UNITS units are there, at most IMAGES_OF_UNIT of each.

    Baseline and new images are both sampled so: what is kept of a patient does not depend on the side.
    """
    rng = np.random.default_rng(SEED)
    mixed = rng.permutation(len(rows.unit))
    place = pd.Series(rows.unit[mixed]).groupby(rows.unit[mixed]).cumcount().to_numpy()
    rows = rows.take(np.sort(mixed[place < IMAGES_OF_UNIT]))
    order = rng.permutation(rows.units)
    sizes = np.bincount(rows.unit)[order].cumsum()
    n = max(int(np.searchsorted(sizes, images)) + 1, KEPT_UNITS)
    return rows.take(np.flatnonzero(np.isin(rows.unit, order[:n])))


def rounded(rows: Observed) -> Observed:
    """With the digits that the file keeps: both sides of a comparison are rounded alike."""
    def table(values: pd.DataFrame) -> pd.DataFrame:
        return values.astype(np.float64).map(lambda v: float(f"{v:.{DIGITS}g}"))
    answers = {name: Answers(said.predicted, np.round(said.probability, DIGITS), np.round(said.novelty, DIGITS),
                             said.reasons) for name, said in rows.answers.items()}
    return Observed(rows.unit, rows.grouped, table(rows.measurements), table(rows.picture), answers)


def to_json(baseline: Baseline, file: Path) -> dict[str, Any]:
    """Plain data and its checksum; `file` is where it will be."""
    rows, several = baseline.rows, baseline.model.several
    said = {name: _answers_to_json(answers) for name, answers in rows.answers.items()}
    return sealed({
        "program": PROGRAM, "kind": KIND, "format": FORMAT_OF_FINDINGS if several else FORMAT,
        "model": {"path": _relative(Path(baseline.model.path), file), "sha256": baseline.model.digest},
        "classes": list(baseline.model.classes), "images": baseline.images, "learned": baseline.learned,
        "seed": SEED, "grouped": rows.grouped, "unit": rows.unit.tolist(),
        "answers": (said if several else said[ONE]) if said else None,
        "measurements": _columns(rows.measurements), "picture": _columns(rows.picture)})


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write the file, whole or not at all; a number a line would double its size."""
    write_text(json.dumps(to_json(baseline, path), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n",
               path)


def is_baseline(path: Path) -> bool:
    """Whether a file is a baseline of this program."""
    with path.open("rb") as file:
        return f'"kind":"{KIND}"'.encode() in file.read(_HEAD_BYTES)


def read_baseline(path: Path) -> Baseline:
    """The baseline of a file; its model's path as seen from here.

    Raises
    ------
    UserError
        Not there, not readable, no baseline, of another format, or damaged.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist: {_wanted(path)}")
    if path.is_dir():
        raise UserError(f"{path} is a folder, a baseline was wanted: {_wanted(path)}")
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _no_baseline(path, "it cannot be read as JSON") from error
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("program") != PROGRAM:
        raise _no_baseline(path, "it is something else")
    if content.get("format") not in (FORMAT, FORMAT_OF_FINDINGS):
        raise UserError(f"{path} has format {content.get('format')!r} of baselines, this version reads {FORMAT} and "
                        f"{FORMAT_OF_FINDINGS}: write it again with `python cli.py audit RUN TABLE --baseline`")
    try:
        return _read(unsealed(content), path)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _no_baseline(path, "it is damaged") from error


def _read(content: Mapping[str, Any], path: Path) -> Baseline:
    classes, model = tuple(map(str, content["classes"])), content["model"]
    unit = np.asarray(content["unit"], np.int64)
    n = len(unit)
    several = content["format"] == FORMAT_OF_FINDINGS
    given = {} if content["answers"] is None else content["answers"] if several else {ONE: content["answers"]}
    answers = {str(name): _answers_from_json(said, 2 if several else len(classes), n) for name, said in given.items()}
    if several and not set(answers) <= set(classes):
        raise ValueError("answers of an unknown finding")
    found = Observed(unit, bool(content["grouped"]), _table(content["measurements"], n), _table(content["picture"], n),
                     answers)
    if unit.ndim != 1 or not np.array_equal(np.unique(unit), np.arange(found.units)):
        raise ValueError("units that are not numbered")
    features = tuple(map(str, content["measurements"]))
    saved = SavedModel(str(path.parent / model["path"]), str(model["sha256"]), classes, features, several)
    return Baseline(saved, found, int(content["images"]), int(content["learned"]))


def _columns(table: pd.DataFrame) -> dict[str, list[float | None]]:
    return {name: [None if math.isnan(v) else v for v in table[name].tolist()] for name in table.columns}


def _table(columns: Mapping[str, Any], n: int) -> pd.DataFrame:
    table = pd.DataFrame({name: np.asarray(values, np.float64) for name, values in columns.items()})
    if columns and (len(table) != n or np.isinf(table.to_numpy()).any()):
        raise ValueError("columns of another length, or infinite values")
    return table.reindex(range(n))


def _answers_to_json(said: Answers) -> dict[str, Any]:
    return {"predicted": said.predicted.tolist(), "probability": said.probability.tolist(),
            "novelty": said.novelty.tolist(),
            "review": [[name for name, held in zip(REASONS, row) if held] for row in said.reasons]}


def _answers_from_json(content: Mapping[str, Any], classes: int, n: int) -> Answers:
    reasons = np.array([[name in row for name in REASONS] for row in content["review"]], bool)
    said = Answers(np.asarray(content["predicted"], np.int64), np.asarray(content["probability"], np.float64),
                   np.asarray(content["novelty"], np.float64), reasons)
    numbers = (said.predicted, said.probability, said.novelty)
    if len(reasons) != n or any(part.shape != (n,) or not np.isfinite(part).all() for part in numbers):
        raise ValueError("answers of another length, or no numbers")
    if not ((said.predicted >= 0) & (said.predicted < classes)).all():
        raise ValueError("numbers of no class")
    return said


def _relative(model: Path, file: Path) -> str:
    """The model as seen from the file's folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(model.resolve(), file.resolve().parent)).as_posix()
    except ValueError:
        return str(model.resolve())


def _no_baseline(path: Path, what: str) -> UserError:
    return UserError(f"{path} is no baseline ({what}): {_wanted(path)}")


def _wanted(path: Path) -> str:
    return f"give the file that `python cli.py audit RUN TABLE --baseline {path.name}` wrote"
