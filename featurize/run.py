"""From an index of images to the table of measurements."""
import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurize.arrays import Int64Array
from featurize.batch.chunks import CELL_X, CELL_Y, ImageRequest, MeasuredChunk, MeasureTask, cell_of, join
from featurize.batch.execute import CHUNK_SIZE, Execution, measure, numbered, requests_of
from featurize.batch.given_masks import find_masks
from featurize.batch.label_regions import with_label_regions
from featurize.batch.remote_shards import RemoteShards
from featurize.batch.shards import Shards
from featurize.counts import as_lines, class_counts
from featurize.errors import Stopped, UserError
from featurize.families import nuisance_columns, scale_is_known, versions_of
from featurize.images.perturb import VERSION as COPIES_VERSION
from featurize.images.perturb import images_to_perturb
from featurize.index.build import Index
from featurize.index.duplicates import duplicate_groups
from featurize.index.fingerprints import to_text
from featurize.index.listing import with_listed_findings
from featurize.presets.load import Preset
from featurize.reuse import EarlierTable, in_order, known_copies, known_images, usable
from featurize.runtime.heap import give_back
from featurize.runtime.leftovers import remove_leftovers
from featurize.runtime.outputs import errors_path, write_errors
from featurize.runtime.processes import INTERNAL
from featurize.segment.segmenters import GIVEN
from featurize.table import TableInfo, check_table_output, files_of_table, write_perturbed, write_table


_OTHER_NUCLEI = "image_quality_other_nuclei"


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
    reused : int
        Images whose measurements were taken from an earlier table.
    not_reused : str
        Why nothing could be taken from the earlier table that was named.
    class_lines : tuple of str
        Images of every class as a table, line by line.
    several : int
        Images with further nuclei, of which only the central cell was measured.
    images : int
        Images of the rows: fewer than rows where every cell was measured.
    """

    rows: int
    errors: int
    internal: int
    resumed: int
    seconds: float
    errors_csv: Path | None
    reused: int = 0
    not_reused: str = ""
    class_lines: tuple[str, ...] = ()
    several: int = 0
    images: int = 0


def featurize(index: Index, preset: Preset, out: Path, *, jobs: int, scheduler: str | None = None,
              mm_per_px: float | None = None, progress: bool = False, command: str = "",
              reuse: Path | None = None, augment: int = 0, every_cell: bool = False,
              masks: Path | None = None, shards: str | None = None) -> Summary:
    """Measure every image of an index and write the table.

    Parameters
    ----------
    index : Index
    preset : Preset
    out : Path
        The table, `t.parquet` or `t.csv`; errors go to `t.errors.csv` beside it. A run that was stopped goes on where
        it was.
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
    reuse : Path, optional
        An earlier table, which may be `out` itself: rows of the same images, measured in the same way, are taken from
        it. The table is the same as without it.
    augment : int
        Changed copies of every image that may be learned from (those of a given train part, else all) that are
        measured as well; 0: one copy of a tenth of the images.
    every_cell : bool
        A row for each white cell of an image; the preset's segmenter must be ``cell``. The central one has the
        `image_id` of its image, others that with their number behind it; `cell`, `cell_x_px` and `cell_y_px` tell
        number and middle. Nothing is taken from an earlier table.
    masks : Path, optional
        A folder of label images that take the place of the segmenter, see `featurize.batch.given_masks` and
        `featurize.segment.segmenters.segment_as_given`; the column `mask` names each. With a preset that measures
        images as a whole every label is a region, see `featurize.batch.label_regions`. There are no changed copies
        then, and nothing is taken from an earlier table.
    shards : str, optional
        Where finished chunks are kept while the run lasts: an address of fsspec, see
        `featurize.batch.remote_shards.RemoteShards`. Without it they lie beside `out`.

    Raises
    ------
    UserError
        `every_cell` with another segmenter; not one image could be measured (the list of errors is written all the
        same); or `out` cannot be written, or `shards` not be reached.
    Stopped
        Ctrl-C; the message says what is kept.
    """
    start = time.perf_counter()
    out = Path(out)
    check_table_output(out)
    remove_leftovers(files_of_table(out))
    if every_cell and preset.segment != "cell":
        raise UserError(f"every cell was to be measured with preset {preset.name}, which looks for no single cells: "
                        "give --preset cell, or leave --every-cell out")
    given = find_masks(masks, _checked_for_masks(index, preset, every_cell, augment)) if masks else None
    if given and preset.segment not in GIVEN:
        given, preset = with_label_regions(given, preset)
    task = MeasureTask(tuple(index.sources), preset, mm_per_px, every_cell, given)
    found = usable(reuse, task) if reuse else None
    plan = _plan(index, found if isinstance(found, EarlierTable) else None, augment)
    plan = replace(plan, perturbed={}, copies=[]) if masks else plan
    key = _run_key(plan, task)
    store = RemoteShards(shards, key) if shards else Shards(out.with_name(f"{out.name}.shards"), key)
    store.open()
    execution = Execution(jobs, scheduler, store, progress)
    try:
        measured, resumed = measure(plan.plain, plan.perturbed, task, execution)
        new = join(measured.pop(number) for number in plan.plain)
        give_back()
        images, groups = _with_known(plan, index, new, task, execution)
        errors = _errors(index, images)
        errors_csv = write_errors(errors, errors_path(out))
        _require_rows(images, errors)
        frame, info = _assemble(index, task, images, groups)
        info = replace(info, command=command)
        copies = _copies(plan, info, measured, task, execution)
    except KeyboardInterrupt as stop:
        raise Stopped(_kept(plan, store, out)) from stop
    write_perturbed(_perturbed_frame(frame, info, copies), info, out)
    write_table(frame, info, out)
    store.close()
    counts = class_counts(*with_listed_findings(frame, info.label_columns))
    return Summary(len(frame), len(errors), int((errors["reason"] == INTERNAL).sum()), resumed,
                   time.perf_counter() - start, errors_csv, len(plan.known.image_ids),
                   found if isinstance(found, str) else "", tuple(as_lines(counts)),
                   0 if every_cell or masks else _several(frame),
                   int((frame["cell"] == 1).sum()) if every_cell else len(frame))


def _checked_for_masks(index: Index, preset: Preset, every_cell: bool, augment: int) -> list[str]:
    """The paths of all images; refuses what does not go together with masks."""
    if every_cell or augment:
        raise UserError(f"--masks and {'--every-cell' if every_cell else '--augment'} were given: masks hold one cell "
                        "of each image as it is; leave one of them out")
    if len(index.sources) > 1:
        raise UserError(f"--masks was given with {len(index.sources)} sources of images: measure each with its own "
                        "masks")
    return [str(path) for path in index.frame["path"]]


def _several(frame: pd.DataFrame) -> int:
    """Images with further nuclei."""
    return int((frame[_OTHER_NUCLEI] > 0).sum()) if _OTHER_NUCLEI in frame else 0


@dataclass(frozen=True)
class _Plan:
    """What is measured, and what is known from an earlier table."""

    plain: dict[int, list[ImageRequest]]
    perturbed: dict[int, list[ImageRequest]]
    known: MeasuredChunk
    known_copies: MeasuredChunk
    earlier: EarlierTable | None
    copies: list[ImageRequest]


def _plan(index: Index, earlier: EarlierTable | None, augment: int) -> _Plan:
    known = known_images(earlier, index.frame) if earlier else join([])
    missing = index.frame[~index.frame["image_id"].isin(known.image_ids)]
    plain = numbered(requests_of(missing))
    wanted = _copies_wanted(index, augment)
    copies = known_copies(earlier, [request.key for request in wanted]) if earlier else join([])
    there = set(copies.image_ids)
    new = [request for request in wanted if request.key not in there]
    return _Plan(plain, numbered(new, len(plain)), known, copies, earlier, wanted)


def _with_known(plan: _Plan, index: Index, new: MeasuredChunk, task: MeasureTask,
                execution: Execution) -> tuple[MeasuredChunk, Int64Array | None]:
    """All images in the order of the index, and their duplicate groups where those are known too.

    The search for duplicates needs a fingerprint of every image. Tables of older versions keep none: where images were
    added or left out, those of the known images are made again.
    """
    if plan.earlier is None or not plan.known.image_ids:
        return new, None
    if not new.image_ids and list(plan.known.image_ids) == plan.earlier.frame["image_id"].tolist():
        groups = plan.earlier.frame["duplicate_group"].to_numpy(np.int64)
        return replace(plan.known, faults=new.faults), groups
    if plan.known.fingerprints.shape[1]:
        return in_order(join([plan.known, new]), index.frame["image_id"].tolist()), None
    known = index.frame[index.frame["image_id"].isin(plan.known.image_ids)]
    requests = numbered(requests_of(known, only_fingerprint=True))
    measured, _ = measure(requests, {}, task, replace(execution, shards=None))
    made = join([measured[number] for number in sorted(measured)])
    row_of = {image_id: row for row, image_id in enumerate(plan.known.image_ids)}
    at = [row_of[image_id] for image_id in made.image_ids]
    taken = replace(plan.known, image_ids=made.image_ids, values=plan.known.values[at], sizes=plan.known.sizes[at],
                    fingerprints=made.fingerprints, faults=made.faults)
    return in_order(join([taken, new]), index.frame["image_id"].tolist()), None


def _copies(plan: _Plan, info: TableInfo, measured: dict[int, MeasuredChunk], task: MeasureTask,
            execution: Execution) -> MeasuredChunk:
    """The changed copies, as they were measured now or in an earlier run."""
    new = join(measured.pop(number) for number in plan.perturbed)
    if not plan.known_copies.image_ids:
        return new
    if set(info.features) <= set(plan.known_copies.names):
        both = join([plan.known_copies, replace(new, fingerprints=new.fingerprints[:, :0])])
        return in_order(both, [request.key for request in plan.copies])
    # Images were added that tell their scale, so that columns became features that the earlier copies lack.
    again, _ = measure({}, numbered(plan.copies), task, replace(execution, shards=None))
    return join([again[number] for number in sorted(again)])


def _kept(plan: _Plan, shards: Shards | RemoteShards, out: Path) -> str:
    """What Ctrl-C leaves."""
    n_kept = sum(len(requests) for number, requests in plan.plain.items() if shards.has(number))
    if not n_kept:
        return f"stopped: nothing is measured yet, and {out} was not written"
    n_all = sum(map(len, plan.plain.values()))
    return (f"stopped: {n_kept} of {n_all} images are measured and kept in {shards.folder}; the same command again "
            f"measures the rest ({out} was not written)")


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
    measured, _ = measure(numbered(requests_of(index.frame)), {}, task, Execution(jobs, None, None, progress))
    images = join([measured[number] for number in sorted(measured)])
    errors = _errors(index, images)
    _require_rows(images, errors)
    return *_assemble(index, task, images), errors


def _copies_wanted(index: Index, augment: int) -> list[ImageRequest]:
    """The changed copies that are measured as well: of images that may be learned from, or one of a few images."""
    frame = index.frame
    if not augment:
        return requests_of(frame[frame["image_id"].isin(images_to_perturb(frame["image_id"].tolist()))], copies=1)
    learned = frame["split"] == "train"
    return requests_of(frame[learned] if learned.any() else frame, copies=augment)


def _perturbed_frame(frame: pd.DataFrame, info: TableInfo, copies: MeasuredChunk) -> pd.DataFrame:
    """`image_id`, `copy` (its number) and the features of the changed copies, in the columns of the table."""
    values = pd.DataFrame(copies.values, columns=list(copies.names)).reindex(columns=info.features)
    values.insert(0, "image_id", [key.partition(" ")[0] for key in copies.image_ids])
    values.insert(1, "copy", np.array([int(key.partition(" ")[2] or 1) for key in copies.image_ids], np.int64))
    return values[values["image_id"].isin(frame["image_id"])].reset_index(drop=True)


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _run_key(plan: _Plan, task: MeasureTask) -> str:
    """Changes with anything that changes a measurement; not with labels, which are joined at the end."""
    measured = [request.image_id for requests in plan.plain.values() for request in requests]
    copies = [request.key for requests in plan.perturbed.values() for request in requests]
    decides: list[Any] = [measured, copies, task.preset.to_dict(), versions_of(task.preset.blocks), task.mm_per_px,
                          CHUNK_SIZE]
    decides += [["copies", COPIES_VERSION]] if copies else []
    decides += ["every cell"] if task.every_cell else []
    decides += [["masks", task.masks.digest]] if task.masks else []
    return _hash(decides)[:16]


def index_hash(index: Index) -> str:
    """64 hex digits over every column of the index: other images, labels, groups or splits give another hash."""
    return hashlib.sha256(index.frame.to_csv(index=False).encode()).hexdigest()


def _require_rows(images: MeasuredChunk, errors: pd.DataFrame) -> None:
    if not images.image_ids:
        first = f"; the first, {errors['path'][0]}: {errors['error'][0]}" if len(errors) else ""
        raise UserError(f"not one of {len(errors)} images could be measured{first}")


def _assemble(index: Index, task: MeasureTask, images: MeasuredChunk,
              groups: Int64Array | None = None) -> tuple[pd.DataFrame, TableInfo]:
    """The measurements beside the columns of the index; duplicates are searched for where their groups are unknown."""
    cells = [cell_of(key) for key in images.image_ids]
    rows = index.frame.set_index("image_id", drop=False).loc[[image_id for image_id, _ in cells]].reset_index(drop=True)
    rows["image_id"] = list(images.image_ids)
    if groups is None:
        groups = duplicate_groups(rows["sha256"].tolist(), images.fingerprints)
        give_back()
    findings = [c for c in rows.columns if c.startswith("label_")]
    facts = rows[["image_id", "path", "label", "group", "site", "split", "sha256"]].assign(
        duplicate_group=np.asarray(groups, np.int64), width_px=images.sizes[:, 0], height_px=images.sizes[:, 1])
    if images.fingerprints.shape[1]:
        facts = facts.assign(fingerprint=to_text(images.fingerprints))
    measured = pd.DataFrame(images.values, columns=list(images.names))
    if task.masks:
        facts = facts.assign(mask=[task.masks.files[path] for path in rows["path"]])
    if task.every_cell:
        place = measured[[CELL_X, CELL_Y]]
        facts = pd.concat([facts.assign(cell=[number for _, number in cells]), place], axis=1)
        measured = measured.drop(columns=[CELL_X, CELL_Y])
    # Inserted into the measurements: joining the two would copy these.
    for at, (name, column) in enumerate(pd.concat([facts, rows[findings]], axis=1).items()):
        measured.insert(at, name, column)
    return measured, _info(index, task, images)


def _info(index: Index, task: MeasureTask, images: MeasuredChunk) -> TableInfo:
    nuisance = nuisance_columns(images.names, scale_is_known(images.names, images.values))
    beside = {*nuisance, CELL_X, CELL_Y}
    # Absolute, so that reports made from another folder still find the pictures.
    sources = [{"site": s.site, "root": str(Path(s.root).absolute()), "kind": s.kind} for s in index.sources]
    return TableInfo(preset=task.preset.to_dict(), blocks=versions_of(task.preset.blocks), index_hash=index_hash(index),
                     sources=sources, label_columns=list(index.label_columns),
                     features=[name for name in images.names if name not in beside], nuisance=nuisance,
                     mm_per_px=task.mm_per_px)


def _named_paths(index: Index) -> list[str]:
    """The path of every image; after the name of its source if there are several, as in the errors of the index."""
    if len(index.sources) < 2:
        return index.frame["path"].tolist()
    return [f"{site}/{path}" for site, path in zip(index.frame["site"], index.frame["path"])]


def _errors(index: Index, images: MeasuredChunk) -> pd.DataFrame:
    """Faults of reading and of measuring together, sorted by path."""
    paths = dict(zip(index.frame["image_id"], _named_paths(index)))
    faults = pd.DataFrame([(paths[f.image_id], f.error, f.reason) for f in images.faults],
                          columns=["path", "error", "reason"], dtype=object)
    return pd.concat([index.errors.astype(object), faults]).sort_values(["path", "error"]).reset_index(drop=True)
