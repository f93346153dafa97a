"""Rhythm and statements from one row of numbers a record: AUROC of every code, with all features and with RR alone.

python -m benchmarks.ecg_rhythm PTBXL [--pages] [--keep DIR] [-o benchmarks/results/ecg_rhythm.json]

PTBXL is a folder with ptbxl.npz (`ecg_id`, `sig_uv`, `leads`) and labels.csv (`ecg_id`, `scp` codes joined by a bar).
With --pages every record is also drawn as a page of 3 x 4 leads and a strip of II, read back, and measured from that;
--keep keeps what was read back, so that a change of beats and rhythm is measured without reading pages again.

Features and limits were chosen on the first half of the records: every second one in the order of the file, from the
first. Out-of-fold margins are those of all records; "held out" counts the other half alone.
"""
import argparse
from collections.abc import Sequence
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
from classify.fitting.rows import TrainingRows
from classify.settings import FitSettings
from ecg.beats.delineate import find_beats
from ecg.digitize import digitize
from ecg.lead_table import LEADS
from ecg.rhythm.criteria import STATEMENTS
from ecg.rhythm.doubts import judge
from ecg.rhythm.features import FEATURES, rhythm_row
from ecg.rhythm.statements import score
from ecg.simulate.draw import draw_page
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.images.picture import ImageError

FS, FOLDS, SEEDS, LEAST = 500.0, 5, (0, 1, 2), 10
# Resamples of the records of which an interval of 95 % is made.
RESAMPLES = 500


def row_of(mv: Float64Array) -> dict[str, float]:
    """Features of a record's signals, those left out that are not to be trusted."""
    beats = find_beats(mv, LEADS, FS)
    return judge(mv, beats, rhythm_row(mv, beats))[0]


def read_back(mv: Float64Array) -> Float64Array:
    """The same signals, drawn on a page and read back; NaN where the page could not be read."""
    cv2.setNumThreads(1)
    picture, _ = draw_page(mv)
    try:
        found = digitize(cv2.imencode(".png", picture[..., ::-1])[1].tobytes(), fs_hz=FS)
    except ImageError:
        return np.full(mv.shape, np.nan)
    return found.signals.mv


def pages_of(signals: Sequence[Float64Array], keep: Path | None) -> list[Float64Array]:
    """Every record as its page shows it, from `keep` where it was read before."""
    kept = keep / "read_back.npz" if keep else None
    if kept and kept.is_file():
        with np.load(kept) as archive:
            return list(archive["mv"])
    pages = list(get_reusable_executor(max_workers=2).map(read_back, signals))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, mv=np.array(pages))
    return pages


def margins(x: pd.DataFrame, y: Int64Array) -> Float64Array:
    """(seeds, n) out-of-fold margins; a record is its own group."""
    out = np.zeros((len(SEEDS), len(y)))
    for seed in SEEDS:
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
            rows = TrainingRows(x.iloc[train].reset_index(drop=True), y[train], models.class_weights(y[train], 0.5))
            settings = replace(FitSettings(), rounds=120, learning_rate=0.1, seed=seed)
            out[seed, test] = models.margin(models.fit(rows, None, settings), x.iloc[test])[:, 0]
    return out


def auroc(y: Int64Array, found: Float64Array) -> float:
    """Mean AUROC of the divisions; NaN without both kinds of records."""
    return float(np.mean([roc_auc_score(y, m) for m in found])) if 0 < y.sum() < len(y) else float("nan")


def interval(y: Int64Array, found: Float64Array) -> str:
    """95 % of the AUROC over resampled records, positive and other ones drawn apart."""
    rng, parts, values = np.random.default_rng(0), (np.flatnonzero(y == 1), np.flatnonzero(y == 0)), []
    # Wins of positive over other records, a half for ties: the AUROC of a draw is their mean over the drawn pairs.
    apart = found[:, parts[0], None] - found[:, None, parts[1]]
    wins = np.mean(np.heaviside(apart, 0.5), axis=0)
    for _ in range(RESAMPLES):
        rows, columns = (rng.integers(0, len(part), len(part)) for part in parts)
        values.append(float(wins[np.ix_(rows, columns)].mean()))
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{low:.3f} to {high:.3f}"


def statement_scores(code: str, table: pd.DataFrame, y: Int64Array, held_out: BoolArray) -> dict[str, float | None]:
    """How often the statement of this code stands in held-out records with and without the code; no fit is in it."""
    statement = next((s for s in STATEMENTS if s.code == code), None)
    if statement is None:
        return {"sensitivity": None, "specificity": None}
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    made = np.array([score(statement, row) >= 0 for row in rows])
    return {"sensitivity": round(float(made[held_out & (y == 1)].mean()), 3),
            "specificity": round(float(1 - made[held_out & (y == 0)].mean()), 3)}


def rows_of(sets: "pd.Series[Any]", codes: Sequence[str], tables: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A row a code, and one of their means."""
    rows: list[dict[str, Any]] = []
    held_out = np.arange(len(sets)) % 2 == 1
    for code in codes:
        y = np.array([code in found for found in sets], np.int64)
        row: dict[str, Any] = {"code": code, "records": int(y.sum()), "held out": int(y[held_out].sum())}
        for name, table in tables.items():
            x = table[list(FEATURES)].astype(np.float32)
            found = margins(x, y)
            row |= {f"{name}: AUROC": round(auroc(y, found), 4), f"{name}: 95 %": interval(y, found),
                    f"{name}: held out": round(auroc(y[held_out], found[:, held_out]), 4),
                    f"{name}: RR alone": round(auroc(y, margins(x[[c for c in x if "_rr_" in c]], y)), 4)}
            row |= {f"{name}: statement {kind}": value
                    for kind, value in statement_scores(code, table, y, held_out).items()}
        rows.append(row)
        print(row, flush=True)
    mean: dict[str, Any] = {}
    for key in rows[0]:
        values = [row[key] for row in rows if isinstance(row[key], float)]
        mean[key] = round(float(np.mean(values)), 4) if values else None
    return [*rows, mean | {"code": f"mean of {len(rows)}"}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument("--pages", action="store_true", help="also from pages drawn and read back")
    parser.add_argument("--keep", type=Path, help="folder that keeps what was read back from pages")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_rhythm.json")
    given = parser.parse_args()
    with np.load(given.ptbxl / "ptbxl.npz") as archive:
        ids, leads = archive["ecg_id"], tuple(str(lead) for lead in archive["leads"])
        order = [leads.index(lead) for lead in LEADS]
        signals = [record.T[order] / 1000 for record in archive["sig_uv"]]
    codes = pd.read_csv(given.ptbxl / "labels.csv", dtype=str).set_index("ecg_id").loc[[str(i) for i in ids], "scp"]
    sets = codes.str.split("|")
    pool = get_reusable_executor(max_workers=2)
    tables = {"signals": pd.DataFrame(list(pool.map(row_of, signals)))}
    if given.pages:
        pages = pages_of(signals, given.keep)
        tables["pages"] = pd.DataFrame(list(pool.map(row_of, pages)))
    counts = sets.explode().value_counts()
    rows = rows_of(sets, list(counts.index[(counts >= LEAST) & (counts <= len(ids) - LEAST)]), tables)
    about = (f"{len(ids)} records of {given.ptbxl.name}, codes with at least {LEAST} records; {FOLDS} folds by record, "
             f"mean of {len(SEEDS)} divisions, 120 rounds; intervals over {RESAMPLES} draws of records. Held out: "
             "every second record, on which no limit was set, though some were looked at; statements are criteria "
             "without a fit, and theirs are held-out figures too. Pages are drawn by ecg.simulate.draw and read back.")
    write(given.out, "ECG rhythm and statements", about, rows)


if __name__ == "__main__":
    main()
