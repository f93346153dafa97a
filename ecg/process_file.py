"""One file: a page digitized or a record read, its beats found, and what belongs to it written."""
import hashlib
import lzma
import math
import shutil
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import ecg
from ecg.beats.delineate import Beats, find_beats
from ecg.digitize import digitize
from ecg.job import DigitizeSettings, PageJob, content_of, is_corrected, is_record, key_of, scale_of
from ecg.layout.whole_page import rate_doubt
from ecg.lead_table import LEADS
from ecg.output_folder import BEATS, BEFORE, FACTS, OVERLAY, SIGNALS
from ecg.outputs import beats_csv, overlay, overlay_png, record_csv, signals_csv
from ecg.page_facts import BeatFacts, SourceFacts, facts_of_page, facts_of_record
from ecg.result import FailedFile, FinishedFile, JobResult, PageFacts
from ecg.rhythm.doubts import judge
from ecg.rhythm.features import rhythm_row
from ecg.rhythm.statements import statements_of
from ecg.signals.records import RecordError, read_record
from featurize.arrays import Float64Array
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes
from featurize.runtime.files import replacing, write_text
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS, fault_place
from featurize.runtime.set_aside import is_changed, set_aside, write_keeping

_PACKAGE = Path(ecg.__file__).parent
# What a decoder may raise besides MEASURE_FAULTS: they unpack what the file says, with other libraries.
_DECODER_FAULTS = (OSError, EOFError, SyntaxError, RuntimeError, SystemError, ImportError, BufferError, StopIteration,
                   struct.error, zlib.error, lzma.LZMAError)
# Significant digits of the rhythm row in `<stem>.json`: what float32 holds, in which rhythm.parquet keeps it.
_RHYTHM_DIGITS = 7
# Longest message of a fault in errors.csv, characters.
_LONGEST_MESSAGE = 120


@dataclass(frozen=True)
class MadeFile:
    """What became of a page or record before anything of it is written.

    Parameters
    ----------
    facts : PageFacts
    files : mapping of str to bytes
        The other files by their endings, see `ecg.output_folder.files_beside`.
    """

    facts: PageFacts
    files: Mapping[str, bytes]


def process_file(job: PageJob, out: Path, settings: DigitizeSettings) -> JobResult:
    """Read one file and write what belongs to it."""
    return write_made(job, make_file(job, settings), out)


def make_file(job: PageJob, settings: DigitizeSettings) -> MadeFile | FailedFile:
    """Read one file and make what belongs to it, without writing anything.

    A fault of the program itself is a row of errors.csv with file and line, and the run goes on.
    """
    try:
        return _make_of_record(job, settings) if is_record(job) else _make_of_page(job, settings)
    except MEASURE_FAULTS as error:
        where = fault_place(error, _PACKAGE)
        return FailedFile(job.path, job.stem, f"{type(error).__name__} in {where}: {_first_line(error)}", INTERNAL)


def write_made(job: PageJob, made: MadeFile | FailedFile, out: Path) -> JobResult:
    """Write what was made. The JSON is written last: it says that the page is finished.

    Files of an earlier run that somebody changed are kept, see `featurize.runtime.set_aside`.
    """
    if isinstance(made, FailedFile):
        return made
    facts, written, kept = out / (job.stem + FACTS), {}, []
    try:
        written = dict(PageFacts.from_json(facts.read_text(encoding="utf-8")).files)
    except OSError:
        pass
    except ValueError:
        kept = [set_aside(facts)] if facts.stat().st_size else []
    _keep_before(job, out, written.get(OVERLAY))
    for ending, content in made.files.items():
        kept += write_keeping(content, out / (job.stem + ending), written.get(ending))
    write_text(made.facts.to_json(), facts)
    return FinishedFile(job.path, job.stem, made.facts, [file.relative_to(out).as_posix() for file in kept])


def _keep_before(job: PageJob, out: Path, written: str | None) -> None:
    """Keep the overlay of the run before beside that of a page with corrections; without corrections none is kept.

    An overlay that is not as that run wrote it is of a run that was killed, or somebody's: what is kept then stays.
    """
    overlay_before, before = out / (job.stem + OVERLAY), out / (job.stem + BEFORE)
    if not is_corrected(job):
        before.unlink(missing_ok=True)
    elif overlay_before.is_file() and not (written and is_changed(overlay_before, written)):
        with replacing(before, durable=False) as part:
            shutil.copyfile(overlay_before, part)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:_LONGEST_MESSAGE]


def _undecodable(job: PageJob, error: BaseException) -> FailedFile:
    return FailedFile(job.path, job.stem, f"cannot be decoded ({type(error).__name__}: {_first_line(error)})",
                      ImageError.reason)


def _make_of_page(job: PageJob, settings: DigitizeSettings) -> MadeFile | FailedFile:
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
    return _with_digests(facts, {SIGNALS: signals_csv(found.signals), BEATS: beats_csv(beats),
                                 OVERLAY: overlay_png(overlay(found))})


def _make_of_record(job: PageJob, settings: DigitizeSettings) -> MadeFile | FailedFile:
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
    return _with_digests(facts, {SIGNALS: record_csv(record), BEATS: beats_csv(beats)})


def _with_digests(facts: PageFacts, files: Mapping[str, bytes]) -> MadeFile:
    digests = {ending: hashlib.sha256(content).hexdigest() for ending, content in files.items()}
    return MadeFile(replace(facts, files=digests), files)


def _source_facts(job: PageJob, content: bytes, settings: DigitizeSettings) -> SourceFacts:
    return SourceFacts(job.path, key_of(content, job, settings), hashlib.sha256(content).hexdigest())


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
