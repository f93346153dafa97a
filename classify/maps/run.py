"""Maps of some images of a table: chosen, hidden cell by cell, measured again, explained, tested."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix
from classify.data.tasks import encode_as
from classify.maps import kept
from classify.maps.counterfactual import Candidates, candidates, counterfactual
from classify.maps.kept import Measured
from classify.maps.margins import against, contributions_of, digest, margin_of, named_and_other
from classify.maps.orders import (STABILITY_FILL, curves_of, hidden_along, order_of, order_tests, random_orders,
                                  stability)
from classify.maps.result import KINDS, Answer, ImageMap, Maps
from classify.predict import apply_bundle
from classify.sweep.choose import choose, found_images
from classify.sweep.run import check_sweep
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.batch.chunks import ImageRequest, MeasureTask
from featurize.batch.hidden import HiddenPlan, decides, measure_hidden, plan_hidden
from featurize.images.occlude import Grid, Hidden, grid_of
from featurize.images.picture import Picture
from featurize.index.build import Index
from featurize.pipeline import sample_of
from featurize.places import cells_in_picture, divided, spread
from featurize.presets.load import Preset, preset_from_dict
from featurize.table import TableInfo

# Images that are mapped, unless told otherwise: enough for a signed-rank test to reach p < .001.
IMAGES = 12


@dataclass(frozen=True)
class MapSettings:
    """How maps are made.

    Parameters
    ----------
    index : Index
        The images of the table.
    images : int
        At most so many.
    jobs : int
        Processes.
    seed : int
        Of the choice of the images and of random orders.
    progress : bool
        Show a bar.
    """

    index: Index
    images: int = IMAGES
    jobs: int = 1
    seed: int = 0
    progress: bool = False


@dataclass(frozen=True)
class _Subject:
    """One image: its row in the table and in the index, its pixels and the grid on them."""

    row: int
    request: ImageRequest
    sha256: str
    picture: Picture
    grid: Grid


def make_maps(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, trained_on: BoolArray, settings: MapSettings,
              out: Path) -> Maps:
    """Map images of a table.

    Parameters
    ----------
    bundle : Bundle
    frame, info
        The table, RangeIndex.
    trained_on : (n,) bool
        See `classify.uncertainty.known_images`.
    settings : MapSettings
    out : Path
        What is written in the end. In the folder beside it, `audit.maps` for `audit.html`, stays a JSON for each image:
        the same image and model are not measured again.

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
    there = images.set_index("sha256").loc[frame["sha256"].iloc[chosen.rows]].reset_index()
    preset = preset_from_dict(info.preset)
    task = MeasureTask(settings.index.sources, preset, info.mm_per_px)
    subjects = [_subject(task, row, values) for row, values in zip(chosen.rows.tolist(), there.to_dict("records"))]
    predictions = apply_bundle(bundle, matrix(frame, bundle.model.features))
    given = candidates(bundle, frame, info, y, predictions.p.argmax(axis=1), trained_on)
    plan = plan_hidden(task, [subject.request.image_id for subject in subjects], out, settings.jobs, settings.progress)
    work = _Work(bundle, preset, info.mm_per_px, given, predictions.p, plan, settings.seed)
    measured = _measured(work, subjects, kept.store_of(out, [digest(bundle), settings.seed, *decides(task)]))
    maps = tuple(_image_map(work, subject, found) for subject, found in zip(subjects, measured))
    plan.shards.close()
    return Maps(maps, chosen.learned, chosen.note, settings.seed, order_tests(maps), stability(maps),
                tuple(settings.index.sources))


@dataclass(frozen=True)
class _Work:
    """What is the same for every image."""

    bundle: Bundle
    preset: Preset
    mm_per_px: float | None
    given: Candidates
    p: Float64Array
    plan: HiddenPlan
    seed: int

    def margins(self, table: pd.DataFrame, answer: Answer) -> dict[str, float]:
        """Log-odds by key of what is hidden."""
        x = matrix(table.reset_index(drop=True).reindex(columns=self.bundle.model.features),
                   self.bundle.model.features)
        keys = [key.partition(" ")[2] for key in table.index]
        return dict(zip(keys, margin_of(self.bundle, x, answer).tolist()))


def _subject(task: MeasureTask, row: int, values: dict[str, str | None]) -> _Subject:
    request = ImageRequest(str(values["image_id"]), values["site"], str(values["path"]))
    picture = task.picture(request)
    return _Subject(row, request, str(values["sha256"]), picture, grid_of(*picture.rgb.shape[:2]))


def _measured(work: _Work, subjects: Sequence[_Subject], store: kept.Store) -> list[Measured]:
    """What each image gave with parts hidden; images that were measured for this model before are read again."""
    found = {subject.row: store.read(subject.sha256) for subject in subjects}
    new = [subject for subject in subjects if found[subject.row] is None]
    if new:
        first = measure_hidden(work.plan, [request for subject in new for request in _single_cells(subject)])
        started = {subject.row: _started(work, subject, first) for subject in new}
        requests = [request for subject in new for request in _along(work, subject, started[subject.row])]
        second = measure_hidden(work.plan, requests)
        for subject in new:
            begun = started[subject.row]
            rows = second[second.index.str.startswith(f"{subject.request.image_id} ")]
            measured = Measured(begun.margins | work.margins(rows, _answer(work, subject)))
            store.write(subject.sha256, measured)
            found[subject.row] = measured
    return [measured for subject in subjects if (measured := found[subject.row]) is not None]


def _single_cells(subject: _Subject) -> list[ImageRequest]:
    """The image unchanged, and with each cell hidden: by the map's own fill, another one, and on a moved grid."""
    moved = grid_of(*subject.picture.rgb.shape[:2], moved=True)
    cells = range(subject.grid.rows * subject.grid.columns)
    hidden = [Hidden(), *(Hidden((cell,)) for cell in cells),
              *(Hidden((cell,), fill=STABILITY_FILL) for cell in cells),
              *(Hidden((cell,), moved=True) for cell in range(moved.rows * moved.columns))]
    return _requests(subject, hidden)


def _requests(subject: _Subject, hidden: Sequence[Hidden]) -> list[ImageRequest]:
    own = subject.request
    return [ImageRequest(own.image_id, own.site, own.path, hidden=part) for part in hidden]


def _started(work: _Work, subject: _Subject, table: pd.DataFrame) -> Measured:
    rows = table[table.index.str.startswith(f"{subject.request.image_id} ")]
    return Measured(work.margins(rows, _answer(work, subject)))


def _answer(work: _Work, subject: _Subject) -> Answer:
    """The class that the model names in the table, and the next."""
    p, row = work.p[subject.row], subject.row
    named, other = named_and_other(p[None])[0].tolist()
    x = work.given.x.iloc[[row]]
    base = contributions_of(work.bundle, x, named, other)[-1]
    blank = Answer(named, other, float(p[named]), np.nan, float(base))
    return Answer(named, other, float(p[named]), float(margin_of(work.bundle, x, blank)[0]), float(base))


def _along(work: _Work, subject: _Subject, begun: Measured) -> list[ImageRequest]:
    """What the curves of both maps and of random orders hide; what two of them share is measured once."""
    orders = [*_orders(work, subject, begun).values(), *_lots(work, subject)]
    hidden = {part.key: part for order in orders for steps in hidden_along(order).values() for part in steps}
    return _requests(subject, [part for key, part in hidden.items() if key not in begun.margins])


def _orders(work: _Work, subject: _Subject, measured: Measured) -> dict[str, Int64Array]:
    """Cells by each of the two maps."""
    _, attribution = _attribution(work, subject)
    return dict(zip(KINDS, (order_of(attribution), order_of(_falls(subject.grid, measured)))))


def _lots(work: _Work, subject: _Subject) -> list[Int64Array]:
    cells = subject.grid.rows * subject.grid.columns
    return random_orders(cells, subject.request.image_id, work.seed)


def _attribution(work: _Work, subject: _Subject) -> tuple[Float64Array, Float64Array]:
    """Exact contributions by pixels of the work image, and summed over the cells of the grid."""
    answer = _answer(work, subject)
    values = contributions_of(work.bundle, work.given.x.iloc[[subject.row]], answer.named, answer.other)[:-1]
    sample = sample_of(subject.picture, work.preset, work.mm_per_px)
    pixels = spread(sample, work.preset, work.bundle.model.features, values)
    cell = cells_in_picture(sample, subject.grid.cell)
    sums = np.bincount(cell.ravel(), pixels.ravel(), subject.grid.rows * subject.grid.columns)
    return pixels, np.asarray(sums, dtype=np.float64)


def _falls(grid: Grid, measured: Measured, moved: bool = False, fill: int = 0) -> Float64Array:
    """(c,) how far the log-odds fall when each cell is hidden."""
    whole = measured.margins.get(Hidden().key, np.nan)
    hidden = [Hidden((cell,), moved, fill).key for cell in range(grid.rows * grid.columns)]
    return np.array([whole - measured.margins.get(key, np.nan) for key in hidden])


def _image_map(work: _Work, subject: _Subject, measured: Measured) -> ImageMap:
    pixels, attribution = _attribution(work, subject)
    grid, answer = subject.grid, _answer(work, subject)
    occlusion = _falls(grid, measured)
    orders = _orders(work, subject, measured)
    return ImageMap(
        row=subject.row, answer=answer, rows=grid.rows, columns=grid.columns, attribution=attribution, pixels=pixels,
        occlusion=occlusion, other_fill=_falls(grid, measured, fill=STABILITY_FILL),
        other_grid=_from_moved(subject, measured),
        curves={kind: curves_of(order, measured.margins) for kind, order in orders.items()},
        random=tuple(curves_of(order, measured.margins) for order in _lots(work, subject)),
        places=_places(work, subject, pixels, occlusion),
        counterfactual=counterfactual(work.bundle, work.given, subject.row, answer, work.preset.name))


def _from_moved(subject: _Subject, measured: Measured) -> Float64Array:
    """What the moved grid says of the cells of the other: means over their pixels."""
    moved = grid_of(*subject.picture.rgb.shape[:2], moved=True)
    pixels = _falls(moved, measured, moved=True)[moved.cell].ravel()
    known, cell = np.isfinite(pixels), subject.grid.cell.ravel()
    cells = subject.grid.rows * subject.grid.columns
    count = np.bincount(cell[known], minlength=cells)
    sums = np.bincount(cell[known], pixels[known], cells)
    return np.asarray(np.where(count > 0, sums / np.maximum(count, 1), np.nan), dtype=np.float64)


def _places(work: _Work, subject: _Subject, pixels: Float64Array, occlusion: Float64Array
            ) -> dict[str, tuple[float, float, float]]:
    """Shares of area and of both maps in the named parts of the work image, regardless of sign."""
    sample = sample_of(subject.picture, work.preset, work.mm_per_px)
    cell = cells_in_picture(sample, subject.grid.cell)
    area = np.bincount(cell.ravel(), minlength=len(occlusion))
    fall = (np.abs(np.nan_to_num(occlusion)) / np.maximum(area, 1))[cell]
    size = np.abs(pixels)
    return {name: (float(mask.mean()), _share(size, mask), _share(fall, mask)) for name, mask in
            divided(sample).items()}


def _share(values: Float64Array, mask: BoolArray) -> float:
    total = float(values.sum())
    return float(values[mask].sum()) / total if total else 0.0


__all__ = ["IMAGES", "MapSettings", "against", "make_maps"]
