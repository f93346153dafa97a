"""A small picture of every picture, by which copies are found; tables keep it as text."""
import base64
import binascii
from collections.abc import Sequence

import cv2
import numpy as np

from featurize.arrays import UInt8Array

# Side of the thumbnail, pixels.
SIDE = 32
# Numbers of a fingerprint.
LENGTH = SIDE * SIDE
# Weights of red, green and blue in the luma, ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Characters of a wrong text that an error shows.
_SHOWN = 20


def fingerprint(rgb: UInt8Array) -> UInt8Array:
    """A small picture of the picture.

    Parameters
    ----------
    rgb : (H, W, 3) uint8

    Returns
    -------
    (1024,) uint8
        The luma of the 32 x 32 thumbnail, gray levels, row by row. Turning the image turns the thumbnail.
    """
    # Averaging areas is the same forwards and backwards; small images are enlarged instead.
    method = cv2.INTER_AREA if min(rgb.shape[:2]) >= SIDE else cv2.INTER_LINEAR
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=method)
    return np.asarray(np.rint(small.astype(np.float32) @ _LUMA), np.uint8).reshape(-1)


def to_text(fingerprints: UInt8Array) -> list[str]:
    """Fingerprints as a table keeps them: the 1024 gray levels as bytes, in base64.

    >>> text = to_text(np.full((1, 1024), 7, np.uint8))[0]
    >>> len(text), from_text([text])[0, :3].tolist()
    (1368, [7, 7, 7])
    """
    return [base64.b64encode(row.tobytes()).decode("ascii") for row in fingerprints]


def from_text(texts: Sequence[str]) -> UInt8Array:
    """(n, 1024) gray levels; the inverse of `to_text`.

    Raises
    ------
    ValueError
        One of them is no fingerprint.
    """
    found = np.zeros((len(texts), LENGTH), np.uint8)
    for row, text in enumerate(texts):
        try:
            levels = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise ValueError(f"{str(text)[:_SHOWN]!r} is no fingerprint ({error})") from error
        if len(levels) != LENGTH:
            raise ValueError(f"{text[:_SHOWN]!r} is no fingerprint ({len(levels)} bytes, {LENGTH} were wanted)")
        found[row] = np.frombuffer(levels, np.uint8)
    return found
