"""Masks that are given in place of those that the segmenter would find: label images by the names of their images."""
import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from featurize.arrays import Int32Array
from featurize.errors import UserError
from featurize.images.picture import ImageError, decoding
from featurize.images.read import read_bytes

# The list that `segment` writes beside its masks, and its columns that say which mask is whose.
LIST = "masks.csv"
_COLUMNS = ("path", "mask")
_SUFFIXES = (".png", ".tif", ".tiff")
# Modes of Pillow whose pixels are numbers and not colors: 1 bit, palette, 8, 16 and 32 bit.
_MODES = ("1", "P", "L", "I", "I;16")
_LARGEST_LABEL = 2 ** 31 - 1


class NoMask(ImageError):
    """No mask of an image."""

    reason = "no_mask"


class WrongMask(ImageError):
    """A mask that cannot be one of this image."""

    reason = "wrong_mask"


@dataclass(frozen=True)
class GivenMasks:
    """Which mask is whose.

    Parameters
    ----------
    folder : Path
    files : mapping of str to str
        File of the mask below the folder, by the path of the image.
    digest : str
        SHA-256 over names and contents of all masks.
    """

    folder: Path
    files: Mapping[str, str]
    digest: str

    def labels(self, path: str, shape: tuple[int, ...]) -> Int32Array:
        """(H, W) labels of an image of that shape.

        Raises
        ------
        NoMask, WrongMask, ImageError
            No mask; one of colors or of another size; one that cannot be read.
        """
        if path not in self.files:
            raise NoMask(f"no mask of this image lies in {self.folder}")
        name = self.files[path]
        with decoding("mask"), Image.open(io.BytesIO(read_bytes(self.folder / name))) as opened:
            mode, labels = opened.mode, np.asarray(opened)
        if mode not in _MODES:
            raise WrongMask(f"the mask {name} holds colors ({mode}); an image of labels was wanted: 8 or 16 bit gray")
        if labels.shape != shape[:2]:
            raise WrongMask(f"the mask {name} has {labels.shape[1]} x {labels.shape[0]} px, the image {shape[1]} x "
                            f"{shape[0]}")
        return np.clip(labels, 0, _LARGEST_LABEL).astype(np.int32)


def find_masks(folder: Path, paths: Sequence[str]) -> GivenMasks:
    """The masks of images: as the folder's masks.csv says, else by name: `a/b.png` or `a/b.jpg.png` for `a/b.jpg`.

    Raises
    ------
    UserError
        No such folder, or no mask of any of the images.
    """
    if not folder.is_dir():
        raise UserError(f"--masks {folder} is no folder: a folder of label images was wanted, such as `segment` writes")
    listed = _listed(folder)
    files = {}
    for path in paths:
        names = [listed[path]] if path in listed else [stem + suffix for suffix in _SUFFIXES
                                                       for stem in (os.path.splitext(path)[0], path)]
        found = next((name for name in names if (folder / name).is_file()), None)
        if found is not None:
            files[path] = found
    if not files:
        raise UserError(f"--masks {folder} holds no mask of any of {len(paths)} images: for {paths[0]} the mask "
                        f"{os.path.splitext(paths[0])[0]}.png was wanted")
    digest = hashlib.sha256()
    for path, name in sorted(files.items()):
        digest.update(f"{path}\0{name}\0".encode(errors="surrogateescape"))
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return GivenMasks(folder, files, digest.hexdigest())


def _listed(folder: Path) -> dict[str, str]:
    try:
        table = pd.read_csv(folder / LIST, dtype=str, keep_default_na=False)
        return dict(zip(*(table[name].tolist() for name in _COLUMNS)))
    except (OSError, ValueError, KeyError):
        return {}
