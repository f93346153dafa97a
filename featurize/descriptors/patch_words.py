"""Small patches of a gray picture, told by the words of a dictionary they resemble.

A picture holds a dictionary's patches in some mixture, as a text holds words. Every patch is brought to mean 0 and
contrast 1 and whitened, and each word counts by how much nearer than the mean word it lies. The counts are averaged
over the parts of the picture.

The dictionary was learned from drawn pictures (films, tissue, cells of `featurize.simulate`), see
`featurize.simulate.patch_words`: it holds nothing of any patient, and is the same for every table. Words of drawn
pictures did as much for chest films of 28 px as words of real ones.

No preset measures words; `[blocks.words]` in a file of --settings does. On pneumonia_28 (seeds 0, 1, 2) the val part,
which is like the training films, rose from an AUROC of .997, .996 and .996 to .999, .998 and .998, but the test part,
which is not, fell from .982, .979 and .980 to .975, .977 and .972: words tell how a film was made, too. Cells of 28 px
(blood_28, a val part) had a log-loss of .061 and .059 with words, .058 and .055 without.
"""
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from featurize.arrays import Float32Array, UInt8Array

# Where the dictionary lies. Another one raises the version of the family words.
DICTIONARY = Path(__file__).with_name("patch_words.npz")
# Side of a patch.
PATCH_PX = 6
# Added to a patch's variance (gray levels 0 to 255), so that noise of even areas stays small (Coates et al. 2011).
_LEAST_VARIANCE = 10.0


@dataclass(frozen=True)
class Dictionary:
    """The words; p = PATCH_PX squared pixels, w words.

    Parameters
    ----------
    mean : (p,) float32
        Mean of the normalized patches it was learned from.
    whitening : (p, p) float32
    words : (w, p) float32
        Whitened.
    """

    mean: Float32Array
    whitening: Float32Array
    words: Float32Array


@cache
def dictionary() -> Dictionary:
    """The dictionary of this version."""
    with np.load(DICTIONARY) as stored:
        return Dictionary(stored["mean"], stored["whitening"], stored["words"])


def patches(plane: UInt8Array) -> Float32Array:
    """(h - 5, w - 5, p) every patch of a plane (h, w), with mean 0 and contrast 1."""
    windows = np.lib.stride_tricks.sliding_window_view(plane, (PATCH_PX, PATCH_PX))
    flat = windows.reshape(*windows.shape[:2], -1).astype(np.float32)
    flat -= flat.mean(axis=2, keepdims=True)
    flat /= np.sqrt(flat.var(axis=2, keepdims=True) + _LEAST_VARIANCE)
    return flat


def word_counts(plane: UInt8Array, words: Dictionary, rows: int = 2, columns: int = 2) -> Float32Array:
    """How strongly each part of a plane resembles each word.

    Parameters
    ----------
    plane : (h, w) uint8
        At least rows and columns patches.
    words : Dictionary
    rows, columns : int
        Parts of the picture.

    Returns
    -------
    (rows, columns, w) float32
        Mean over the patches of a part of max(0, mean distance to all words - distance to the word); whitened units.

    References
    ----------
    Coates, Ng & Lee 2011, An analysis of single-layer networks in unsupervised feature learning, AISTATS (triangle
    activation).
    """
    whitened = (patches(plane) - words.mean) @ words.whitening
    squares = (whitened ** 2).sum(axis=2, keepdims=True) + (words.words ** 2).sum(axis=1)
    far = np.sqrt(np.maximum(squares - 2 * whitened @ words.words.T, 0))
    near = np.maximum(far.mean(axis=2, keepdims=True) - far, 0)
    return np.stack([np.stack([part.mean(axis=(0, 1)) for part in np.array_split(row, columns, axis=1)])
                     for row in np.array_split(near, rows, axis=0)]).astype(np.float32)
