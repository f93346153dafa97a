"""The table of measurements: one row per image, as a Parquet file that says how it was made.

A name that ends in .csv gives a CSV with a sidecar instead (`featurize.csv_table`).

Any Parquet reader opens it. What this module adds is the `TableInfo` in the schema's metadata, checksums on every page
(without them most flipped bits go unnoticed), a digest of the rest (names, types, metadata), and one clear line when a
file is not what it should be.
"""
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from featurize.csv_table import is_csv_table, read_csv, sidecar, write_csv
from featurize.errors import UserError
from featurize.parquet_columns import read_columns
from featurize.runtime.files import replacing
from featurize.runtime.outputs import check_output, check_replaceable_file, errors_path, is_errors
from featurize.table_schema import TEXT_COLUMNS, check_columns, check_info, check_values

# Number of the file format, see `TableInfo.format`.
FORMAT = 1
# Keys of the schema's metadata: the `TableInfo`, and the digest of all that page checksums do not cover.
KEY = b"pellucid"
DIGEST_KEY = b"pellucid_sha256"
# Rows that are written at a time, as a row group.
_ROWS_AT_ONCE = 16_384
# Longest part of another library's message in one of ours, characters.
_LONGEST_MESSAGE = 120
# Fields of the `TableInfo` that tables of this format may lack: they were added later.
_ADDED = ("command",)
# Endings of the name of a table, in small letters.
CSV = ".csv"
TABLE_SUFFIXES = (".parquet", CSV)


@dataclass(frozen=True)
class TableInfo:
    """How a table was made: enough to make it again, and to refuse it where it does not fit.

    Parameters
    ----------
    preset : dict
        Name, normalization, segmentation and the settings of every block.
    blocks : dict of str to int
        The version of every block that measured.
    index_hash : str
        Content hash of the index of images.
    sources : list of dict
        `site`, `root` and `kind` of every source of images.
    label_columns : list of str
        Findings in the columns `label_<finding>`; empty where there is one label.
    features : list of str
        Columns that a model may use, in their order.
    nuisance : list of str
        Columns that describe the picture and not the patient: kept for audits, never offered to a model.
    mm_per_px : float or None
        Size of a pixel as the user gave it.
    format : int
        Number of the file format.
    command : str
        The command that made the table, quoted for a shell, without what does not change the table (the output, the
        number of processes); empty where it was made from Python or by a version that did not write it down.
    """

    preset: dict[str, Any]
    blocks: dict[str, int]
    index_hash: str
    sources: list[dict[str, str]]
    label_columns: list[str]
    features: list[str]
    nuisance: list[str] = field(default_factory=list)
    mm_per_px: float | None = None
    format: int = FORMAT
    command: str = ""

    def to_json(self) -> str:
        """One line of JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TableInfo":
        """The inverse of `to_json`; raises ValueError, KeyError or TypeError on anything else."""
        read = json.loads(text)
        check_info(read)
        return cls(**{f.name: read[f.name] for f in fields(cls) if f.name in read or f.name not in _ADDED})


def write_table(frame: pd.DataFrame, info: TableInfo, path: Path) -> None:
    """Write a table under its final name in one step.

    Parameters
    ----------
    frame : DataFrame
        The columns of docs/architecture.md, then the features. Missing texts are None, missing numbers NaN.
    info : TableInfo
        Its `features` and `nuisance` must be columns of `frame`.
    path : Path
        `t.parquet`, or `t.csv`.

    Raises
    ------
    ValueError
        A feature of `info` is no column of `frame`.
    """
    lost = [name for name in (*info.features, *info.nuisance) if name not in frame.columns]
    if lost:
        raise ValueError(f"{len(lost)} features have no column, the first is {lost[0]!r}")
    path, schema = Path(path), _schema(frame)
    if path.suffix.lower() == CSV:
        write_csv(frame, {f.name: str(f.type) for f in schema}, info.to_json(), path)
        return
    text = info.to_json().encode()
    described = schema.with_metadata({KEY: text, DIGEST_KEY: _digest(schema, len(frame), text)})
    with replacing(path) as part, pq.ParquetWriter(part, described, compression="zstd",
                                                   write_page_checksum=True) as writer:
        # In parts: a second copy of the whole table would fill the memory.
        for start in range(0, max(len(frame), 1), _ROWS_AT_ONCE):
            rows = frame.iloc[start:start + _ROWS_AT_ONCE]
            writer.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
                               .replace_schema_metadata(described.metadata))


def _digest(schema: pa.Schema, rows: int, text: bytes) -> bytes:
    """Covers what page checksums do not: the metadata, the names and types of the columns, the number of rows."""
    columns = [[f.name, str(f.type)] for f in schema]
    return hashlib.sha256(json.dumps([columns, rows]).encode() + text).hexdigest().encode()


def _schema(frame: pd.DataFrame) -> pa.Schema:
    """Types that do not depend on the values: a column of Nones is text here, not the type 'null'."""
    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    text = {c for c in frame.columns if c in TEXT_COLUMNS or frame[c].dtype == object}
    return pa.schema([pa.field(f.name, pa.string()) if f.name in text else f for f in inferred])


def read_table(path: Path) -> tuple[pd.DataFrame, TableInfo]:
    """Read a table back, checking every page.

    Returns
    -------
    frame : DataFrame
        Equal to what was written.
    info : TableInfo

    Raises
    ------
    UserError
        The file is missing, damaged, of another program or of another format.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file, a table was wanted: make one with `python cli.py featurize IMAGES -o "
                        f"{path.name}`")
    if path.suffix.lower() == CSV:
        frame, types, text = read_csv(path)
        info = _parsed(text, path)
        with _naming(path):
            check_columns(types, info.features, info.nuisance)
            check_values(frame, info.label_columns)
        return frame, info
    with _reading(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
        schema, rows = file.schema_arrow, file.metadata.num_rows
    info = _info(schema, rows, path)
    with _naming(path):
        check_columns([(column.name, str(column.type)) for column in schema], info.features, info.nuisance)
        with _reading(path):
            frame = read_columns(file, info.features)
        check_values(frame, info.label_columns)
    return frame, info


def is_table(path: Path) -> bool:
    """Whether a file was written by `write_table`; it may be damaged."""
    if path.suffix.lower() == CSV:
        return is_csv_table(path)
    try:
        return KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return False


def perturbed_path(table: Path) -> Path:
    """Where the second measurements of a table stand: `t.perturbed.parquet` beside `t.parquet`."""
    return table.with_name(f"{table.stem}.perturbed.parquet")


def write_perturbed(perturbed: pd.DataFrame, info: TableInfo, table: Path) -> None:
    """Write the measurements of changed copies beside their table; with none, take those of an older table away.

    Parameters
    ----------
    perturbed : DataFrame
        `image_id`, `copy` and the features of `info`; one row per changed copy (`featurize.images.perturb`).
    info : TableInfo
        Of the table.
    table : Path
        The table's own name.
    """
    path = perturbed_path(Path(table))
    if perturbed.empty:
        if path.is_file() and is_table(path):
            path.unlink()
    else:
        write_table(perturbed, replace(info, nuisance=[]), path)


def read_perturbed(table: Path, info: TableInfo) -> pd.DataFrame | None:
    """The measurements of changed copies of a table's images, or None where there are none of this very table.

    Raises
    ------
    UserError
        The file is there, and damaged.
    """
    path = perturbed_path(Path(table))
    if not path.is_file():
        return None
    perturbed, its = read_table(path)
    same = (its.index_hash, its.preset, its.blocks) == (info.index_hash, info.preset, info.blocks)
    return perturbed if same else None


def files_of_table(out: Path) -> list[Path]:
    """The files that stand at a table's name and beside it."""
    return [out, perturbed_path(out), errors_path(out), sidecar(out)]


def check_table_output(out: Path, inputs: Iterable[Path | None] = ()) -> None:
    """Refuse the name of a table where it, or a file that goes with it, would replace an input or somebody else's file.

    Parameters
    ----------
    out : Path
    inputs : iterable of Path or None
        What the command reads.

    Raises
    ------
    UserError
    """
    if out.is_dir():
        raise UserError(f"{out} is a folder, the name of a table was wanted: for example -o {out / 'table.parquet'}")
    check_output(out, TABLE_SUFFIXES, inputs, [perturbed_path(out), errors_path(out), sidecar(out)])
    check_replaceable_file(out, is_table)
    check_replaceable_file(perturbed_path(out), is_table)
    check_replaceable_file(errors_path(out), is_errors)
    if out.suffix.lower() == CSV:
        check_replaceable_file(sidecar(out), lambda _: is_csv_table(out))


def _info(schema: pa.Schema, rows: int, path: Path) -> TableInfo:
    """The metadata of a table, or a line that says why there is none."""
    metadata = schema.metadata or {}
    if KEY not in metadata:
        raise _damaged(path, "it was not written by Pellucid")
    unchanged = metadata.get(DIGEST_KEY) == _digest(schema, rows, metadata[KEY])
    return _parsed(metadata[KEY].decode("utf-8", "replace"), path, unchanged)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Within the block what Arrow says of a damaged file is told in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"damaged or not a Parquet file: {_first_line(error)}") from error


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Within the block a ValueError is told as what is wrong with the table."""
    try:
        yield
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def _parsed(text: str, path: Path, unchanged: bool = True) -> TableInfo:
    try:
        number = json.loads(text)["format"]
        if number == FORMAT and unchanged:
            return TableInfo.from_json(text)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"its metadata is damaged: {_first_line(error)}") from error
    if number != FORMAT:
        raise _damaged(path, f"it has table format {number}, this version reads {FORMAT}")
    raise _damaged(path, "its columns or metadata were changed after it was written")


def _damaged(path: Path, what: str) -> UserError:
    return UserError(f"cannot use the table {path} ({what}): run `python cli.py featurize` again")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_LONGEST_MESSAGE]
