"""What each part of the learner brings: columns of a tree, the linear start, the library.

python -m benchmarks.learner TABLE [TABLE ...] [--folds 5] [-o benchmarks/results/learner.json]

TABLE is a table that `featurize` wrote, with its second measurements beside it if it has some. All variants are fitted
on the same folds; scores are those of out-of-fold log-odds before calibration. A given test part is not looked at: its
val part is tested, and an eighth of the training rows stops the fit.
"""
import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from benchmarks.record import RESULTS, write
from classify.data.dataset import Dataset, prepare
from classify.evaluate.metrics import scores
from classify.fitting.augment import perturbations_of
from classify.fitting.crossfit import cross_fit
from classify.fitting.fit_data import FitData
from classify.settings import FitSettings, TrainSettings
from classify.uncertainty.calibrate import log_loss, logits
from featurize.errors import UserError
from featurize.table import TableInfo, read_perturbed, read_table

# Name of a variant and how it differs from the default.
VARIANTS: dict[str, dict[str, Any]] = {
    "as trained": {}, "without start": {"linear_start": False},
    "all columns, without start": {"linear_start": False, "columns": 1.0},
    "xgboost": {"library": "xgboost"},
    "xgboost, all columns, without start": {"library": "xgboost", "linear_start": False, "columns": 1.0},
    "logistic": {"library": "logistic"}}


def rows_of(path: Path, folds: int) -> list[dict[str, Any]]:
    """A row for each variant."""
    frame, info = read_table(path)
    data, _ = prepare(*_without_test(frame, info), TrainSettings(folds=folds))
    fit_data = FitData(data.x, data.task.y, TrainSettings.weight_power,
                       perturbations_of(data.frame, read_perturbed(path, info), data.x))
    return [_row(path.stem, name, data, fit_data, replace(TrainSettings().fit_settings(), **changes))
            for name, changes in VARIANTS.items()]


def _without_test(frame: pd.DataFrame, info: TableInfo) -> tuple[pd.DataFrame, TableInfo]:
    """A given split with val in the place of test, and every eighth training row in the place of val."""
    if frame["split"].isna().all():
        return frame, info
    kept = frame[frame["split"] != "test"].reset_index(drop=True)
    part = kept["split"].replace({"val": "test"}).to_numpy(dtype=object)
    part[np.flatnonzero(part == "train")[::8]] = "val"
    return kept.assign(split=part), info


def _row(table: str, name: str, data: Dataset, fit_data: FitData, settings: FitSettings) -> dict[str, Any]:
    start = time.perf_counter()
    crossed = cross_fit(fit_data, data.split, settings, lambda: None)
    seconds = time.perf_counter() - start
    tested = np.flatnonzero(np.isfinite(crossed.margins).all(axis=1))
    p = np.exp(log_softmax(logits(crossed.margins[tested]), axis=1))
    y = data.task.y[tested]
    row = {"table": table, "variant": name, "rows": len(y), "columns": data.x.shape[1],
           "accuracy": round(float((p.argmax(axis=1) == y).mean()), 4),
           "AUROC": round(float(scores(y, p)["auroc"][0]), 4), "log-loss": round(log_loss(p, y), 4),
           "seconds": round(seconds, 1), "rounds": round(float(np.mean([m.rounds for m in crossed.models])))}
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--folds", type=int, default=TrainSettings.folds)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "learner.json")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for path in given.tables:
        try:
            rows += rows_of(path, given.folds)
        except UserError as error:
            raise SystemExit(f"{path}: {error}") from error
    write(given.out, "Learner", f"Same folds for all variants ({given.folds} where the table has no split), seed 0; "
          "scores of out-of-fold log-odds before calibration; seconds of all folds, each fitted twice.", rows)


if __name__ == "__main__":
    main()
