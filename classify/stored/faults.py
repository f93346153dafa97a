"""The error of this room, and numbers that can be calculated with."""
import numpy as np
from numpy.typing import NDArray

from classify.data.columns import LARGEST


class StoredFault(ValueError):
    """A file of a model folder says what no model says; the message is a few words that follow its name."""


def wanted(condition: bool, words: str) -> None:
    """Raise `StoredFault` with the words unless the condition holds."""
    if not condition:
        raise StoredFault(words)


def finite(values: NDArray[np.generic]) -> bool:
    """Whether an array of numbers has no NaN, and nothing beyond plus and minus `LARGEST`."""
    return values.dtype.kind in "iub" or values.dtype.kind == "f" and bool((np.abs(values) <= LARGEST).all())
