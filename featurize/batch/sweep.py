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

# Images of a chunk: more than one, so that an odd image is never all that a chunk holds.
IMAGES_OF_CHUNK = 2
# Changed copies of an image that are measured in a row.
IN_A_ROW = CHUNK_SIZE // IMAGES_OF_CHUNK


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
               versions_of(task.preset.blocks), task.mm_per_px, CHUNK_SIZE, IN_A_ROW]
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
    chunks = numbered(_requests(plan, steps))
    try:
        measured, _ = measure({}, chunks, plan.task, Execution(jobs, None, plan.shards, progress))
    except KeyboardInterrupt as stop:
        raise Stopped(_kept(plan.shards, chunks)) from stop
    return _by_step(join([measured[number] for number in chunks]), steps)


def _requests(plan: SweepPlan, steps: Sequence[tuple[str, int]]) -> list[ImageRequest]:
    """Every image at every step, `IN_A_ROW` steps of an image after each other: so often it is read once."""
    rows = list(plan.frame[["image_id", "site", "path"]].itertuples(index=False))
    pairs = [rows[at:at + IMAGES_OF_CHUNK] for at in range(0, len(rows), IMAGES_OF_CHUNK)]
    parts = [steps[at:at + IN_A_ROW] for at in range(0, len(steps), IN_A_ROW)]
    return [ImageRequest(image_id, site, path, change=change, strength=strength) for pair in pairs for part in parts
            for image_id, site, path in pair for change, strength in part]


def _by_step(chunk: MeasuredChunk, steps: Sequence[tuple[str, int]]) -> dict[tuple[str, int], pd.DataFrame]:
    """The tables of each change and strength; the keys of a chunk hold id, strength and change."""
    parts = [key.split(" ", 2) for key in chunk.image_ids]
    rows: dict[tuple[str, int], list[int]] = {step: [] for step in steps}
    for row, (_, strength, change) in enumerate(parts):
        rows[change, int(strength)].append(row)
    ids = pd.Index([image_id for image_id, _, _ in parts], name="image_id")
    return {step: pd.DataFrame(chunk.values[own], index=ids[own], columns=list(chunk.names))
            for step, own in rows.items()}


def _kept(shards: Shards, chunks: dict[int, list[ImageRequest]]) -> str:
    n_kept = sum(len(requests) for number, requests in chunks.items() if shards.has(number))
    if not n_kept:
        return "stopped: nothing is measured yet, and nothing was written"
    return (f"stopped: {n_kept} of {sum(map(len, chunks.values()))} changed images are measured and kept in "
            f"{shards.folder}; the same command again measures the rest")
