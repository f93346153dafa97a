"""Maps of some images of a table: chosen, hidden cell by cell, measured again, explained, tested."""
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix
from classify.data.tasks import encode_as
from classify.maps.counterfactual import Candidates, candidates, counterfactual
from classify.maps.kept import Margins, Store, store_of
from classify.maps.margins import contributions_of, digest, limit_of, margins_of
from classify.maps.orders import (STABILITY_FILL, curves_of, hidden_along, order_of, order_tests, random_orders,
                                  stability)
from classify.maps.result import KINDS, Answer, ImageMap, Maps
from classify.predict import apply_bundle
from classify.predictions import named_and_other
from classify.sweep.choose import Remeasure, choose, found_images
from classify.sweep.run import check_sweep
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.batch.chunks import ImageRequest, MeasureTask
from featurize.batch.hidden import HiddenPlan, Remembered, decides, plan_hidden
from featurize.images.occlude import Grid, Hidden, grid_of
from featurize.pipeline import sample_of
from featurize.places import box_of, divided, spread, under
from featurize.presets.load import Preset, preset_from_dict
from featurize.runtime.leftovers import remove_leftovers_below
from featurize.sample import Sample
from featurize.table import TableInfo

# Images that are mapped, unless told otherwise: enough for a signed-rank test to reach p < .001.
IMAGES = 12


@dataclass(frozen=True)
class _Subject:
    """One image: its row in the table and in the index, its regions, the grid on it, and its answer."""

    row: int
    request: ImageRequest
    sha256: str
    shape: tuple[int, int]
    sample: Sample
    grid: Grid
    answer: Answer

    @property
    def cells(self) -> int:
        """Number of cells of the grid."""
        return self.grid.rows * self.grid.columns


def make_maps(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, trained_on: BoolArray, settings: Remeasure,
              out: Path, threshold: float | None = None, remembered: Remembered | None = None,
              stable: bool = True) -> Maps:
    """Map images of a table.

    Parameters
    ----------
    bundle : Bundle
    frame, info
        The table, RangeIndex.
    trained_on : (n,) bool
        See `classify.uncertainty.known_images`.
    settings : Remeasure
    out : Path
        What is written in the end. In the folder beside it, `audit.maps` for `audit.html`, stays a JSON for each image:
        the same image and model are not measured again.
    threshold : float, optional
        Of a finding: class 1 is named from this probability on. Else the most probable class is.
    remembered : Remembered, optional
        Measurements that models of other findings have asked for of the same images.
    stable : bool
        Ask also how far the occlusion maps depend on fill and grid: 145 of the 338 measurements of a square image.

    Raises
    ------
    UserError
        The table's images cannot be measured again, or are not there.
    Stopped
        Ctrl-C; the message says what is kept.
    """
    check_sweep(info, frame, "--maps")
    images = settings.index.frame.drop_duplicates("sha256")
    y = encode_as(frame["label"], bundle.classes)
    chosen = choose(frame, y, trained_on, found_images(frame, images), settings.images, settings.seed, "--maps")
    preset = preset_from_dict(info.preset)
    task = MeasureTask(settings.index.sources, preset, info.mm_per_px)
    predictions = apply_bundle(bundle, matrix(frame, bundle.model.features))
    order = named_and_other(predictions.p, threshold)
    given = candidates(bundle, frame, info, y, order[:, 0], trained_on)
    there = images.set_index("sha256").loc[frame["sha256"].iloc[chosen.rows]].reset_index().to_dict("records")
    limit = 0.0 if threshold is None else limit_of(bundle.calibration, threshold)
    answers = [_answer(bundle, predictions.p[row], given.x.iloc[[row]], order[row].tolist(), limit)
               for row in chosen.rows]
    subjects = [_subject(task, row, values, answer)
                for row, values, answer in zip(chosen.rows.tolist(), there, answers)]
    plan = plan_hidden(task, [subject.request.image_id for subject in subjects],
                       out.with_name(f"{out.name}.maps.shards"), settings.jobs, settings.progress)
    work = _Work(bundle, preset, given, plan, settings.seed, remembered or Remembered(), stable)
    named = [*([] if threshold is None else [threshold]), *([] if stable else ["order tests alone"])]
    measured = _measured(work, subjects, store_of(out, [digest(bundle), settings.seed, *decides(task), *named]))
    maps = tuple(_image_map(work, subject, margins) for subject, margins in zip(subjects, measured))
    plan.shards.close()
    return Maps(maps, chosen.learned, chosen.note, settings.seed, order_tests(maps), stability(maps),
                tuple(settings.index.sources))


def _answer(bundle: Bundle, p: Float64Array, x: pd.DataFrame, order: Sequence[int], limit: float) -> Answer:
    """The class that the model names for one row, and the next; `limit`: log-odds from which class 1 is named."""
    named, other = order
    base = float(contributions_of(bundle, x, named, other)[-1])
    return Answer(named, other, float(p[named]), float(margins_of(bundle, x, named, other)[0]), base,
                  limit if named == 1 else -limit)


def _subject(task: MeasureTask, row: int, values: Mapping[Hashable, Any], answer: Answer) -> _Subject:
    request = ImageRequest(str(values["image_id"]), values["site"], str(values["path"]))
    picture = task.picture(request)
    height, width = picture.rgb.shape[:2]
    sample = sample_of(picture, task.preset, task.mm_per_px)
    return _Subject(row, request, str(values["sha256"]), (height, width), sample, grid_of(height, width), answer)


@dataclass(frozen=True)
class _Work:
    """What is the same for every image."""

    bundle: Bundle
    preset: Preset
    given: Candidates
    plan: HiddenPlan
    seed: int
    remembered: Remembered
    stable: bool

    def measure(self, subjects: Sequence[_Subject], hidden: Sequence[Sequence[Hidden]]) -> list[Margins]:
        """Log-odds of the answer of each image, by key of what is hidden."""
        requests = [replace(subject.request, hidden=part) for subject, parts in zip(subjects, hidden) for part in parts]
        table = self.remembered.measure(self.plan, requests)
        return [self._margins(table, subject) for subject in subjects]

    def _margins(self, table: pd.DataFrame, subject: _Subject) -> Margins:
        own = table[table.index.str.startswith(f"{subject.request.image_id} ")]
        features = self.bundle.model.features
        x = matrix(own.reset_index(drop=True).reindex(columns=features), features)
        keys = [key.partition(" ")[2] for key in own.index]
        found = margins_of(self.bundle, x, subject.answer.named, subject.answer.other) if len(x) else np.zeros(0)
        return dict(zip(keys, found.tolist()))


def _measured(work: _Work, subjects: Sequence[_Subject], store: Store) -> list[Margins]:
    """What each image gave with parts hidden; an image that was measured for this model before is read again."""
    remove_leftovers_below(store.folder)
    kept = {subject.row: store.read(subject.sha256) for subject in subjects}
    new = [subject for subject in subjects if kept[subject.row] is None]
    first = work.measure(new, [_single_cells(subject, work.stable) for subject in new]) if new else []
    along = [_along(work, subject, margins) for subject, margins in zip(new, first)]
    second = work.measure(new, along) if new else []
    for subject, single, steps in zip(new, first, second):
        kept[subject.row] = single | steps
        store.write(subject.sha256, single | steps)
    return [margins for subject in subjects if (margins := kept[subject.row]) is not None]


def _single_cells(subject: _Subject, stable: bool) -> list[Hidden]:
    """Nothing, and each cell by itself: by the map's own fill; if `stable`, by another one and on a moved grid, too."""
    moved, cells = grid_of(*subject.shape, moved=True), range(subject.cells)
    own = [Hidden(), *(Hidden((cell,)) for cell in cells)]
    return own if not stable else [*own, *(Hidden((cell,), fill=STABILITY_FILL) for cell in cells),
                                   *(Hidden((cell,), moved=True) for cell in range(moved.rows * moved.columns))]


def _along(work: _Work, subject: _Subject, margins: Margins) -> list[Hidden]:
    """What the curves of both maps and of random orders hide; what two of them share is measured once."""
    orders = [*_orders(work, subject, margins).values(), *_lots(work, subject)]
    hidden = {part.key: part for order in orders for steps in hidden_along(order).values() for part in steps}
    return [part for key, part in hidden.items() if key not in margins]


def _orders(work: _Work, subject: _Subject, margins: Margins) -> dict[str, Int64Array]:
    """Cells by each of the two maps."""
    _, attribution = _attribution(work, subject)
    return dict(zip(KINDS, (order_of(attribution), order_of(_falls(subject.grid, margins)))))


def _lots(work: _Work, subject: _Subject) -> list[Int64Array]:
    return random_orders(subject.cells, subject.request.image_id, work.seed)


def _attribution(work: _Work, subject: _Subject) -> tuple[Float64Array, Float64Array]:
    """Exact contributions by pixels of the work image, and summed over the cells of the grid."""
    x, answer = work.given.x.iloc[[subject.row]], subject.answer
    values = contributions_of(work.bundle, x, answer.named, answer.other)[:-1]
    pixels = spread(subject.sample, work.preset, work.bundle.model.features, values)
    cell = under(subject.sample, subject.grid.cell)
    return pixels, np.asarray(np.bincount(cell.ravel(), pixels.ravel(), subject.cells), dtype=np.float64)


def _falls(grid: Grid, margins: Margins, moved: bool = False, fill: int = 0) -> Float64Array:
    """(c,) how far the log-odds fall when each cell is hidden."""
    whole = margins.get(Hidden().key, np.nan)
    hidden = [Hidden((cell,), moved, fill).key for cell in range(grid.rows * grid.columns)]
    return np.array([whole - margins.get(key, np.nan) for key in hidden])


def _image_map(work: _Work, subject: _Subject, margins: Margins) -> ImageMap:
    pixels, attribution = _attribution(work, subject)
    grid, occlusion = subject.grid, _falls(subject.grid, margins)
    return ImageMap(
        row=subject.row, answer=subject.answer, rows=grid.rows, columns=grid.columns, attribution=attribution,
        pixels=pixels, box=box_of(subject.sample, *subject.shape), occlusion=occlusion,
        other_fill=_falls(grid, margins, fill=STABILITY_FILL), other_grid=_from_moved(subject, margins),
        curves={kind: curves_of(order, margins) for kind, order in _orders(work, subject, margins).items()},
        random=tuple(curves_of(order, margins) for order in _lots(work, subject)),
        places=_places(subject, pixels, occlusion),
        counterfactual=counterfactual(work.bundle, work.given, subject.row, subject.answer, work.preset.name))


def _from_moved(subject: _Subject, margins: Margins) -> Float64Array:
    """What the moved grid says of the cells of the other: means over their pixels."""
    moved = grid_of(*subject.shape, moved=True)
    pixels, cell = _falls(moved, margins, moved=True)[moved.cell].ravel(), subject.grid.cell.ravel()
    known = np.isfinite(pixels)
    count = np.bincount(cell[known], minlength=subject.cells)
    sums = np.bincount(cell[known], pixels[known], subject.cells)
    return np.asarray(np.where(count > 0, sums / np.maximum(count, 1), np.nan), dtype=np.float64)


def _places(subject: _Subject, pixels: Float64Array, occlusion: Float64Array
            ) -> dict[str, tuple[float, float, float]]:
    """Shares of area and of both maps in the named parts of the work image, regardless of sign."""
    cell = under(subject.sample, subject.grid.cell)
    area = np.bincount(cell.ravel(), minlength=subject.cells)
    fall = (np.abs(np.nan_to_num(occlusion)) / np.maximum(area, 1))[cell]
    return {name: (float(mask.mean()), _share(np.abs(pixels), mask), _share(fall, mask))
            for name, mask in divided(subject.sample).items()}


def _share(values: Float64Array, mask: BoolArray) -> float:
    total = float(values.sum())
    return float(values[mask].sum()) / total if total else 0.0
