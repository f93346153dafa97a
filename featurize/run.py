"""From an index of images to the table of measurements."""
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurize.batch.chunks import ImageRequest, MeasuredChunk, MeasureTask, join
from featurize.batch.shards import Shards
from featurize.batch.workers import Chunks, measure_chunks
from featurize.errors import UserError
from featurize.families import blocks, nuisance_columns, scale_is_known
from featurize.images.perturb import images_to_perturb
from featurize.index.build import Index
from featurize.index.duplicates import duplicate_groups
from featurize.presets.load import Preset
from featurize.runtime.files import replacing
from featurize.runtime.processes import INTERNAL
from featurize.runtime.progress import Part, tracking_parts
from featurize.table import TableInfo, write_perturbed, write_table

# Images per chunk. Fixed, so that a run can be resumed with another number of jobs.
CHUNK_SIZE = 16
# What is measured beside the images, as the progress bar calls it.
COPIES = "changed copies"


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
              mm_per_px: float | None = None, progress: bool = False, command: str = "") -> Summary:
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
    command : str
        The command that this is, for those who read the table; see `TableInfo`.

    Raises
    ------
    UserError
        Not one image could be measured (the list of errors is written all the same), or `out` cannot be written.
    """
    start = time.perf_counter()
    out = Path(out)
    if out.is_dir():
        raise UserError(f"{out} is a folder, the name of a table was wanted: for example -o {out / 'table.parquet'}")
    task = MeasureTask(tuple(index.sources), preset, mm_per_px)
    shards = Shards(out.with_name(f"{out.name}.shards"), _run_key(index, task))
    shards.open()
    plain = _chunks(index)
    perturbed = _perturbed_chunks(index, start=len(plain))
    measured, resumed = _measure(plain, perturbed, task, _Execution(jobs, scheduler, shards, progress))
    images = join([measured[number] for number in plain])
    errors = _errors(index, images)
    errors_csv = write_errors(errors, out.with_name(f"{out.stem}.errors.csv"))
    _require_rows(images, errors)
    frame, info = _assemble(index, task, images)
    info = replace(info, command=command)
    copies = join([measured[number] for number in perturbed])
    write_perturbed(_perturbed_frame(frame, info, copies), info, out)
    write_table(frame, info, out)
    shards.close()
    return Summary(len(frame), len(errors), int((errors["reason"] == INTERNAL).sum()), resumed,
                   time.perf_counter() - start, errors_csv)


def measure_index(index: Index, preset: Preset, *, jobs: int, mm_per_px: float | None = None,
                  progress: bool = False) -> tuple[pd.DataFrame, TableInfo, pd.DataFrame]:
    """The table, its metadata and the errors (`path, error, reason`), without writing a file.

    Parameters
    ----------
    index : Index
    preset : Preset
    jobs : int
        Processes.
    mm_per_px : float, optional
        Size of a pixel in millimetres, where the files do not tell it.
    progress : bool
        Show a bar.

    Raises
    ------
    UserError
        Not one image could be measured.
    """
    task = MeasureTask(tuple(index.sources), preset, mm_per_px)
    measured, _ = _measure(_chunks(index), {}, task, _Execution(jobs, None, None, progress))
    images = join([measured[number] for number in sorted(measured)])
    errors = _errors(index, images)
    _require_rows(images, errors)
    return *_assemble(index, task, images), errors


@dataclass(frozen=True)
class _Execution:
    """Where images are measured, where finished chunks are kept, and whether a bar is shown."""

    jobs: int
    scheduler: str | None
    shards: Shards | None
    progress: bool


def _measure(plain: Chunks, perturbed: Chunks, task: MeasureTask,
             execution: _Execution) -> tuple[dict[int, MeasuredChunk], int]:
    """Every chunk measured, and how many images (not counting their changed copies) an earlier run had measured."""
    shards, chunks = execution.shards, {**plain, **perturbed}
    kept = {number: shards.read(number) for number in chunks} if shards else {}
    measured = {number: chunk for number, chunk in kept.items() if chunk is not None}
    missing = {number: requests for number, requests in chunks.items() if number not in measured}
    parts = [Part(what, sum(map(len, part.values())), sum(len(part[number]) for number in part if number in measured))
             for what, part in (("images", plain), (COPIES, perturbed))]
    with tracking_parts(parts, shown=execution.progress) as advance:
        for number, chunk in measure_chunks(task, missing, jobs=execution.jobs, scheduler=execution.scheduler):
            if shards:
                shards.write(number, chunk)
            measured[number] = chunk
            _refuse_broken(measured)
            advance(COPIES if number in perturbed else "images", len(chunks[number]))
    return measured, parts[0].done


def _refuse_broken(measured: Mapping[int, MeasuredChunk]) -> None:
    """One odd image is a row of the errors; where nothing but faults came out so far, the program is at fault."""
    faults = [fault for chunk in measured.values() for fault in chunk.faults if fault.reason == INTERNAL]
    if len(faults) >= CHUNK_SIZE and not any(chunk.image_ids for chunk in measured.values()):
        raise RuntimeError(f"the first {len(faults)} images all failed inside a measurement: {faults[0].error}")


def _chunks(index: Index) -> dict[int, list[ImageRequest]]:
    return _numbered(_requests(index.frame, perturb=False), start=0)


def _perturbed_chunks(index: Index, start: int) -> dict[int, list[ImageRequest]]:
    """Changed copies of a few images, which are measured as well; numbered on from `start`."""
    few = index.frame[index.frame["image_id"].isin(images_to_perturb(index.frame["image_id"].tolist()))]
    return _numbered(_requests(few, perturb=True), start)


def _requests(frame: pd.DataFrame, *, perturb: bool) -> list[ImageRequest]:
    rows = frame[["image_id", "site", "path"]].itertuples(index=False)
    return [ImageRequest(image_id, site, path, perturb) for image_id, site, path in rows]


def _numbered(requests: list[ImageRequest], start: int) -> dict[int, list[ImageRequest]]:
    """Chunks of `CHUNK_SIZE` images, numbered from `start`."""
    return {start + at // CHUNK_SIZE: requests[at:at + CHUNK_SIZE] for at in range(0, len(requests), CHUNK_SIZE)}


def _perturbed_frame(frame: pd.DataFrame, info: TableInfo, copies: MeasuredChunk) -> pd.DataFrame:
    """`image_id` and the features of the changed copies, in the columns of the table."""
    values = pd.DataFrame(copies.values, columns=list(copies.names)).reindex(columns=info.features)
    values.insert(0, "image_id", list(copies.image_ids))
    return values[values["image_id"].isin(frame["image_id"])].reset_index(drop=True)


def _versions(preset: Preset) -> dict[str, int]:
    known = blocks()
    return {name: known[name].version for name in preset.blocks}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _run_key(index: Index, task: MeasureTask) -> str:
    """Changes with anything that changes a measurement; not with labels, which are joined at the end."""
    return _hash([index.frame["image_id"].tolist(), task.preset.to_dict(), _versions(task.preset), task.mm_per_px,
                  CHUNK_SIZE])[:16]


def index_hash(index: Index) -> str:
    """64 hex digits over every column of the index: other images, labels, groups or splits give another hash."""
    return hashlib.sha256(index.frame.to_csv(index=False).encode()).hexdigest()


def _require_rows(images: MeasuredChunk, errors: pd.DataFrame) -> None:
    if not images.image_ids:
        first = f"; the first, {errors['path'][0]}: {errors['error'][0]}" if len(errors) else ""
        raise UserError(f"not one of {len(errors)} images could be measured{first}")


def _assemble(index: Index, task: MeasureTask, images: MeasuredChunk) -> tuple[pd.DataFrame, TableInfo]:
    """The measurements beside the columns of the index."""
    rows = index.frame.set_index("image_id", drop=False).loc[list(images.image_ids)].reset_index(drop=True)
    groups = duplicate_groups(rows["sha256"].tolist(), images.fingerprints)
    findings = [c for c in rows.columns if c.startswith("label_")]
    facts = rows[["image_id", "path", "label", "group", "site", "split", "sha256"]].assign(
        duplicate_group=np.asarray(groups, np.int64), width_px=images.sizes[:, 0], height_px=images.sizes[:, 1])
    frame = pd.concat([facts, rows[findings], pd.DataFrame(images.values, columns=list(images.names))], axis=1)
    return frame, _info(index, task, images)


def _info(index: Index, task: MeasureTask, images: MeasuredChunk) -> TableInfo:
    nuisance = nuisance_columns(images.names, scale_is_known(images.names, images.values))
    # Absolute, so that reports made from another folder still find the pictures.
    sources = [{"site": s.site, "root": str(Path(s.root).absolute()), "kind": s.kind} for s in index.sources]
    return TableInfo(preset=task.preset.to_dict(), blocks=_versions(task.preset), index_hash=index_hash(index),
                     sources=sources, label_columns=list(index.label_columns),
                     features=[name for name in images.names if name not in set(nuisance)], nuisance=nuisance,
                     mm_per_px=task.mm_per_px)


def _errors(index: Index, images: MeasuredChunk) -> pd.DataFrame:
    """Faults of reading and of measuring together, sorted by path."""
    paths = dict(zip(index.frame["image_id"], index.frame["path"]))
    faults = pd.DataFrame([(paths[f.image_id], f.error, f.reason) for f in images.faults],
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
