"""Words of experts about white cells, said from measurements: balanced accuracy and macro-F1 of each subject.

python -m benchmarks.attributes blood_pbc --words blood_pbc/attributes.csv [-o benchmarks/results/attributes.json]

Five folds by split group (near copies stay together), stratified by class, seed 0; the model of `classify --words`.
Beside it what a person would say who knows the class of the image and nothing else: the most frequent word of that
class in the other folds.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.record import RESULTS, write
from classify.data.dataset import prepare
from classify.settings import TrainSettings
from classify.words.fit import out_of_fold
from classify.words.score import word_scores
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import measure_index
from featurize.table import read_table

FOLDS, SEED = 5, 0
# Scores that are shown, and averaged.
SHOWN = ("balanced_accuracy", "macro_f1")


def row_of(name: str, scores: dict[str, Any]) -> dict[str, Any]:
    """One subject for the table of results."""
    return {"subject": name, "images": scores["n"], "words": len(scores["words"]),
            "balanced accuracy": round(scores["balanced_accuracy"], 4), "macro-F1": round(scores["macro_f1"], 4),
            "class only: balanced accuracy": round(scores["class_only"]["balanced_accuracy"], 4),
            "class only: macro-F1": round(scores["class_only"]["macro_f1"], 4),
            "log-loss": round(scores["log_loss"], 4)}


def mean_row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over the subjects."""
    first = rows[0]
    means = {key: round(float(np.mean([row[key] for row in rows])), 4) for key, value in first.items()
             if isinstance(value, float)}
    return {"subject": "mean", "images": first["images"], "words": sum(row["words"] for row in rows), **means}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="a folder of class folders, or a table that featurize wrote")
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "attributes.json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if given.images.is_dir():
        frame, info, _ = measure_index(build_index([given.images]), load_preset("cell"), jobs=given.jobs)
    else:
        frame, info = read_table(given.images)
    data, _ = prepare(frame, info, TrainSettings(words=str(given.words), folds=FOLDS, seed=SEED))
    with threadpool_limits(1, user_api="blas"):
        found, fold = out_of_fold(data.x.to_numpy(), data.words, data.task.y, data.split.split_group, FOLDS, SEED)
    rows = [row_of(subject.name, word_scores(subject, p, data.task.y, fold)) for subject, p in zip(data.words, found)]
    write(given.out, "Words of experts", "The eleven attributes of WBCAtt on those images of blood_pbc that have them, "
          "said by `classify --words` out of fold (5 folds by near copies, seed 0). Class only: the most frequent word "
          "of the true class in the other folds. The figures of WBCAtt's own network stand in no source at hand, so "
          "none are shown beside.", [*rows, mean_row(rows)])


if __name__ == "__main__":
    main()
