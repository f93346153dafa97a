"""How many of the nearest images are of the same class?

python -m benchmarks.similar TABLE [-o benchmarks/results/similar.json]

TABLE is what `featurize` wrote. Every image is a query, and images of its group are no neighbors. The metric of the
classes is learned in five folds, without the query's own.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.data.columns import matrix, model_columns
from classify.data.folds import make_folds, split_groups
from classify.similar.class_space import fit_class_space
from classify.similar.space import Z_SCORE_LIMIT, center_and_scale, compressed, distance
from featurize.arrays import Float64Array, Int64Array
from featurize.table import read_table

_RANKS = (1, 5, 10)
_FOLDS = 5
_SEED = 0


def row(name: str, distances: Float64Array, y: Int64Array) -> dict[str, Any]:
    """Mean share of the nearest rows that are of the query's class; infinite distances are no neighbors."""
    order = np.argsort(distances, axis=1, kind="stable")[:, :max(_RANKS)]
    hit = y[order] == y[:, None]
    return {"metric": name, "queries": len(y), **{f"precision at {k}": round(float(hit[:, :k].mean()), 4)
                                                  for k in _RANKS}}


def rows(table: Path) -> list[dict[str, Any]]:
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
    return [row("measurements", plain, y), row("classes, out of fold", by_class, y)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "similar.json")
    given = parser.parse_args()
    about = (f"Share of the nearest images that are of the query's class; {given.table.name}, seed {_SEED}. Classes: "
             f"learned in {_FOLDS} folds, neighbors come from the four others, labels of the query's fold are not "
             "learned from. The compression of z-scores, the number of axes and the shrinkage were chosen on "
             "blood_pbc, so that its figures are no held-out ones in that respect.")
    write(given.out, "Similar images", about, rows(given.table))


if __name__ == "__main__":
    main()
