"""The sweep of a table's images: chosen, changed, measured again, predicted, scored."""
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.bundle import Bundle
from classify.data.folds import split_groups
from classify.data.tasks import encode_as
from classify.evaluate.parts_of_table import is_gray
from classify.sweep.choose import Remeasure, choose, found_images
from classify.sweep.result import Example, Sweep, SweptChange
from classify.sweep.score import first_broken, score
from featurize.arrays import BoolArray, Int64Array
from featurize.batch.chunks import MeasureTask
from featurize.batch.shards import Shards
from featurize.batch.sweep import measure_sweep, plan_sweep
from featurize.errors import UserError
from featurize.families import blocks
from featurize.images.corrupt import CORRUPTIONS, STRENGTHS
from featurize.presets.load import preset_from_dict
from featurize.segment.segmenters import SEGMENTERS
from featurize.table import TableInfo

# Images that are swept, unless told otherwise: the interval of a share of .95 is then 6 points wide.
IMAGES = 200


def check_sweep(info: TableInfo, frame: pd.DataFrame, option: str = "--sweep") -> None:
    """Refuse a table whose images cannot be measured again; `option` is that of the command line.

    Raises
    ------
    UserError
    """
    if info.preset.get("segment") not in SEGMENTERS:
        raise UserError(f"{option} was given, and the table holds no measurements of images: leave it out")
    if "mask" in frame.columns:
        raise UserError(f"{option} was given, and the table was measured with --masks, which do not fit changed "
                        "images: measure the images without --masks and audit that table")
    for name, block in blocks().items():
        made = info.blocks.get(name, block.version)
        if made != block.version:
            raise UserError(f"{option} measures images again with {name} v{block.version}, and the table was made with "
                            f"v{made}: run `python cli.py featurize` and `python cli.py classify` again")


def sweep(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, trained_on: BoolArray, settings: Remeasure,
          out: Path) -> tuple[Sweep, Shards]:
    """Change, measure and predict images of a table.

    Parameters
    ----------
    bundle : Bundle
    frame, info
        The table, RangeIndex.
    trained_on : (n,) bool
        See `classify.uncertainty.known_images`.
    settings : Remeasure
    out : Path
        What is written in the end: finished chunks lie beside it.

    Returns
    -------
    sweep : Sweep
    shards : Shards
        To be closed when the result is written.

    Raises
    ------
    UserError
        The table cannot be swept, or its images are not there.
    Stopped
        Ctrl-C.
    """
    check_sweep(info, frame)
    images = settings.index.frame.drop_duplicates("sha256")
    y = encode_as(frame["label"], bundle.classes)
    chosen = choose(frame, y, trained_on, found_images(frame, images), settings.images, settings.seed)
    base = frame.iloc[chosen.rows].reset_index(drop=True)
    there = images.set_index("sha256").loc[base["sha256"]].reset_index()
    truth = Truth(there["image_id"].to_numpy(str), y[chosen.rows], split_groups(frame)[chosen.rows])
    task = MeasureTask(settings.index.sources, preset_from_dict(info.preset), info.mm_per_px)
    changes = [name for name, kind in CORRUPTIONS.items() if not (kind.needs_color and is_gray(frame))]
    plan = plan_sweep(task, there, changes, out)
    measured = measure_sweep(plan, settings.jobs, settings.progress)
    swept = tuple(_swept(bundle, base, info, truth, name, measured) for name in changes)
    accepted = bundle.review.accepted
    first = there.iloc[0]
    return Sweep(
        seed=settings.seed, learned=chosen.learned, note=chosen.note, coverage_promised=1 - bundle.conformal.alpha,
        error_promised=accepted.error if accepted is not None and accepted.kept else None,
        unchanged=score(bundle, base, truth.y, truth.split_group, "unchanged"), changes=swept,
        example=Example(tuple(settings.index.sources), first["site"], first["path"], first["image_id"])), plan.shards


@dataclass(frozen=True)
class Truth:
    """Id, class and split group of m images."""

    image_id: NDArray[np.str_]
    y: Int64Array
    split_group: Int64Array


def _swept(bundle: Bundle, base: pd.DataFrame, info: TableInfo, truth: Truth, name: str,
           measured: Mapping[tuple[str, int], pd.DataFrame]) -> SweptChange:
    """The scores of one change; `base` are the rows of the unchanged images."""
    columns = [*info.features, *info.nuisance]
    scored = []
    for strength in range(1, STRENGTHS + 1):
        table = measured[name, strength]
        rows = np.flatnonzero(np.isin(truth.image_id, table.index))
        values = table.reindex(index=truth.image_id[rows], columns=columns).reset_index(drop=True)
        frame = pd.concat([base.drop(columns=columns).iloc[rows].reset_index(drop=True), values], axis=1)
        scored.append(score(bundle, frame, truth.y[rows], truth.split_group[rows],
                            CORRUPTIONS[name].words(strength), len(base) - len(rows)))
    return SweptChange(name, tuple(scored), first_broken(scored))
