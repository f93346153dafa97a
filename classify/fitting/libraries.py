"""Libraries of boosted trees: which are installed, and what a library has to offer."""
import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from classify.settings import TREE_LIBRARIES
from featurize.arrays import Float64Array
from featurize.errors import UserError


@dataclass(frozen=True)
class Grown:
    """Trees of a library.

    Parameters
    ----------
    booster : xgboost.Booster or lightgbm.Booster
    rounds : int
        Boosting rounds kept.
    curve : (r, 2) float64
        Log-loss on the fitted and on the validation rows after every round; NaN without validation rows.
    """

    booster: Any
    rounds: int
    curve: Float64Array


def library(name: str) -> ModuleType:
    """The module of a library.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        other = TREE_LIBRARIES[name == TREE_LIBRARIES[0]]
        extra = " (the extra cpu or gpu of pellucid)" if name == "xgboost" else ""
        raise UserError(f"{name} is not installed{extra}: install it, or choose --model {other}") from error


def installed(name: str) -> bool:
    """Whether a library can be imported."""
    return importlib.util.find_spec(name) is not None


def curve_of(train: Sequence[float], valid: Sequence[float] | None) -> Float64Array:
    """(r, 2) losses after every round."""
    return pd.DataFrame({"train": train, "valid": valid if valid is not None else float("nan")}).to_numpy(float)
