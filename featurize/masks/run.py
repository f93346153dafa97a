"""Many images: segmented in processes; label images and outlines written, errors as rows."""
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

import featurize
from featurize.errors import UserError
from featurize.images.read import ImageError
from featurize.index.build import Index, Source, load, source_of
from featurize.masks.imagej import check_roifile, roi_zip
from featurize.masks.labels import NAMES, labels_of
from featurize.masks.outlines import geojson
from featurize.masks.output_folder import MASK, OUTLINES, SUFFIXES, MaskJob, check_place, claim, note
from featurize.pipeline import sample_of
from featurize.presets.load import Preset
from featurize.runtime.files import json_bytes, write_csv
from featurize.runtime.leftovers import remove_leftovers_below
from featurize.runtime.lock import held_output
from featurize.runtime.outputs import write_errors
from featurize.runtime.processes import (INTERNAL, MEASURE_FAULTS, Killed, fault_place, map_in_processes,
                                         one_opencv_thread)
from featurize.runtime.progress import tracking
from featurize.runtime.set_aside import set_aside_lines, write_keeping

LIST, ERRORS = "masks.csv", "errors.csv"
_PACKAGE = Path(featurize.__file__).parent
_TISSUE = "tissue"
_FEW_IMAGES = 24            # fewer are segmented in this process: starting others would take longer
_MOST_BYTE = 255            # labels up to here are written as 8 bit


@dataclass(frozen=True)
class MaskResult:
    """What an image gave: the name of each label, or an error and its reason in one word.

    `files` has the SHA-256 of what was written, `set_aside` the new names of what somebody had changed.
    """

    job: MaskJob
    names: dict[int, str]
    error: str = ""
    reason: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskTask:
    """What is the same for every image of a run."""

    sources: Sequence[Source]
    preset: Preset
    out: Path
    imagej: bool = False


@dataclass(frozen=True)
class MaskSummary:
    """Images with masks, images in which nothing was found, errors, where these are listed, and warnings."""

    images: int
    empty: int
    errors: int
    errors_csv: Path | None
    warnings: Sequence[str] = ()


def segment_images(index: Index, preset: Preset, out: Path, *, jobs: int, progress: bool = False,
                   imagej: bool = False) -> MaskSummary:
    """Write a label image and outlines of every image of an index.

    Parameters
    ----------
    index : Index
    preset : Preset
        One whose segmenter is ``cell``, ``tissue`` or ``xray``.
    out : Path
        A folder of its own: `<stem>.png` (0 = nothing), `<stem>.geojson`, masks.csv, errors.csv.
    jobs : int
        Processes.
    progress : bool
        Show a bar.
    imagej : bool
        Write `<stem>.roi.zip` too, see `featurize.masks.imagej`.

    Raises
    ------
    UserError
        A preset without regions; roifile is missing; an output folder that is, holds or lies in a source, that holds
        files of others or that another run holds; or not one image could be read.
    """
    if preset.segment not in (*NAMES, _TISSUE):
        raise UserError(f"preset {preset.name} takes images as a whole and finds no regions: give --preset cell, "
                        "smear, tissue or xray")
    if imagej:
        check_roifile()
    check_place(index, out)
    with held_output(out, "segment"):
        remove_leftovers_below(out)
        mask_jobs = claim(index, out)
        task = MaskTask(index.sources, preset, out, imagej)
        by_path: dict[MaskJob, MaskResult] = {}
        with tracking(len(mask_jobs), "images", shown=progress) as advance:
            for result in _segment_all(task, mask_jobs, jobs):
                by_path[result.job] = result
                advance(1)
        results = [by_path[job] for job in mask_jobs]
        summary = _write_lists(index, results, out)
        note({name: sha256 for result in results for name, sha256 in result.files.items()}, out)
        return summary


def _segment_all(task: MaskTask, mask_jobs: Sequence[MaskJob], processes: int) -> Iterator[MaskResult]:
    one = partial(segment_image, task)
    if processes == 1 or len(mask_jobs) < _FEW_IMAGES:
        with one_opencv_thread():
            yield from map(one, mask_jobs)
        return
    for job, result in map_in_processes(one, mask_jobs, processes):
        yield MaskResult(job, {}, "the process that segmented it died (crash or out of memory)", "crashed") \
            if isinstance(result, Killed) else result


def segment_image(task: MaskTask, job: MaskJob) -> MaskResult:
    """Segment one image and write its label image and outlines."""
    try:
        picture = load(source_of(task.sources, job.site), job.path)
        labels = labels_of(sample_of(picture, task.preset), task.preset.segment)
    except ImageError as error:
        return MaskResult(job, {}, str(error), error.reason)
    except MEASURE_FAULTS as error:
        line = f"{fault_place(error, _PACKAGE)} {type(error).__name__}: {error}".splitlines()[0]
        return MaskResult(job, {}, line, INTERNAL)
    kind = np.uint8 if max(labels.names, default=0) <= _MOST_BYTE else np.uint16
    contents = [cv2.imencode(MASK, labels.image.astype(kind))[1].tobytes(), json_bytes(geojson(labels)),
                *([roi_zip(labels)] if task.imagej else [])]
    kept: list[Path] = []
    for suffix, written, content in zip(SUFFIXES, job.written, contents):
        kept += write_keeping(content, task.out / (job.stem + suffix), written)
    files = {job.stem + suffix: hashlib.sha256(content).hexdigest() for suffix, content in zip(SUFFIXES, contents)}
    return MaskResult(job, labels.names, files=files,
                      set_aside=tuple(file.relative_to(task.out).as_posix() for file in kept))


def _write_lists(index: Index, results: Sequence[MaskResult], out: Path) -> MaskSummary:
    several = len(index.sources) > 1
    done = [one for one in results if not one.reason]
    failed = [(f"{one.job.site}/{one.job.path}" if several else one.job.path, one.error, one.reason)
              for one in results if one.reason]
    errors = pd.concat([index.errors, pd.DataFrame(failed, columns=["path", "error", "reason"])], ignore_index=True)
    errors_csv = write_errors(errors, out / ERRORS)
    if not done:
        raise UserError(f"not one of {len(errors)} images could be segmented; the first, {errors['path'][0]}: "
                        f"{errors['error'][0]}")
    rows = [(f"{one.job.site}/{one.job.path}" if several else one.job.path, one.job.stem + MASK,
             one.job.stem + OUTLINES, len(one.names), "|".join(sorted(set(one.names.values())))) for one in done]
    write_csv(pd.DataFrame(rows, columns=["path", "mask", "outlines", "labels", "regions"]), out / LIST)
    return MaskSummary(len(done), sum(not one.names for one in done), len(errors), errors_csv,
                       set_aside_lines(name for one in results for name in one.set_aside))
