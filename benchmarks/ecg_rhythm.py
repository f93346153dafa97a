"""Rhythm and statements from one row of numbers a record: AUROC of every code, with all features and with RR alone.

python -m benchmarks.ecg_rhythm PTBXL [--pages] [-o benchmarks/results/ecg_rhythm.json]

PTBXL is a folder with ptbxl.npz (`ecg_id`, `sig_uv`, `leads`) and labels.csv (`ecg_id`, `scp` codes joined by a bar).
With --pages every record is also drawn as a page of 3 x 4 leads and a strip of II, read back, and measured from that.
"""
import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from loky import get_reusable_executor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.record import RESULTS, write
from classify.fitting import models
from ecg.beats.delineate import find_beats
from ecg.digitize import digitize
from ecg.lead_table import LEADS
from ecg.rhythm.features import FEATURES, rhythm_row
from ecg.simulate.draw import draw_page
from featurize.arrays import Float64Array, Int64Array
from featurize.images.picture import ImageError

FS, FOLDS, SEEDS, LEAST = 500.0, 5, (0, 1, 2), 10


def row_of(mv: Float64Array, leads: tuple[str, ...]) -> dict[str, float]:
    """Features of a record's signals."""
    return rhythm_row(mv, find_beats(mv, leads, FS))


def row_of_page(mv: Float64Array) -> dict[str, float]:
    """Features of the same signals, drawn on a page and read back."""
    cv2.setNumThreads(1)
    picture, _ = draw_page(mv)
    try:
        found = digitize(cv2.imencode(".png", picture[..., ::-1])[1].tobytes(), fs_hz=FS)
    except ImageError:
        return dict.fromkeys(FEATURES, np.nan)
    return row_of(found.signals.mv, LEADS)


def auroc(x: pd.DataFrame, y: Int64Array) -> float:
    """Mean over seeds of the AUROC of out-of-fold margins; a record is its own group."""
    found = []
    for seed in SEEDS:
        margin = np.zeros(len(y))
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
            weights = models.class_weights(y[train], 0.5)
            settings = replace(models.FitSettings(), rounds=120, learning_rate=0.1, seed=seed)
            model = models.fit(x.iloc[train].reset_index(drop=True), y[train], weights, None, settings)
            margin[test] = models.margin(model, x.iloc[test])[:, 0]
        found.append(roc_auc_score(y, margin))
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument("--pages", action="store_true", help="also from pages drawn and read back")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_rhythm.json")
    given = parser.parse_args()
    with np.load(given.ptbxl / "ptbxl.npz") as archive:
        ids, leads = archive["ecg_id"], tuple(str(lead) for lead in archive["leads"])
        order = [leads.index(lead) for lead in LEADS]
        signals = [record.T[order] / 1000 for record in archive["sig_uv"]]
    codes = pd.read_csv(given.ptbxl / "labels.csv", dtype=str).set_index("ecg_id").loc[[str(i) for i in ids], "scp"]
    sets = codes.str.split("|")
    tables = {"signals": pd.DataFrame([row_of(mv, LEADS) for mv in signals])}
    if given.pages:
        pool = get_reusable_executor(max_workers=2)
        tables["pages"] = pd.DataFrame(list(pool.map(row_of_page, signals)))
    counts = sets.explode().value_counts()
    rows: list[dict[str, Any]] = []
    for code in counts.index[(counts >= LEAST) & (counts <= len(ids) - LEAST)]:
        y = sets.map(lambda found, code=code: code in found).to_numpy(np.int64)
        row: dict[str, Any] = {"code": code, "records": int(y.sum())}
        for name, table in tables.items():
            x = table[list(FEATURES)].astype(np.float32)
            row[f"{name}: AUROC"] = round(auroc(x, y), 4)
            row[f"{name}: RR alone"] = round(auroc(x[[c for c in x if "_rr_" in c]], y), 4)
        rows.append(row)
    about = (f"{len(ids)} records of {given.ptbxl.name}, codes with at least {LEAST} records; {FOLDS} folds by record, "
             f"mean of {len(SEEDS)} divisions, 120 rounds. Pages are drawn by ecg.simulate.draw and read back.")
    write(given.out, "ECG rhythm and statements", about, rows)


if __name__ == "__main__":
    main()
