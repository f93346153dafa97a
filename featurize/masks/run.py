"""Many images: segmented in processes; label images and outlines written, errors as rows."""
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from featurize.pipeline import sample_of
from featurize.presets.load import Preset
from featurize.runtime import stems
from featurize.runtime.files import replacing, write_csv, write_json
from featurize.runtime.leftovers import is_filled, remove_leftovers_below
from featurize.runtime.lock import held_folder
from featurize.runtime.outputs import write_errors
from featurize.runtime.processes import (INTERNAL, MEASURE_FAULTS, Killed, fault_place, map_in_processes,
                                         one_opencv_thread)
from featurize.runtime.progress import tracking

MARK, LIST, ERRORS = ".pellucid-segment.json", "masks.csv", "errors.csv"
MASK, OUTLINES, ROIS = ".png", ".geojson", ".roi.zip"
_PACKAGE = Path(featurize.__file__).parent
_TISSUE = "tissue"
_FEW_IMAGES = 24            # fewer are segmented in this process: starting others would take longer
_MOST_BYTE = 255            # labels up to here are written as 8 bit


@dataclass(frozen=True)
class MaskJob:
    """One image: where it is, and the name of what is written without suffix."""

    site: str | None
    path: str
    stem: str


@dataclass(frozen=True)
class MaskResult:
    """What an image gave: the name of each label, or an error and its reason in one word."""

    job: MaskJob
    names: dict[int, str]
    error: str = ""
    reason: str = ""


@dataclass(frozen=True)
class MaskTask:
    """What is the same for every image of a run."""

    sources: Sequence[Source]
    preset: Preset
    out: Path
    imagej: bool = False


@dataclass(frozen=True)
class MaskSummary:
    """Images with masks, images in which nothing was found, errors, and where these are listed."""

    images: int
    empty: int
    errors: int
    errors_csv: Path | None


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
    _check_place(index, out)
    with held_folder(out, f"another run of `segment` writes into {out}: wait for it, or give another folder with -o"):
        remove_leftovers_below(out)
        mask_jobs = _claimed(index, out)
        task = MaskTask(index.sources, preset, out, imagej)
        by_path: dict[MaskJob, MaskResult] = {}
        with tracking(len(mask_jobs), "images", shown=progress) as advance:
            for result in _segment_all(task, mask_jobs, jobs):
                by_path[result.job] = result
                advance(1)
        return _write_lists(index, [by_path[job] for job in mask_jobs], out)


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
    with replacing(task.out / (job.stem + MASK), durable=False) as part:
        part.write_bytes(cv2.imencode(MASK, labels.image.astype(kind))[1].tobytes())
    write_json(geojson(labels), task.out / (job.stem + OUTLINES))
    if task.imagej:
        with replacing(task.out / (job.stem + ROIS), durable=False) as part:
            part.write_bytes(roi_zip(labels))
    return MaskResult(job, labels.names)


def _check_place(index: Index, out: Path) -> None:
    if out.is_symlink() or out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file or a link, a folder was wanted: -o masks/")
    place = out.resolve()
    for source in index.sources:
        root = Path(source.root).resolve()
        if place == root or place in root.parents or root in place.parents:
            raise UserError(f"the output {out} is, holds or lies in {source.root}: masks would be read as images; give "
                            "another folder with -o")
    if is_filled(out, MARK) and not (out / MARK).is_file():
        raise UserError(f"the folder {out} holds files that `segment` did not write: give a new folder with -o, or "
                        "empty it")


def _claimed(index: Index, out: Path) -> list[MaskJob]:
    """The jobs, with stems none of which writes a file of another or of a user; the mark names them all."""
    earlier = stems.read_stems(out / MARK)
    several = len(index.sources) > 1
    rows = [(site, path, f"{site}/{path}" if several else path)
            for site, path in zip(index.frame["site"].tolist(), index.frame["path"].tolist())]
    own = stems.choose_stems([shown for _, _, shown in rows], earlier)
    foreign = next((out / (stem + suffix) for shown, stem in own.items() if shown not in earlier
                    for suffix in (MASK, OUTLINES, ROIS) if os.path.lexists(out / (stem + suffix))), None)
    if foreign is not None:
        raise UserError(f"{foreign} was not written by `segment` and would be replaced: give another folder with -o")
    write_json({"program": "pellucid", "command": "segment", "stems": dict(sorted({**earlier, **own}.items()))},
               out / MARK)
    return [MaskJob(site, path, own[shown]) for site, path, shown in rows]


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
    return MaskSummary(len(done), sum(not one.names for one in done), len(errors), errors_csv)
