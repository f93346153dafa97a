"""What one worker does: a chunk of images in, their measurements and their faults out."""
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import featurize
from featurize.arrays import Float32Array, Int64Array, UInt8Array
from featurize.batch.given_masks import GivenMasks
from featurize.images.corrupt import corrupted
from featurize.images.occlude import Hidden, hide
from featurize.images.perturb import perturbed
from featurize.images.picture import OUT_OF_MEMORY, Changed
from featurize.images.read import ImageError, Picture
from featurize.index.build import Source, load, source_of
from featurize.index.fingerprints import fingerprint
from featurize.parts import part_of
from featurize.pipeline import measure_as_given, measure_every_cell, measure_picture
from featurize.presets.load import Preset
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS, fault_place

# The process that measured an image died.
CRASHED = "crashed"
# Reasons that may not hold for another run. `unreadable` is what the disk or the network says.
OF_THE_MOMENT = (OUT_OF_MEMORY, CRASHED, ImageError.reason, Changed.reason)
_PACKAGE = Path(featurize.__file__).parent
# What `every_cell` measures beside the features: the middle of the cell, pixels of the image.
CELL_X, CELL_Y = "cell_x_px", "cell_y_px"


def cell_key(image_id: str, number: int) -> str:
    """The id of a cell: the central one, number 1, has that of its image.

    Examples
    --------
    >>> cell_key("00ff", 1), cell_key("00ff", 2), cell_of("00ff-2")
    ('00ff', '00ff-2', ('00ff', 2))
    """
    return image_id if number == 1 else f"{image_id}-{number}"


def cell_of(key: str) -> tuple[str, int]:
    """The id of the image and the number of the cell in it."""
    image_id, _, number = key.partition("-")
    return image_id, int(number or 1)


@dataclass(frozen=True)
class ImageRequest:
    """One image of an index that is to be measured.

    Parameters
    ----------
    image_id, site, path : str
        As they stand in the index.
    copy : int
        0: the image as it is. From 1 on: the number of a copy as another laboratory might have pictured it, see
        `featurize.images.perturb`.
    only_fingerprint : bool
        Measure nothing but the fingerprint: the rest is known.
    change : str
        One of `featurize.images.corrupt.CORRUPTIONS`; empty: none.
    strength : int
        Of the change, 1 to 5.
    sha256 : str
        Of the file as the index lists it; another content is a fault. Empty: not compared.
    hidden : Hidden or None
        Parts of the picture that are hidden.
    part : str
        One of `featurize.parts.PARTS`: the rest of the picture is hidden; empty: nothing is.
    """

    image_id: str
    site: str | None
    path: str
    copy: int = 0
    only_fingerprint: bool = False
    change: str = ""
    strength: int = 0
    sha256: str = ""
    hidden: Hidden | None = None
    part: str = ""

    @property
    def key(self) -> str:
        """The id of the image, followed by what is changed: strength and name, or what is hidden, or what is shown.

        Of a copy by its number from 2 on.
        """
        if self.hidden:
            return f"{self.image_id} {self.hidden.key}"
        if self.part:
            return f"{self.image_id} {self.part}"
        if self.change:
            return f"{self.image_id} {self.strength} {self.change}"
        return self.image_id if self.copy < 2 else f"{self.image_id} {self.copy}"


@dataclass(frozen=True)
class MeasureTask:
    """What is the same for every image of a run.

    Parameters
    ----------
    sources : tuple of Source
        Where the images are.
    preset : Preset
        How they are measured.
    mm_per_px : float or None
        Size of a pixel as the user gave it; it goes before the size that a file tells.
    every_cell : bool
        Measure every white cell of an image and not only the central one; see `cell_key`. Of changed copies only the
        central one is measured.
    masks : GivenMasks or None
        Regions of the images; of changed copies the segmenter finds them.
    subject : Preset or None
        How the subject is found where only a part of a picture is measured; None: as `preset` says.
    """

    sources: tuple[Source, ...]
    preset: Preset
    mm_per_px: float | None
    every_cell: bool = False
    masks: GivenMasks | None = None
    subject: Preset | None = None

    def picture(self, request: ImageRequest) -> Picture:
        """Read one image; raises ImageError."""
        return load(source_of(self.sources, request.site), request.path, sha256=request.sha256)


@dataclass(frozen=True)
class Fault:
    """An image without a row: `reason` is one word, `error` a line for people."""

    image_id: str
    error: str
    reason: str

    @property
    def of_the_moment(self) -> bool:
        """Whether another run may read the image: the memory did not suffice, its process died, the disk failed."""
        return self.reason in OF_THE_MOMENT


@dataclass(frozen=True)
class MeasuredChunk:
    """The measurements of a chunk of n images.

    Parameters
    ----------
    image_ids : tuple of n str
        Of copies the keys of their requests.
    names : tuple of k str
        The features, sorted.
    values : (n, k) float32
        NaN where a region was not found.
    sizes : (n, 2) int64
        Width and height in pixels of the image as stored.
    fingerprints : (n, m) uint8
        For the search for duplicates; see `featurize.index.duplicates`.
    faults : tuple of Fault
        The images that gave no row.
    """

    image_ids: tuple[str, ...]
    names: tuple[str, ...]
    values: Float32Array
    sizes: Int64Array
    fingerprints: UInt8Array
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _MeasuredImage:
    image_id: str
    features: dict[str, float]
    size_px: tuple[int, int]
    fingerprint: UInt8Array


def measure_chunk(task: MeasureTask, requests: Sequence[ImageRequest]) -> MeasuredChunk:
    """Measure some images one after the other.

    An image that cannot be read, and one that a block cannot measure, becomes a `Fault`; the others go on. An image
    that is asked for several times in a row, changed in other ways, is read once.
    """
    pictures = _LastPicture(task)
    measured = [one for request in requests for one in _measure_image(task, request, pictures)]
    return _stack([image for image in measured if isinstance(image, _MeasuredImage)],
                  tuple(fault for fault in measured if isinstance(fault, Fault)))


class _LastPicture:
    """Reads images and remembers the last one."""

    def __init__(self, task: MeasureTask) -> None:
        self._task = task
        self._last: tuple[tuple[str | None, str, str], Picture] | None = None

    def read(self, request: ImageRequest) -> Picture:
        """The image of a request; raises ImageError."""
        file = (request.site, request.path, request.sha256)
        if self._last is None or self._last[0] != file:
            self._last = None
            self._last = (file, self._task.picture(request))
        return self._last[1]


def _measure_image(task: MeasureTask, request: ImageRequest, pictures: _LastPicture
                   ) -> Sequence[_MeasuredImage | Fault]:
    """One image, or its cells."""
    try:
        picture = pictures.read(request)
    except ImageError as error:
        return [Fault(request.image_id, str(error), error.reason)]
    picture = replace(picture, mm_per_px=task.mm_per_px or picture.mm_per_px)
    try:
        if request.copy:
            centred = task.preset.segment == "cell"
            picture = perturbed(picture, request.image_id, centred=centred, copy=request.copy)
        if request.change:
            picture = corrupted(picture, request.image_id, request.change, request.strength)
        if request.hidden:
            picture = hide(picture, request.image_id, request.hidden)
        if request.part:
            picture = part_of(picture, request.part, task.subject or task.preset)
        rows = _rows(task, request, picture)
    except ImageError as error:
        return [Fault(request.image_id, str(error), error.reason)]
    except MemoryError:
        return [Fault(request.image_id, "the memory does not suffice to measure it", OUT_OF_MEMORY)]
    except MEASURE_FAULTS as error:
        line = f"{fault_place(error, _PACKAGE)} {type(error).__name__}: {error}".splitlines()[0]
        return [Fault(request.image_id, line, INTERNAL)]
    infinite = next((name for features in rows for name, value in features.items() if math.isinf(value)), None)
    if infinite:
        return [Fault(request.image_id, f"{infinite} is infinite", INTERNAL)]
    size_px, own = (picture.width_px, picture.height_px), fingerprint(picture.rgb)
    return [_MeasuredImage(cell_key(request.key, number), features, size_px, own)
            for number, features in enumerate(rows, 1)]


def _rows(task: MeasureTask, request: ImageRequest, picture: Picture) -> list[dict[str, float]]:
    """The measurements of each row that an image gives."""
    if request.only_fingerprint:
        return [{}]
    if task.masks and not request.copy:
        labels = task.masks.labels(request.path, picture.rgb.shape)
        return [measure_as_given(picture, labels, task.preset, names=task.masks.names)]
    if not task.every_cell or request.copy:
        return [measure_picture(picture, task.preset)]
    return [{**cell.measured, CELL_X: cell.x_px, CELL_Y: cell.y_px}
            for cell in measure_every_cell(picture, task.preset)]


def _stack(images: Sequence[_MeasuredImage], faults: tuple[Fault, ...]) -> MeasuredChunk:
    # Sorted: the order in which a block fills its row may depend on what it found, the table's must not.
    names = tuple(sorted({name for image in images for name in image.features}))
    values = np.array([[image.features.get(name, np.nan) for name in names] for image in images], dtype=np.float32)
    sizes = np.array([image.size_px for image in images], dtype=np.int64).reshape(-1, 2)
    fingerprints = np.stack([image.fingerprint for image in images]) if images else np.zeros((0, 0), np.uint8)
    return MeasuredChunk(tuple(image.image_id for image in images), names, values.reshape(len(images), len(names)),
                         sizes, fingerprints, faults)


def fault_chunk(request: ImageRequest, error: str, reason: str) -> MeasuredChunk:
    """The chunk of one image that could not report its own fault, because it killed its process."""
    return _stack([], (Fault(request.image_id, error, reason),))


def join(chunks: Iterable[MeasuredChunk]) -> MeasuredChunk:
    """Several chunks as one, images in the order given; a feature that a chunk lacks is NaN there.

    Chunks that only `chunks` holds are freed as they are copied, so that not all is in the memory twice.
    """
    waiting = deque(chunks)
    names = tuple(sorted({name for used in {chunk.names for chunk in waiting} for name in used}))
    column_of = {name: column for column, name in enumerate(names)}
    ids = tuple(image_id for chunk in waiting for image_id in chunk.image_ids)
    faults = tuple(fault for chunk in waiting for fault in chunk.faults)
    length = next((chunk.fingerprints.shape[1] for chunk in waiting if chunk.image_ids), 0)
    joined = MeasuredChunk(ids, names, np.full((len(ids), len(names)), np.nan, np.float32),
                           np.zeros((len(ids), 2), np.int64), np.zeros((len(ids), length), np.uint8), faults)
    start = 0
    while waiting:
        chunk = waiting.popleft()
        stop = start + len(chunk.image_ids)
        if stop > start:
            joined.values[start:stop, [column_of[name] for name in chunk.names]] = chunk.values
            joined.sizes[start:stop], joined.fingerprints[start:stop] = chunk.sizes, chunk.fingerprints
        start = stop
    return joined
