"""The sweep of a table's images: chosen, changed and measured once, then predicted and scored by each model."""
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
from classify.sweep.choose import Chosen, Remeasure, choose, found_images
from classify.sweep.result import Example, Scored, Sweep, SweptChange
from classify.sweep.score import first_broken, score, with_verdicts
from featurize.arrays import BoolArray, Int64Array
from featurize.batch.chunks import MeasureTask
from featurize.batch.shards import Shards
from featurize.batch.sweep import measure_sweep, plan_sweep
from featurize.errors import UserError
from featurize.families import blocks
from featurize.images.corrupt import CORRUPTIONS, STRENGTHS, LongerSides
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
    """Change, measure and predict images of a table; parameters, errors and shards as of `measure_changed`."""
    y = encode_as(frame["label"], bundle.classes)
    measured = measure_changed(frame, info, y, trained_on, settings, out)
    return with_verdicts({"": scored_sweep(bundle, measured, y)})[""], measured.shards


@dataclass(frozen=True)
class Changed:
    """Images of a table, changed and measured: any model of its measurements can be asked of them.

    Parameters
    ----------
    chosen : Chosen
        m rows of the table.
    base : (m, ...) DataFrame
        Their rows, unchanged.
    image_id : (m,) str
        Their ids in the index.
    split_group : (m,) int64
    columns : list of str
        Measurements.
    tables : mapping of (change, strength) to DataFrame
        See `featurize.batch.sweep.measure_sweep`.
    names : tuple of str
        The changes.
    seed : int
        Of the choice.
    example : Example
    sides : LongerSides
    shards : Shards
        To be closed when the result is written.
    """

    chosen: Chosen
    base: pd.DataFrame
    image_id: NDArray[np.str_]
    split_group: Int64Array
    columns: list[str]
    tables: Mapping[tuple[str, int], pd.DataFrame]
    names: tuple[str, ...]
    seed: int
    example: Example
    sides: LongerSides
    shards: Shards


def measure_changed(frame: pd.DataFrame, info: TableInfo, y: Int64Array, trained_on: BoolArray, settings: Remeasure,
                    out: Path) -> Changed:
    """Choose images of a table, change and measure them.

    Parameters
    ----------
    frame, info
        The table, RangeIndex.
    y : (n,) int64
        By which they are chosen evenly, -1 = not labelled.
    trained_on : (n,) bool
        See `classify.uncertainty.known_images`.
    settings : Remeasure
    out : Path
        What is written in the end: finished chunks lie beside it.

    Raises
    ------
    UserError
        The table cannot be swept, or its images are not there.
    Stopped
        Ctrl-C.
    """
    check_sweep(info, frame)
    images = settings.index.frame.drop_duplicates("sha256")
    chosen = choose(frame, y, trained_on, found_images(frame, images), settings.images, settings.seed)
    base = frame.iloc[chosen.rows].reset_index(drop=True)
    there = images.set_index("sha256").loc[base["sha256"]].reset_index()
    task = MeasureTask(settings.index.sources, preset_from_dict(info.preset), info.mm_per_px)
    changes = tuple(name for name, kind in CORRUPTIONS.items() if not (kind.needs_color and is_gray(frame)))
    plan = plan_sweep(task, there, changes, out)
    first, longer = there.iloc[0], base[["width_px", "height_px"]].max(axis=1)
    return Changed(
        chosen=chosen, base=base, image_id=there["image_id"].to_numpy(str),
        split_group=split_groups(frame)[chosen.rows], columns=[*info.features, *info.nuisance],
        tables=measure_sweep(plan, settings.jobs, settings.progress), names=changes, seed=settings.seed,
        example=Example(tuple(settings.index.sources), first["site"], first["path"], first["image_id"]),
        sides=LongerSides(float(longer.min()), float(longer.max()), info.mm_per_px), shards=plan.shards)


def scored_sweep(bundle: Bundle, measured: Changed, y: Int64Array, threshold: float | None = None) -> Sweep:
    """What one model promises on the changed images; each comparison counts alone, see `with_verdicts`.

    Parameters
    ----------
    bundle : Bundle
    measured : Changed
    y : (n,) int64
        Class of each row of the table, -1 = unknown: such images are left out.
    threshold : float, optional
        Of a finding, see `classify.sweep.score.score`.
    """
    truth = y[measured.chosen.rows]
    known = np.flatnonzero(truth >= 0)
    unchanged = score(bundle, measured.base.iloc[known].reset_index(drop=True), truth[known],
                      measured.split_group[known], "unchanged", threshold=threshold)
    swept = []
    for name in measured.names:
        scored = tuple(_scored(bundle, measured, truth, name, strength, threshold)
                       for strength in range(1, STRENGTHS + 1))
        swept.append(SweptChange(name, scored, first_broken(scored)))
    accepted = bundle.review.accepted
    return Sweep(
        seed=measured.seed, learned=measured.chosen.learned, note=measured.chosen.note,
        coverage_promised=1 - bundle.conformal.alpha,
        error_promised=accepted.error if accepted is not None and accepted.kept else None,
        unchanged=unchanged, changes=tuple(swept), example=measured.example)


def _scored(bundle: Bundle, measured: Changed, y: Int64Array, name: str, strength: int,
            threshold: float | None) -> Scored:
    """The scores of one change at one strength; `y` are the classes of its images."""
    table, known = measured.tables[name, strength], y >= 0
    rows = np.flatnonzero(known & np.isin(measured.image_id, table.index))
    values = table.reindex(index=measured.image_id[rows], columns=measured.columns).reset_index(drop=True)
    base = measured.base.drop(columns=measured.columns).iloc[rows].reset_index(drop=True)
    return score(bundle, pd.concat([base, values], axis=1), y[rows], measured.split_group[rows],
                 CORRUPTIONS[name].words(strength, measured.sides), int(known.sum()) - len(rows), threshold)
