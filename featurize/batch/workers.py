"""Where chunks are measured: in this process, in local processes, or on a Dask cluster."""
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from featurize.batch.chunks import CRASHED, ImageRequest, MeasuredChunk, MeasureTask, fault_chunk, join, measure_chunk
from featurize.batch.cluster import as_they_end, check_same_versions, connected, picture_versions
from featurize.families import versions_of
from featurize.runtime.processes import Killed, map_in_processes, map_one_by_one, one_opencv_thread

# Starting a second process costs about as much as measuring this many images here.
FEW_IMAGES = 64
# What a run on a cluster that ends in the midst keeps.
_KEPT = "finished chunks"

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
    with one_opencv_thread():
        for number, requests in chunks.items():
            yield number, measure_chunk(task, requests)


def _in_processes(task: MeasureTask, chunks: Chunks, jobs: int) -> Finished:
    """A chunk that kills its process is measured image by image, so that only the one that kills it is lost."""
    for (number, requests), chunk in map_in_processes(partial(_measure_numbered, task), chunks.items(), jobs):
        if isinstance(chunk, Killed):
            parts = map_one_by_one(partial(_measure_image, task), requests)
            chunk = join([fault_chunk(request, "the process that measured it died (crash or out of memory)", CRASHED)
                          if isinstance(part, Killed) else part for request, part in parts])
        yield number, chunk


def _measure_numbered(task: MeasureTask, chunk: NumberedChunk) -> MeasuredChunk:
    return measure_chunk(task, chunk[1])


def _measure_image(task: MeasureTask, request: ImageRequest) -> MeasuredChunk:
    return measure_chunk(task, [request])


def _on_cluster(task: MeasureTask, chunks: Chunks, address: str) -> Finished:
    """Chunks as Dask tasks; one that keeps killing workers is measured image by image to find the culprit."""
    with connected(address, _KEPT) as client:
        from distributed import KilledWorker
        wanted = _versions(task)
        numbers = {client.submit(_measure_there, task, list(requests), wanted, pure=False): number
                   for number, requests in chunks.items()}
        for done in as_they_end(client, numbers, address, _KEPT):
            number = numbers.pop(done)
            try:
                yield number, done.result()
            except KilledWorker:
                yield number, join([_alone(client, task, request, wanted) for request in chunks[number]])


def _versions(task: MeasureTask) -> dict[str, str]:
    return picture_versions(blocks=versions_of(task.preset.blocks))


def _measure_there(task: MeasureTask, requests: Sequence[ImageRequest], wanted: Mapping[str, str]) -> MeasuredChunk:
    """What a worker does."""
    check_same_versions(wanted, _versions(task))
    return measure_chunk(task, requests)


def _alone(client: Any, task: MeasureTask, request: ImageRequest, wanted: Mapping[str, str]) -> MeasuredChunk:
    """One image, while no other is under way: a neighbour on the same worker would fall under suspicion too."""
    from distributed import KilledWorker
    try:
        measured: MeasuredChunk = client.submit(_measure_there, task, [request], wanted, pure=False).result()
        return measured
    except KilledWorker:
        return fault_chunk(request, "it killed its Dask workers", CRASHED)
