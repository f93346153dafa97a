"""Does a model answer by the picture in place of the patient? Evidence for each group of properties of the picture.

A shortcut needs two things. The properties must tell the label beyond what the measured subject explains
(`classify.evaluate.added_score`), and the model must follow them: where they point to another class than the true
one, it is wrong more often than where they point to the true class. Only answers on images that the model did not learn
from count.

Both are tested at LEVEL, and a group of properties is convicted where both tests reject: where either is not so, the
chance of a conviction is at most LEVEL for each group, LEVEL times the number of groups for an audit (intersection and
union of tests, Berger 1982, Technometrics 24:295). This holds as far as the subject's own measurements tell all that
the subject tells; what they leave out of it counts as added by the properties, so that a fall of the log-loss of
LEAST_GAIN is wanted, too.

Where the classes were pictured so differently that nearly every image has the properties of its class, nothing is
convicted for want of images that could show it; LARGEST_FALL keeps that from being called an acquittal.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax
from scipy.stats import hypergeom

from classify.audit.shortcuts.inside_classes import explained_share, permuted_inside, ranks_inside
from classify.data.columns import matrix
from classify.data.folds import split_groups
from classify.data.splits import Split, plan_split
from classify.data.tasks import Task
from classify.evaluate.added_score import Added, added_score
from classify.evaluate.beyond_subject import strongest, subject_columns, subject_margins
from classify.evaluate.by_class import grouped_wilson
from classify.evaluate.metrics import scores
from classify.fitting.augment import Perturbations
from classify.fitting.crossfit import cross_fit
from classify.fitting.fit_data import FitData
from classify.report_numbers import LEAST_GAIN
from classify.settings import FitSettings
from classify.uncertainty.calibrate import logits
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Properties of the picture by what they have in common; columns of `featurize.blocks.quality`.
PRINT = "print"
GROUPS = {"focus, noise and compression": ("focus", "focus_coarse", "noise", "blockiness"),
          "color and exposure": ("mean_red", "mean_green", "mean_blue", "contrast", "colorfulness", "slide_red",
                                 "slide_green", "slide_blue", "dark_clipped", "bright_clipped"),
          "lamp": ("illumination", "vignette"), PRINT: ("print", "dirt"),
          "size and framing": ("width_px", "height_px", "offset", "cut_rim", "other_nuclei", "black_background")}
# Classes with fewer split groups take no part.
LEAST_GROUPS = 10
# Folds of the fits.
FOLDS = 5
# Boosting rounds of the fits, at most.
ROUNDS = 80
# Rows of a class count (n / n_class) ** power, as in `TrainSettings.weight_power`.
WEIGHT_POWER = 0.5
# AUROC of the label from a group of properties below which they tell nothing.
TELLS = 0.6
# One-sided level of both tests: the properties add to the subject, and the model follows them.
LEVEL = 0.01
# With fewer images whose properties point to another class nothing is said.
LEAST_AGAINST = 10
# An acquittal of properties that add to the subject must exclude (95 % interval) that of the images whose properties
# point elsewhere a share smaller by this is named correctly: a test of few images that finds nothing says nothing. A
# round number, set after the tables of benchmarks/planted_shortcuts.py were seen; it can only turn acquitted into open.
LARGEST_FALL = 0.2
# A measurement is the subject's own if the recording moves it by at most this many standard deviations. The .15 of a
# run's own test leave in what JPEG and stain change (benchmarks/planted_shortcuts.py): of 105 myelocytes and
# metamyelocytes a planted hue then adds .10 (p .008), with .05 it adds .14 (p .000005); in the twins of these and of
# band and segmented neutrophils nothing adds more than .03.
MOST_MOVED = 0.05
# Print lies at the rim and shows nothing of the subject: measurements of which it explains more than this share of the
# variance inside the classes are none of the subject's own.
MOST_EXPLAINED = 0.1
CONVICTED, ACQUITTED, OPEN = "convicted", "acquitted", "open"


@dataclass(frozen=True)
class Evidence:
    """What is known of one group of properties.

    Parameters
    ----------
    name : str
    strongest : tuple of str
        Its columns, the one that adds most first.
    auroc : float
        Of the label from these properties alone, out of fold.
    gain : float
        Share of the log-loss that they save beyond the subject's own measurements; NaN where it is not known.
    gain_counts : bool
        The gain is a tenth or more, and no chance.
    gain_p : float
        That they add nothing (score test with one degree of freedom, one-sided); NaN where it is not known.
    n_with, n_against : int
        Images that the model did not learn from whose properties point to the true class, and to another one.
    right_with, right_against : float
        Share of each that the model names correctly.
    with_interval, against_interval : (low, high)
        95 %, groups counting.
    p : float
        That the model is right as often in both, inside the classes (exact, one-sided).
    matched : float
        Share named correctly where as many images of each class point to it as to another.
    explained : float
        Share of the model's attribution on measurements, each counting as far as the properties explain its variance
        inside the classes.
    measured, permuted : float
        AUROC of a linear model of all measurements, out of fold: with the true labels, and with labels permuted among
        images of which the properties say the same. The second is what measurements can tell by the properties alone.
    copies : bool
        It is known which measurements the recording changes.
    verdict : str
        ``convicted``, ``acquitted`` or ``open``.
    segmented : bool
        A subject was outlined. Else measurements and properties are both of the whole picture, and none but print can
        be told from the subject.
    """

    name: str
    strongest: tuple[str, ...]
    auroc: float
    gain: float
    gain_counts: bool
    gain_p: float
    n_with: int
    n_against: int
    right_with: float
    right_against: float
    with_interval: tuple[float, float]
    against_interval: tuple[float, float]
    p: float
    matched: float
    explained: float
    measured: float
    permuted: float
    copies: bool
    verdict: str
    segmented: bool = True


@dataclass(frozen=True)
class Answers:
    """The model's answers to n images.

    Parameters
    ----------
    y : (n,) int64
        Class, -1 = unknown.
    p : (n, K) float64
        Probabilities.
    new : (n,) bool
        They come from a model that did not learn from the image.
    importance : (d,) float64
        Mean |contribution| of each feature.
    """

    y: Int64Array
    p: Float64Array
    new: BoolArray
    importance: Float64Array


def shortcut_evidence(frame: pd.DataFrame, x: pd.DataFrame, nuisance: Sequence[str], answers: Answers,
                      perturbations: Perturbations | None, jobs: int = 1, segmented: bool = True
                      ) -> tuple[Evidence, ...]:
    """The evidence of every group of properties that the table has.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        The table, RangeIndex.
    x : (n, d) DataFrame
        The model's features.
    nuisance : sequence of str
        Columns of `frame` that describe the picture.
    answers : Answers
    perturbations : Perturbations or None
        They say which features the recording changes.
    jobs : int
        Processes of the fits.
    segmented : bool
        See `Evidence`.

    Returns
    -------
    tuple of Evidence
        Empty where fewer than two classes have ten split groups.
    """
    group = split_groups(frame)
    counts = [len(np.unique(group[answers.y == c])) for c in range(answers.p.shape[1])]
    classes = np.flatnonzero(np.array(counts) >= LEAST_GROUPS)
    rows = np.flatnonzero(np.isin(answers.y, classes))
    if len(classes) < 2:
        return ()
    y = np.searchsorted(classes, answers.y[rows])
    kind = "binary" if len(classes) == 2 else "multiclass"
    task = Task(kind, tuple(str(c) for c in classes), y)
    labelled = frame.iloc[rows].reset_index(drop=True)
    split, _ = plan_split(labelled.assign(split=None, label=y.astype(str)), task, FOLDS, 0)
    case = _Case(labelled, x.iloc[rows].reset_index(drop=True), task, split, answers.p[rows].argmax(axis=1) ==
                 answers.y[rows], answers.new[rows], answers.importance,
                 FitSettings(library="auto", jobs=jobs, rounds=ROUNDS, linear_start=False))
    steady = subject_columns(x, perturbations, MOST_MOVED)
    # Where so few measurements are steady that all would be taken, those of a run's own test are better.
    steady = subject_columns(x, perturbations) if len(steady) == x.shape[1] else steady
    margins = subject_margins(case.x[steady], task, split, case.settings)
    known = _Known(steady, margins, _linear_auroc(case, y), ranks_inside(case.x, y), perturbations is not None,
                   segmented)
    found = []
    for name, parts in GROUPS.items():
        columns = [c for c in (f"image_quality_{part}" for part in parts) if c in nuisance and
                   labelled[c].nunique(dropna=True) > 1]
        if columns:
            found.append(_of_group(case, name, columns, known))
    return tuple(found)


@dataclass(frozen=True)
class _Case:
    """The labelled rows of frequent classes."""

    frame: pd.DataFrame
    x: pd.DataFrame
    task: Task
    split: Split
    right: BoolArray
    new: BoolArray
    importance: Float64Array
    settings: FitSettings


@dataclass(frozen=True)
class _Known:
    """What is the same for all groups: steady columns, the label by these and by all columns, ranks of all columns."""

    steady: list[str]
    margins: Float64Array
    measured: float
    ranks: Float64Array
    copies: bool
    segmented: bool


def _linear_auroc(case: _Case, y: Int64Array) -> float:
    """Of labels from all measurements, out of fold."""
    own = Task(case.task.kind, case.task.classes, y)
    margins = subject_margins(case.x, own, case.split, case.settings)
    return float(scores(y, softmax(logits(margins), axis=1))["auroc"][0])


def _of_group(case: _Case, name: str, columns: list[str], given: _Known) -> Evidence:
    y, group = case.task.y, case.split.split_group
    properties = matrix(case.frame, columns)
    crossed = cross_fit(FitData(properties, y, WEIGHT_POWER), case.split, case.settings)
    score = logits(crossed.margins)
    p = softmax(score, axis=1)
    auroc = float(scores(y, p)["auroc"][0])
    explained = explained_share(given.ranks, ranks_inside(properties, y), y)
    own, margins = given.steady, given.margins
    if name == PRINT and (explained > MOST_EXPLAINED).any():
        own = [c for c in given.steady if explained[case.x.columns.get_loc(c)] <= MOST_EXPLAINED]
        margins = subject_margins(case.x[own], case.task, case.split, case.settings) if own else np.zeros_like(margins)
    with_it = case.new & (p.argmax(axis=1) == y)
    against = case.new & ~with_it
    test = one_sided(case.right, against, with_it, y)
    gain = added_score(y, logits(margins), score, group) if own else Added(np.nan, np.nan)
    counts = gain.p < LEVEL and gain.share >= LEAST_GAIN
    total = float(case.importance.sum())
    return Evidence(
        name=name, strongest=strongest(properties, crossed, columns), auroc=auroc,
        gain=gain.share, gain_counts=counts, gain_p=gain.p,
        n_with=int(with_it.sum()), n_against=int(against.sum()),
        right_with=_share(case.right[with_it]), right_against=_share(case.right[against]),
        with_interval=grouped_wilson(case.right[with_it], group[with_it]),
        against_interval=grouped_wilson(case.right[against], group[against]), p=test,
        matched=matched_share(case.right, with_it, against, y),
        explained=float(explained @ case.importance / total) if total else np.nan,
        measured=given.measured, permuted=_linear_auroc(case, permuted_inside(y, p, 0)), copies=given.copies,
        verdict=verdict(auroc, counts, given.copies or name == PRINT, int(against.sum()), test,
                        _share(case.right[with_it]) - grouped_wilson(case.right[against], group[against])[0],
                        apart=given.segmented or name == PRINT), segmented=given.segmented)


def verdict(auroc: float, gain_counts: bool, subject_known: bool, n_against: int, p: float, fall: float,
            apart: bool = True) -> str:
    """Convicted where the properties tell the label beyond the subject and the model follows them.

    Parameters
    ----------
    auroc, gain_counts, n_against, p
        See `Evidence`.
    subject_known : bool
        It is known which measurements are the subject's own.
    fall : float
        The largest fall of the share right, from images whose properties point to the truth to the others, that the
        95 % interval leaves possible.
    apart : bool
        The properties can be told from the subject at all.
    """
    if auroc < TELLS:
        return ACQUITTED
    if not gain_counts:
        return OPEN if p < LEVEL or not subject_known else ACQUITTED
    if n_against < LEAST_AGAINST or not np.isfinite(p):
        return OPEN
    if p >= LEVEL:
        return ACQUITTED if fall <= LARGEST_FALL else OPEN
    return CONVICTED if apart else OPEN


def _share(hit: BoolArray) -> float:
    return float(hit.mean()) if len(hit) else np.nan


def one_sided(right: BoolArray, against: BoolArray, with_it: BoolArray, y: Int64Array) -> float:
    """Probability that so many are wrong in `against` by chance, class by class.

    Exact: given the errors of a class, those among its images in `against` are hypergeometric (Gart 1970, Biometrika
    57:471); of few errors no normal approximation is near. NaN where no class has images of both kinds.

    >>> y, right = np.zeros(40, int), np.repeat([True, False, True], [20, 10, 10])
    >>> one_sided(right, np.arange(40) >= 20, np.arange(40) < 20, y) < .001
    True
    """
    chance, wrong, both = np.ones(1), 0, False
    for c in np.unique(y):
        a, b = right[against & (y == c)], right[with_it & (y == c)]
        if len(a) and len(b):
            both = True
            wrong += int((~a).sum())
            errors = int((~a).sum() + (~b).sum())
            chance = np.convolve(chance, hypergeom.pmf(np.arange(errors + 1), len(a) + len(b), errors, len(a)))
    return float(min(1.0, chance[wrong:].sum())) if both else np.nan


def matched_share(right: BoolArray, with_it: BoolArray, against: BoolArray, y: Int64Array) -> float:
    """Share right where of each class as many rows are of either kind: the expectation over all draws of such rows."""
    hits, n = 0.0, 0
    for c in np.unique(y):
        a, b = right[against & (y == c)], right[with_it & (y == c)]
        m = min(len(a), len(b))
        if m:
            hits, n = hits + m * (float(a.mean()) + float(b.mean())), n + 2 * m
    return hits / n if n else np.nan
