"""What a classifier of cells loses in another laboratory, with and without perturbation augmentation.

python -m benchmarks.shift HOME [ELSEWHERE] [-o benchmarks/results/shift.json]

HOME and ELSEWHERE hold class folders. "changed" are the tested images of HOME after a random change of stain, lamp,
camera, magnification and file format (featurize.images.perturb); the augmentation uses changes of training
images alone.
"""
import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss
from sklearn.model_selection import StratifiedKFold

from benchmarks.record import RESULTS, write
from classify.data.columns import matrix, model_columns
from classify.fitting import models
from classify.fitting.augment import Perturbations, augment, perturbations_of
from classify.fitting.rows import TrainingRows
from featurize.arrays import Float64Array, Int64Array
from featurize.batch.chunks import ImageRequest, MeasureTask, join
from featurize.batch.workers import measure_chunks
from featurize.images.perturb import images_to_perturb
from featurize.index.build import Index, build_index
from featurize.presets.load import load_preset
from featurize.run import measure_index

ROUNDS, FOLDS, SEED = 200, 3, 0


def changed(index: Index, jobs: int) -> pd.DataFrame:
    """`image_id` and features of changed copies of all images."""
    rows = list(index.frame[["image_id", "site", "path"]].itertuples(index=False))
    chunks = {k: [ImageRequest(image_id, site, path, copy=1) for image_id, site, path in rows[k:k + 16]]
              for k in range(0, len(rows), 16)}
    task = MeasureTask(tuple(index.sources), load_preset("cell"), None)
    chunk = join([c for _, c in sorted(measure_chunks(task, chunks, jobs=jobs), key=lambda pair: pair[0])])
    table = pd.DataFrame(chunk.values, columns=list(chunk.names))
    return table.assign(image_id=list(chunk.image_ids))


def probabilities(x: pd.DataFrame, y: Int64Array, train: Int64Array, perturbations: Perturbations | None,
                  tested: list[pd.DataFrame]) -> list[Float64Array]:
    """Uncalibrated probabilities of several sets of rows by one model."""
    rows = augment(TrainingRows(x.iloc[train], y[train], np.ones(len(train))), train, perturbations, SEED).rows
    model = models.fit(rows, None, replace(models.FitSettings(), rounds=ROUNDS, seed=SEED))
    margins = [models.margin(model, t) for t in tested]
    return [np.exp(m - m.max(1, keepdims=True)) / np.exp(m - m.max(1, keepdims=True)).sum(1, keepdims=True)
            for m in margins]


def scores(name: str, augmented: bool, y: Int64Array, p: Float64Array) -> dict[str, Any]:
    guess = p.argmax(axis=1)
    return {"tested on": name, "augmented": augmented, "n": len(y),
            "macro-F1": round(float(f1_score(y, guess, average="macro")), 4),
            "balanced accuracy": round(float(balanced_accuracy_score(y, guess)), 4),
            "accuracy": round(float((guess == y).mean()), 4),
            "log-loss": round(float(log_loss(y, np.clip(p, 1e-9, 1), labels=list(range(p.shape[1])))), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("elsewhere", type=Path, nargs="?")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "shift.json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    index = build_index([given.home])
    frame, info, _ = measure_index(index, load_preset("cell"), jobs=given.jobs)
    x = matrix(frame, model_columns(info))
    other = frame[["image_id"]].merge(changed(index, given.jobs), on="image_id", how="left")
    perturbed = other[other["image_id"].isin(images_to_perturb(frame["image_id"].tolist()))]
    perturbations = perturbations_of(frame, perturbed, x)
    rows = at_home(x, frame["label"], other[list(x.columns)], perturbations)
    if given.elsewhere:
        rows += there(given.elsewhere, x, frame["label"], perturbations, given.jobs)
    write(given.out, "Shift between laboratories", f"{len(frame)} images of {given.home.name}, {FOLDS} folds, "
          f"{ROUNDS} rounds of boosting, seed {SEED}, not calibrated; augmentation from {len(perturbed)} images "
          "measured again. `changed`: tested images after a random change of stain, lamp, camera, magnification and "
          "JPEG."
          + (f" `{given.elsewhere.name}`: the classes that both have, trained on all of home."
             if given.elsewhere else ""), rows)


def at_home(x: pd.DataFrame, label: pd.Series, other: pd.DataFrame,
            perturbations: Perturbations | None) -> list[dict[str, Any]]:
    """Cross-validated scores on the images as they are and changed."""
    y = label.astype("category").cat.codes.to_numpy(np.int64)
    rows = []
    for use in (False, True):
        p = np.zeros((2, len(y), y.max() + 1))
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(x, y):
            found = probabilities(x, y, train, perturbations if use else None, [x.iloc[test], other.iloc[test]])
            p[:, test] = np.stack(found)
        rows += [scores("home", use, y, p[0]), scores("home, changed", use, y, p[1])]
    return rows


def there(folder: Path, x: pd.DataFrame, label: pd.Series, perturbations: Perturbations | None,
          jobs: int) -> list[dict[str, Any]]:
    """Scores in another laboratory, on the classes that both have."""
    frame, _, _ = measure_index(build_index([folder]), load_preset("cell"), jobs=jobs)
    classes = sorted(set(frame["label"]) & set(label))
    train = np.flatnonzero(label.isin(classes))
    y = label.map({c: k for k, c in enumerate(classes)}).fillna(-1).to_numpy(np.int64)
    known = frame[frame["label"].isin(classes)]
    truth = known["label"].map({c: k for k, c in enumerate(classes)}).to_numpy(np.int64)
    return [scores(folder.name, use, truth, probabilities(x, y, train, perturbations if use else None,
                                                          [known[list(x.columns)]])[0]) for use in (False, True)]


if __name__ == "__main__":
    main()
