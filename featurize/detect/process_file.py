"""One file: read, measured, and what belongs to it written."""
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import featurize
from featurize.detect.draw import crop, label_mask, overlay
from featurize.detect.field import detect
from featurize.detect.job import (FACTS, MASKS, OVERLAYS, CellFacts, FailedField, FieldFacts, FieldJob, FieldResult,
                                  FinishedField, key_of)
from featurize.detect.result import WHITE, Field
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes, read_image
from featurize.runtime.files import replacing
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS, fault_place
from featurize.runtime.seal import sha256_of
from featurize.runtime.set_aside import set_aside, set_aside_changed

_PACKAGE = Path(featurize.__file__).parent
_OVERLAY_QUALITY = 85   # of the JPEG
_PNG_LEVEL = 1          # of compression: masks are simple, crops are not made much smaller by more
_LONGEST_MESSAGE = 120  # characters of a fault in errors.csv
_DIGITS = 4             # of score and diameter


def process_file(job: FieldJob, out: Path) -> FieldResult:
    """Measure one file and write what belongs to it. The JSON is written last: it says that the file is finished.

    A fault of the program itself is a row of errors.csv with file and line, and the run goes on.
    """
    try:
        content = read_bytes(job.file)
        rgb = read_image(content).rgb
        field = detect(rgb)
    except ImageError as error:
        return FailedField(job, str(error), error.reason)
    except MEASURE_FAULTS as error:
        said = (str(error).splitlines() or [""])[0][:_LONGEST_MESSAGE]
        return FailedField(job, f"{type(error).__name__} in {fault_place(error, _PACKAGE)}: {said}", INTERNAL)
    kept = _make_way(job, out)
    _write_picture(overlay(rgb, field), job.place(out, OVERLAYS), [cv2.IMWRITE_JPEG_QUALITY, _OVERLAY_QUALITY])
    _write_picture(label_mask(field), job.place(out, MASKS), [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    whites = [one for one in field.found if one.kind == WHITE]
    for number, one in enumerate(whites, 1):
        _write_picture(crop(rgb, one, field.red_diameter_px), job.crop(out, number),
                       [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    pictures = _pictures_of(job, out, len(whites))
    facts = replace(facts_of(job.path, key_of(content), field), files=pictures)
    # Not flushed to disk: half a file after a power cut is no JSON, and its field is measured again.
    with replacing(job.place(out, FACTS), durable=False) as part:
        part.write_text(json.dumps(facts.as_json(), allow_nan=False), encoding="utf-8")
    return FinishedField(job, facts, kept)


def _make_way(job: FieldJob, out: Path) -> list[str]:
    """Keep the pictures that somebody changed, under other names; remove the others of an earlier run, then its facts.

    The facts go before the first file is written: a run that is killed in between leaves none, so that the next one
    does not take this run's own pictures for changed ones.
    """
    facts = job.place(out, FACTS)
    kept = []
    earlier = earlier_facts(job, out)
    if earlier is not None:
        # The names are made anew: those in the facts could lead anywhere.
        places = _picture_places(job, out, len(earlier.of(WHITE)))
        kept = set_aside_changed({place: earlier.files[name] for name, place in places.items()
                                  if name in earlier.files})
        for place in places.values():
            place.unlink(missing_ok=True)
    elif facts.is_file() and facts.stat().st_size:
        kept = [set_aside(facts)]
    facts.unlink(missing_ok=True)
    return [file.relative_to(out).as_posix() for file in kept]


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


def _picture_places(job: FieldJob, out: Path, whites: int) -> dict[str, Path]:
    """Overlay, masks and crops by their paths in the output folder."""
    places = [job.place(out, OVERLAYS), job.place(out, MASKS), *(job.crop(out, k) for k in range(1, whites + 1))]
    return {place.relative_to(out).as_posix(): place for place in places}


def _pictures_of(job: FieldJob, out: Path, whites: int) -> dict[str, str]:
    """SHA-256 of overlay, masks and crops by their paths in the output folder."""
    return {name: sha256_of(place) for name, place in _picture_places(job, out, whites).items()}


def facts_of(path: str, key: str, field: Field) -> FieldFacts:
    """The numbers of a field, in the precision in which they are written."""
    cells = tuple(CellFacts(one.kind, one.box, round(one.score, _DIGITS),
                            round(one.diameter_px / field.red_diameter_px, _DIGITS),
                            round(one.nucleus_share, _DIGITS), round(one.area_px, 1),
                            tuple(float(v) for v in one.outline.ravel())) for one in field.found)
    return FieldFacts(path, key, field.width, field.height, round(field.red_diameter_px, _DIGITS), cells)


def _write_picture(picture: np.ndarray, path: Path, options: list[int]) -> None:
    turned = picture[..., ::-1] if picture.ndim == 3 else picture
    encoded = cv2.imencode(path.suffix, np.ascontiguousarray(turned), options)[1]
    with replacing(path, durable=False) as part:
        part.write_bytes(encoded.tobytes())
