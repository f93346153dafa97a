"""Pages and records that are read on a Dask cluster: workers send the files of each, and they are written here.

So the workers need no place to write to; they must see the pages under the same paths.
"""
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ecg.job import VERSION, DigitizeSettings, PageJob
from ecg.process_file import MadeFile, make_file, write_made
from ecg.result import FailedFile, JobResult
from featurize.batch.cluster import as_they_end, check_same_versions, connected, picture_versions
from featurize.runtime.processes import one_opencv_thread

# What a run that ends in the midst keeps.
_KEPT = "finished pages"


def process_on_cluster(page_jobs: Sequence[PageJob], out: Path, settings: DigitizeSettings,
                       address: str) -> Iterator[JobResult]:
    """What `ecg.process_file.process_file` does for each job, by the workers of a cluster.

    A page whose workers died is tried once more while no other is under way: only the one that kills them is lost.

    Parameters
    ----------
    page_jobs : sequence of PageJob
    out : Path
        Folder of the run, on this machine.
    settings : DigitizeSettings
    address : str
        Of a Dask scheduler, ``tcp://host:port``.

    Yields
    ------
    JobResult
        In the order in which they end.

    Raises
    ------
    UserError
        No scheduler or no worker; a worker with other versions.
    """
    if not page_jobs:
        return
    with connected(address, _KEPT) as client:
        from distributed import KilledWorker
        wanted, suspects = _versions(), []
        job_of = {client.submit(_made, _everywhere(job), settings, wanted, pure=False): job for job in page_jobs}
        for done in as_they_end(client, job_of, address, _KEPT):
            job = job_of.pop(done)
            try:
                yield write_made(job, done.result(), out)
            except KilledWorker:
                suspects.append(job)
        for job in suspects:
            try:
                alone = client.submit(_made, _everywhere(job), settings, wanted, pure=False)
                yield write_made(job, alone.result(), out)
            except KilledWorker:
                yield FailedFile(job.path, job.stem, "it killed its Dask workers (crash or out of memory)", "crashed")


def _everywhere(job: PageJob) -> PageJob:
    """The job with a path that does not depend on where a process was started."""
    return replace(job, file=Path(os.path.abspath(job.file)))


def _versions() -> dict[str, str]:
    return picture_versions(ecg=VERSION)


def _made(job: PageJob, settings: DigitizeSettings, wanted: Mapping[str, str]) -> MadeFile | FailedFile:
    """What a worker does."""
    check_same_versions(wanted, _versions())
    with one_opencv_thread():
        return make_file(job, settings)
