"""Sets with a planted shortcut and their twins without one: does the audit convict the first and acquit the second?

python -m benchmarks.planted_shortcuts DATA WORK [--pair NAME ...] [-o benchmarks/results/planted_shortcuts.json]

DATA holds blood_pbc and leukemia_all4. The pairs of classes are hard to tell apart, so that a shortcut pays. In the
planted set a property of the file goes with the class in most images, in its twin it is drawn by a coin. WORK keeps the
images, tables and runs: a second call goes on there, and a pair that is not named keeps the rows of an earlier call.
"""
import argparse
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import fisher_exact

from benchmarks.record import RESULTS, write
from classify.audit.run import audit
from classify.settings import TrainSettings
from classify.train import train
from featurize.arrays import UInt8Array
from featurize.images.corrupt import CORRUPTIONS
from featurize.images.perturb import as_jpeg
from featurize.images.read import read_image
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import featurize
from featurize.table import read_perturbed, read_table

# Pairs of classes, each by the pattern of its files.
PAIRS = {
    "band, segmented neutrophil": {"band": "blood_pbc/neutrophil/BNE_*", "segmented": "blood_pbc/neutrophil/SNE_*"},
    "myelocyte, metamyelocyte": {"myelocyte": "blood_pbc/ig/MY_*", "metamyelocyte": "blood_pbc/ig/MMY_*"},
    "monocyte, immature granulocyte": {"monocyte": "blood_pbc/monocyte/*", "ig": "blood_pbc/ig/*"},
    "early, pre leukemia": {"early": "leukemia_all4/Early/*.jpg", "pre": "leukemia_all4/Pre/*.jpg"}}
SEED = 0
# Share of the images of a class that have its property.
ASSOCIATION = 0.85
# JPEG qualities of the two properties.
QUALITIES = (90, 25)
# Strength of the changed hue, of `featurize.images.corrupt`.
HUE_STRENGTH = 2
# Side of the white label behind a printed bar, shares of height and width.
LABEL = (0.1, 0.3)


def jpeg(rgb: UInt8Array, has: bool) -> UInt8Array:
    return as_jpeg(rgb, QUALITIES[has])


def hue(rgb: UInt8Array, has: bool) -> UInt8Array:
    kind = CORRUPTIONS["stain hue"]
    return kind.change(rgb, kind.amounts[HUE_STRENGTH - 1], np.random.default_rng(0), has)


def scale_bar(rgb: UInt8Array, has: bool) -> UInt8Array:
    """A black bar on a white label in the lower right corner, or nothing."""
    if not has:
        return rgb
    height, width = rgb.shape[:2]
    marked = rgb.copy()
    rows, columns = round(height * LABEL[0]), round(width * LABEL[1])
    marked[-rows:, -columns:] = 255
    left, right = width - columns + columns // 8, width - columns // 8
    cv2.rectangle(marked, (left, height - rows // 2), (right, height - rows // 4), (0, 0, 0), -1)
    return marked


# Name, how the property looks, and the preset that sees it.
PLANTED: dict[str, tuple[Callable[[UInt8Array, bool], UInt8Array], str]] = {
    "JPEG quality": (jpeg, "cell"), "stain hue": (hue, "cell"), "scale bar": (scale_bar, "whole")}
# The group of properties that shows each.
SUSPECTS = {"JPEG quality": "focus, noise and compression", "stain hue": "color and exposure", "scale bar": "print"}


def draw(data: Path, pair: str, folder: Path, plant: Callable[[UInt8Array, bool], UInt8Array], planted: bool) -> None:
    """Write the images of a set; which image has the property follows from its name."""
    for number, (name, pattern) in enumerate(PAIRS[pair].items()):
        (folder / name).mkdir(parents=True)
        for file in sorted(data.glob(pattern)):
            rgb = plant(read_image(file).rgb, bool(number) == _usual(file.name, planted))
            Image.fromarray(rgb).save(folder / name / f"{file.stem}.png")


def _usual(name: str, planted: bool) -> bool:
    """The image has the property that was planted for its class."""
    return bool(np.random.default_rng([SEED, zlib.crc32(name.encode())]).random() < (ASSOCIATION if planted else .5))


def followed(data: Path, pair: str, run: Path, planted: bool) -> dict[str, float]:
    """What the audit should find out: is the model right less often where the image has the other class's property?

    Out of fold, by what was drawn for each image; p of Fisher's exact test, one-sided.
    """
    names = {(name, file.stem): file.name for name, pattern in PAIRS[pair].items() for file in data.glob(pattern)}
    table = pd.read_csv(run / "predictions.csv")
    usual = np.array([_usual(names[label, Path(path).stem], planted) for label, path in
                      zip(table["label"], table["path"])])
    right = (table["predicted"] == table["label"]).to_numpy()
    with_it, against = right[usual], right[~usual]
    counts = [[int((~part).sum()), int(part.sum())] for part in (against, with_it)]
    return {"planted right with": float(with_it.mean()), "planted right against": float(against.mean()),
            "planted p": float(f"{fisher_exact(counts, alternative='greater')[1]:.2g}")}


def examine(data: Path, pair: str, folder: Path, name: str, planted: bool, jobs: int) -> dict[str, Any]:
    """Measure, train and audit one set."""
    plant, preset = PLANTED[name]
    images, table, run = folder / "images", folder / "t.parquet", folder / "run"
    if not images.is_dir():
        shutil.rmtree(folder / "images.part", ignore_errors=True)
        draw(data, pair, folder / "images.part", plant, planted)
        (folder / "images.part").rename(images)
    if not table.is_file():
        featurize(build_index([images]), load_preset(preset), table, jobs=jobs)
    if not (run / "metrics.json").is_file():
        train(*read_table(table), run, TrainSettings(seed=SEED))
    frame, info = read_table(table)
    found = audit(run, frame, info, folder / "audit.html", perturbed=read_perturbed(table, info))
    groups = found.shortcuts
    convicted = [group.name for group in groups if group.verdict == "convicted"]
    (folder / "evidence.json").write_text(json.dumps([asdict(group) for group in groups], indent=1))
    suspect = next((group for group in groups if group.name == SUSPECTS[name]), None)
    row = {"pair": pair, "shortcut": name, "planted": planted, "n": len(frame), "preset": preset,
           **{key: round(value, 3) if "right" in key else value for key, value in
              followed(data, pair, run, planted).items()}, "convicted": ", ".join(convicted) or "none"}
    numbers = {} if suspect is None else {
        "verdict on it": suspect.verdict, "AUROC alone": suspect.auroc, "adds": suspect.gain,
        "right with": suspect.right_with, "against": suspect.n_against, "right against": suspect.right_against,
        "matched": suspect.matched}
    return {**row, **{key: round(value, 3) if isinstance(value, float) else value for key, value in numbers.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--pair", action="append", choices=PAIRS, dest="pairs")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "planted_shortcuts.json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    rows = json.loads(given.output.read_text(encoding="utf-8"))["rows"] if given.output.is_file() else []
    for pair in given.pairs or PAIRS:
        rows = [row for row in rows if row.get("pair", pair) != pair]
        for name, planted in ((name, planted) for name in PLANTED for planted in (True, False)):
            place = given.work / f"{pair} {name} {'planted' if planted else 'twin'}".replace(" ", "_").replace(",", "")
            rows.append(examine(given.data, pair, place, name, planted, given.jobs))
            print(pair, name, "planted" if planted else "twin", "convicted:", rows[-1]["convicted"], flush=True)
    write(given.output, "Planted shortcuts",
          f"Pairs of classes of blood_pbc and leukemia_all4, seed {SEED}. Planted: a property of "
          f"the file goes with the class in {ASSOCIATION:.0%} of the images; the twin draws it by a coin. "
          "`right with` and `right against`: share named correctly out of fold where the properties point to the true "
          "class and to the other; `matched`: on as many of both. The limit of what counts as moved by the "
          "recording was chosen on the first three pairs, and that without an outlined subject (preset whole) "
          "only print is convicted after the twin of the third; the level of the tests was not. `planted right "
          "with` and `planted right against`, p: the same by what was planted in each image, which the audit does "
          "not know. Early and pre leukemia were pictured in different ways: unplanted, focus and color tell them "
          "with an AUROC of .95 to 1.00 and the model is right in 95 % or more. It follows neither planted JPEG "
          "quality nor the scale bar there for certain (p .19, .11); it does follow the planted hue (.978 and "
          ".816), but only 14 images have colors that point elsewhere: open, as for the scale bar.", rows)


if __name__ == "__main__":
    main()
