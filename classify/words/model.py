"""Models of words that are kept with a run, and what they say of new images."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.data.expert_words import Subject
from classify.fitting.linear import LinearModel, standard_scores
from classify.words.fit import BEND, SubjectModel, fit_subject, probabilities, training_rows
from featurize.arrays import BoolArray, Float32Array, Int64Array

# Columns of predictions.csv begin so: a subject may be called like another column.
PREFIX = "word_"
# Arrays that are the same for all subjects, and those of each.
_SHARED = ("fill", "center", "scale", "mean")
_OWN = ("weights", "base")


@dataclass(frozen=True)
class WordModels:
    """The models of a run; d features.

    Parameters
    ----------
    names : tuple of str
        Of the subjects.
    words : tuple of tuples of str
        Of each subject.
    models : tuple of SubjectModel
    described : tuple of int
        Classes of which experts described images.
    """

    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    models: tuple[SubjectModel, ...]
    described: tuple[int, ...]


def fit_words(x: Float32Array, subjects: Sequence[Subject], y: Int64Array, known: BoolArray, seed: int) -> WordModels:
    """The models of all subjects, from all rows that may be learned from.

    Parameters
    ----------
    x : (n, d) float32
        NaN = not measured.
    subjects : sequence of Subject
    y : (n,) int64
        Classes, -1 = unlabelled.
    known : (n,) bool
        Rows of which the model may know; a subject without words there is left out.
    seed : int
    """
    said = np.any([subject.y >= 0 for subject in subjects], axis=0) & known
    rows = training_rows(said, seed)
    if not len(rows):
        return WordModels((), (), (), ())
    scores = standard_scores(x[rows], BEND)
    fitted = [(subject, model) for subject in subjects for model in [fit_subject(scores, subject, rows)] if model]
    return WordModels(tuple(s.name for s, _ in fitted), tuple(s.words for s, _ in fitted),
                      tuple(model for _, model in fitted), tuple(int(c) for c in np.unique(y[said]) if c >= 0))


def said_of(models: WordModels, x: Float32Array, guess: Int64Array) -> pd.DataFrame:
    """Columns `word_<subject>` and `word_<subject>_probability` of new images.

    Parameters
    ----------
    models : WordModels
    x : (n, d) float32
    guess : (n,) int64
        What the run's model calls each image. Images of a class of which experts described none get no words.
    """
    described = np.isin(guess, models.described)
    out = {}
    for name, words, model in zip(models.names, models.words, models.models):
        p = probabilities(model, x, len(words))
        chosen = np.array(words, dtype=object)[p.argmax(axis=1)]
        out[PREFIX + name] = pd.Series(np.where(described, chosen, None), dtype=object)
        out[f"{PREFIX}{name}_probability"] = pd.Series(np.where(described, p.max(axis=1), np.nan))
    return pd.DataFrame(out, index=range(len(x)))


def to_plain(models: WordModels) -> dict[str, Any]:
    """What a manifest holds of them."""
    return {"subjects": [{"name": name, "words": list(words), "learned": model.learned.tolist()}
                         for name, words, model in zip(models.names, models.words, models.models)],
            "described": list(models.described)}


def to_arrays(models: WordModels) -> dict[str, NDArray[Any]]:
    """Their numbers, by name; those of the terms are the same for all subjects and are kept once."""
    arrays: dict[str, NDArray[Any]] = {}
    for at, model in enumerate(models.models):
        if model.linear is None:
            continue
        arrays |= {f"words_{name}": getattr(model.linear, name) for name in _SHARED}
        arrays |= {f"words_{at}_{name}": getattr(model.linear, name) for name in _OWN}
        arrays["words_terms"] = np.array([model.linear.largest, model.linear.bend])
    return arrays


def from_plain(plain: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> WordModels:
    """The inverse of `to_plain` and `to_arrays`."""
    subjects = plain["subjects"]
    models = tuple(SubjectModel(_linear(arrays, at), np.array(subject["learned"], np.int64))
                   for at, subject in enumerate(subjects))
    return WordModels(tuple(s["name"] for s in subjects), tuple(tuple(s["words"]) for s in subjects), models,
                      tuple(plain["described"]))


def _linear(arrays: dict[str, NDArray[Any]], at: int) -> LinearModel | None:
    if f"words_{at}_weights" not in arrays:
        return None
    fill, center, scale, mean = (arrays[f"words_{name}"] for name in _SHARED)
    weights, base = (arrays[f"words_{at}_{name}"] for name in _OWN)
    largest, bend = arrays["words_terms"].tolist()
    return LinearModel(fill, center, scale, mean, weights, base, largest, bend, np.zeros((len(fill), 0)),
                       np.zeros((len(fill), weights.shape[1])))
