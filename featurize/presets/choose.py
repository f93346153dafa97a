"""Which preset fits a folder: a look at a few pictures, each has a vote."""
from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, UInt8Array
from featurize.errors import UserError
from featurize.images.read import ImageError
from featurize.index.build import Index, load, source_of

LOOKED_AT = 24
_SIDE = 32
_BLACK = 20
# Central minus outer green density in standard deviations of the picture. Single cells of four laboratories: 1.6 and
# more in nine of ten pictures; smear fields, tissue and films: below 1.4 in nine of ten.
_BUMP = 1.45
_WHY = {"cell": "one dark purple object in the middle", "xray": "no color",
        "tissue": "the colors of a stain and no single object in the middle", "whole": "no known look"}


def sample_pictures(index: Index) -> list[UInt8Array]:
    """Up to `LOOKED_AT` images, evenly spread over the index; those that cannot be read are passed over."""
    frame = index.frame[["site", "path"]]
    rows = np.unique(np.linspace(0, max(len(frame) - 1, 0), LOOKED_AT).astype(int))
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
        A sample of the folder; `LOOKED_AT` of them are enough.

    Returns
    -------
    preset : {"cell", "tissue", "xray", "whole"}
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
    return name, f"{count} of {votes.total()} pictures: {_WHY[name]}"


def vote(rgb: UInt8Array) -> str:
    """What one picture looks like: `cell`, `tissue`, `xray`, `whole` or `empty`."""
    small = cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    density = -np.log((small + 1) / 256)
    density[small.max(axis=2) < _BLACK] = 0  # nothing was photographed there: a cell cut out and laid on black
    green = density[..., 1]
    if green.std() < .01:
        return "empty"
    bump = (green[_CENTER].mean() - green[_BORDER].mean()) / green.std()
    dye = density - np.percentile(density.reshape(-1, 3), 10, axis=0)
    if np.abs(rgb[..., 0].astype(np.int16) - rgb[..., 1]).mean() < 1:
        return "cell" if bump > _BUMP else "xray"
    if bump > _BUMP and _is_stain(dye[_CENTER]):
        return "cell"
    return "tissue" if _is_stain(dye) else "whole"


def _is_stain(dye: Float32Array) -> bool:
    """Hematoxylin, eosin and azure let blue through and stop green; skin, leaves and retinas do the reverse."""
    return bool(dye[..., 2].mean() < dye[..., 1].mean())


def _rings() -> tuple[BoolArray, BoolArray]:
    row, column = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
    distance = np.hypot(row, column) / _SIDE
    return distance < .15, distance > .42


_CENTER, _BORDER = _rings()
