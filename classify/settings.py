"""What a person may set for a training run."""
import os
from dataclasses import dataclass

LIBRARIES = ("xgboost", "lightgbm")


@dataclass(frozen=True)
class FitSettings:
    """How trees are grown.

    Parameters
    ----------
    library : str
        ``xgboost`` or ``lightgbm``.
    device : str
        ``cpu`` or ``cuda`` (xgboost only).
    jobs, seed : int
        Most threads, and random seed: the same pair gives the same bits.
    rounds, patience : int
        Most boosting rounds, and rounds without a better validation loss before a fit stops.
    gain : float
        A validation loss is better only if it is lower by this much: the last thousandths cost half the trees.
    learning_rate, depth, bins, subsample, columns, min_weight, l2 : float
        Shrinkage, most splits on a path, most thresholds of a column, share of rows a round, share of columns a split,
        least sum of Hessians in a leaf, L2 penalty of leaf values.
    """

    library: str = "xgboost"
    device: str = "cpu"
    jobs: int = 2
    seed: int = 0
    rounds: int = 1500
    patience: int = 40
    gain: float = 0.0005
    learning_rate: float = 0.2
    depth: int = 3
    bins: int = 64
    subsample: float = 0.7
    columns: float = 1.0
    min_weight: float = 1.0
    l2: float = 10.0


@dataclass(frozen=True)
class TrainSettings:
    """What a user may choose.

    Parameters
    ----------
    task : str
        ``auto``, ``binary``, ``multiclass``.
    order : tuple of str
        For ordinal tasks, which are not built yet.
    model : str
        ``xgboost`` or ``lightgbm``.
    calibration : str
        ``auto``, ``none``, ``temperature``, ``isotonic``.
    folds : int
        Where the table has no split of its own.
    alpha : float
        Promised rate of prediction sets that miss the truth.
    device : str
        ``cpu`` or ``cuda``.
    seed : int
    jobs : int
        Threads; 0 = all.
    weight_power : float
        Rows of a class count (n / n_class) ** power: 0 = all alike, 1 = classes alike. The square root was best of the
        three on unequal blood cells (macro-F1 .882, against .870 and .876) and lost nothing on two-class tables.
    resamples : int
        Of the bootstrap.
    """

    task: str = "auto"
    order: tuple[str, ...] = ()
    model: str = "xgboost"
    calibration: str = "auto"
    folds: int = 5
    alpha: float = 0.05
    device: str = "cpu"
    seed: int = 0
    jobs: int = 0
    weight_power: float = 0.5
    resamples: int = 1000

    def fit_settings(self) -> FitSettings:
        """The part that trees need."""
        jobs = self.jobs or os.cpu_count() or 1
        return FitSettings(library=self.model, device=self.device, seed=self.seed, jobs=jobs)
