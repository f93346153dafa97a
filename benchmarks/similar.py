"""How many of the nearest images are of the same class, and have the same words of experts?

python -m benchmarks.similar TABLE [--words attributes.csv] [-o benchmarks/results/similar.json]

TABLE is what `featurize` wrote. Every image is a query, and images of its group are no neighbors. The metric of the
classes is learned in five folds, without the query's own. Words: images without a word of a subject are neither
queries nor neighbors of it; by chance means the share of pairs with the same word.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.data.columns import matrix, model_columns
from classify.data.expert_words import read_words
from classify.data.folds import make_folds, split_groups
from classify.similar.class_space import fit_class_space
from classify.similar.space import Z_SCORE_LIMIT, center_and_scale, compressed, distance
from featurize.arrays import Float64Array, Int64Array
from featurize.table import read_table

_RANKS = (1, 5, 10)
_FOLDS = 5
_SEED = 0


def row(name: str, what: str, distances: Float64Array, y: Int64Array) -> dict[str, Any]:
    """Mean share of the nearest rows that are called like the query; infinite distances are no neighbors.

    Rows of which nothing is known (-1) take no part.
    """
    known = np.flatnonzero(y >= 0)
    y = y[known]
    order = np.argsort(distances[np.ix_(known, known)], axis=1, kind="stable")[:, :max(_RANKS)]
    hit = y[order] == y[:, None]
    shares = np.bincount(y) / len(y)
    return {"metric": name, "same": what, "queries": len(y), "by chance": round(float((shares ** 2).sum()), 4),
            **{f"precision at {k}": round(float(hit[:, :k].mean()), 4) for k in _RANKS}}


def rows(table: Path, words: Path | None = None) -> list[dict[str, Any]]:
    frame, info = read_table(table)
    frame = frame[frame["label"].notna()].reset_index(drop=True)
    values = matrix(frame, model_columns(info)).to_numpy(dtype=np.float64)
    center, scale = center_and_scale(values)
    z = compressed(np.clip((values - center) / scale, -Z_SCORE_LIMIT, Z_SCORE_LIMIT))
    y, group = pd.factorize(frame["label"], sort=True)[0].astype(np.int64), split_groups(frame)
    akin = group[:, None] == group
    plain = np.where(akin, np.inf, distance(z, z))
    fold = make_folds(y, group, _FOLDS, _SEED)
    by_class = np.full((len(y), len(y)), np.inf)
    for k in range(_FOLDS):
        asked = fold == k
        space = fit_class_space(z[~asked], y[~asked])
        by_class[np.ix_(asked, ~asked)] = distance(space.points(z[asked]), space.points(z[~asked]))
    found = [(name, distances) for name, distances in (("measurements", plain), ("classes, out of fold", by_class))]
    result = [row(name, "class", distances, y) for name, distances in found]
    for subject in read_words(words, frame) if words else ():
        result += [row(name, subject.name, distances, subject.y) for name, distances in found]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "similar.json")
    parser.add_argument("--words", type=Path, help="CSV of words that experts gave to the images")
    given = parser.parse_args()
    about = ("Share of the nearest images that are of the query's class, or have its word of each subject of experts; "
             f"{given.table.name}, seed {_SEED}. Classes: learned in {_FOLDS} folds, neighbors come from the four "
             "others, labels of the query's fold are not learned from. The compression of z-scores, the number of axes "
             "and the shrinkage were chosen on blood_pbc, so that its figures are no held-out ones in that respect.")
    write(given.out, f"Similar images: {given.table.stem}", about, rows(given.table, given.words))


if __name__ == "__main__":
    main()
