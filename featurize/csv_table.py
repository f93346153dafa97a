"""A table of measurements as CSV, with a second file beside it that holds what a CSV cannot.

`t.csv` is plain: one header line, commas, texts in quotes, numbers with nine significant digits (which give back every
32-bit float exactly), empty where a value is missing. `t.csv.json` holds how the table was made, the type of every
column, and the SHA-256 of the CSV. Without it, or after a change of the CSV, the table is refused: nothing else would
tell that a model's measurements and a table's are the same.
"""
import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from featurize.errors import UserError
from featurize.runtime.cells import with_formulas, without_formulas
from featurize.runtime.files import replacing, write_text

# Significant digits that give back every 32-bit float (IEEE 754).
_FLOAT = "%.9g"
# Parquet's names of types that a table has, and those of pandas.
_TYPES = {"string": "str", "float": "float32", "double": "float64", "int8": "Int8", "int64": "int64", "bool": "bool"}
# What a sidecar holds, by type.
_KEYS = {"pellucid": dict, "types": dict, "sha256": str}
# Longest part of pandas' message in one of ours, characters.
_LONGEST_MESSAGE = 120
# Bytes that are hashed at a time.
_BLOCK_BYTES = 2 ** 20


def sidecar(path: Path) -> Path:
    """Where the rest of a CSV table stands: `t.csv.json` beside `t.csv`."""
    return path.with_name(f"{path.name}.json")


def write_csv(frame: pd.DataFrame, types: Mapping[str, str], metadata: str, path: Path) -> None:
    """Write a table as CSV with its sidecar.

    Parameters
    ----------
    frame : DataFrame
    types : mapping of column to type
        In Parquet's words: string, float, double, int8, int64, bool.
    metadata : str
        Kept as it is.
    path : Path
        `t.csv`.

    Raises
    ------
    ValueError
        A type that a CSV table does not have.
    """
    other = [f"{name} ({kind})" for name, kind in types.items() if kind not in _TYPES]
    if other:
        raise ValueError(f"a column of a type that a CSV table does not have: {other[0]}")
    with replacing(path) as part:
        without_formulas(frame).to_csv(part, index=False, float_format=_FLOAT, quoting=csv.QUOTE_NONNUMERIC)
        digest = _digest(part)
        content = {"pellucid": json.loads(metadata), "types": dict(types), "sha256": digest}
        before = _read_sidecar(path) if path.is_file() and is_csv_table(path) else None
        # First, with what it said of the earlier CSV: a run that is stopped before the CSV is moved loses neither.
        _write_sidecar({**content, "before": before} if before else content, path)
    if before:
        _write_sidecar(content, path)


def _write_sidecar(content: Mapping[str, Any], path: Path) -> None:
    write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", sidecar(path))


def read_csv(path: Path) -> tuple[pd.DataFrame, list[tuple[str, str]], str]:
    """The table as it was written, the name and type of each column in Parquet's words, and its metadata.

    Raises
    ------
    UserError
        The sidecar is missing or damaged or says other columns, or the CSV was changed.
    """
    content = _read_sidecar(path)
    if _digest(path) != content["sha256"]:
        raise UserError(f"the table {path} was changed after it was written: run `python cli.py featurize` again (with "
                        "--labels F.csv to change labels: nothing is measured twice)")
    kinds = {name: _TYPES[kind] for name, kind in content["types"].items()}
    numbers = {name: [""] for name, kind in kinds.items() if kind != "str"}
    try:
        frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=numbers, float_precision="round_trip",
                            encoding="utf-8")
        if set(frame) != set(kinds):
            raise ValueError("it has other columns than its .json file says")
    except (ValueError, OverflowError, TypeError) as error:
        raise UserError(f"cannot use the table {path} ({str(error).splitlines()[0][:_LONGEST_MESSAGE]}): run `python "
                        "cli.py featurize` again") from error
    for name in (name for name, kind in kinds.items() if kind == "str"):
        frame[name] = frame[name].astype(object).where(frame[name] != "", None)
    return with_formulas(frame), list(content["types"].items()), json.dumps(content["pellucid"], sort_keys=True)


def _read_sidecar(path: Path) -> dict[str, Any]:
    place = sidecar(path)
    if not place.is_file():
        raise UserError(f"{path} is not a table that featurize wrote ({place.name}, which says how it was measured, is "
                        "not beside it): give the table with its .json file, or run `python cli.py featurize` again")
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        before = content.get("before")
        if _is_whole(content) and (before is None or _is_whole(before)):
            # Of two, the one that is true of the CSV as it is.
            now = before if before and path.is_file() and _digest(path) == before["sha256"] else content
            return {key: now[key] for key in _KEYS}
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        pass
    raise UserError(f"cannot use the table {path} ({place.name} is damaged): run `python cli.py featurize` again")


def _is_whole(content: Mapping[str, Any]) -> bool:
    return all(isinstance(content[key], kind) for key, kind in _KEYS.items()) and set(
        content["types"].values()) <= set(_TYPES)


def is_csv_table(path: Path) -> bool:
    """Whether a CSV has the sidecar of a table."""
    try:
        _read_sidecar(path)
    except UserError:
        return False
    return True


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()
