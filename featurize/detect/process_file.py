"""One file: read, measured, and what belongs to it written."""
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import featurize
from featurize.detect.draw import crop, label_mask, overlay
from featurize.detect.field import detect
from featurize.detect.job import (FACTS, MASKS, OVERLAYS, SUFFIXES, CellFacts, FailedField, FieldFacts, FieldJob,
                                  FieldResult, FinishedField, key_of)
from featurize.detect.result import WHITE, Field
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes, read_image
from featurize.runtime.files import replacing
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS, fault_place
from featurize.runtime.seal import sha256_of
from featurize.runtime.set_aside import is_changed, set_aside, write_keeping

_PACKAGE = Path(featurize.__file__).parent
# How pictures are packed: quality of the JPEG; level of PNG: masks are simple, crops are not made much smaller by more.
_PACKED = {OVERLAYS: [cv2.IMWRITE_JPEG_QUALITY, 85], MASKS: [cv2.IMWRITE_PNG_COMPRESSION, 1]}
_LONGEST_MESSAGE = 120  # characters of a fault in errors.csv
_DIGITS = 4             # of score and diameter


def process_file(job: FieldJob, out: Path) -> FieldResult:
    """Measure one file and write what belongs to it. The JSON is written last: it says that the file is finished.

    A fault of the program itself is a row of errors.csv with file and line, and the run goes on.
    """
    try:
        read = read_bytes(job.file)
        rgb = read_image(read).rgb
        field = detect(rgb)
    except ImageError as error:
        return FailedField(job, str(error), error.reason)
    except MEASURE_FAULTS as error:
        said = (str(error).splitlines() or [""])[0][:_LONGEST_MESSAGE]
        return FailedField(job, f"{type(error).__name__} in {fault_place(error, _PACKAGE)}: {said}", INTERNAL)
    whites = [one for one in field.found if one.kind == WHITE]
    contents = {job.place(out, OVERLAYS): _packed(overlay(rgb, field), OVERLAYS),
                job.place(out, MASKS): _packed(label_mask(field), MASKS),
                **{job.crop(out, number): _packed(crop(rgb, one, field.red_diameter_px), MASKS)
                   for number, one in enumerate(whites, 1)}}
    kept = _write_pictures(job, contents, out)
    digests = {_name(file, out): hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    facts = replace(facts_of(job.path, key_of(read), field), files=digests)
    # Not flushed to disk: half a file after a power cut is no JSON, and its field is measured again.
    with replacing(job.place(out, FACTS), durable=False) as part:
        part.write_text(json.dumps(facts.as_json(), allow_nan=False), encoding="utf-8")
    return FinishedField(job, facts, [_name(file, out) for file in kept])


def _write_pictures(job: FieldJob, contents: Mapping[Path, bytes], out: Path) -> list[Path]:
    """Write the pictures of a field and remove crops that it no longer has; new names of what somebody had changed."""
    earlier, facts = earlier_facts(job, out), job.place(out, FACTS)
    kept = [set_aside(facts)] if earlier is None and facts.is_file() and facts.stat().st_size else []
    written = earlier.files if earlier else {}
    for file, content in contents.items():
        kept += write_keeping(content, file, written.get(_name(file, out)))
    # The names are made anew: those in the facts could lead anywhere.
    for number in range(1, (len(earlier.of(WHITE)) if earlier else 0) + 1):
        file = job.crop(out, number)
        if file not in contents and (known := written.get(_name(file, out))) and is_changed(file, known):
            kept.append(set_aside(file))
        elif file not in contents:
            file.unlink(missing_ok=True)
    return kept


def _name(file: Path, out: Path) -> str:
    return file.relative_to(out).as_posix()


def earlier_facts(job: FieldJob, out: Path) -> FieldFacts | None:
    """What an earlier run found in the field, if there is such."""
    try:
        return FieldFacts.from_json(job.place(out, FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def resumed(job: FieldJob, out: Path) -> FinishedField | None:
    """The field as an earlier run left it, if the file is the same and nothing of it is missing or changed."""
    facts = earlier_facts(job, out)
    if facts is None:
        return None
    try:
        same = facts.key == key_of(read_bytes(job.file))
    except ImageError:
        return None
    whole = facts.files == _pictures_of(job, out, len(facts.of(WHITE)))
    return FinishedField(job, facts) if same and whole else None


def _pictures_of(job: FieldJob, out: Path, whites: int) -> dict[str, str]:
    """SHA-256 of overlay, masks and crops by their paths in the output folder."""
    paths = [job.place(out, OVERLAYS), job.place(out, MASKS), *(job.crop(out, k) for k in range(1, whites + 1))]
    return {_name(path, out): sha256_of(path) for path in paths}


def facts_of(path: str, key: str, field: Field) -> FieldFacts:
    """The numbers of a field, in the precision in which they are written."""
    cells = tuple(CellFacts(one.kind, one.box, round(one.score, _DIGITS),
                            round(one.diameter_px / field.red_diameter_px, _DIGITS),
                            round(one.nucleus_share, _DIGITS), round(one.area_px, 1),
                            tuple(float(v) for v in one.outline.ravel())) for one in field.found)
    return FieldFacts(path, key, field.width, field.height, round(field.red_diameter_px, _DIGITS), cells)


def _packed(picture: np.ndarray, folder: str) -> bytes:
    """A picture as the files of a folder are packed."""
    turned = picture[..., ::-1] if picture.ndim == 3 else picture
    return cv2.imencode(SUFFIXES[folder], np.ascontiguousarray(turned), _PACKED[folder])[1].tobytes()
