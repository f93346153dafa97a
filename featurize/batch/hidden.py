"""Images measured with parts of them hidden (`featurize.images.occlude`, `featurize.parts`).

Finished chunks are kept on disk.
"""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from featurize.batch.chunks import ImageRequest, MeasureTask, join
from featurize.batch.execute import CHUNK_SIZE, Execution, measure, numbered
from featurize.batch.shards import Shards
from featurize.errors import Stopped
from featurize.families import versions_of
from featurize.images.occlude import VERSION
from featurize.parts import VERSION as PARTS_VERSION


@dataclass(frozen=True)
class HiddenPlan:
    """How images are measured, where, and where finished chunks are kept until `Shards.close`."""

    task: MeasureTask
    shards: Shards
    jobs: int
    progress: bool


def decides(task: MeasureTask) -> list[object]:
    """All but the pictures that decides their measurements, as plain data."""
    subject = task.subject.to_dict() if task.subject else None
    return [VERSION, PARTS_VERSION, task.preset.to_dict(), versions_of(task.preset.blocks), task.mm_per_px, subject]


def plan_hidden(task: MeasureTask, image_ids: Sequence[str], folder: Path, jobs: int, progress: bool) -> HiddenPlan:
    """A plan whose finished chunks lie in a folder of its own; those of another plan are removed from it."""
    said = json.dumps([list(image_ids), *decides(task), CHUNK_SIZE], sort_keys=True)
    shards = Shards(folder, hashlib.sha256(said.encode()).hexdigest()[:16])
    shards.open()
    return HiddenPlan(task, shards, jobs, progress)


def measure_hidden(plan: HiddenPlan, requests: list[ImageRequest]) -> pd.DataFrame:
    """The measurements of some requests.

    Returns
    -------
    DataFrame
        Index: keys of the requests; a column a measurement. What could not be measured is missing.

    Raises
    ------
    Stopped
        Ctrl-C; the message says what is kept.
    """
    # Chunks are numbered by what they hold: which parts are hidden later depends on what was measured before.
    chunks = {_number(part): part for part in numbered(requests).values()}
    try:
        measured, _ = measure({}, chunks, plan.task, Execution(plan.jobs, None, plan.shards, plan.progress))
    except KeyboardInterrupt as stop:
        kept = sum(len(part) for number, part in chunks.items() if plan.shards.has(number))
        raise Stopped(f"stopped: {kept} of {len(requests)} changed images are measured and kept in "
                      f"{plan.shards.folder}; the same command again measures the rest") from stop
    table = join([measured[number] for number in chunks])
    return pd.DataFrame(table.values, index=pd.Index(table.image_ids, name="key"), columns=list(table.names))


class Remembered:
    """Measurements of one plan that are asked for more than once, such as by the models of several findings."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._tables: list[pd.DataFrame] = []

    def measure(self, plan: HiddenPlan, requests: list[ImageRequest]) -> pd.DataFrame:
        """`measure_hidden`, of what was not asked for before."""
        wanted = [request.key for request in requests]
        new = [request for request in requests if request.key not in self._asked]
        if new:
            self._tables.append(measure_hidden(plan, new))
            self._asked |= {request.key for request in new}
        table = pd.concat(self._tables)
        return table.loc[table.index.isin(wanted)]


def _number(requests: Sequence[ImageRequest]) -> int:
    said = "|".join(request.key for request in requests)
    return int(hashlib.sha256(said.encode()).hexdigest()[:12], 16)
