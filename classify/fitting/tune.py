"""Settings of the trees that suit a table: searched by validation loss inside the training rows of a fold.

Each fold searches for itself: the rows that it is tested on choose nothing. The search is the tree-structured Parzen
estimator of optuna (Akiba et al. 2019, doi:10.1145/3292500.3330701).
"""
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from classify.settings import FitSettings
from featurize.errors import UserError

# Ranges that are searched, in the logarithm.
RANGES = {"learning_rate": (0.03, 0.3), "columns": (0.03, 0.5), "l2": (1.0, 100.0), "min_weight": (0.3, 10.0)}
# Splits on a path from root to leaf.
DEPTHS = (2, 5)


def tuned(settings: FitSettings, loss: Callable[[FitSettings], float]) -> FitSettings:
    """The settings of least validation loss among `settings.tune` trials; the first trial is the settings as they are.

    Parameters
    ----------
    settings : FitSettings
    loss : callable
        Fits with other settings and gives the log-loss on validation rows.

    Raises
    ------
    UserError
        optuna is not installed.
    """
    optuna = _optuna()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=settings.seed))
    study.enqueue_trial({"depth": settings.depth, **{name: getattr(settings, name) for name in RANGES}})
    study.optimize(lambda trial: loss(_suggested(settings, trial)), n_trials=settings.tune)
    return replace(settings, **study.best_params)


def _suggested(settings: FitSettings, trial: Any) -> FitSettings:
    chosen = {name: trial.suggest_float(name, low, high, log=True) for name, (low, high) in RANGES.items()}
    return replace(settings, depth=trial.suggest_int("depth", *DEPTHS), **chosen)


def check_tune(trials: int) -> None:
    """Refuse a number of trials that means nothing, or trials without optuna.

    Raises
    ------
    UserError
    """
    if trials < 0:
        raise UserError(f"--tune {trials}: a number of trials is wanted, such as 20; 0 searches nothing")
    if trials:
        _optuna()


def _optuna() -> Any:
    try:
        found = importlib.import_module("optuna")
    except ImportError as error:
        raise UserError('--tune needs optuna: pip install -e ".[tune]"') from error
    found.logging.set_verbosity(found.logging.WARNING)
    return found
