"""What parts of the picture tell by themselves: the subject, what lies around it, the rim.

A small linear model for each part, cross-fitted by split groups, on the same images and measurements (the preset
``whole``, which needs no segmenter). The audited model is not asked: these are properties of the set. Where the
background or the rim tells the label, a model can learn it.
"""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from classify.audit.shortcuts.evidence import FOLDS, LEAST_GROUPS
from classify.data.columns import matrix, useful_columns
from classify.data.folds import split_groups
from classify.data.splits import plan_split
from classify.data.tasks import Task
from classify.evaluate.beyond_subject import INVERSE_PENALTY
from classify.evaluate.metrics import Bootstrap, intervals, scores
from classify.fitting.crossfit import cross_fit
from classify.fitting.fit_data import FitData
from classify.settings import FitSettings
from classify.sweep.choose import Remeasure, choose, found_images
from classify.sweep.run import check_sweep
from classify.uncertainty.calibrate import logits
from featurize.arrays import Float64Array, Int64Array
from featurize.batch.chunks import ImageRequest, MeasureTask
from featurize.batch.hidden import measure_hidden, plan_hidden
from featurize.batch.shards import Shards
from featurize.families import blocks
from featurize.parts import BACKGROUND, PARTS, RIM
from featurize.presets.load import load_preset, preset_from_dict
from featurize.table import TableInfo

# Images of which parts are measured, unless told otherwise.
IMAGES = 400
# Lower end of the interval of the AUROC from which a part without the subject counts as telling the label: as of the
# properties of the picture.
TELLS = 0.6
# Parts that show nothing, or little, of the subject.
WITHOUT_SUBJECT = (BACKGROUND, RIM)
_RESAMPLES = 500


@dataclass(frozen=True)
class PartScore:
    """How well a part of the picture tells the label by itself.

    Parameters
    ----------
    part : str
        One of `featurize.parts.PARTS`.
    n, measurements : int
        Images, and columns that the model read.
    auroc, accuracy : float
        Out of fold; macro one-vs-rest.
    interval : (low, high)
        95 % of the AUROC, groups drawn.
    tells : bool
        A part without the subject, whose interval lies above `TELLS`.
    """

    part: str
    n: int
    measurements: int
    auroc: float
    accuracy: float
    interval: tuple[float, float]
    tells: bool


def part_scores(frame: pd.DataFrame, info: TableInfo, y: Int64Array, settings: Remeasure, out: Path
                ) -> tuple[tuple[PartScore, ...], Shards | None]:
    """Measure the parts of some images of a table and score a model of each.

    Parameters
    ----------
    frame, info
        The table, RangeIndex.
    y : (n,) int64
        Class, -1 = unknown.
    settings : Remeasure
    out : Path
        What is written in the end: finished chunks lie beside it.

    Returns
    -------
    scores : tuple of PartScore
        In the order of `PARTS`; empty where fewer than two classes have ten split groups.
    shards : Shards or None
        To be closed when the result is written.

    Raises
    ------
    UserError
        The table's images cannot be measured again, or are not there.
    Stopped
        Ctrl-C; the message says what is kept.
    """
    known = with_enough_groups(frame, y)
    if len(np.unique(known[known >= 0])) < 2:
        check_sweep(info, frame, "--parts")
        return (), None
    measured = measure_parts(frame, info, known, settings, out)
    return scored_parts(frame, known, measured), measured.shards


@dataclass(frozen=True)
class MeasuredParts:
    """Parts of some images of a table, measured.

    Parameters
    ----------
    rows : (m,) int64
        Of the table: images of which every part could be measured, so that the parts are compared on the same ones.
    tables : dict of str to (m, d) DataFrame
        By part, RangeIndex; without properties of the picture.
    shards : Shards
        To be closed when the result is written.
    """

    rows: Int64Array
    tables: dict[str, pd.DataFrame]
    shards: Shards


def measure_parts(frame: pd.DataFrame, info: TableInfo, y: Int64Array, settings: Remeasure, out: Path
                  ) -> MeasuredParts:
    """Choose images evenly by `y`, -1 = not labelled, and measure their parts; else as `part_scores`."""
    check_sweep(info, frame, "--parts")
    images = settings.index.frame.drop_duplicates("sha256")
    nobody = np.zeros(len(frame), bool)
    chosen = choose(frame.assign(split=None), y, nobody, found_images(frame, images), settings.images,
                    settings.seed, "--parts").rows
    there = images.set_index("sha256").loc[frame["sha256"].iloc[chosen]].reset_index()
    task = MeasureTask(settings.index.sources, load_preset("whole"), info.mm_per_px,
                       subject=preset_from_dict(info.preset))
    plan = plan_hidden(task, there["image_id"].tolist(), out.with_name(f"{out.name}.parts.shards"),
                       settings.jobs, settings.progress)
    rows = list(there[["image_id", "site", "path"]].itertuples(index=False))
    requests = [ImageRequest(image_id, site, path, part=part) for part in PARTS for image_id, site, path in rows]
    table = measure_hidden(plan, requests)
    keys = [[f"{row[0]} {part}" for row in rows] for part in PARTS]
    kept = np.flatnonzero(np.all([np.isin(of_part, table.index) for of_part in keys], axis=0))
    columns = [c for c in table.columns if not c.startswith(_nuisances())]
    tables = {part: table.loc[np.array(of_part)[kept], columns].reset_index(drop=True)
              for part, of_part in zip(PARTS, keys)}
    return MeasuredParts(chosen[kept], tables, plan.shards)


def scored_parts(frame: pd.DataFrame, y: Int64Array, measured: MeasuredParts) -> tuple[PartScore, ...]:
    """A model of each part; `y` (n,) are classes of the table's rows, -1 = unknown: such rows are left out."""
    known = np.flatnonzero(y[measured.rows] >= 0)
    rows = measured.rows[known]
    labelled = frame.iloc[rows].reset_index(drop=True)
    classes = np.asarray(np.searchsorted(np.unique(y[rows]), y[rows]), dtype=np.int64)
    return tuple(_score(part, table.iloc[known].reset_index(drop=True), labelled, classes)
                 for part, table in measured.tables.items())


def with_enough_groups(frame: pd.DataFrame, y: Int64Array) -> Int64Array:
    """(n,) classes, -1 where the class has fewer than ten split groups."""
    group, known = split_groups(frame), y.copy()
    for c in np.unique(y[y >= 0]):
        if len(np.unique(group[y == c])) < LEAST_GROUPS:
            known[y == c] = -1
    return known


def _nuisances() -> tuple[str, ...]:
    return tuple(f"image_{name}_" for name, block in blocks().items() if block.nuisance)


def _score(part: str, measured: pd.DataFrame, frame: pd.DataFrame, y: Int64Array) -> PartScore:
    x = matrix(measured, list(measured.columns))
    useful, _, _ = useful_columns(x)
    p, group = out_of_fold(x[useful], frame, y)
    auroc = scores(y, p)
    low, high = intervals(y, p, None, group, Bootstrap(resamples=_RESAMPLES))["auroc"]
    value = float(auroc["auroc"][0])
    return PartScore(part, len(y), len(useful), value, float(auroc["accuracy"][0]), (low, high),
                     bool(part in WITHOUT_SUBJECT and low > TELLS))


def out_of_fold(x: pd.DataFrame, frame: pd.DataFrame, y: Int64Array, seed: int = 0
                ) -> tuple[Float64Array, Int64Array]:
    """(n, K) probabilities of linear log-odds that did not see the row's group, and (n,) the groups.

    Parameters
    ----------
    x : (n, d) DataFrame
    frame : (n, ...) DataFrame
        Its groups and near copies stay together.
    y : (n,) int64
        Classes 0..K-1, all present.
    seed : int
        Of the folds.
    """
    kind = "binary" if y.max() == 1 else "multiclass"
    task = Task(kind, tuple(map(str, range(int(y.max()) + 1))), y)
    split, _ = plan_split(frame.assign(split=None, label=y.astype(str)), task, FOLDS, seed)
    settings = FitSettings(library="logistic", linear_start=False, inverse_penalty=INVERSE_PENALTY, seed=seed)
    crossed = cross_fit(FitData(x, y, 0.0), split, settings)
    return softmax(logits(crossed.margins), axis=1), split.split_group
