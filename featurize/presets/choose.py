"""Which preset fits a folder: every one of a few pictures votes for one."""
from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, UInt8Array
from featurize.errors import UserError
from featurize.images.read import ImageError
from featurize.index.build import Index, load, source_of

# Most images that are looked at.
SAMPLE_SIZE = 24
# Side of the thumbnail that is looked at, pixels.
_SIDE = 32
# Gray level below which, in every channel, nothing was photographed: a cell was cut out and laid on black.
_BLACK = 20
# Standard deviation of the green density (natural logarithm) below which a picture is empty.
_EMPTY_DENSITY = .01
# Central minus outer green density in standard deviations of the picture, from which on an object stands in the middle.
# Single cells of four laboratories: 1.6 and more in nine of ten pictures; smear fields, tissue and films: below 1.4 in
# nine of ten.
_CENTRAL_OBJECT = 1.45
# Radii of the middle and of the outer part of the thumbnail, in sides of it.
_CENTER_RADIUS = .15
_BORDER_RADIUS = .42
# Percentile of the density that is taken for the empty slide.
_SLIDE_PERCENTILE = 10
# Share of the pixels with the largest green density: the nuclei.
_NUCLEI_SHARE = 1 / 8
# Blue over green density of the nuclei, below which the stain is azure (Giemsa, Wright) and not hematoxylin. Median and
# 10th to 90th percentile of 60 pictures: leukemia_all4 .19 (.03 to .32), fields_bccd .36 (.17 to .69); breast_idc .61
# (.56 to .76), tissue_hpylori .58 (.52 to .88).
_MOST_BLUE_OF_AZURE = .45
# Mean difference between red and green, gray levels, below which a picture has no color.
_COLORLESS = 1
_REASONS = {"cell": "one dark purple object in the middle", "xray": "no color",
            "tissue": "hematoxylin or eosin, and no single object in the middle",
            "smear": "the azure of a blood stain, and no single object in the middle", "whole": "no known look"}


def sample_pictures(index: Index) -> list[UInt8Array]:
    """Up to `SAMPLE_SIZE` images, evenly spread over the index; those that cannot be read are passed over."""
    frame = index.frame[["site", "path"]]
    rows = np.unique(np.linspace(0, max(len(frame) - 1, 0), SAMPLE_SIZE).astype(int))
    pictures = []
    for site, path in frame.iloc[rows[:len(frame)]].itertuples(index=False):
        try:
            pictures.append(load(source_of(index.sources, site), path).rgb)
        except ImageError:
            continue
    return pictures


def choose_preset(pictures: Sequence[UInt8Array]) -> tuple[str, str]:
    """The preset for `--preset auto`.

    Parameters
    ----------
    pictures : sequence of (H, W, 3) uint8
        A sample of the folder; `SAMPLE_SIZE` of them are enough.

    Returns
    -------
    preset : {"cell", "smear", "tissue", "xray", "whole"}
    reason : str
        One line for people.

    Raises
    ------
    UserError
        There is no picture to look at.
    """
    if not pictures:
        raise UserError("not one image could be read to choose a preset: name one with --preset")
    votes = Counter(vote(rgb) for rgb in pictures)
    # Empty windows are common among tissue patches and say nothing; all empty is "whole".
    votes.pop("empty", None)
    if not votes:
        return "whole", "the pictures are empty"
    name, count = max(votes.items(), key=lambda item: (item[1], item[0]))
    return name, f"{count} of {votes.total()} pictures: {_REASONS[name]}"


def vote(rgb: UInt8Array) -> str:
    """What one picture looks like: `cell`, `smear`, `tissue`, `xray`, `whole` or `empty`."""
    small = cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    density = -np.log((small + 1) / 256)
    density[small.max(axis=2) < _BLACK] = 0
    green = density[..., 1]
    if green.std() < _EMPTY_DENSITY:
        return "empty"
    central = (green[_CENTER].mean() - green[_BORDER].mean()) / green.std() > _CENTRAL_OBJECT
    dye = density - np.percentile(density.reshape(-1, 3), _SLIDE_PERCENTILE, axis=0)
    if np.abs(rgb[..., 0].astype(np.int16) - rgb[..., 1]).mean() < _COLORLESS:
        return "cell" if central else "xray"
    if central and _is_stain(dye[_CENTER]):
        return "cell"
    if not _is_stain(dye):
        return "whole"
    return "smear" if _is_azure(dye) else "tissue"


def _is_stain(dye: Float32Array) -> bool:
    """Hematoxylin, eosin and azure let blue through and stop green; skin, leaves and retinas do the reverse."""
    return bool(dye[..., 2].mean() < dye[..., 1].mean())


def _is_azure(dye: Float32Array) -> bool:
    """Azure lets more blue through than hematoxylin does."""
    colors = dye.reshape(-1, 3)
    nuclei = colors[colors[:, 1] >= np.quantile(colors[:, 1], 1 - _NUCLEI_SHARE)].mean(axis=0)
    return bool(nuclei[2] < _MOST_BLUE_OF_AZURE * nuclei[1])


def _rings() -> tuple[BoolArray, BoolArray]:
    row, column = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
    distance = np.hypot(row, column) / _SIDE
    return distance < _CENTER_RADIUS, distance > _BORDER_RADIUS


_CENTER, _BORDER = _rings()
