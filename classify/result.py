"""What a training run found, as plain data: `classify.train` fills it, reports and tests read it.

Shapes: n rows of the table, K classes, k columns of margins (k = 1 for binary, the log-odds of ``task.classes[1]``;
k = K for multiclass and ordinal), d features offered to the model, m explained rows.

Rows are numbered by their position in ``frame`` (a RangeIndex). Everything called *row* is such a number; -1 means
"none". A row is *held out* where the model, the calibration and the conformal threshold of its prediction never saw the
row or any row of its split group: it is out-of-fold, or belongs to the test part of a given split. Metrics count
held-out, labelled rows only.
"""
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from classify.accepted_error import AcceptedError
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.settings import TrainSettings
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from featurize.table import TableInfo

# Names of the two parts of a model whose trees start from linear log-odds.
LINEAR, TREES = "linear", "trees"


@dataclass(frozen=True)
class Predicted:
    """Predictions of all n rows, held out or not.

    Parameters
    ----------
    table : DataFrame
        The content of predictions.csv, in the order of ``frame``.
    held_out : (n,) bool
        True where the prediction comes from a model that never saw the row.
    margins : (n, k) float64
        Raw output of the trees before calibration.
    raw, probabilities : (n, K) float64
        Before and after calibration; rows add up to 1.
    sets : (n, K) bool
        Class-conditional prediction sets; the predicted class is always a member.
    empty : (n,) bool
        True where the conformal set was empty: no class fits at this level.
    novelty : (n,) float64
        Out-of-distribution score, 0..1: 1 = farther from the training rows than all held-out ones.
    neighbours : (n, 3) int
        Rows of the three nearest training images that are not of the row's own split group, nearest first; -1 = none.
    neighbour_distances : (n, 3) float64
        Their distances in the whitened feature space, in units of one standard deviation an axis.
    """

    table: pd.DataFrame
    held_out: BoolArray
    margins: Float64Array
    raw: Float64Array
    probabilities: Float64Array
    sets: BoolArray
    empty: BoolArray
    novelty: Float64Array
    neighbours: Int64Array
    neighbour_distances: Float64Array


@dataclass(frozen=True)
class Scores:
    """How good the predictions of held-out rows are.

    Parameters
    ----------
    metrics : dict
        The content of metrics.json: `task, n, classes, accuracy, balanced_accuracy, macro_f1, weighted_f1, auroc,
        log_loss, brier, ece, coverage, mean_set_size, per_class {class: {...}}, intervals {metric: [low, high]},
        confusion, class_counts, decision_curve, baselines {name: {metric: value}}, shortcuts {...}, calibration ...`,
        key by key in docs/metrics.md. Undefined values are None.
    confusion : DataFrame
        (K, K) counts; index = truth, columns = predicted.
    reliability : DataFrame
        `class, bin, n, confidence, frequency` of equal bins; class ``""`` is the top label of all rows. Of ordered
        stages the curve of a class is that of "at least this stage", and the lowest has none.
    risk_coverage : DataFrame
        `coverage, risk, confidence`: error among the most confident share of rows, at most 200 points.
    set_sizes : DataFrame
        Index: classes (truth). Columns: set sizes 1..K. Images each.
    shortcuts : DataFrame
        `name, target, score, chance, gain, warning`: how well nuisance columns alone predict the label and what they
        add to the subject's own measurements, and how well features predict the site.
    """

    metrics: dict[str, Any]
    confusion: pd.DataFrame
    reliability: pd.DataFrame
    risk_coverage: pd.DataFrame
    set_sizes: pd.DataFrame
    shortcuts: pd.DataFrame


@dataclass(frozen=True)
class SuspectLabels:
    """Labels that the predictions of held-out rows contradict.

    Parameters
    ----------
    table : DataFrame
        The content of suspects.csv, most suspect first: `image_id, path, (site,) label, likely, score, flagged`; the
        index is the row.
    pairs : DataFrame
        `label, likely, n` of the flagged rows, most frequent pair first.
    copies : DataFrame
        `duplicate_group, row, path, label` of labelled rows whose duplicates bear another label.
    metrics : dict
        The part `suspects` of metrics.json: `n, flagged, surest {n, contradicted, low}, copies_labelled_differently,
        pairs, scores {metric: value}, scores_without_flagged {metric: value}`.
    unusual : bool
        More labels are contradicted than hard images explain.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    copies: pd.DataFrame
    metrics: dict[str, Any]
    unusual: bool


@dataclass(frozen=True)
class Explanation:
    """Exact TreeSHAP values, in log-odds, and their sums. A held-out row is explained by the model that predicted it.

    Parameters
    ----------
    rows : (m,) int
        The explained rows: all, or a stratified sample with every error in it where there are many.
    contributions : (m, k, d + 1) float32
        Last column = base value; the sum over the last axis is the margin.
    features : DataFrame
        One row per feature, most important first: `feature, family, region, unit, formula, importance`, then one
        column per class (multiclass) with the mean |contribution| in that class' margin. `importance` is the mean
        over the classes.
    families, regions : DataFrame
        `family` or `region`, `importance` and one column per class: |sum of the contributions| averaged over rows.
    beeswarm : DataFrame
        `class, feature, rank, row, value, level, contribution` for the ten features that matter most in each class;
        `level` is the value's rank 0..1 among the shown rows (NaN where the value is missing). Binary: one class.
    reasons : DataFrame
        `row, rank, feature, value, contribution`: the eight largest contributions to the predicted class of each
        explained row; positive speaks for it.
    parts : DataFrame
        Of trees that start from linear log-odds: `part` (``linear``, ``trees``), and the columns of `families`.
        `features` then has columns `linear` and `trees`, too: mean |contribution| of either. Else without rows.
    """

    rows: Int64Array
    contributions: Float32Array
    features: pd.DataFrame
    families: pd.DataFrame
    regions: pd.DataFrame
    beeswarm: pd.DataFrame
    reasons: pd.DataFrame
    parts: pd.DataFrame


@dataclass(frozen=True)
class WordsResult:
    """What images and classes look like in an expert's words, see `classify.words`.

    Parameters
    ----------
    table : DataFrame
        The content of words.csv, in the order of ``frame``: `image_id, path`, then for each subject `<subject>` (the
        most probable word, out of fold), `<subject>_probability` and `<subject>_expert`. Words of an image are missing
        where experts described no image of its predicted class.
    metrics : dict
        The part `words` of metrics.json: `subjects {name: {n, words, balanced_accuracy, macro_f1, accuracy, log_loss,
        class_only}}` and their `mean`.
    measurements : DataFrame
        `subject, word, n, feature, name, unit, direction, auroc, median, median_of_others`: what speaks for a word.
    classes : DataFrame
        `class, subject, word, n, share, share_of_others`: words that experts gave to a class more often than to others.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]
    measurements: pd.DataFrame
    classes: pd.DataFrame


@dataclass(frozen=True)
class RunResult:
    """Everything a report needs.

    Parameters
    ----------
    out : Path
        The run folder under its final name.
    frame : DataFrame
        The whole table, RangeIndex, columns as `featurize.table.read_table` gives them.
    info : TableInfo
        How the table was made; its sources say where the pictures are.
    task : Task
        ``kind``, ``classes`` (tuple of str, in order) and ``y`` ((n,) int, -1 = unlabelled).
    settings : TrainSettings
    features : tuple of str
        The d columns that the model was offered, in its order.
    split, predicted, scores, suspects, explanation
        See their classes.
    curves : DataFrame
        `fold, round, train_loss, valid_loss`: log-loss of every boosting round, the content of curves.csv.
    accepted : AcceptedError or None
        The promise about predictions without review.
    warnings : tuple of str
        Whole sentences, most important first.
    versions, timings : dict
        Library name to version; stage to seconds.
    table : str
        The table as it was named on the command line.
    model : str
        The library, and what its trees start from.
    notes : tuple of str
        Those among the warnings that only say what was done.
    stability : DataFrame
        `feature, family, region, icc, low, high, images`, see `classify.evaluate.stability`; the content of
        stability.csv. No rows where nothing was measured twice.
    words : WordsResult or None
        None where no words were given.
    study : mapping of str to str
        What the authors say, see `classify.crosswalk.study`.
    """

    out: Path
    frame: pd.DataFrame
    info: TableInfo
    task: Task
    settings: TrainSettings
    features: tuple[str, ...]
    split: Split
    predicted: Predicted
    scores: Scores
    suspects: SuspectLabels
    explanation: Explanation
    curves: pd.DataFrame
    accepted: AcceptedError | None
    warnings: tuple[str, ...]
    versions: dict[str, str]
    timings: dict[str, float]
    table: str = "TABLE.parquet"
    model: str = ""
    notes: tuple[str, ...] = ()
    stability: pd.DataFrame = field(default_factory=pd.DataFrame)
    words: WordsResult | None = None
    study: Mapping[str, str] = field(default_factory=dict)

    @property
    def terminal_warnings(self) -> tuple[str, ...]:
        """The warnings that the command line prints."""
        return tuple(text for text in self.warnings if text not in self.notes)

    @property
    def sentence(self) -> str:
        """What the command line says at the end."""
        metrics = self.scores.metrics
        stages = f"quadratic kappa {metrics['qwk']:.3f}, " if metrics.get("qwk") is not None else ""
        costs = metrics.get("costs")
        paid = f"mean cost {costs['mean']:.3g} (most probable class: {costs['predicted_mean']:.3g}), " if costs else ""
        return (f"{self.task.kind}, {len(self.task.classes)} classes, {metrics['n']} images: accuracy "
                f"{metrics['accuracy']:.3f}, {stages}balanced accuracy {metrics['balanced_accuracy']:.3f}, {paid}"
                f"log-loss {metrics['log_loss']:.3f} in {sum(self.timings.values()):.1f} s")
