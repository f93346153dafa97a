"""Small patches of a reduced picture by the words of a fixed dictionary: for pictures that are all taken upright."""
import cv2
import numpy as np

from featurize.descriptors.patch_words import PATCH_PX, dictionary, word_counts
from featurize.registry import Feature, block
from featurize.sample import Sample

_DESCRIBES = {"r*_c*_w*": Feature("1", "mean over the patches of a part (row, column) of the picture: how much nearer "
                                       "they are to word w of docs/patch_words.png than to the mean word")}


@block("words", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Coates, Ng & Lee 2011, An analysis of single-layer networks in unsupervised feature learning, AISTATS")
def words(sample: Sample, *, regions: tuple[str, ...] = ("whole",), side_px: int = 28, rows: int = 2,
          columns: int = 2) -> dict[str, float]:
    """Words in the parts of the bounding box of every region; NaN where the region is empty or too small.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    side_px : int
        The box is reduced to a square of this side: words then tell of ribs, hila and consolidations, not of grain.
    rows, columns : int
        Parts of the box.
    """
    known = dictionary()
    row: dict[str, float] = {}
    for name in regions:
        mask = sample.regions[name]
        names = [f"{name}_words_r{i}_c{j}_w{k}" for i in range(rows) for j in range(columns)
                 for k in range(len(known.words))]
        y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if min(len(y), len(x)) < PATCH_PX:
            row |= dict.fromkeys(names, np.nan)
            continue
        box = np.ascontiguousarray(sample.gray[y[0]: y[-1] + 1, x[0]: x[-1] + 1])
        small = cv2.resize(box, (side_px, side_px), interpolation=cv2.INTER_AREA)
        row |= dict(zip(names, word_counts(small, known, rows, columns).ravel().tolist()))
    return row
