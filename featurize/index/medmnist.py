"""Images in an npz file: the layout of MedMNIST.

``train_images``, ``train_labels`` and the same with ``val_`` and ``test_``, or ``images`` and ``labels`` alone. Images
are (N, H, W) or (N, H, W, 3); labels are numbers or class names, (N,) or (N, 1), or (N, k) for k findings.
https://github.com/MedMNIST/MedMNIST
"""
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import UserError
from featurize.images.picture import Limits, check_size
from featurize.images.read import ImageError
from featurize.index.index_row import IndexRow
from featurize.index.sources import Source, array_file, open_array

# Prefix of the arrays to the split.
_PARTS = {"train": "train", "val": "val", "test": "test", "": None}
# Digits of the numbers in paths, more for longer arrays.
_NUMBER_DIGITS = 5
# From here on not every whole number is a float64.
_LARGEST_FLOAT_LABEL = 2 ** 53
# Code points of Unicode: the last one, and those that UTF-16 keeps for itself.
_LAST_CHARACTER = 0x10FFFF
_FIRST_SURROGATE = 0xD800
_LAST_SURROGATE = 0xDFFF


def npz_rows(source: Source) -> Iterator[IndexRow]:
    """One row for each image, with paths like ``train/00012``.

    Raises
    ------
    UserError
        Arrays of other names or shapes, or of Python objects.
    """
    present = [part for part in _PARTS if array_file(source, _key(part, "images")).is_file()]
    if not present:
        names = ", ".join(sorted(p.stem for p in array_file(source, "x").parent.glob("*.npy"))) or "no arrays"
        raise UserError(f"{source.root} holds {names}: train_images, train_labels (or images, labels) were wanted")
    for part in present:
        images = _array(source, _key(part, "images"))
        if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)):
            raise UserError(f"{source.root}: {_key(part, 'images')} has the shape {images.shape}, (N, H, W) or "
                            "(N, H, W, 3) was wanted")
        if images.dtype.kind not in "buif":
            raise UserError(f"{source.root}: {_key(part, 'images')} is of type {images.dtype}, numbers were wanted")
        _check_pictures(source, part, images)
        yield from _part_rows(source, part, images, _labels(source, part, len(images)))


def _key(part: str, name: str) -> str:
    return f"{part}_{name}" if part else name


def _array(source: Source, name: str) -> NDArray[Any]:
    try:
        return open_array(array_file(source, name))
    except ImageError as error:
        raise UserError(f"{source.root}: {name} cannot be read ({error}): a whole array of plain numbers was wanted, "
                        "no Python objects") from None


def _check_pictures(source: Source, part: str, images: NDArray[Any]) -> None:
    """The pictures have pixels, and not more than an image file may have."""
    try:
        check_size(images.shape[2], images.shape[1], Limits())
    except ImageError as error:
        raise UserError(f"{source.root}: {_key(part, 'images')} cannot be used ({error})") from None


def _labels(source: Source, part: str, n: int) -> NDArray[Any] | None:
    """(N,) labels or (N, k) findings, None where there are none."""
    name = _key(part, "labels")
    if not array_file(source, name).is_file():
        return None
    labels = _array(source, name)
    if labels.shape[:1] != (n,) or labels.ndim > 2 or labels.dtype.kind not in "biufU":
        raise UserError(f"{source.root}: {name} has the shape {labels.shape} and type {labels.dtype}, one number or "
                        f"name for each of {n} images was wanted")
    if labels.dtype.kind == "f":
        if not ((labels == np.rint(labels)) & (np.abs(labels) < _LARGEST_FLOAT_LABEL)).all():
            raise UserError(f"{source.root}: {name} holds fractions or no numbers, whole numbers were wanted")
        labels = labels.astype(np.int64)
    if labels.dtype.kind == "U" and not _is_text(labels):
        raise UserError(f"{source.root}: {name} holds names that are no text: save it again")
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim == 2 and not np.isin(labels, (0, 1)).all():
        raise UserError(f"{source.root}: {name} has {labels.shape[1]} columns with values other than 0 and 1")
    return labels


def _is_text(names: NDArray[np.str_]) -> bool:
    """Whether all characters are such, and none is half of one (a surrogate): neither can be written to a file."""
    codes = np.frombuffer(names.tobytes(), np.dtype(np.uint32).newbyteorder(names.dtype.byteorder))
    return bool(((codes <= _LAST_CHARACTER) & ~((codes >= _FIRST_SURROGATE) & (codes <= _LAST_SURROGATE))).all())


def _part_rows(source: Source, part: str, images: NDArray[Any], labels: NDArray[Any] | None) -> Iterator[IndexRow]:
    shape = f"{images.dtype.str}{images.shape[1:]}".encode()
    width = max(_NUMBER_DIGITS, len(str(len(images))))
    for number, image in enumerate(images):
        label, findings = None, {}
        if labels is not None and labels.ndim == 1:
            label = str(labels[number])
        elif labels is not None:
            findings = {str(k): int(value) for k, value in enumerate(labels[number])}
        yield IndexRow(source.site, f"{part}/{number:0{width}}" if part else f"{number:0{width}}",
                       hashlib.sha256(shape + np.ascontiguousarray(image).tobytes()).hexdigest(),
                       label=label, split=_PARTS[part], findings=findings)
