"""Settings of a training run."""
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

# Libraries that grow trees, and all kinds of models.
TREE_LIBRARIES = ("xgboost", "lightgbm")
LIBRARIES = (*TREE_LIBRARIES, "logistic")
# What a user may choose.
MODELS = ("auto", *LIBRARIES)
DEVICES = ("cpu", "cuda")
BALANCES = ("auto", "weight", "over", "under", "none")


@dataclass(frozen=True)
class FitSettings:
    """How trees are grown.

    Parameters
    ----------
    library : str
        ``xgboost``, ``lightgbm`` or ``logistic``: the last has no trees. ``auto``, where the number of split groups is
        known: xgboost where they are few or `device` is ``cuda``, else LightGBM, which takes a fifth of the time.
    device : str
        ``cpu`` or ``cuda`` (xgboost only).
    jobs : int
        Threads, at most.
    seed : int
        The same seed gives the same bits, whatever the number of threads.
    rounds : int
        Boosting rounds, at most.
    patience : int
        Rounds without a lower validation loss before a fit stops.
    gain : float
        Least decrease of the validation loss (log-loss, natural logarithm) that counts: the last thousandths would cost
        half of the trees.
    learning_rate : float
        Factor on the output of each new tree.
    depth : int
        Splits on a path from root to leaf, at most.
    bins : int
        Histogram bins of a column, at most: a split chooses among their edges.
    subsample : float
        Share of the rows that each round sees.
    columns : float
        Share of the columns that each tree may use. With .1 in place of 1 a fit on 1,200 blood cells takes a fifth of
        the time, at the same log-loss.
    min_weight : float
        Least sum of Hessians in a leaf.
    l2 : float
        L2 penalty of leaf values.
    linear_start : bool
        Trees start from the log-odds of a linear model, whose penalty is chosen, see `classify.fitting.start`;
        ``logistic`` takes the chosen penalty.
    tune : int
        Trials of other settings by which each fold searches for its own, see `classify.fitting.tune`; 0: none.
    inverse_penalty : float
        Of ``logistic`` where none is chosen, times the number of columns, see `classify.fitting.linear`.
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
    columns: float = 0.1
    min_weight: float = 1.0
    l2: float = 10.0
    linear_start: bool = True
    tune: int = 0
    inverse_penalty: float = 1.0


@dataclass(frozen=True)
class TrainSettings:
    """What a user may choose for a training run.

    Parameters
    ----------
    task : str
        ``auto``, ``binary``, ``multiclass``, ``ordinal`` or ``multilabel``.
    order : tuple of str
        All classes from the lowest stage to the highest: the task is ordinal.
    lineage : str
        ``marrow``, ``blood`` or a TOML file of branches of classes, see `classify.data.lineage`; "" = none.
    costs : str
        CSV with what it costs to call one class another, see `classify.data.costs`; "" = none.
    words : str
        CSV with words that experts gave to images, see `classify.data.expert_words`; "" = none. The model does not read
        them.
    study : str
        TOML with what only the authors of the study know, see `classify.crosswalk.study`; "" = none. For the pages.
    model : str
        ``auto``, ``xgboost``, ``lightgbm`` or ``logistic``.
    calibration : str
        ``auto``, ``none``, ``temperature``, ``bias``, ``isotonic``, ``matrix``.
    folds : int
        Number of folds where the table has no split of its own.
    alpha : float
        Promised rate of prediction sets that miss the truth, between 0 and 0.5.
    threshold_rule : str
        Of two classes: the operating point is that of ``youden`` or of the highest ``f1``.
    sensitivity : float
        Of two classes, and of each finding: instead, the operating point keeps this sensitivity on the calibrating
        rows; 0 = not asked for.
    accept_error : float or None
        At most this share of the predictions that no person looks at is wrong, with 90 % confidence, see
        `classify.accepted_error`. None: 0.02 where that can be kept, else review follows the prediction sets.
        0: no promise, review follows the sets. Findings: None means 0.
    device : str
        ``cpu`` or ``cuda``.
    seed : int
        Of folds, trees, calibration and bootstrap.
    jobs : int
        Threads; 0 = all.
    weight_power : float
        Each row of a class has the weight (n / n_class) ** power: with 0 all rows count alike, with 1 all classes. On
        unequal blood cells 0.5 was the best of 0, 0.5 and 1 (macro-F1 .882, against .870 and .876), and on two-class
        tables it lost nothing.
    rounds : int
        Boosting rounds, at most.
    resamples : int
        Of the bootstrap of the intervals.
    names : mapping of class to str
        What the report calls the classes; those that are not named keep their own.
    balance : str
        ``auto``: class weights by `weight_power`. ``weight``: all classes weigh alike. ``over``: images of rarer
        classes are repeated until all classes are as many. ``under``: images of larger classes are left out by chance
        until all are as few. ``none``: every image counts once. Probabilities are calibrated on unchanged
        frequencies.
    test_share, test_positives : float
        Multilabel: share of the images, and of those with each finding, that a test part made by patient holds at
        least; 0 = no test part is made.
    tune : int
        Trials of other settings of the trees, searched inside the training rows of each fold; 0: none. Tables of fewer
        than 10 groups keep their settings.
    drop_leaks : bool
        Images of a group that stands in several parts of a given split leave its training side; else the table is
        refused.
    """

    task: str = "auto"
    order: tuple[str, ...] = ()
    lineage: str = ""
    costs: str = ""
    words: str = ""
    study: str = ""
    model: str = "auto"
    calibration: str = "auto"
    folds: int = 5
    alpha: float = 0.05
    threshold_rule: str = "youden"
    sensitivity: float = 0.0
    accept_error: float | None = None
    device: str = "cpu"
    seed: int = 0
    jobs: int = 0
    weight_power: float = 0.5
    rounds: int = FitSettings.rounds
    resamples: int = 1000
    names: Mapping[str, str] = field(default_factory=dict)
    balance: str = "auto"
    test_share: float = 0.0
    test_positives: float = 0.0
    tune: int = 0
    drop_leaks: bool = False

    def fit_settings(self) -> FitSettings:
        """The part that trees need."""
        jobs = self.jobs or os.cpu_count() or 1
        return FitSettings(library=self.model, device=self.device, seed=self.seed, jobs=jobs, rounds=self.rounds,
                           tune=self.tune)
