"""Label images as files: PNG and TIFF, numpy arrays, NIfTI slices (extra `nifti`)."""
import io
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from featurize.arrays import Int32Array
from featurize.errors import UserError
from featurize.images.picture import ImageError, decoding, quiet
from featurize.images.read import read_bytes

NIFTI = (".nii", ".nii.gz")
SUFFIXES = (".png", ".tif", ".tiff", ".npy", *NIFTI)
# Modes of Pillow whose pixels are numbers and not colors: 1 bit, palette, 8, 16 and 32 bit.
_MODES = ("1", "P", "L", "I", "I;16")
_LARGEST_LABEL = 2 ** 31 - 1


class WrongMask(ImageError):
    """A mask that cannot be one of its image."""

    reason = "wrong_mask"


def read_mask(file: Path) -> Int32Array:
    """(H, W) labels of a file; negative ones count as 0.

    A NIfTI file holds one slice, indexed (x, y) as NIfTI is: x to the right and y down in the picture, whatever its
    affine says.

    Raises
    ------
    WrongMask
        Colors, several planes, or numbers that are no integers.
    ImageError
        It cannot be read.
    """
    name = file.name.lower()
    if name.endswith(NIFTI):
        labels = _nifti(file)
    elif name.endswith(".npy"):
        with decoding("mask"):
            labels = np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    else:
        labels = _picture(file)
    labels = _plane(labels, file.name)
    if labels.dtype.kind == "f":
        # NIfTI of many programs holds labels as floats.
        if not np.array_equal(labels, np.rint(labels)):
            raise WrongMask(f"the mask {file.name} holds numbers with decimals; integer labels were wanted")
    elif labels.dtype.kind not in "biu":
        raise WrongMask(f"the mask {file.name} holds {labels.dtype}; integer labels were wanted")
    return np.clip(labels, 0, _LARGEST_LABEL).astype(np.int32)


def check_readable(folder: Path, names: Iterable[str]) -> None:
    """Refuse NIfTI masks where nibabel is missing, before anything is measured."""
    first = next((name for name in names if name.lower().endswith(NIFTI)), None)
    if first is not None and find_spec("nibabel") is None:
        raise UserError(f"{folder / first} is a NIfTI mask, which needs nibabel: pip install 'pellucid[nifti]'")


def _picture(file: Path) -> NDArray[np.generic]:
    with decoding("mask"), Image.open(io.BytesIO(read_bytes(file))) as opened:
        mode, labels = opened.mode, np.asarray(opened)
    if mode not in _MODES:
        raise WrongMask(f"the mask {file.name} holds colors ({mode}); an image of labels was wanted: 8 or 16 bit gray")
    return labels


def _nifti(file: Path) -> NDArray[np.generic]:
    import nibabel
    from nibabel.imageglobals import LoggingOutputSuppressor
    # Its log tells of every odd field of a header.
    with decoding("mask"), LoggingOutputSuppressor(), quiet("nibabel"):
        return np.asarray(nibabel.nifti1.load(file).dataobj).T


def _plane(labels: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    """The one plane of an array; axes of length 1 are left out."""
    if labels.ndim > 2:
        labels = labels.reshape([n for n in labels.shape if n != 1] if labels.size != 1 else (1, 1))
    if labels.ndim != 2:
        raise WrongMask(f"the mask {name} has the shape {labels.shape}; one plane was wanted")
    return labels
