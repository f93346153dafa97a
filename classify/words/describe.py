"""What speaks for a word, and what a class looks like in words."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.columns import region_and_family
from classify.data.expert_words import Subject
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.report.feature_names import feature_name

# A measurement is compared where this share of the images with a word has it.
LEAST_MEASURED = 0.5
# Parts of the name of a subject, such as ``granule``, are compared with columns by so many first letters, and only
# parts of so many letters are.
SAME_LETTERS = 6
SHORTEST_PART = 5
# Words that describe a class, at most.
WORDS_OF_CLASS = 5
# A word describes a class if its share of the class is so much above its share of the other classes.
LEAST_EXCESS = 0.1


def speaking_measurements(x: pd.DataFrame, subjects: Sequence[Subject], families: Sequence[str],
                          preset: str) -> pd.DataFrame:
    """For each word the measurement that tells it best from the other words of its subject.

    Only measurements that can be checked by eye are compared. Where the name of the subject begins with a region, as
    ``nucleus_shape`` does, only measurements of that region are; where columns share a part of the name with it, as
    ``nuclear_cytoplasmic_ratio`` and ``nucleus_morphology_nc_ratio`` do, only these.

    Parameters
    ----------
    x : (n, d) DataFrame
        The features.
    subjects : sequence of Subject
    families : sequence of str
        Names of the families in the table.
    preset : str
        Its name decides what stains are called.

    Returns
    -------
    DataFrame
        `subject, word, n, feature, name, unit, direction, auroc, median, median_of_others`: `direction` is ``higher``
        or ``lower``, `auroc` that of the measurement in this direction. `feature` is empty where nothing is measured.
    """
    names = {column: feature_name(column, preset) for column in x.columns}
    columns = [column for column, name in names.items() if name.by_itself]
    regions = {column: (region_and_family(column, families) or ("", ""))[0] for column in columns}
    rows = []
    for subject in subjects:
        own = _columns_about(subject.name.lower(), regions)
        rows += [{"subject": subject.name, "word": word, "n": int((subject.y == at).sum()),
                  **_speaking(x[own], subject.y, at)} for at, word in enumerate(subject.words)]
    table = pd.DataFrame(rows)
    table.insert(4, "name", [names[f].name if f else "" for f in table["feature"]])
    table.insert(5, "unit", [names[f].unit if f else "" for f in table["feature"]])
    return table


def _columns_about(subject: str, regions: Mapping[str, str]) -> list[str]:
    """The columns of the region and of the parts of a subject's name; all of them where there are none."""
    columns = [c for c, region in regions.items() if region and subject.startswith(region)] or list(regions)
    words = subject.replace("colour", "color").split("_")
    parts = tuple(word[:SAME_LETTERS] for word in words if len(word) >= SHORTEST_PART)
    alike = [c for c in columns if any(word.startswith(parts) for word in c.removeprefix(f"{regions[c]}_").split("_"))]
    return alike or columns


def _speaking(x: pd.DataFrame, y: Int64Array, word: int) -> dict[str, str | float]:
    said = y >= 0
    values = x[said]
    auroc = _auroc(values, y[said] == word)
    nothing = np.isnan(auroc) | (values.notna().mean().to_numpy() < LEAST_MEASURED)
    if nothing.all():
        return {"feature": "", "direction": "", "auroc": np.nan, "median": np.nan, "median_of_others": np.nan}
    at = int(np.where(nothing, -1.0, np.abs(auroc - 0.5)).argmax())
    column = values.iloc[:, at]
    return {"feature": str(x.columns[at]), "direction": "higher" if auroc[at] >= 0.5 else "lower",
            "auroc": float(max(auroc[at], 1 - auroc[at])), "median": float(column[y[said] == word].median()),
            "median_of_others": float(column[y[said] != word].median())}


def _auroc(values: pd.DataFrame, word: BoolArray) -> Float64Array:
    """(d,) share of the pairs of one image with the word and one without in which the first has the higher value."""
    ranks, known = values.rank().to_numpy(), values.notna().to_numpy()
    with_word, without = (known & word[:, None]).sum(axis=0), (known & ~word[:, None]).sum(axis=0)
    above = np.where(known & word[:, None], ranks, 0.0).sum(axis=0) - with_word * (with_word + 1) / 2
    pairs = (with_word * without).astype(float)
    return np.divide(above, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


@dataclass(frozen=True)
class _Shares:
    """Shares of the words of one subject, in one class and in the mean of the others."""

    own: Float64Array
    others: Float64Array


def classes_in_words(subjects: Sequence[Subject], y: Int64Array, classes: Sequence[str]) -> pd.DataFrame:
    """For each class the words that experts gave to it more often than to the other classes.

    Parameters
    ----------
    subjects : sequence of Subject
    y : (n,) int64
        Class of each row; -1 = unlabelled.
    classes : sequence of str

    Returns
    -------
    DataFrame
        `class, subject, word, n, share, share_of_others`, the largest difference first. `n` counts the images of the
        class with a word of the subject; the share of the others is the mean over the other classes that have words,
        so that a frequent class does not decide.
    """
    rows = []
    for c, name in enumerate(classes):
        found: list[tuple[float, tuple[object, ...]]] = []
        for subject in subjects:
            shares = _shares(subject, y, c, len(classes))
            if shares is None:
                continue
            n = int(((y == c) & (subject.y >= 0)).sum())
            found += [(shares.own[at] - shares.others[at],
                       (str(name), subject.name, subject.words[at], n, shares.own[at], shares.others[at]))
                      for at in np.flatnonzero(shares.own - shares.others >= LEAST_EXCESS)]
        found.sort(key=lambda pair: -pair[0])
        rows += [row for _, row in found[:WORDS_OF_CLASS]]
    return pd.DataFrame(rows, columns=["class", "subject", "word", "n", "share", "share_of_others"])


def _shares(subject: Subject, y: Int64Array, c: int, k: int) -> _Shares | None:
    """None where the class, or all others, have no word of the subject."""
    table = np.zeros((k, len(subject.words)))
    known = (y >= 0) & (subject.y >= 0)
    np.add.at(table, (y[known], subject.y[known]), 1)
    with_words = table.sum(axis=1) > 0
    if not with_words[c] or with_words.sum() < 2:
        return None
    shares = table[with_words] / table[with_words].sum(axis=1, keepdims=True)
    own = int(with_words[:c].sum())
    return _Shares(shares[own], np.delete(shares, own, axis=0).mean(axis=0))
