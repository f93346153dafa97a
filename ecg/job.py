"""One file of a run before it is read, and what decides its result."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ecg.layout.model import GivenScale
from ecg.signals.records import is_record_file, signal_files
from ecg.trace.corrections import Point
from featurize.images.read import read_bytes

# Raised with anything that changes a result: finished pages of an older one are done again. tests/ecg/test_golden.py
# fails when a result changes and this number stays.
VERSION = 20


@dataclass(frozen=True)
class DigitizeSettings:
    """What holds for all pages and records of a run.

    Parameters
    ----------
    fs_hz : float
        Samples a second of the signals, and of csv signals that are read.
    layout : str
        A key of `ecg.layout.catalogue.LAYOUTS`, or auto.
    mm_per_mv, mm_per_s : float or None
        Gain and paper speed of all pages, where a person knows them.
    delineator : str
        One of `ecg.beats.DELINEATORS`.
    """

    fs_hz: float = 500.0
    layout: str = "auto"
    mm_per_mv: float | None = None
    mm_per_s: float | None = None
    delineator: str = "pellucid"


@dataclass(frozen=True)
class PageJob:
    """One page or record to be read.

    Parameters
    ----------
    file : Path
    path : str
        As it is shown: relative to the folder that was named.
    stem : str
        Name of what is written, without suffix, relative to the output folder.
    points : sequence of Point
        Corrections by hand.
    corners : sequence of (x, y)
        Of the paper, px of the file, as a person saw them; empty where nobody did.
    number : int or None
        Which page of a PDF with several, from 1.
    given : GivenScale
        Gain, speed and pixels a millimetre of this page, as a person knows them.
    """

    file: Path
    path: str
    stem: str
    points: Sequence[Point] = ()
    corners: Sequence[tuple[float, float]] = ()
    number: int | None = None
    given: GivenScale = GivenScale()


def key_of(content: bytes, job: PageJob, settings: DigitizeSettings) -> str:
    """A hash that changes with anything that changes the result: the file, the settings, the corrections, the code."""
    number = [] if job.number is None else [job.number]
    decisive = json.dumps([VERSION, asdict(settings), [asdict(p) for p in job.points], list(job.corners),
                           asdict(job.given), *number],
                          sort_keys=True)
    return hashlib.sha256(content + decisive.encode()).hexdigest()


def scale_of(job: PageJob, settings: DigitizeSettings) -> GivenScale:
    """What a person said of the page, else of all pages."""
    own = job.given
    return GivenScale(settings.mm_per_mv if own.mm_per_mv is None else own.mm_per_mv,
                      settings.mm_per_s if own.mm_per_s is None else own.mm_per_s, own.px_per_mm)


def is_corrected(job: PageJob) -> bool:
    """Whether a person said anything of this page."""
    return bool(job.points or job.corners or job.given != GivenScale())


def is_record(job: PageJob) -> bool:
    """Whether the file is a digital record, not a picture."""
    return is_record_file(job.file)


def content_of(job: PageJob) -> bytes:
    """The bytes that decide the result: for a WFDB header those of the signal files that it names as well."""
    content = read_bytes(job.file)
    named = signal_files(job.file) if job.file.suffix.lower() == ".hea" else []
    return b"".join([content, *(read_bytes(file) for file in named if file.is_file())])
