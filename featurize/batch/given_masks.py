"""Masks that are given in place of those that the segmenter would find: label images by the names of their images."""
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from featurize.arrays import Int32Array
from featurize.batch.mask_files import SUFFIXES, WrongMask, check_readable, read_mask
from featurize.errors import UserError
from featurize.images.picture import ImageError

# The list that `segment` writes beside its masks, and its columns that say which mask is whose.
LIST = "masks.csv"
_COLUMNS = ("path", "mask")


class NoMask(ImageError):
    """No mask of an image."""

    reason = "no_mask"


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
    names : mapping of int to str
        The region of each label, where labels are regions: see `featurize.batch.label_regions`.
    """

    folder: Path
    files: Mapping[str, str]
    digest: str
    names: Mapping[int, str] = field(default_factory=dict)

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
        labels = read_mask(self.folder / name)
        if labels.shape != shape[:2]:
            raise WrongMask(f"the mask {name} has {labels.shape[1]} x {labels.shape[0]} px, the image {shape[1]} x "
                            f"{shape[0]}")
        return labels


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
        names = [listed[path]] if path in listed else [stem + suffix for suffix in SUFFIXES
                                                       for stem in (os.path.splitext(path)[0], path)]
        found = next((name for name in names if (folder / name).is_file()), None)
        if found is not None:
            files[path] = found
    if not files:
        raise UserError(f"--masks {folder} holds no mask of any of {len(paths)} images: for {paths[0]} the mask "
                        f"{os.path.splitext(paths[0])[0]}.png was wanted")
    check_readable(folder, files.values())
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
