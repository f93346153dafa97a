"""Swapped labels: how many of them suspects.csv names first, and what they cost the predictions.

python -m benchmarks.label_noise TABLE [TABLE ...] [-o benchmarks/results/label_noise.json]

A TABLE is one that `python cli.py featurize` wrote. A share of its labels is swapped for another class by chance; the
trees are cross-fitted and calibrated on the noisy labels, as `classify` does, and their held-out predictions are
compared with the labels as they were.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.data.dataset import prepare
from classify.evaluate.suspects import flags, scores_of
from classify.fitting import crossfit
from classify.fitting.augment import perturbations_of
from classify.fitting.contradicted import contradicted_when_sure
from classify.fitting.fit_data import FitData
from classify.settings import TrainSettings
from classify.uncertainty.held_out import fit_held_out
from featurize.arrays import Int64Array
from featurize.table import TableInfo, read_perturbed, read_table

RATES, SEED = (0.0, 0.05, 0.1), 0


def swapped(label: pd.Series, rate: float, seed: int) -> pd.Series:
    """Labels of which a share is exchanged for another class, all others being equally probable."""
    rng = np.random.default_rng(seed)
    classes = np.array(sorted(label.dropna().unique()), dtype=object)
    code = np.searchsorted(classes.astype(str), label.fillna(classes[0]).to_numpy(str))
    other = (code + rng.integers(1, len(classes), len(code))) % len(classes)
    chosen = (rng.random(len(code)) < rate) & label.notna().to_numpy()
    return label.where(~chosen, pd.Series(classes[other], index=label.index))


def row_of(name: str, frame: pd.DataFrame, info: TableInfo, perturbed: pd.DataFrame | None,
           rate: float) -> dict[str, Any]:
    """One row of the result: a table with one rate of swapped labels."""
    truth = frame["label"]
    noisy = frame.assign(label=swapped(truth, rate, SEED))
    settings = TrainSettings(seed=SEED)
    data, _ = prepare(noisy, info, settings)
    fitted = FitData(data.x, data.task.y, settings.weight_power, perturbations_of(data.frame, perturbed, data.x),
                     settings.balance)
    crossed = crossfit.cross_fit(fitted, data.split, settings.fit_settings(), lambda: None)
    held_out = fit_held_out(crossed, data.task, data.split, settings)
    y, p = data.task.y[held_out.rows], held_out.p
    clean = np.array([data.task.classes.index(c) for c in truth.iloc[held_out.rows]])
    return {"table": name, "swapped %": 100 * rate, "n": len(y), **found(y, clean, scores_of(y, p), flags(y, p)),
            "left out of training %": round(100 * crossed.left_out, 1),
            "accuracy on clean labels": round(float((p.argmax(axis=1) == clean).mean()), 4),
            **surest(y, p)}


def found(y: Int64Array, clean: Int64Array, score: Any, flagged: Any) -> dict[str, Any]:
    """Share of swapped labels among as many suspects, and of the flag."""
    wrong = y != clean
    first = np.argsort(-score, kind="stable")[:wrong.sum()]
    precision = wrong[flagged].mean() if flagged.any() and wrong.any() else None
    return {"among as many suspects": round(float(wrong[first].mean()), 4) if wrong.any() else None,
            "flagged": int(flagged.sum()),
            "flag precision": None if precision is None else round(float(precision), 4),
            "flag recall": round(float(flagged[wrong].mean()), 4) if wrong.any() else None}


def surest(y: Int64Array, p: Any) -> dict[str, Any]:
    """What decides whether a run warns."""
    sure = contradicted_when_sure(y, p)
    return {"contradicted in the surest quarter %": round(100 * sure.contradicted / sure.n, 2),
            "lower end %": round(100 * sure.low, 2), "warns": sure.unusual}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "label_noise.json")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    given = parser.parse_args()
    rows = []
    for path in given.tables:
        frame, info = read_table(path)
        frame = frame.reset_index(drop=True)
        for rate in given.rates:
            rows.append(row_of(path.stem, frame, info, read_perturbed(path, info), rate))
            print(rows[-1], flush=True)
    write(given.out, "Swapped labels", "Cross-fitted, calibrated trees on tables of which a share of the labels was "
          f"swapped for another class by chance, seed {SEED}. `among as many suspects`: share of swapped labels among "
          "as many first lines of suspects.csv as labels were swapped. `accuracy on clean labels`: of held-out "
          "predictions, against the labels before the swap. A run warns where the lower end of the 95 % interval of "
          "contradicted labels in the surest quarter is above 1 %.", rows)


if __name__ == "__main__":
    main()
