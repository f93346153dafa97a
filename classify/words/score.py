"""How often the words are right, beside what the class alone would say."""
from typing import Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from classify.data.expert_words import Subject
from featurize.arrays import Float64Array, Int64Array

# Smallest probability in a log-loss.
LEAST_PROBABILITY = 1e-9


def word_scores(subject: Subject, p: Float64Array, y: Int64Array, fold: Int64Array) -> dict[str, Any]:
    """Scores of one subject on the rows that have a word of it.

    Parameters
    ----------
    subject : Subject
    p : (n, c) float64
        Out-of-fold probabilities of the words.
    y : (n,) int64
        Class of each row; -1 = unlabelled.
    fold : (n,) int64
        Fold of each row.

    Returns
    -------
    dict
        `n, words {word: images}, balanced_accuracy, macro_f1, accuracy, log_loss`, and `class_only {balanced_accuracy,
        macro_f1}` of the answer that knows the class of the image and nothing else: the most frequent word of the class
        in the other folds.
    """
    rows = np.flatnonzero(subject.y >= 0)
    truth, said = subject.y[rows], p[rows].argmax(axis=1)
    clipped = np.clip(p[rows], LEAST_PROBABILITY, 1)
    loss = log_loss(truth, clipped / clipped.sum(axis=1, keepdims=True), labels=list(range(len(subject.words))))
    return {"n": len(rows), "words": {word: int((truth == at).sum()) for at, word in enumerate(subject.words)},
            **_agreement(truth, said), "accuracy": float((truth == said).mean()), "log_loss": float(loss),
            "class_only": _agreement(truth, _word_of_class(truth, y[rows], fold[rows]))}


def _agreement(truth: Int64Array, said: Int64Array) -> dict[str, float]:
    return {"balanced_accuracy": float(balanced_accuracy_score(truth, said)),
            "macro_f1": float(f1_score(truth, said, average="macro", labels=np.unique(truth), zero_division=0))}


def _word_of_class(truth: Int64Array, y: Int64Array, fold: Int64Array) -> Int64Array:
    """The most frequent word of each row's class in the other folds, else of all rows in them."""
    out = np.empty(len(truth), np.int64)
    for number in np.unique(fold):
        others = fold != number
        for c in np.unique(y[~others]):
            of_class = others & (y == c)
            known = truth[of_class if of_class.any() else others]
            out[~others & (y == c)] = np.bincount(known).argmax() if len(known) else 0
    return out
