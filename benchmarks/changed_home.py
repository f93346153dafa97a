"""What a model loses on pictures of its own laboratory when one property of them is changed.

python -m benchmarks.changed_home HOME.parquet [-o benchmarks/results/changed_home.json] [--jobs 2]

HOME is a table that `featurize --augment K` wrote; its pictures must still lie where they were measured. A third of
HOME is tested by a model of the other two thirds, three times, as it is and changed in each way of CHANGES. No model
learns from these changes; the copies that it may learn from are those of featurize.images.perturb.
"""
import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from benchmarks.shift import COPIES, FOLDS, SEED, Place, folds_of, model_of, read_place, scores
from classify.predict import predict
from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.images.perturb import as_jpeg, magnified
from featurize.images.read import from_array
from featurize.index.sources import Source, load
from featurize.pipeline import measure_picture
from featurize.presets.load import Preset, preset_from_dict
from featurize.runtime.processes import Killed, map_in_processes

# Balanced accuracy that a change may cost.
MAY_LOSE = 0.02
UNCHANGED = "unchanged"


def _rounded(values: Float32Array | Float64Array) -> UInt8Array:
    return np.asarray(np.clip(np.round(values), 0, 255), dtype=np.uint8)


def _contrast(rgb: UInt8Array) -> UInt8Array:
    mean = rgb.mean()
    return _rounded(mean + .7 * (rgb - mean))


def turned_hue(rgb: UInt8Array, degrees: float) -> UInt8Array:
    """(H, W, 3) pixels with every hue turned; saturation and value stay."""
    hsv = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + degrees) % 360
    return _rounded(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255)


CHANGES: Mapping[str, Callable[[UInt8Array], UInt8Array]] = {
    "contrast x .7": _contrast,
    "brightness x .7": lambda rgb: _rounded(rgb * .7),
    "blur 1.5 px": lambda rgb: np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.5)),
    "JPEG 30": lambda rgb: as_jpeg(rgb, 30),
    "hue +10 degrees": lambda rgb: turned_hue(rgb, 10),
    "hue -10 degrees": lambda rgb: turned_hue(rgb, -10),
    "scale x .5": lambda rgb: magnified(rgb, .5),
    "scale x 1.5": lambda rgb: magnified(rgb, 1.5),
}


@dataclass(frozen=True)
class ChangedPicture:
    """A picture of HOME in one changed form."""

    source: Source
    path: str
    preset: Preset
    row: int
    change: str


def measured(picture: ChangedPicture) -> dict[str, float]:
    """Its measurements."""
    rgb = CHANGES[picture.change](load(picture.source, picture.path).rgb)
    return measure_picture(from_array(rgb), picture.preset)


def changed_frames(home: Place, jobs: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """HOME as it is and changed in each way; pictures that could not be measured are left out."""
    yield UNCHANGED, home.frame
    preset, source = preset_from_dict(home.info.preset), Source(**home.info.sources[0])
    for change in CHANGES:
        pictures = [ChangedPicture(source, path, preset, row, change) for row, path in enumerate(home.frame["path"])]
        found = {one.row: values for one, values in map_in_processes(measured, pictures, jobs)
                 if not isinstance(values, Killed)}
        rows = sorted(found)
        frame = home.frame.iloc[rows].copy()
        frame[home.info.features] = pd.DataFrame([found[row] for row in rows])[home.info.features].to_numpy(np.float32)
        # Another picture: the model must not know it again.
        yield change, frame.assign(sha256=[f"{row:064x}" for row in rows])


def rows_of(home: Place, jobs: int) -> list[dict[str, Any]]:
    """A row for each change: mean balanced accuracy of the folds' models, and what it lost."""
    fold = folds_of(home)
    models = {(copies, number): model_of(home, fold != number, copies)[0] for copies in COPIES
              for number in range(FOLDS)}
    rows: list[dict[str, Any]] = []
    for change, frame in changed_frames(home, jobs):
        row: dict[str, Any] = {"change": change}
        for copies in COPIES:
            parts = [frame[fold[frame.index] == number].reset_index(drop=True) for number in range(FOLDS)]
            told = [predict(models[copies, number], part, home.info) for number, part in enumerate(parts)]
            classes = list(models[copies, 0].classes)
            row[copies] = round(float(np.mean([scores(t, classes)["balanced accuracy"] for t in told])), 4)
        before = rows[0] if rows else row
        row |= {f"lost, {copies}": round(before[copies] - row[copies], 4) for copies in COPIES}
        rows.append(row)
        print(row, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "changed_home.json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    home = read_place(given.home)
    if len(home.info.sources) != 1:
        raise SystemExit(f"{given.home} has {len(home.info.sources)} sources of images, one was wanted")
    write(given.out, "Changed pictures of home", f"{len(home.frame)} images of {home.name}, "
          f"{home.frame['label'].nunique()} classes, {FOLDS} folds, seed {SEED}: balanced accuracy of models that "
          "learned from no changed copies, from one copy of a tenth (the default) and from all of `featurize "
          f"--augment`, and what each lost against unchanged pictures ({MAY_LOSE} at most is wanted). Contrast about "
          "the picture's mean, hue turned in HSV, blur a Gaussian in pixels of the file.", rows_of(home, given.jobs))


if __name__ == "__main__":
    main()
