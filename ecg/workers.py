"""Who works on the files of a run: this process, others of this machine, or the workers of a Dask cluster."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from ecg.job import DigitizeSettings, PageJob
from ecg.result import FailedFile, JobResult
from featurize.errors import UserError
from featurize.runtime.limits import Limits, can_limit_memory, can_limit_time, held_to
from featurize.runtime.processes import Killed, map_in_processes, one_opencv_thread

# Least limits that are taken for one file. Chosen.
_LEAST_LIMIT_S = 1.0
_LEAST_LIMIT_MB = 100.0
# Fewer files are read in this process: starting others would take longer.
_FEW_FILES = 4


@dataclass(frozen=True)
class Workers:
    """Who works on the files.

    Parameters
    ----------
    processes : int
        Of this machine; not used with a scheduler.
    limits : Limits
        What one file may take; with any limit files are read in other processes.
    scheduler : str or None
        Address of a Dask scheduler, ``tcp://host:port``.
    """

    processes: int
    limits: Limits = Limits()
    scheduler: str | None = None


def check_workers(workers: Workers) -> None:
    """Refuse limits under which nothing can be read, or that cannot be held.

    Raises
    ------
    UserError
    """
    limits = workers.limits
    if limits and workers.scheduler is not None:
        raise UserError("--limit-s or --limit-mb was given with --scheduler: limits are for processes of this machine; "
                        "leave them out, and start the workers with --memory-limit")
    for option, value, least, unit, can in (
            ("--limit-s", limits.seconds, _LEAST_LIMIT_S, "s", can_limit_time()),
            ("--limit-mb", limits.mb, _LEAST_LIMIT_MB, "MB", can_limit_memory())):
        if value is not None and not value >= least:
            raise UserError(f"{option} {value:g} was given, {least:g} {unit} or more was wanted")
        if value is not None and not can:
            raise UserError(f"{option} was given, and this system has no such limit: leave it out")


def process_jobs(page_jobs: Sequence[PageJob], out: Path, settings: DigitizeSettings,
                 workers: Workers) -> Iterator[JobResult]:
    """Work on each job and write its files into `out`.

    Yields
    ------
    JobResult
        In the order in which they end.

    Raises
    ------
    UserError
        As of `ecg.on_cluster.process_on_cluster`.
    """
    if workers.scheduler is not None:
        from ecg.on_cluster import process_on_cluster
        yield from process_on_cluster(page_jobs, out, settings, workers.scheduler)
        return
    process = partial(_process_file, out=out, settings=settings, limits=workers.limits)
    if not workers.limits and (workers.processes == 1 or len(page_jobs) < _FEW_FILES):
        with one_opencv_thread():
            yield from map(process, page_jobs)
        return
    processes = min(workers.processes, max(len(page_jobs), 1))
    for job, result in map_in_processes(process, page_jobs, processes, _load_end):
        if isinstance(result, Killed):
            result = _of_killed(job, result, workers.limits)
        yield result


def _of_killed(job: PageJob, killed: Killed, limits: Limits) -> FailedFile:
    if killed.too_slow:
        return FailedFile(job.path, job.stem, f"it took more than the {limits.seconds:g} s of --limit-s", "too_slow")
    return FailedFile(job.path, job.stem, "the process that digitized it died (crash or out of memory)", "crashed")


def _process_file(job: PageJob, out: Path, settings: DigitizeSettings, limits: Limits) -> JobResult:
    # All that digitizes is loaded where it is done: processes need not wait until it is loaded here as well.
    from ecg.process_file import process_file
    with held_to(limits):
        return process_file(job, out, settings)


def _load_end() -> None:
    """Load what a run ends with, while processes digitize."""
    for name in ("ecg.truth", "ecg.rhythm.table", "ecg.record_summary", "ecg.report.page"):
        import_module(name)
