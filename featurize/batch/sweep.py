"""Images measured under every change and strength of `featurize.images.corrupt`; finished chunks are kept on disk."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from featurize.batch.chunks import ImageRequest, MeasuredChunk, MeasureTask, join
from featurize.batch.execute import CHUNK_SIZE, Execution, measure, numbered
from featurize.batch.shards import Shards
from featurize.errors import Stopped
from featurize.families import versions_of
from featurize.images.corrupt import STRENGTHS, VERSION


@dataclass(frozen=True)
class SweepPlan:
    """What is measured.

    Parameters
    ----------
    task : MeasureTask
    frame : DataFrame
        `image_id, site, path` of the images, as the index has them.
    changes : sequence of str
        Names of the changes.
    shards : Shards
        Where finished chunks are kept until `Shards.close`.
    """

    task: MeasureTask
    frame: pd.DataFrame
    changes: Sequence[str]
    shards: Shards


def plan_sweep(task: MeasureTask, frame: pd.DataFrame, changes: Sequence[str], out: Path) -> SweepPlan:
    """A plan whose finished chunks lie in `<out>.shards`; those of another plan are removed."""
    decides = [frame["image_id"].tolist(), list(changes), VERSION, task.preset.to_dict(),
               versions_of(task.preset.blocks), task.mm_per_px, CHUNK_SIZE]
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    shards = Shards(out.with_name(f"{out.name}.shards"), key)
    shards.open()
    return SweepPlan(task, frame, changes, shards)


def measure_sweep(plan: SweepPlan, jobs: int, progress: bool) -> dict[tuple[str, int], pd.DataFrame]:
    """The measurements of the changed images.

    Returns
    -------
    dict of (change, strength) to DataFrame
        Index `image_id`, a column a measurement; images that could not be measured are missing.

    Raises
    ------
    Stopped
        Ctrl-C; the message says what is kept.
    """
    steps = [(change, strength) for change in plan.changes for strength in range(1, STRENGTHS + 1)]
    rows = list(plan.frame[["image_id", "site", "path"]].itertuples(index=False))
    chunks: dict[int, list[ImageRequest]] = {}
    of_step: dict[tuple[str, int], list[int]] = {}
    for change, strength in steps:
        requests = [ImageRequest(image_id, site, path, change=change, strength=strength)
                    for image_id, site, path in rows]
        part = numbered(requests, len(chunks))
        of_step[change, strength] = list(part)
        chunks |= part
    try:
        measured, _ = measure({}, chunks, plan.task, Execution(jobs, None, plan.shards, progress))
    except KeyboardInterrupt as stop:
        raise Stopped(_kept(plan.shards, chunks)) from stop
    return {step: _table(join([measured[number] for number in numbers])) for step, numbers in of_step.items()}


def _table(chunk: MeasuredChunk) -> pd.DataFrame:
    ids = [key.partition(" ")[0] for key in chunk.image_ids]
    return pd.DataFrame(chunk.values, index=pd.Index(ids, name="image_id"), columns=list(chunk.names))


def _kept(shards: Shards, chunks: dict[int, list[ImageRequest]]) -> str:
    n_kept = sum(len(requests) for number, requests in chunks.items() if shards.has(number))
    if not n_kept:
        return "stopped: nothing is measured yet, and nothing was written"
    return (f"stopped: {n_kept} of {sum(map(len, chunks.values()))} changed images are measured and kept in "
            f"{shards.folder}; the same command again measures the rest")
