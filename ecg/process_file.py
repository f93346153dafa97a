"""One file: a page digitized or a record read, its beats found, and what belongs to it written."""
import hashlib
import lzma
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ecg
from ecg.beats.delineate import Beats, find_beats
from ecg.digitize import digitize
from ecg.earlier_files import make_way
from ecg.job import DigitizeSettings, PageJob, content_of, is_record, key_of, scale_of
from ecg.layout.whole_page import rate_doubt
from ecg.lead_table import LEADS
from ecg.output_folder import BEATS, FACTS, OVERLAY, SIGNALS, files_beside
from ecg.outputs import overlay, write_beats, write_facts, write_overlay, write_record, write_signals
from ecg.page_facts import BeatFacts, SourceFacts, facts_of_page, facts_of_record
from ecg.result import FailedFile, FinishedFile, JobResult, PageFacts
from ecg.rhythm.doubts import judge
from ecg.rhythm.features import rhythm_row
from ecg.rhythm.statements import statements_of
from ecg.signals.records import RecordError, read_record
from featurize.arrays import Float64Array
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS, fault_place
from featurize.runtime.seal import sha256_of

_PACKAGE = Path(ecg.__file__).parent
# What a decoder may raise besides MEASURE_FAULTS: they unpack what the file says, with other libraries.
_DECODER_FAULTS = (OSError, EOFError, SyntaxError, RuntimeError, SystemError, ImportError, BufferError, StopIteration,
                   struct.error, zlib.error, lzma.LZMAError)
# Significant digits of the rhythm row in `<stem>.json`: what float32 holds, in which rhythm.parquet keeps it.
_RHYTHM_DIGITS = 7
# Longest message of a fault in errors.csv, characters.
_LONGEST_MESSAGE = 120


def process_file(job: PageJob, out: Path, settings: DigitizeSettings) -> JobResult:
    """Read one file and write what belongs to it. The JSON is written last: it says that the file is finished.

    A fault of the program itself is a row of errors.csv with file and line, and the run goes on.
    """
    try:
        return _process_record(job, out, settings) if is_record(job) else _process_page(job, out, settings)
    except MEASURE_FAULTS as error:
        where = fault_place(error, _PACKAGE)
        return FailedFile(job.path, job.stem, f"{type(error).__name__} in {where}: {_first_line(error)}", INTERNAL)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:_LONGEST_MESSAGE]


def _undecodable(job: PageJob, error: BaseException) -> FailedFile:
    return FailedFile(job.path, job.stem, f"cannot be decoded ({type(error).__name__}: {_first_line(error)})",
                      ImageError.reason)


def _process_page(job: PageJob, out: Path, settings: DigitizeSettings) -> JobResult:
    try:
        content = read_bytes(job.file)
        found = digitize(content, fs_hz=settings.fs_hz, layout=settings.layout, points=job.points,
                         given=scale_of(job, settings), corners=tuple(job.corners), number=job.number)
    except ImageError as error:
        return FailedFile(job.path, job.stem, str(error), error.reason)
    except MemoryError:
        return FailedFile(job.path, job.stem, "the memory does not suffice", "too_large")
    except _DECODER_FAULTS as error:
        return _undecodable(job, error)
    beats, beat_facts = analyze(found.signals.mv, LEADS, found.signals.fs_hz, rate_doubt(found.layout),
                                settings.delineator)
    facts = facts_of_page(found, beat_facts, _source_facts(job, content, settings))
    set_aside = make_way(job, out)
    write_signals(found.signals, out / (job.stem + SIGNALS))
    write_overlay(overlay(found), out / (job.stem + OVERLAY))
    return _write_beats_and_facts(job, out, beats, facts, set_aside)


def _process_record(job: PageJob, out: Path, settings: DigitizeSettings) -> JobResult:
    """A digital record: its signals in the twelve columns, beats and rhythm."""
    try:
        content = content_of(job)
        record = read_record(job.file, settings.fs_hz)
    except (ImageError, RecordError) as error:
        return FailedFile(job.path, job.stem, str(error), error.reason)
    except _DECODER_FAULTS as error:
        return _undecodable(job, error)
    beats, beat_facts = analyze(record.mv, record.leads, record.fs_hz, delineator=settings.delineator)
    facts = facts_of_record(record, beat_facts, _source_facts(job, content, settings))
    set_aside = make_way(job, out)
    write_record(record, out / (job.stem + SIGNALS))
    return _write_beats_and_facts(job, out, beats, facts, set_aside)


def _source_facts(job: PageJob, content: bytes, settings: DigitizeSettings) -> SourceFacts:
    return SourceFacts(job.path, key_of(content, job, settings), hashlib.sha256(content).hexdigest())


def _write_beats_and_facts(job: PageJob, out: Path, beats: Beats, facts: PageFacts,
                           set_aside: Sequence[str]) -> FinishedFile:
    write_beats(beats, out / (job.stem + BEATS))
    facts = replace(facts, files={suffix: sha256_of(out / (job.stem + suffix)) for suffix in files_beside(job)})
    write_facts(facts, out / (job.stem + FACTS))
    return FinishedFile(job.path, job.stem, facts, set_aside)


def analyze(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, doubt: str = "",
            delineator: str = "pellucid") -> tuple[Beats, BeatFacts]:
    """Beats and rhythm of signals.

    Parameters
    ----------
    mv : (leads, n) float64
        NaN where a lead is not drawn.
    leads : tuple of str
    fs_hz : float
    doubt : str
        Why the times of beats are not to be trusted, if they are not.
    delineator : str
        One of `ecg.beats.DELINEATORS`.

    Returns
    -------
    beats : Beats
    facts : BeatFacts
        Their rhythm in plain numbers, None where a record cannot tell or where it is not to be trusted, warnings, and
        the statements that these numbers meet.
    """
    beats = find_beats(mv, leads, fs_hz, delineator)
    row, warnings = judge(mv, beats, rhythm_row(mv, beats), doubt)
    rhythm = {name: float(f"{value:.{_RHYTHM_DIGITS}g}") if math.isfinite(value) else None
              for name, value in row.items()}
    return beats, BeatFacts(rhythm, warnings, delineator, statements_of(rhythm))
