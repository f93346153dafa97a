"""Everything a run knows about words: what each image is called, how well, and what speaks for it."""
from collections.abc import Sequence

import numpy as np
import pandas as pd

from classify.data.dataset import Dataset
from classify.data.expert_words import Subject
from classify.result import WordsResult
from classify.words.describe import classes_in_words, speaking_measurements
from classify.words.fit import out_of_fold
from classify.words.score import word_scores
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Scores that are averaged over the subjects.
_MEANS = ("balanced_accuracy", "macro_f1")


def say_words(data: Dataset, predicted: Int64Array, folds: int, seed: int) -> WordsResult:
    """Words of all n images, out of fold.

    Parameters
    ----------
    data : Dataset
        With its `words`.
    predicted : (n,) int64
        Class that the model calls each image. Images of a class of which experts described none get no words: nothing
        is known about words there.
    folds, seed : int
    """
    subjects, y = data.words, data.task.y
    p, fold = out_of_fold(data.x.to_numpy(), subjects, y, data.split.split_group, folds, seed)
    described = np.isin(predicted, np.unique(y[np.any([s.y >= 0 for s in subjects], axis=0)]))
    scores = {subject.name: word_scores(subject, own, y, fold) for subject, own in zip(subjects, p)}
    means = {key: float(np.mean([score[key] for score in scores.values()])) for key in _MEANS}
    class_only = {key: float(np.mean([score["class_only"][key] for score in scores.values()])) for key in _MEANS}
    return WordsResult(
        table=_table(data.frame, subjects, p, described),
        metrics={"subjects": scores, "mean": {**means, "class_only": class_only}},
        measurements=speaking_measurements(data.x, subjects, list(data.info.blocks),
                                           str(data.info.preset.get("name", ""))),
        classes=classes_in_words(subjects, y, data.task.classes))


def _table(frame: pd.DataFrame, subjects: Sequence[Subject], p: Sequence[Float64Array],
           described: BoolArray) -> pd.DataFrame:
    """words.csv: for each subject the word, its probability, and what experts said."""
    out = {"image_id": frame["image_id"], "path": frame["path"]}
    for subject, own in zip(subjects, p):
        words = np.array([*subject.words, None], dtype=object)
        out[subject.name] = pd.Series(np.where(described, words[own.argmax(axis=1)], None), dtype=object)
        out[f"{subject.name}_probability"] = pd.Series(np.where(described, own.max(axis=1), np.nan))
        out[f"{subject.name}_expert"] = pd.Series(words[subject.y], dtype=object)
    return pd.DataFrame(out)
