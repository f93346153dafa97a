"""Where chunks are measured: in this process, in local processes, or on a Dask cluster."""
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from featurize.batch.chunks import Chunk, Item, Task, join, lost, measure_chunk
from featurize.errors import UserError
from featurize.runtime.processes import Killed, map_in_processes, map_one_by_one, one_opencv_thread

# Starting a second process costs about as much as measuring this many images here.
FEW_IMAGES = 64

Pieces = Mapping[int, Sequence[Item]]
Finished = Iterator[tuple[int, Chunk]]


def measure_pieces(task: Task, pieces: Pieces, *, jobs: int, scheduler: str | None = None) -> Finished:
    """Measure numbered lists of images.

    Parameters
    ----------
    task : Task
    pieces : mapping of number to images
    jobs : int
        Number of local processes. One, or few images, are measured in this process.
    scheduler : str, optional
        Address of a Dask scheduler, `tcp://host:port`; its workers must see the images under the same paths.

    Yields
    ------
    number, Chunk
        In the order in which they end; what a chunk holds does not depend on where it was measured.
    """
    if scheduler is not None:
        return _on_cluster(task, pieces, scheduler)
    if jobs == 1 or sum(len(items) for items in pieces.values()) < FEW_IMAGES:
        return _here(task, pieces)
    return _in_processes(task, pieces, jobs)


def _here(task: Task, pieces: Pieces) -> Finished:
    with one_opencv_thread():
        for number, items in pieces.items():
            yield number, measure_chunk(task, items)


def _in_processes(task: Task, pieces: Pieces, jobs: int) -> Finished:
    """A chunk that kills its process is measured image by image, so that only the one that kills it is lost."""
    for (number, items), chunk in map_in_processes(partial(_measure_piece, task), pieces.items(), jobs):
        if isinstance(chunk, Killed):
            parts = map_one_by_one(partial(_measure_image, task), items)
            chunk = join([lost(item, "the process that measured it died (crash or out of memory)", "crashed")
                          if isinstance(part, Killed) else part for item, part in parts])
        yield number, chunk


def _measure_piece(task: Task, piece: tuple[int, Sequence[Item]]) -> Chunk:
    return measure_chunk(task, piece[1])


def _measure_image(task: Task, item: Item) -> Chunk:
    return measure_chunk(task, [item])


def _on_cluster(task: Task, pieces: Pieces, address: str) -> Finished:
    """Chunks as Dask tasks; one that keeps killing workers is measured image by image to find the culprit."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise UserError("--scheduler needs the extra 'cluster': pip install \"pellucid[cluster]\"") from error
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address}: start one with `dask scheduler`") from error
    with client:
        numbers = {client.submit(measure_chunk, task, list(items), pure=False): n for n, items in pieces.items()}
        for done in as_completed(list(numbers)):
            number = numbers[done]
            try:
                yield number, done.result()
            except KilledWorker:
                parts = []
                # One after the other: a neighbour on the same worker would fall under suspicion too.
                for item in pieces[number]:
                    single = client.submit(measure_chunk, task, [item], pure=False)
                    died = isinstance(single.exception(), KilledWorker)
                    parts.append(lost(item, "it killed its Dask workers", "crashed") if died else single.result())
                yield number, join(parts)
