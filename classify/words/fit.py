"""A small model of each subject: logistic regression on all measurements, predicted out of fold."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from classify.data.expert_words import Subject
from classify.data.folds import make_folds
from classify.fitting.linear import LinearModel, Scores, fit_linear, linear_margin, standard_scores
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from featurize.errors import UserError

# Inverse penalty of the regression, times the number of columns, see `classify.fitting.linear`. With 1, 10 and 30 the
# mean balanced accuracy of the eleven subjects of blood_pbc was .881, .888 and .884 (750 images, 5 folds, seed 0), the
# mean log-loss .273, .223 and .228.
INVERSE_PENALTY = 10.0
# Weight of the size of a score beside the score. With 0 in place of .5 the same log-loss was .226.
BEND = 0.5
# Each row of a word has the weight (n / n_word) to this power, as in `classify.settings.TrainSettings`.
WEIGHT_POWER = 0.5
# A model learns from at most so many rows, drawn by chance: their scores must fit into memory.
MOST_ROWS = 20_000


@dataclass(frozen=True)
class SubjectModel:
    """The model of one subject.

    Parameters
    ----------
    linear : LinearModel or None
        None where all training rows have one word.
    learned : (c,) int64
        Positions of the words that it tells apart.
    """

    linear: LinearModel | None
    learned: Int64Array


def out_of_fold(x: Float32Array, subjects: Sequence[Subject], strata: Int64Array, split_group: Int64Array, folds: int,
                seed: int) -> tuple[list[Float64Array], Int64Array]:
    """Probabilities of the words of every row, from models that saw no row of its split group.

    Parameters
    ----------
    x : (n, d) float32
        NaN = not measured.
    subjects : sequence of Subject
    strata : (n,) int64
        Classes of the rows, each spread over all folds; -1 = none.
    split_group : (n,) int64
        Rows of one group or picture.
    folds : int
        At most; there are no more than split groups.
    seed : int

    Returns
    -------
    probabilities : list of (n, c) float64
        For each subject, in the order of its words; 0 for a word that the other folds lack.
    fold : (n,) int64
        The fold of each row.

    Raises
    ------
    UserError
        All rows are of one split group.
    """
    k = min(folds, len(np.unique(split_group)))
    if k < 2:
        raise UserError("--words needs images of at least two groups: what one group teaches cannot be tested on it")
    fold = make_folds(np.unique(strata, return_inverse=True)[1], split_group, k, seed)
    found = [np.zeros((len(x), len(subject.words))) for subject in subjects]
    some_word = np.any([subject.y >= 0 for subject in subjects], axis=0)
    for number in range(k):
        rows = training_rows(some_word & (fold != number), seed)
        if not len(rows):
            continue
        scores = standard_scores(x[rows], BEND)
        for subject, p in zip(subjects, found):
            model = fit_subject(scores, subject, rows)
            if model is not None:
                p[fold == number] = probabilities(model, x[fold == number], len(subject.words))
    return found, fold


def probabilities(model: SubjectModel, x: Float32Array, words: int) -> Float64Array:
    """(n, c) of c words."""
    out = np.zeros((len(x), words))
    if model.linear is None:
        out[:, model.learned] = 1.0
        return out
    margin = linear_margin(model.linear, x)
    both = np.column_stack([np.zeros(len(x)), margin]) if margin.shape[1] == 1 else margin
    out[:, model.learned] = softmax(both, axis=1)
    return out


def training_rows(wanted: BoolArray, seed: int) -> Int64Array:
    """Positions of the wanted rows, or of MOST_ROWS of them."""
    rows = np.flatnonzero(wanted)
    if len(rows) <= MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))


def fit_subject(scores: Scores, subject: Subject, rows: Int64Array) -> SubjectModel | None:
    """The model of a subject from some rows; None where none of them has a word of it."""
    said = subject.y[rows] >= 0
    learned, y, counts = np.unique(subject.y[rows][said], return_inverse=True, return_counts=True)
    if not len(learned):
        return None
    if len(learned) == 1:
        return SubjectModel(None, learned)
    weights = (len(y) / len(counts) / counts[y]) ** WEIGHT_POWER
    return SubjectModel(fit_linear(scores.of_rows(said), y, weights, INVERSE_PENALTY), learned)
