"""Chunks of images measured, finished ones kept on disk; a bar counts images and their changed copies apart."""
from dataclasses import dataclass, replace

import pandas as pd

from featurize.batch.chunks import ImageRequest, MeasuredChunk, MeasureTask
from featurize.batch.remote_shards import RemoteShards
from featurize.batch.shards import Shards
from featurize.batch.workers import Chunks, measure_chunks
from featurize.runtime.processes import INTERNAL
from featurize.runtime.progress import Part, tracking_parts

# Images per chunk. Fixed, so that a run can be resumed with another number of jobs.
CHUNK_SIZE = 16
# What is measured beside the images, as the progress bar calls it.
COPIES = "changed copies"


def requests_of(frame: pd.DataFrame, *, copies: int = 0, only_fingerprint: bool = False) -> list[ImageRequest]:
    """The images of an index, or so many changed copies of each, see `ImageRequest`."""
    # Rows of npz files are hashed by their values and not as files.
    digests = frame["sha256"].fillna("") if "sha256" in frame else [""] * len(frame)
    rows = list(zip(frame["image_id"], frame["site"], frame["path"], digests))
    return [ImageRequest(image_id, site, path, copy, only_fingerprint, sha256=digest)
            for copy in (range(1, copies + 1) if copies else (0,)) for image_id, site, path, digest in rows]


def numbered(requests: list[ImageRequest], start: int = 0) -> dict[int, list[ImageRequest]]:
    """Chunks of `CHUNK_SIZE` images, numbered from `start`."""
    return {start + at // CHUNK_SIZE: requests[at:at + CHUNK_SIZE] for at in range(0, len(requests), CHUNK_SIZE)}


@dataclass(frozen=True)
class Execution:
    """Where images are measured, where finished chunks are kept, and whether a bar is shown.

    Parameters
    ----------
    jobs : int
        Local processes.
    scheduler : str or None
        Address of a Dask scheduler to use instead.
    shards : Shards, RemoteShards or None
        Where finished chunks are kept.
    progress : bool
        Show a bar.
    """

    jobs: int
    scheduler: str | None
    shards: Shards | RemoteShards | None
    progress: bool


def measure(plain: Chunks, perturbed: Chunks, task: MeasureTask,
            execution: Execution) -> tuple[dict[int, MeasuredChunk], int]:
    """Measure numbered chunks of images and of their changed copies.

    Parameters
    ----------
    plain, perturbed : mapping of number to images
        No number stands in both.
    task : MeasureTask
    execution : Execution

    Returns
    -------
    measured : dict of number to MeasuredChunk
        Every chunk.
    resumed : int
        Images, not counting changed copies, that an earlier run had measured.

    Raises
    ------
    RuntimeError
        Nothing but faults of the program came out so far.
    """
    shards, chunks = execution.shards, {**plain, **perturbed}
    names: dict[tuple[str, ...], tuple[str, ...]] = {}
    kept = {number: shards.read(number) for number in chunks} if shards else {}
    measured = {number: _with_shared(names, chunk) for number, chunk in kept.items()
                if chunk is not None and _is_final(chunk)}
    sound = any(chunk.image_ids for chunk in measured.values())
    broken = [fault for chunk in measured.values() for fault in chunk.faults if fault.reason == INTERNAL]
    missing = {number: requests for number, requests in chunks.items() if number not in measured}
    parts = [Part(what, sum(map(len, part.values())), sum(len(part[number]) for number in part if number in measured))
             for what, part in (("images", plain), (COPIES, perturbed))]
    with tracking_parts(parts, shown=execution.progress) as advance:
        for number, chunk in measure_chunks(task, missing, jobs=execution.jobs, scheduler=execution.scheduler):
            if shards:
                shards.write(number, chunk)
            measured[number] = _with_shared(names, chunk)
            sound = sound or bool(chunk.image_ids)
            broken += [fault for fault in chunk.faults if fault.reason == INTERNAL]
            if not sound and len(broken) >= CHUNK_SIZE:
                # One odd image is a row of the errors; here the program is at fault.
                raise RuntimeError(f"the first {len(broken)} images all failed inside a measurement: "
                                   f"{broken[0].error}")
            advance(COPIES if number in perturbed else "images", len(chunks[number]))
    return measured, parts[0].done


def _is_final(chunk: MeasuredChunk) -> bool:
    """Whether the faults of a kept chunk would be the same in this run."""
    return not any(fault.of_the_moment for fault in chunk.faults)


def _with_shared(names: dict[tuple[str, ...], tuple[str, ...]], chunk: MeasuredChunk) -> MeasuredChunk:
    """The chunk with the names of columns that an equal chunk before it has: a thousand strings take as much memory as
    the measurements of ten images."""
    return replace(chunk, names=names.setdefault(chunk.names, chunk.names))
