"""False alarms and power of `audit --against`.

python -m benchmarks.monitor BLOOD.parquet LAB_B.parquet PATIENTS.parquet CELLS WORK

BLOOD is the table of blood_pbc, LAB_B that of blood_lab_b, PATIENTS that of tissue_hpylori with patients, CELLS the
images of blood_pbc. WORK keeps runs and measured copies: a second call goes on there.

False alarms: a model learns from a random half of the images (patients whole); the other half, which it has not seen,
is divided at random into a baseline and new images, HALVES times. An alarm there is false. Beside it stand what breaks
the promise: images of a patient that count as independent, and held-out answers of the folds as a baseline for the
saved model. Power: a baseline of images that the model has not seen, and new images that were changed, or come from
another laboratory.
"""
import argparse
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.record import RESULTS, write
from classify.audit.examine import examine
from classify.bundle import load_bundle
from classify.data.folds import split_groups
from classify.evaluate.parts_of_table import nuisances_of
from classify.monitor.baseline import rounded, sample
from classify.monitor.drift import drift
from classify.monitor.observed import ONE, Answers, Observed, answers_of, observe
from classify.review import from_words
from classify.run_folder import read_run
from classify.settings import TrainSettings
from classify.train import train
from featurize.images.corrupt import CORRUPTIONS
from featurize.images.read import read_image
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import featurize
from featurize.table import TableInfo, read_table

SEED = 0
HALVES = 300
# Halves of a table that a model is trained on for the comparison with held-out answers.
MODELS = 8
RATES = (0.01, 0.05)
# Images of the new half that are changed; the others are the baseline.
CHANGED_IMAGES = 200
# New images of a comparison, and draws of them.
NEW_IMAGES = (20, 100)
DRAWS = 40
# Changes, and strengths of five.
CHANGES = {"unchanged": (0,), "stain hue": (1, 2), "blur": (1, 2)}
ABOUT = (f"Share of comparisons with an alarm, at two promised rates. A model learns from a random half of the table "
         "(patients whole); the other half, new to it, is divided at random into a baseline and new images: every "
         "alarm there is false. `Not done` rows show what the rules of the command prevent. Power: 20 or 100 new "
         "images against a baseline of the others, changed at strength 1 or 2 of 5 "
         "(`featurize/images/corrupt.py`; unchanged ones were written and measured in the same way), or of another "
         f"laboratory, whose classes are also mixed otherwise. Seed {SEED}.")


def halves(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two halves of a table, groups and duplicates whole."""
    unit = split_groups(frame)
    order = np.random.default_rng(seed).permutation(unit.max() + 1)
    first = np.isin(unit, order[:len(order) // 2])
    return frame[first].reset_index(drop=True), frame[~first].reset_index(drop=True)


def half_run(frame: pd.DataFrame, info: TableInfo, folder: Path, seed: int) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """A run on one half, that half, and the other."""
    known, new = halves(frame, seed)
    if not (folder / "report.html").is_file():
        train(known, info, folder, TrainSettings(resamples=20, seed=seed))
    return folder, known, new


def watched(run: Path, frame: pd.DataFrame, info: TableInfo) -> Observed:
    """What is watched of images that are new to a model."""
    bundle = load_bundle(run)
    found = examine(bundle, None, frame.assign(label=None), info)
    return rounded(observe(found.frame, answers_of(bundle.review, found.predictions, found.frame),
                           list(bundle.model.features), nuisances_of(frame, info)))


def false_alarms(rows: Observed, classes: tuple[str, ...], divisions: int) -> list[float]:
    """p-values of random divisions of the units into a baseline and new images."""
    found = []
    for seed in range(divisions):
        order = np.random.default_rng(seed).permutation(rows.units)
        first = np.isin(rows.unit, order[:rows.units // 2])
        found.append(drift(sample(rows.take(np.flatnonzero(first))), rows.take(np.flatnonzero(~first)), classes,
                           max(RATES)).p)
    return found


def held_out_answers(run: Path, rows: Observed, frame: pd.DataFrame, classes: tuple[str, ...]) -> Observed:
    """The rows that the model learned from, with what the models of the folds said about them."""
    table = read_run(run).predictions.set_index("image_id").loc[frame["image_id"].tolist()]
    said = Answers(pd.Index(classes).get_indexer(pd.Index(table["predicted"])).astype(np.int64),
                   table[[f"p_{name}" for name in classes]].to_numpy(np.float64).max(axis=1),
                   table["novelty"].to_numpy(np.float64), from_words(table["review_reason"]))
    said.reasons[:, -1] = False
    return replace(rows, answers={ONE: said})


def false_alarms_out_of_fold(run: Path, known: pd.DataFrame, info: TableInfo) -> list[float]:
    """As `false_alarms`, of images that the model learned from with what the models of the folds said about them."""
    classes = classes_of(run)
    return false_alarms(held_out_answers(run, watched(run, known, info), known, classes), classes, HALVES)


def row(what: str, of: str, p: Sequence[float]) -> dict[str, Any]:
    shares = {f"alarms at {rate:g}": float(np.mean(np.array(p) <= rate)) for rate in RATES}
    return {"comparison": what, "data": of, "comparisons": len(p), **shares, "median p": float(np.median(p))}


def classes_of(run: Path) -> tuple[str, ...]:
    return tuple(load_bundle(run).classes)


def changed(cells: Path, frame: pd.DataFrame, folder: Path, name: str, strength: int) -> pd.DataFrame:
    """The table of the named images of `cells`, changed."""
    place, table = folder / f"{name} {strength}", folder / f"{name} {strength}.parquet"
    if not table.is_file():
        for path in frame["path"]:
            rgb = read_image(cells / path).rgb
            if strength:
                kind = CORRUPTIONS[name]
                code = zlib.crc32(path.encode())
                rgb = kind.change(rgb, kind.amounts[strength - 1], np.random.default_rng(code), bool(code & 1))
            target = (place / path).with_suffix(".png")
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rgb).save(target)
        featurize(build_index([place]), load_preset("cell"), table, jobs=1)
    return read_table(table)[0]


def power(baseline: Observed, new: Observed, classes: tuple[str, ...], n: int) -> list[float]:
    """p-values of DRAWS draws of n new images."""
    return [drift(baseline, new.take(np.sort(np.random.default_rng(seed).choice(len(new.unit), n, replace=False))),
                  classes, min(RATES)).p for seed in range(DRAWS)]


def rows_of_power(run: Path, new: pd.DataFrame, info: TableInfo, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Changed images, and those of another laboratory."""
    order = np.random.default_rng(SEED).permutation(len(new))
    touched = new.iloc[np.sort(order[:CHANGED_IMAGES])]
    baseline = sample(watched(run, new.iloc[np.sort(order[CHANGED_IMAGES:])].reset_index(drop=True), info))
    sets = {f"{name} {strength or ''}".strip(): changed(arguments.cells, touched, arguments.work, name, strength)
            for name, strengths in CHANGES.items() for strength in strengths}
    sets["another laboratory"] = read_table(arguments.lab_b)[0]
    found = []
    for name, frame in sets.items():
        rows = watched(run, frame, info)
        found += [row(f"power: {n} images, {name}", "blood_pbc", power(baseline, rows, classes_of(run), n))
                  for n in NEW_IMAGES]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("blood", "lab_b", "patients", "cells", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "monitor.json")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    found = []
    blood, info = read_table(arguments.blood)
    run, known, new = half_run(blood, info, arguments.work / "blood_0", SEED)
    found.append(row("nothing drifted", "blood_pbc", false_alarms(watched(run, new, info), classes_of(run), HALVES)))
    found.append(row("nothing drifted, out-of-fold answers on both sides", "blood_pbc",
                     false_alarms_out_of_fold(run, known, info)))
    found += rows_of_power(run, new, info, arguments)
    patients, info_p = read_table(arguments.patients)
    run, _, new = half_run(patients, info_p, arguments.work / "patients_0", SEED)
    rows = watched(run, new, info_p)
    by_patient = false_alarms(rows, classes_of(run), HALVES)
    found.insert(2, row("nothing drifted, patients whole", "tissue_hpylori", by_patient))
    found.insert(3, row("not done: patients' images as independent", "tissue_hpylori",
                        ungrouped(rows, classes_of(run))))
    found.insert(4, row("not done: held-out answers as a baseline of the saved model's", "blood_pbc",
                        against_held_out(blood, info, arguments.work)))
    write(arguments.output, "Monitoring: false alarms and power of `audit --against`", ABOUT, found)


def ungrouped(rows: Observed, classes: tuple[str, ...]) -> list[float]:
    """As `false_alarms` by patient, but the test takes every image for a unit."""
    found = []
    for seed in range(HALVES):
        order = np.random.default_rng(seed).permutation(rows.units)
        first = np.isin(rows.unit, order[:rows.units // 2])
        parts = [rows.take(np.flatnonzero(at)) for at in (first, ~first)]
        a, b = [replace(part, unit=np.arange(len(part.unit)), grouped=False) for part in parts]
        found.append(drift(a, b, classes, max(RATES)).p)
    return found


def against_held_out(frame: pd.DataFrame, info: TableInfo, work: Path) -> list[float]:
    """Held-out answers of the half that a model learned from, and its answers on the other half."""
    found = []
    for seed in range(MODELS):
        run, known, new = half_run(frame, info, work / f"blood_{seed}", seed)
        classes = classes_of(run)
        home = held_out_answers(run, watched(run, known, info), known, classes)
        found.append(drift(sample(home), watched(run, new, info), classes, max(RATES)).p)
    return found


if __name__ == "__main__":
    main()
