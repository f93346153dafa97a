"""How much of a set's accuracy is the picture and not its subject: parts of the picture, properties, permuted labels.

python -m benchmarks.parts_of_picture IMAGES TABLE WORK [-n 400] [-o benchmarks/results/parts_of_picture.json]

Each row is a small linear model, cross-fitted by near copies and groups, of what it names: a part of the picture
(measured with the preset ``whole``), properties of the picture alone (`featurize.blocks.quality`), the table's own
measurements, these less what the properties explain, and these with labels permuted among images whose properties are
alike: what such a model still tells can come from the properties only.
"""
import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.audit.shortcuts.evidence import GROUPS
from classify.audit.shortcuts.inside_classes import less_explained, permuted_inside
from classify.audit.shortcuts.parts_evidence import out_of_fold, part_scores
from classify.data.columns import matrix, model_columns, useful_columns
from classify.data.tasks import encode
from classify.evaluate.metrics import Bootstrap, intervals, scores
from classify.sweep.choose import Remeasure
from featurize.arrays import Int64Array
from featurize.index.build import build_index
from featurize.table import TableInfo, read_table

SEED = 0
# Permutations whose mean is told.
PERMUTATIONS = 5
RESAMPLES = 500


def scored(what: str, x: pd.DataFrame, frame: pd.DataFrame, y: Int64Array) -> dict[str, Any]:
    """One row of the table."""
    useful, _, _ = useful_columns(x)
    p, group = out_of_fold(x[useful], frame, y, SEED)
    found = scores(y, p)
    low, high = intervals(y, p, None, group, Bootstrap(resamples=RESAMPLES))["auroc"]
    return _row(what, len(y), len(useful), float(found["auroc"][0]), low, high, float(found["accuracy"][0]))


def _row(what: str, n: int, columns: int, auroc: float, low: float, high: float, accuracy: float) -> dict[str, Any]:
    return {"from": what, "images": n, "columns": columns, "AUROC": round(auroc, 3),
            "95 %": f"{low:.3f} to {high:.3f}", "accuracy": round(accuracy, 3)}


def of_properties(frame: pd.DataFrame, info: TableInfo, x: pd.DataFrame, y: Int64Array) -> list[dict[str, Any]]:
    """Every group of properties: alone, taken out of the measurements, and as all that is left of the label."""
    rows = []
    groups = {**GROUPS, "all properties": tuple(dict.fromkeys(p for parts in GROUPS.values() for p in parts))}
    for name, parts in groups.items():
        columns = [c for c in (f"image_quality_{part}" for part in parts) if c in info.nuisance and
                   frame[c].nunique(dropna=True) > 1]
        if not columns:
            continue
        properties = matrix(frame, columns)
        p, _ = out_of_fold(properties, frame, y, SEED)
        rows.append(scored(f"{name}: alone", properties, frame, y))
        rows.append(scored(f"measurements without: {name}", less_explained(x, properties), frame, y))
        drawn = [scored("", x, frame, permuted_inside(y, p, seed)) for seed in range(PERMUTATIONS)]
        values = [row["AUROC"] for row in drawn]
        rows.append(_row(f"labels permuted among images alike in: {name}", len(y), x.shape[1], float(np.mean(values)),
                         min(values), max(values), float(np.mean([row["accuracy"] for row in drawn]))))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("-n", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "parts_of_picture.json")
    given = parser.parse_args()
    frame, info = read_table(given.table)
    frame = frame.reset_index(drop=True)
    names, y = encode(frame["label"])
    kept = given.output.is_file() and json.loads(given.output.read_text(encoding="utf-8"))["rows"] or []
    given.work.mkdir(parents=True, exist_ok=True)
    settings = Remeasure(build_index([given.images]), given.n, given.jobs, SEED, True)
    parts, shards = part_scores(frame, info, y, settings, given.work / f"{given.table.stem}.json")
    if shards:
        shards.close()
    rows = [_row(part.part, part.n, part.measurements, part.auroc, *part.interval, part.accuracy) for part in parts]
    x = matrix(frame, model_columns(info))
    x = x[useful_columns(x)[0]]
    rows += [scored("the table's own measurements", x, frame, y), *of_properties(frame, info, x, y)]
    own = [{"set": given.table.stem, **row} for row in rows]
    for row in own:
        print(row)
    write(given.output, "Parts of the picture and its properties", (
        f"Linear log-odds, cross-fitted in 5 folds by near copies and groups, seed {SEED}; AUROC macro one-vs-rest "
        "with 95 % intervals, groups drawn (of permuted labels: the lowest and highest of "
        f"{PERMUTATIONS} permutations). Parts are measured with the preset whole on at most {given.n} images, evenly "
        "by class: the subject (cell, nuclei with one radius around them, lungs) on gray; the background with the "
        "subject hidden behind its blurred surroundings; the rim of a tenth of the sides. `measurements without`: "
        "residuals of a fit of ranks, linear and square, to all rows; what subject and properties share, such as the "
        "color of the nuclei, goes with it, and values below .5 come from that fit. Permuted: inside strata of what "
        "the properties say, so that a model can find nothing but them."),
        [row for row in kept if row["set"] != given.table.stem] + own)


if __name__ == "__main__":
    main()
