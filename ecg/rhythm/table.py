"""rhythm.parquet: one row a record, in the format of a table of images."""
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg.rhythm.features import FAMILIES, FEATURES, NUISANCE
from featurize.errors import UserError
from featurize.index.labels import Sheet, label_columns_of, match_rows, read_sheet, truth
from featurize.table import TableInfo, write_table


def write_rhythm(rows: Sequence[Mapping[str, Any]], path: Path, labels: Path | None = None,
                 label_columns: Sequence[str] = (), group_column: str | None = None,
                 path_column: str | None = None, delineator: str = "pellucid") -> None:
    """Write the table that `classify` takes.

    Parameters
    ----------
    rows : sequence of mappings
        `path`, `sha256` and the features of `ecg.rhythm.features.rhythm_row`, a record each.
    path : Path
    labels : Path, optional
        A csv with a row a record.
    label_columns, group_column
        Columns of it: one label, or several findings of 0 and 1; and who is the same patient.
    path_column : str, optional
        The one with the file of each record; without it the first.
    delineator : str
        What found the beats: tables of another are other tables for `classify`.

    Raises
    ------
    UserError
        The labels can't be joined.
    """
    ordered = sorted(rows, key=lambda row: str(row["path"]))
    frame = pd.DataFrame({"image_id": [_identity(row) for row in ordered], "path": [row["path"] for row in ordered]})
    for name in ("label", "group", "site", "split"):
        frame[name] = pd.Series([None] * len(frame), dtype=object)
    frame["sha256"] = [row["sha256"] for row in ordered]
    # The same signals twice are one record, as copies of an image are one image.
    frame["duplicate_group"] = pd.factorize(frame["sha256"])[0].astype(np.int64)
    frame["width_px"], frame["height_px"] = 0, 0
    findings: tuple[str, ...] = ()
    if labels is not None:
        findings = _join(frame, read_sheet(labels, path_column), label_columns, group_column)
    elif label_columns or group_column or path_column:
        raise UserError("--label-column, --group-column and --path-column name columns of --labels F.csv, which was "
                        "not given")
    values = pd.DataFrame([{name: row[name] for name in (*FEATURES, *NUISANCE)} for row in ordered], dtype=np.float32)
    table = pd.concat([frame, values], axis=1)
    digest = hashlib.sha256("".join(table["image_id"]).encode()).hexdigest()
    segment = "beats" if delineator == "pellucid" else f"beats by {delineator}"
    preset = {"name": "ecg", "normalize": "none", "segment": segment, "blocks": {family: {} for family in FAMILIES}}
    info = TableInfo(preset, dict(FAMILIES), digest, [{"site": "", "root": ".", "kind": "ecg"}], list(findings),
                     sorted(FEATURES), sorted(NUISANCE))
    write_table(table, info, path)


def _identity(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"\0{row['path']}\0{row['sha256']}".encode()).hexdigest()[:16]


def _join(frame: pd.DataFrame, sheet: Sheet, asked: Sequence[str], group_column: str | None) -> tuple[str, ...]:
    """Fill label, findings and group; returns the names of the findings."""
    rows = match_rows(sheet, [""] * len(frame), list(frame["path"]))
    columns = label_columns_of(sheet, asked, [group_column])

    def picked(values: Sequence[Any]) -> list[Any]:
        return [None if row is None else values[row] for row in rows]

    if group_column:
        frame["group"] = pd.Series(picked(sheet.column(group_column)), dtype=object)
    if len(columns) == 1:
        frame["label"] = pd.Series(picked(sheet.column(columns[0])), dtype=object)
        return ()
    for name in columns:
        frame[f"label_{name}"] = pd.array(picked(truth(sheet, name)), dtype="Int8")
    return columns
