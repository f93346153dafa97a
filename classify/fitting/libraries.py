"""Libraries of boosted trees: which are installed, and what a library has to offer."""
import importlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    curve : (r, 3) float64
        After every round: log-loss on the fitted and on the validation rows (NaN without these), and the seconds since
        the first round began.
    """

    booster: Any
    rounds: int
    curve: Float64Array


class FitAbandoned(Exception):
    """A fit whose result nobody waits for any longer ended after a boosting round."""


@dataclass(frozen=True)
class Rounds:
    """Is told after every boosting round of one fit.

    Parameters
    ----------
    abandoned : callable
        True as soon as nobody waits for the fit any longer.
    start_s : float
        When the fit began, in seconds of a clock that never goes back.
    seconds : list of float
        Seconds from then to the end of each round.
    """

    abandoned: Callable[[], bool]
    start_s: float = field(default_factory=time.perf_counter)
    seconds: list[float] = field(default_factory=list)

    def ended(self) -> None:
        """A round has ended.

        Raises
        ------
        FitAbandoned
        """
        if self.abandoned():
            raise FitAbandoned
        self.seconds.append(time.perf_counter() - self.start_s)


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


def never() -> bool:
    """A fit that is always waited for."""
    return False


def curve_of(train: Sequence[float], valid: Sequence[float] | None, seconds: Sequence[float]) -> Float64Array:
    """(r, 3) losses after every round, and seconds."""
    watched = valid if valid is not None else float("nan")
    return pd.DataFrame({"train": train, "valid": watched, "seconds": seconds}).to_numpy(float)
