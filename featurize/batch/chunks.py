"""What one worker does: a few images in, their numbers and their faults out."""
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import featurize
from featurize.arrays import Float32Array, Int64Array
from featurize.images.perturb import perturbed
from featurize.images.read import ImageError, Picture
from featurize.index.build import Source, load, source_of
from featurize.index.duplicates import fingerprint
from featurize.pipeline import measure_picture
from featurize.presets.load import Preset
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS

PACKAGE = Path(featurize.__file__).parent


@dataclass(frozen=True)
class Item:
    """One image of an index, as it is or as another laboratory might have pictured it (`featurize.images.perturb`)."""

    image_id: str
    site: str | None
    path: str
    perturb: bool = False


@dataclass(frozen=True)
class Task:
    """What is the same for every image of a run."""

    sources: tuple[Source, ...]
    preset: Preset
    mm_per_px: float | None

    def picture(self, item: Item) -> Picture:
        """Read one image; raises ImageError."""
        return load(source_of(self.sources, item.site), item.path)


@dataclass(frozen=True)
class Fault:
    """An image without a row: `reason` is one word, `error` a line for people."""

    image_id: str
    error: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """The measurements of n images.

    Parameters
    ----------
    image_ids : tuple of n str
    names : tuple of k str
        The features, sorted.
    values : (n, k) float32
        NaN where a region was not found.
    sizes : (n, 2) int64
        Width and height in pixels of the image as stored.
    fingerprints : (n, m) float32
        For the search for duplicates; see `featurize.index.duplicates`.
    faults : tuple of Fault
        The images that gave no row.
    """

    image_ids: tuple[str, ...]
    names: tuple[str, ...]
    values: Float32Array
    sizes: Int64Array
    fingerprints: Float32Array
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _Row:
    image_id: str
    features: dict[str, float]
    size: tuple[int, int]
    fingerprint: Float32Array


def measure_chunk(task: Task, items: Sequence[Item]) -> Chunk:
    """Measure some images one after the other.

    An image that cannot be read, and one that a block cannot measure, becomes a `Fault`; the others go on.
    """
    rows: list[_Row] = []
    faults: list[Fault] = []
    for item in items:
        measured = _measure_item(task, item)
        if isinstance(measured, Fault):
            faults.append(measured)
        else:
            rows.append(measured)
    return _stack(rows, tuple(faults))


def _measure_item(task: Task, item: Item) -> _Row | Fault:
    try:
        picture = task.picture(item)
    except ImageError as error:
        return Fault(item.image_id, str(error), error.reason)
    picture = replace(picture, mm_per_px=task.mm_per_px or picture.mm_per_px)
    try:
        if item.perturb:
            picture = perturbed(picture, item.image_id, centred=task.preset.segment == "cell")
        features = measure_picture(picture, task.preset)
    except MEASURE_FAULTS as error:
        return Fault(item.image_id, f"{_place(error)} {type(error).__name__}: {error}".splitlines()[0], INTERNAL)
    endless = [name for name, value in features.items() if np.isinf(value)]
    if endless:
        return Fault(item.image_id, f"{endless[0]} is infinite", INTERNAL)
    return _Row(item.image_id, features, (picture.width_px, picture.height_px), fingerprint(picture.rgb))


def _place(error: BaseException) -> str:
    """File and line of the innermost frame in this package: where to look, without a traceback for every image."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(PACKAGE)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def _stack(rows: Sequence[_Row], faults: tuple[Fault, ...]) -> Chunk:
    # Sorted: the order in which a block fills its row may depend on what it found, the table's must not.
    names = tuple(sorted({name for row in rows for name in row.features}))
    values = np.array([[row.features.get(name, np.nan) for name in names] for row in rows], dtype=np.float32)
    prints = np.stack([row.fingerprint for row in rows]) if rows else np.zeros((0, 0), np.float32)
    return Chunk(tuple(row.image_id for row in rows), names, values.reshape(len(rows), len(names)),
                 np.array([row.size for row in rows], dtype=np.int64).reshape(-1, 2), prints, faults)


def lost(item: Item, error: str, reason: str) -> Chunk:
    """The chunk of one image that could not even report its own fault."""
    return _stack([], (Fault(item.image_id, error, reason),))


def join(chunks: Sequence[Chunk]) -> Chunk:
    """Several chunks as one, rows in the order given; a feature that a chunk lacks is NaN there."""
    names = tuple(sorted({name for chunk in chunks for name in chunk.names}))
    place = {name: at for at, name in enumerate(names)}
    values = np.full((sum(len(c.image_ids) for c in chunks), len(names)), np.nan, dtype=np.float32)
    start = 0
    for chunk in chunks:
        stop = start + len(chunk.image_ids)
        values[start:stop, [place[name] for name in chunk.names]] = chunk.values
        start = stop
    prints = [c.fingerprints for c in chunks if len(c.image_ids)] or [np.zeros((0, 0), np.float32)]
    return Chunk(tuple(i for c in chunks for i in c.image_ids), names, values,
                 np.concatenate([np.zeros((0, 2), np.int64), *(c.sizes for c in chunks)]),
                 np.concatenate(prints), tuple(f for c in chunks for f in c.faults))
