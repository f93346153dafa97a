"""Many fields: measured in processes, resumed; those that fail become rows of errors.csv."""
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from featurize.detect.job import FailedField, FieldJob, FieldResult, FinishedField
from featurize.detect.output_folder import BOXES, COCO, ERRORS, PAGE, check_place, claim, read_stems
from featurize.detect.result import KINDS
from featurize.detect.sources import find_fields
from featurize.errors import UserError
from featurize.runtime.leftovers import remove_leftovers_below
from featurize.runtime.lock import held_output
from featurize.runtime.processes import Killed, map_in_processes, one_opencv_thread
from featurize.runtime.progress import tracking
from featurize.runtime.set_aside import set_aside_lines

# Fewer fields are measured in this process: starting others would take longer.
_FEW_FIELDS = 24


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Parameters
    ----------
    fields, errors, resumed : int
        Fields measured in this run or an earlier one, files that gave nothing, those of an earlier run.
    counts : dict of str to int
        Cells by kind.
    seconds : float
    errors_csv : Path or None
        Where the errors are listed, if there are any.
    warnings : sequence of str
    """

    fields: int
    errors: int
    resumed: int
    counts: dict[str, int]
    seconds: float
    errors_csv: Path | None
    warnings: Sequence[str]


def detect_fields(given: Sequence[Path], out: Path, *, jobs: int | None = None, progress: bool = False) -> RunSummary:
    """Find the cells of all fields.

    Parameters
    ----------
    given : sequence of Path
        Image files, and folders of them.
    out : Path
        A folder of its own: boxes.csv, coco.json, detect.html, and by field an overlay, a mask, crops of white cells.
    jobs : int, optional
        Processes; by default one for each processor where there are many fields.
    progress : bool
        Show a bar.

    Raises
    ------
    UserError
        Another run holds the output folder; nothing to read; an output folder that is, holds or lies among the
        sources, or that holds files of others; or not one field could be read (errors.csv is written all the same).
    """
    start = time.perf_counter()
    check_place(given, out)
    with held_output(out, "detect"):
        return _detect_into(given, out, jobs, progress, start)


def _detect_into(given: Sequence[Path], out: Path, jobs: int | None, progress: bool, start: float) -> RunSummary:
    remove_leftovers_below(out)
    field_jobs = find_fields(given, out)
    claim(out, field_jobs, read_stems(out))
    from featurize.detect.process_file import resumed
    from featurize.runtime.processes import default_jobs
    by_path: dict[str, FieldResult] = {job.path: result for job in field_jobs
                                       for result in [resumed(job, out)] if result}
    missing = [job for job in field_jobs if job.path not in by_path]
    with tracking(len(field_jobs), "fields", shown=progress, done=len(by_path)) as advance:
        for result in _measure(missing, out, jobs or default_jobs(len(missing))):
            by_path[result.job.path] = result
            advance(1)
    results = [by_path[job.path] for job in field_jobs]
    return _write(results, out, len(field_jobs) - len(missing), start)


def _measure(missing: Sequence[FieldJob], out: Path, processes: int) -> Iterator[FieldResult]:
    process = partial(_process, out=out)
    if processes == 1 or len(missing) < _FEW_FIELDS:
        with one_opencv_thread():
            yield from map(process, missing)
        return
    for job, result in map_in_processes(process, missing, processes):
        yield FailedField(job, "the process that measured it died (crash or out of memory)", "crashed") if isinstance(
            result, Killed) else result


def _process(job: FieldJob, out: Path) -> FieldResult:
    # All that measures is loaded where it is done: other processes need not wait until it is loaded here as well.
    from featurize.detect.process_file import process_file
    return process_file(job, out)


def _write(results: Sequence[FieldResult], out: Path, resumed: int, start: float) -> RunSummary:
    """Write what a run ends with: lists and page."""
    from featurize.detect.page import warnings_of, write_detect_page
    from featurize.detect.tables import write_boxes, write_coco, write_failed
    finished = [result for result in results if isinstance(result, FinishedField)]
    failed = [result for result in results if isinstance(result, FailedField)]
    errors_csv = write_failed(failed, out / ERRORS)
    if not finished:
        raise UserError(f"not one of {len(failed)} fields could be read; the first, {failed[0].job.path}: "
                        f"{failed[0].error}")
    facts = [field.facts for field in finished]
    write_boxes(facts, out / BOXES)
    write_coco(facts, out / COCO)
    write_detect_page(finished, failed, out, out / PAGE)
    counts = {kind: sum(len(field.of(kind)) for field in facts) for kind in KINDS}
    return RunSummary(len(finished), len(failed), resumed, counts, time.perf_counter() - start, errors_csv,
                      [*set_aside_lines(kept for field in finished for kept in field.set_aside),
                       *(warning["text"] for warning in warnings_of(finished, failed))])
