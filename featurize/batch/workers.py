"""Where chunks are measured: in this process, in local processes, or on a Dask cluster."""
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import cv2

from featurize.batch.chunks import ImageRequest, MeasuredChunk, MeasureTask, fault_chunk, join, measure_chunk
from featurize.errors import UserError
from featurize.runtime.processes import process_pool

# Starting a second process costs about as much as measuring this many images here.
FEW_IMAGES = 64

# How long a Dask scheduler may take to answer.
_SCHEDULER_TIMEOUT_S = 5

Chunks = Mapping[int, Sequence[ImageRequest]]
NumberedChunk = tuple[int, Sequence[ImageRequest]]
Finished = Iterator[tuple[int, MeasuredChunk]]


def measure_chunks(task: MeasureTask, chunks: Chunks, *, jobs: int, scheduler: str | None = None) -> Finished:
    """Measure numbered chunks of images.

    Parameters
    ----------
    task : MeasureTask
    chunks : mapping of number to images
    jobs : int
        Number of local processes. One, or few images, are measured in this process.
    scheduler : str, optional
        Address of a Dask scheduler, `tcp://host:port`; its workers must see the images under the same paths.

    Yields
    ------
    number, MeasuredChunk
        In the order in which they end; what a chunk holds does not depend on where it was measured.
    """
    if scheduler is not None:
        return _on_cluster(task, chunks, scheduler)
    if jobs == 1 or sum(len(requests) for requests in chunks.values()) < FEW_IMAGES:
        return _here(task, chunks)
    return _in_processes(task, chunks, jobs)


def _here(task: MeasureTask, chunks: Chunks) -> Finished:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for number, requests in chunks.items():
            yield number, measure_chunk(task, requests)
    finally:
        cv2.setNumThreads(threads)


def _in_processes(task: MeasureTask, chunks: Chunks, jobs: int) -> Finished:
    """A few chunks ahead at a time: when a worker dies, only those are suspects."""
    waiting = deque(chunks.items())
    while waiting:
        suspects: list[NumberedChunk] = []
        yield from _until_crash(task, waiting, suspects, jobs)
        for number, requests in suspects:
            yield number, _one_by_one(task, requests)


def _until_crash(task: MeasureTask, waiting: deque[NumberedChunk], suspects: list[NumberedChunk],
                 jobs: int) -> Finished:
    """Measure from the front of `waiting`; if a worker dies, leave what was under way in `suspects`."""
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from loky import BrokenProcessPool
    pool, running = process_pool(jobs), dict[Future[MeasuredChunk], NumberedChunk]()
    try:
        while waiting or running:
            while waiting and len(running) < 2 * jobs:
                running[pool.submit(measure_chunk, task, waiting[0][1])] = waiting[0]
                waiting.popleft()
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                chunk = done.result()
                yield running.pop(done)[0], chunk
    except BrokenProcessPool:
        suspects.extend(running.values())
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _one_by_one(task: MeasureTask, requests: Sequence[ImageRequest]) -> MeasuredChunk:
    """Each image alone, in a process that may die: the one that kills it is named, the others are measured."""
    from loky import BrokenProcessPool
    parts: list[MeasuredChunk] = []
    pool = process_pool(1)
    try:
        for request in requests:
            try:
                parts.append(pool.submit(measure_chunk, task, [request]).result())
            except BrokenProcessPool:
                parts.append(fault_chunk(request, "the process that measured it died (crash or out of memory)",
                                         "crashed"))
                pool.shutdown(wait=True, kill_workers=True)
                pool = process_pool(1)
    finally:
        pool.shutdown(wait=True, kill_workers=True)
    return join(parts)


def _on_cluster(task: MeasureTask, chunks: Chunks, address: str) -> Finished:
    """Chunks as Dask tasks; one that keeps killing workers is measured image by image to find the culprit."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise UserError("--scheduler needs the extra 'cluster': pip install \"pellucid[cluster]\"") from error
    try:
        client = Client(address, timeout=_SCHEDULER_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address}: start one with `dask scheduler`") from error
    with client:
        numbers = {client.submit(measure_chunk, task, list(requests), pure=False): number
                   for number, requests in chunks.items()}
        for done in as_completed(list(numbers)):
            number = numbers[done]
            try:
                yield number, done.result()
            except KilledWorker:
                parts = []
                # One after the other: a neighbour on the same worker would fall under suspicion too.
                for request in chunks[number]:
                    single = client.submit(measure_chunk, task, [request], pure=False)
                    died = isinstance(single.exception(), KilledWorker)
                    parts.append(fault_chunk(request, "it killed its Dask workers", "crashed") if died
                                 else single.result())
                yield number, join(parts)
