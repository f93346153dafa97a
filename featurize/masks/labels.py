"""The regions of a sample as one label image in the pixels of the picture."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Int32Array
from featurize.sample import Sample

# Labels of each segmenter that finds named regions; ``tissue`` counts its nuclei from 1.
NAMES: dict[str, tuple[str, ...]] = {"cell": ("nucleus", "cytoplasm"), "xray": ("right_lung", "left_lung")}
NUCLEUS = "nucleus"


@dataclass(frozen=True)
class Labels:
    """A label image.

    Parameters
    ----------
    image : (H, W) int32
        0 where nothing was found.
    names : dict of int to str
        What each label that occurs is.
    """

    image: Int32Array
    names: dict[int, str]


def labels_of(sample: Sample, segmenter: str) -> Labels:
    """The label image of a sample; what a segmenter of `NAMES` or ``tissue`` found.

    Examples
    --------
    >>> from featurize.segment.segmenters import segment
    >>> from featurize.simulate.smears import draw_cell
    >>> labels_of(segment("cell", draw_cell("neutrophil", seed=1).rgb, "none"), "cell").names
    {1: 'nucleus', 2: 'cytoplasm'}
    """
    height, width = sample.raw.shape[:2]
    if segmenter not in NAMES:
        image = cv2.resize(sample.objects, (width, height), interpolation=cv2.INTER_NEAREST)
        return Labels(np.asarray(image), {int(k): NUCLEUS for k in np.unique(image) if k})
    image = np.zeros((height, width), np.int32)
    # The first is written last: pixels in which two regions meet belong to it.
    for number, name in reversed(list(enumerate(NAMES[segmenter], 1))):
        image[in_picture(sample.regions["cell" if name == "cytoplasm" else name], sample)] = number
    return Labels(image, {k: name for k, name in enumerate(NAMES[segmenter], 1) if (image == k).any()})


def in_picture(mask: BoolArray, sample: Sample) -> BoolArray:
    """A mask of the work image, in the pixels of the picture as read: (H, W) bool."""
    found = np.zeros(sample.raw.shape[:2], bool)
    height, width = sample.raw.shape[:2]
    left, top, wide, high = (int(sample.facts.get(f"crop_{name}", default)) for name, default in
                             (("left", 0), ("top", 0), ("width", width), ("height", height)))
    part = cv2.resize(mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR) > .5
    found[top:top + high, left:left + wide] = part
    return found
