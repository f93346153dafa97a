"""From an index of images to the table of measurements."""
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurize.batch.chunks import Chunk, Item, Task, join
from featurize.batch.shards import Shards
from featurize.batch.workers import measure_pieces
from featurize.errors import UserError
from featurize.families import blocks, nuisance_columns, scale_columns
from featurize.images.perturb import chosen
from featurize.index.build import Index
from featurize.index.duplicates import duplicate_groups
from featurize.presets.load import Preset
from featurize.runtime.files import replacing
from featurize.runtime.processes import INTERNAL
from featurize.runtime.progress import tracking
from featurize.table import TableInfo, write_perturbed, write_table

# Images per chunk. Fixed, so that a run can be resumed with another number of jobs.
CHUNK = 16


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Parameters
    ----------
    rows, errors : int
        Images in the table, and images (or labels) in the list of errors.
    internal : int
        Those of the errors that are faults of a feature block and not of the image.
    resumed : int
        Images that an earlier, stopped run had measured.
    seconds : float
        Wall time.
    errors_csv : Path or None
        Where the errors are listed, if there are any.
    """

    rows: int
    errors: int
    internal: int
    resumed: int
    seconds: float
    errors_csv: Path | None


def featurize(index: Index, preset: Preset, out: Path, *, jobs: int, scheduler: str | None = None,
              mm_per_px: float | None = None, progress: bool = False) -> Summary:
    """Measure every image of an index and write the table.

    Parameters
    ----------
    index : Index
    preset : Preset
    out : Path
        The table, `t.parquet`; errors go to `t.errors.csv` beside it. A run that was stopped goes on where it was.
    jobs : int
        Local processes; the table does not depend on it.
    scheduler : str, optional
        Address of a Dask scheduler to use instead.
    mm_per_px : float, optional
        Size of a pixel, for every image.
    progress : bool
        Show a bar.

    Raises
    ------
    UserError
        Not one image could be measured (the list of errors is written all the same), or `out` cannot be written.
    """
    start = time.perf_counter()
    out = Path(out)
    if out.is_dir():
        raise UserError(f"{out} is a folder, the name of a table was wanted: for example -o {out / 'table.parquet'}")
    task = Task(tuple(index.sources), preset, mm_per_px)
    shards = Shards(out.with_name(f"{out.name}.shards"), _run_key(index, task))
    shards.open()
    pieces = _pieces(index)
    again = _pieces_again(index, start=len(pieces))
    chunks, resumed = _measure({**pieces, **again}, task, shards, jobs, scheduler, progress)
    chunk = join([chunks[number] for number in pieces])
    errors = _errors(index, chunk)
    errors_csv = write_errors(errors, out.with_name(f"{out.stem}.errors.csv"))
    _want_rows(chunk, errors)
    frame, info = _assemble(index, task, chunk)
    write_perturbed(_measured_again(frame, info, join([chunks[number] for number in again])), info, out)
    write_table(frame, info, out)
    shards.close()
    return Summary(len(frame), len(errors), int((errors["reason"] == INTERNAL).sum()), resumed,
                   time.perf_counter() - start, errors_csv)


def measure_index(index: Index, preset: Preset, *, jobs: int, mm_per_px: float | None = None,
                  progress: bool = False) -> tuple[pd.DataFrame, TableInfo, pd.DataFrame]:
    """The table, its metadata and the errors (`path, error, reason`), without writing a file.

    Raises
    ------
    UserError
        Not one image could be measured.
    """
    task = Task(tuple(index.sources), preset, mm_per_px)
    chunks, _ = _measure(_pieces(index), task, None, jobs, None, progress)
    chunk = join([chunks[number] for number in sorted(chunks)])
    errors = _errors(index, chunk)
    _want_rows(chunk, errors)
    return *_assemble(index, task, chunk), errors


def _measure(pieces: Mapping[int, list[Item]], task: Task, shards: Shards | None, jobs: int, scheduler: str | None,
             progress: bool) -> tuple[dict[int, Chunk], int]:
    """The chunk of every piece, and how many images were there from an earlier run."""
    kept = {number: shards.read(number) for number in pieces} if shards else {}
    chunks = {number: chunk for number, chunk in kept.items() if chunk is not None}
    missing = {number: items for number, items in pieces.items() if number not in chunks}
    resumed = sum(len(pieces[number]) for number in chunks)
    with tracking(sum(map(len, pieces.values())), "images", shown=progress, done=resumed) as advance:
        for number, chunk in measure_pieces(task, missing, jobs=jobs, scheduler=scheduler):
            if shards:
                shards.write(number, chunk)
            chunks[number] = chunk
            _refuse_broken(chunks)
            advance(len(pieces[number]))
    return chunks, resumed


def _refuse_broken(chunks: Mapping[int, Chunk]) -> None:
    """One odd image is a row of the errors; where nothing but faults came out so far, the program is at fault."""
    faults = [fault for chunk in chunks.values() for fault in chunk.faults if fault.reason == INTERNAL]
    if len(faults) >= CHUNK and not any(chunk.image_ids for chunk in chunks.values()):
        raise RuntimeError(f"the first {len(faults)} images all failed inside a measurement: {faults[0].error}")


def _pieces(index: Index) -> dict[int, list[Item]]:
    columns = index.frame[["image_id", "site", "path"]].itertuples(index=False)
    items = [Item(*row) for row in columns]
    return {start // CHUNK: items[start:start + CHUNK] for start in range(0, len(items), CHUNK)}


def _pieces_again(index: Index, start: int) -> dict[int, list[Item]]:
    """The few images that are measured a second time, changed as between laboratories; numbered on from `start`."""
    few = index.frame[index.frame["image_id"].isin(chosen(index.frame["image_id"].tolist()))]
    items = [Item(image_id, site, path, perturb=True)
             for image_id, site, path in few[["image_id", "site", "path"]].itertuples(index=False)]
    return {start + at // CHUNK: items[at:at + CHUNK] for at in range(0, len(items), CHUNK)}


def _measured_again(frame: pd.DataFrame, info: TableInfo, chunk: Chunk) -> pd.DataFrame:
    """`image_id` and the features of the changed copies, in the columns of the table."""
    values = pd.DataFrame(chunk.values, columns=list(chunk.names)).reindex(columns=info.features)
    values.insert(0, "image_id", list(chunk.image_ids))
    return values[values["image_id"].isin(frame["image_id"])].reset_index(drop=True)


def _versions(preset: Preset) -> dict[str, int]:
    known = blocks()
    return {name: known[name].version for name in preset.blocks}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _run_key(index: Index, task: Task) -> str:
    """Changes with anything that changes a measurement; not with labels, which are joined at the end."""
    return _hash([index.frame["image_id"].tolist(), task.preset.to_dict(), _versions(task.preset), task.mm_per_px,
                  CHUNK])[:16]


def index_hash(index: Index) -> str:
    """64 hex digits over every column of the index: other images, labels, groups or splits give another hash."""
    return hashlib.sha256(index.frame.to_csv(index=False).encode()).hexdigest()


def _want_rows(chunk: Chunk, errors: pd.DataFrame) -> None:
    if not chunk.image_ids:
        first = f"; the first, {errors['path'][0]}: {errors['error'][0]}" if len(errors) else ""
        raise UserError(f"not one of {len(errors)} images could be measured{first}")


def _assemble(index: Index, task: Task, chunk: Chunk) -> tuple[pd.DataFrame, TableInfo]:
    """The measurements beside the columns of the index."""
    rows = index.frame.set_index("image_id", drop=False).loc[list(chunk.image_ids)].reset_index(drop=True)
    groups = duplicate_groups(rows["sha256"].tolist(), chunk.fingerprints)
    findings = [c for c in rows.columns if c.startswith("label_")]
    facts = rows[["image_id", "path", "label", "group", "site", "split", "sha256"]].assign(
        duplicate_group=np.asarray(groups, np.int64), width_px=chunk.sizes[:, 0], height_px=chunk.sizes[:, 1])
    frame = pd.concat([facts, rows[findings], pd.DataFrame(chunk.values, columns=list(chunk.names))], axis=1)
    return frame, _info(index, task, chunk)


def _info(index: Index, task: Task, chunk: Chunk) -> TableInfo:
    nuisance = nuisance_columns(chunk.names, _has_scale(chunk))
    # Absolute, so that reports made from another folder still find the pictures.
    sources = [{"site": s.site, "root": str(Path(s.root).absolute()), "kind": s.kind} for s in index.sources]
    return TableInfo(preset=task.preset.to_dict(), blocks=_versions(task.preset), index_hash=index_hash(index),
                     sources=sources, label_columns=list(index.label_columns),
                     features=[name for name in chunk.names if name not in set(nuisance)], nuisance=nuisance,
                     mm_per_px=task.mm_per_px)


def _has_scale(chunk: Chunk) -> bool:
    """Whether most images tell their scale, by a known pixel size or by red cells of known size."""
    telling = np.isin(chunk.names, scale_columns(chunk.names))
    return bool(telling.any()) and float(np.isfinite(chunk.values[:, telling]).mean(axis=0).max()) >= 0.5


def _errors(index: Index, chunk: Chunk) -> pd.DataFrame:
    """Faults of reading and of measuring together, sorted by path."""
    paths = dict(zip(index.frame["image_id"], index.frame["path"]))
    faults = pd.DataFrame([(paths[f.image_id], f.error, f.reason) for f in chunk.faults],
                          columns=["path", "error", "reason"], dtype=object)
    return pd.concat([index.errors.astype(object), faults]).sort_values(["path", "error"]).reset_index(drop=True)


def write_errors(errors: pd.DataFrame, path: Path) -> Path | None:
    """The list of errors; one of an earlier run does not stay where there is nothing to tell."""
    if errors.empty:
        path.unlink(missing_ok=True)
        return None
    with replacing(path) as part:
        errors.to_csv(part, index=False, errors="backslashreplace")
    return path
