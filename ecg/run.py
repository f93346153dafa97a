"""Many pages and records: worked on in processes, resumed; the ones that fail become rows of errors.csv, the others
rows of rhythm.parquet."""
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ecg.beats import DELINEATORS
from ecg.job import DigitizeSettings, PageJob, content_of, key_of
from ecg.output_folder import (EDITOR, ERRORS, FACTS, RHYTHM, check_place, claim, files_beside, files_of_run,
                               read_stems)
from ecg.page.corners import read_corners
from ecg.result import FailedFile, FinishedFile, JobResult, PageFacts, TruthSummary
from ecg.signals.records import is_record_file
from ecg.sources import find_pages
from ecg.trace.corrections import GAINS_MM_PER_MV, SPEEDS_MM_PER_S, PageCorrections, read_points
from ecg.workers import Workers, check_workers, process_jobs
from featurize.errors import UserError
from featurize.images.picture import ImageError
from featurize.index.labels import read_sheet
from featurize.runtime.cells import safe_cells
from featurize.runtime.files import replacing
from featurize.runtime.leftovers import remove_leftovers
from featurize.runtime.limits import Limits
from featurize.runtime.lock import held_output
from featurize.runtime.progress import tracking
from featurize.runtime.seal import sha256_of
from featurize.runtime.set_aside import set_aside_lines

if TYPE_CHECKING:
    from ecg.report.editor import GivenByPerson


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Parameters
    ----------
    pages : int
        Pages and records that became signals, in this run or an earlier one.
    errors : int
        Files that gave nothing.
    resumed : int
        Those of `pages` that an earlier run had finished.
    seconds : float
        Wall time.
    errors_csv : Path or None
        Where the errors are listed, if there are any.
    truth : TruthSummary or None
        How pages compare with true signals, if these were given.
    warnings : sequence of str
        One line for each page or record with warnings.
    review : int
        Pages that a person should look at.
    """

    pages: int
    errors: int
    resumed: int
    seconds: float
    errors_csv: Path | None
    truth: TruthSummary | None = None
    warnings: Sequence[str] = ()
    review: int = 0


def digitize_pages(given: Sequence[Path], out: Path, settings: DigitizeSettings, *, jobs: int,
                   points: Path | None = None, labels: Path | None = None, label_columns: Sequence[str] = (),
                   group_column: str | None = None, path_column: str | None = None, truth: Path | None = None,
                   progress: bool = False, limits: Limits = Limits(), to: Sequence[str] = (),
                   corners: Path | None = None, scheduler: str | None = None) -> RunSummary:
    """Digitize files and folders of files; find beats and rhythm.

    Parameters
    ----------
    given : sequence of Path
    out : Path
        Folder that gets `<stem>.csv`, `.beats.csv`, `.json`, for pages `.overlay.png`; `rhythm.parquet`, `errors.csv`
        and `report.html`.
    settings : DigitizeSettings
    jobs : int
        Processes.
    points : Path, optional
        CSV of corrections, see `ecg.trace.corrections`.
    labels : Path, optional
        CSV with a row a file; `label_columns` and `group_column` of it go into rhythm.parquet.
    path_column : str, optional
        Its column with the file; without it the first.
    truth : Path, optional
        Folder of csv files with true signals at `fs_hz`, called as the pages: they are compared, see `ecg.truth`.
    progress : bool
        Show a bar.
    limits : Limits
        What one file may take: what exceeds it is a row of errors.csv, though native code hangs. With any limit files
        are read in other processes.
    to : sequence of str
        Formats of `ecg.export.FORMATS` in which signals are written as well, each into `out/to_<format>/`.
    corners : Path, optional
        CSV of the corners of papers, see `ecg.page.corners`.
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://host:port``, whose workers digitize; they must see the files under the same
        paths. `jobs` is then not used, and there can be no limits.

    Raises
    ------
    UserError
        Nothing to read; another run holds the output folder; an output folder that is, holds or lies among the sources,
        or holds files that would be replaced; or not one page could be digitized (errors.csv is written all the same).
    """
    from ecg.report.editor import GivenByPerson, write_editor
    start = time.perf_counter()
    if settings.fs_hz <= 0 or settings.fs_hz > 10_000:
        raise UserError(f"--fs {settings.fs_hz:g} was given, 1 to 10000 Hz was wanted")
    _check_scale(settings)
    workers = Workers(jobs, limits, scheduler)
    check_workers(workers)
    if settings.delineator not in DELINEATORS:
        raise UserError(f"--delineator {settings.delineator} was given, one of {', '.join(DELINEATORS)} was wanted")
    check_place(given, out)
    if to:
        from ecg.export.write import check_formats
        check_formats(to, out)
    if labels is not None:
        # Read again at the end; a mistake in it should show before an hour's work.
        read_sheet(labels, path_column)
    corrections = read_points(points) if points else {}
    known = read_corners(corners) if corners else {}
    for page, four in known.items():
        own = corrections.get(page, PageCorrections())
        corrections[page] = own if own.corners else replace(own, corners=four)
    page_jobs = find_pages(given, corrections, out)
    _check_pages(known, page_jobs, corners, "corners")
    _check_pages(corrections, page_jobs, points, "corrections")
    truths = _truths(page_jobs, truth)
    given_by_person = GivenByPerson({path: own.rows() for path, own in corrections.items()}, settings.mm_per_mv,
                                    settings.mm_per_s)
    with held_output(out, "ecg"):
        results, resumed = _results(page_jobs, out, settings, workers, progress)
        failed = [result for result in results if isinstance(result, FailedFile)]
        errors_csv = _write_errors(failed, out / ERRORS)
        files = {job.path: job.file for job in page_jobs}
        if len(failed) == len(results):
            write_editor([], _pages_of(failed, files), given_by_person, files, out / EDITOR)
            raise UserError(f"not one of {len(results)} pages could be digitized; the first, {failed[0].path}: "
                            f"{failed[0].error}")
        from ecg.truth import with_truth
        results, compared = with_truth(results, truths, out, settings.fs_hz)
        _write_tables(results, out, _Labels(labels, label_columns, group_column, path_column), settings.delineator,
                      given_by_person, files)
        finished = [result for result in results if isinstance(result, FinishedFile)]
        if to:
            from ecg.export.write import export
            export(finished, out, to)
    return RunSummary(len(finished), len(failed), resumed, time.perf_counter() - start, errors_csv, compared,
                      _warnings(finished), sum(result.facts.review for result in finished))


def _results(page_jobs: Sequence[PageJob], out: Path, settings: DigitizeSettings, workers: Workers,
             progress: bool) -> tuple[list[JobResult], int]:
    """A result for each job, in their order, and how many of them an earlier run had finished."""
    claim(out, page_jobs, read_stems(out))
    remove_leftovers(files_of_run(out, page_jobs))
    by_stem: dict[str, JobResult] = {job.stem: result for job in page_jobs for result in [_resumed(job, out, settings)]
                                     if result}
    missing = [job for job in page_jobs if job.stem not in by_stem]
    with tracking(len(page_jobs), "pages", shown=progress, done=len(by_stem)) as advance:
        for result in process_jobs(missing, out, settings, workers):
            by_stem[result.stem] = result
            advance(1)
    return [by_stem[job.stem] for job in page_jobs], len(page_jobs) - len(missing)


def _check_scale(settings: DigitizeSettings) -> None:
    """Refuse gains and speeds that no machine has."""
    for option, value, (low, high), unit in (("--gain", settings.mm_per_mv, GAINS_MM_PER_MV, "mm/mV"),
                                             ("--speed", settings.mm_per_s, SPEEDS_MM_PER_S, "mm/s")):
        if value is not None and not low <= value <= high:
            raise UserError(f"{option} {value:g} was given, {low:g} to {high:g} {unit} was wanted (usual: "
                            f"{'5, 10 or 20' if option == '--gain' else '25 or 50'})")


def _check_pages(known: Mapping[str, object], page_jobs: Sequence[PageJob], path: Path | None, what: str) -> None:
    """Refuse what is said of pages that are not read: a misspelt name would leave a page as it was."""
    lost = sorted(set(known) - {job.path for job in page_jobs})
    if lost:
        raise UserError(f"{path} has {what} of {lost[0]}, which is no page of this run: its path as the report shows "
                        f"it was wanted, such as {page_jobs[0].path}")


def _warnings(finished: Sequence[FinishedFile]) -> list[str]:
    return [*set_aside_lines(kept for result in finished for kept in result.set_aside),
            *(f"{result.path}: {'; '.join(result.facts.warnings)}" for result in finished if result.facts.warnings)]


def _truths(page_jobs: Sequence[PageJob], folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    from ecg.truth import find_truths
    return find_truths(page_jobs, folder)


@dataclass(frozen=True)
class _Labels:
    """The labels file and its columns, as they were given."""

    path: Path | None
    label_columns: Sequence[str]
    group_column: str | None
    path_column: str | None


def _write_tables(results: Sequence[JobResult], out: Path, labels: _Labels, delineator: str,
                  given: "GivenByPerson", files: Mapping[str, Path]) -> None:
    """Write rhythm.parquet, report.html and editor.html."""
    from ecg.record_summary import MOST_SUMMARIES, most_doubtful_first, summarize
    from ecg.report.editor import write_editor
    from ecg.report.page import write_report
    from ecg.rhythm.table import write_rhythm
    finished = [result for result in results if isinstance(result, FinishedFile)]
    failed = [result for result in results if isinstance(result, FailedFile)]
    rows = [{**_rhythm_row(file.facts), "path": file.path, "sha256": file.facts.sha256} for file in finished]
    write_rhythm(rows, out / RHYTHM, labels.path, labels.label_columns, labels.group_column, labels.path_column,
                 delineator)
    ranked = most_doubtful_first(finished)
    write_report(ranked, failed, [summarize(file, out) for file in ranked[:MOST_SUMMARIES]], out)
    write_editor(ranked, _pages_of(failed, files), given, files, out / EDITOR)


def _pages_of(failed: Sequence[FailedFile], files: Mapping[str, Path]) -> list[FailedFile]:
    """Those that are pages: a person can say of them what the program did not find."""
    return [file for file in failed if not is_record_file(files[file.path])]


def _rhythm_row(facts: PageFacts) -> dict[str, float]:
    """The row of rhythm.parquet: facts have None for NaN."""
    return {name: float("nan") if value is None else float(value) for name, value in facts.rhythm.items()}


def _resumed(job: PageJob, out: Path, settings: DigitizeSettings) -> FinishedFile | None:
    """The page as an earlier run left it, if file and settings are the same and nothing of it is missing or changed."""
    try:
        facts = PageFacts.from_json((out / (job.stem + FACTS)).read_text(encoding="utf-8"))
        same = facts.key == key_of(content_of(job), job, settings)
    except (OSError, ValueError, ImageError):
        return None
    whole = facts.files == {suffix: sha256_of(out / (job.stem + suffix)) for suffix in files_beside(job)}
    return FinishedFile(job.path, job.stem, facts) if same and whole else None


def _write_errors(failed: Sequence[FailedFile], path: Path) -> Path | None:
    """Write the list of errors; without any, remove the list of an earlier run."""
    if not failed:
        path.unlink(missing_ok=True)
        return None
    frame = pd.DataFrame([(file.path, file.error, file.reason) for file in failed], columns=["path", "error", "reason"])
    with replacing(path) as part:
        safe_cells(frame).to_csv(part, index=False, errors="backslashreplace")
    return path
