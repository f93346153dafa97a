"""Is a cell named alike when it lies off the centre, or when another cell lies beside it?

python -m benchmarks.framing CELLS [-o benchmarks/results/framing.json] [--tested 30] [--jobs 2]

CELLS holds a folder a class, as blood_pbc does. A model learns from every second picture. So many of the others of each
class are predicted as they are, moved by 30 % of their side (what comes into view is mirrored), and with the cell of
another picture pasted beside theirs. The central cell is measured, as `featurize` does.
"""
import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.estimator import CalibratedTrees
from featurize.arrays import UInt8Array
from featurize.images.read import from_array, read_image
from featurize.index.build import build_index
from featurize.pipeline import measure_picture
from featurize.presets.load import load_preset
from featurize.run import measure_index
from featurize.runtime.processes import Killed, map_in_processes
from featurize.segment.cell import find_cell, search_image

SHIFT_SIDES = 0.3       # of the side of the picture
_GAP_SIDES = 0.02       # between the outlines of a cell and of the one pasted beside it
_EDGE_SIDES = 0.01      # Gaussian blur of the edge of what is pasted
_OWN_SIDES = 0.12       # the cell that was measured lies so near to where it ought to be
_SEED = 0
PLAIN, MOVED, BESIDE = "as it is", "moved by 30 % of the side", "another cell beside it"


@dataclass(frozen=True)
class Changed:
    """A tested picture in one of its forms; `other` is the picture whose cell is pasted."""

    path: Path
    other: Path
    form: str
    angle: float


def moved(rgb: UInt8Array, angle: float) -> UInt8Array:
    """The picture with its content moved in a direction; what comes into view is mirrored."""
    height, width = rgb.shape[:2]
    shift = np.array([[1, 0, SHIFT_SIDES * width * np.cos(angle)], [0, 1, SHIFT_SIDES * height * np.sin(angle)]])
    return np.asarray(cv2.warpAffine(rgb, shift, (width, height), flags=cv2.INTER_LINEAR,
                                     borderMode=cv2.BORDER_REFLECT_101))


def cell_mask(rgb: UInt8Array) -> UInt8Array:
    """(H, W) 1 in the central cell."""
    found = find_cell(search_image(rgb)).cell.view(np.uint8)
    return np.asarray(cv2.resize(found, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_NEAREST))


def with_neighbour(rgb: UInt8Array, other: UInt8Array, angle: float) -> UInt8Array:
    """The picture with the cell of another one pasted so that their outlines do not meet."""
    other = np.asarray(cv2.resize(other, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_AREA))
    own, pasted = cell_mask(rgb), cell_mask(other)
    if not own.any() or not pasted.any():
        return rgb
    side = max(rgb.shape[:2])
    reach = cv2.distanceTransform(1 - own, cv2.DIST_L2, 5)
    start = _middle(own) - _middle(pasted)
    for distance in range(0, 2 * side, 2):
        x, y = start + distance * np.array([np.cos(angle), np.sin(angle)])
        shift = np.array([[1, 0, x], [0, 1, y]])
        place = cv2.warpAffine(pasted, shift, (rgb.shape[1], rgb.shape[0]), flags=cv2.INTER_NEAREST)
        if not place.any() or reach[place > 0].min() > _GAP_SIDES * side:
            break
    weight = cv2.GaussianBlur(place.astype(np.float32), (0, 0), _EDGE_SIDES * side)[..., None]
    content = cv2.warpAffine(other, shift, (rgb.shape[1], rgb.shape[0]), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(np.rint(weight * content + (1 - weight) * rgb), dtype=np.uint8)


def _middle(mask: UInt8Array) -> np.ndarray:
    y, x = np.nonzero(mask)
    return np.array([x.mean(), y.mean()])


def _picture(one: Changed) -> UInt8Array:
    rgb = read_image(one.path).rgb
    if one.form == MOVED:
        return moved(rgb, one.angle)
    return with_neighbour(rgb, read_image(one.other).rgb, one.angle) if one.form == BESIDE else rgb


def _measure(one: Changed) -> dict[str, float]:
    return measure_picture(from_array(_picture(one)), load_preset("cell"))


def tested_pictures(paths: Sequence[Path], labels: Sequence[str], most: int) -> list[Changed]:
    """So many pictures of each class in their three forms; the pasted cell is of any class."""
    rng = np.random.default_rng(_SEED)
    chosen = [k for label in sorted(set(labels)) for k in np.flatnonzero(np.array(labels) == label)[:most].tolist()]
    return [Changed(paths[k], paths[int(other)], form, float(angle))
            for k, other, angle in zip(chosen, rng.permutation(chosen), rng.uniform(0, 2 * np.pi, len(chosen)))
            for form in (PLAIN, MOVED, BESIDE)]


def rows(folder: Path, most: int, jobs: int) -> list[dict[str, Any]]:
    """A row for each form."""
    index = build_index([folder])
    learned = pd.Series(np.arange(len(index.frame)) % 2 == 0)
    train, info, _ = measure_index(replace(index, frame=index.frame[learned.to_numpy()].reset_index(drop=True)),
                                   load_preset("cell"), jobs=jobs, progress=True)
    model = CalibratedTrees(random_state=_SEED).fit(train[info.features].to_numpy(), train["label"].to_numpy())
    rest = index.frame[~learned.to_numpy()]
    tested = tested_pictures([folder / path for path in rest["path"]], rest["label"].tolist(), most)
    measured = {one: result for one, result in map_in_processes(_measure, tested, jobs)
                if not isinstance(result, Killed)}
    table = pd.DataFrame([{"form": one.form, "path": str(one.path), "label": one.path.parent.name, **measured[one]}
                          for one in tested if one in measured])
    table["predicted"] = model.predict(table[info.features].to_numpy(np.float32))
    return [_row(table, form) for form in (PLAIN, MOVED, BESIDE)]


def _row(table: pd.DataFrame, form: str) -> dict[str, Any]:
    plain = table[table["form"] == PLAIN].set_index("path")["predicted"]
    here = table[table["form"] == form].set_index("path")
    same = here["predicted"] == plain.loc[here.index]
    whole = here["image_quality_cut_rim"] == 0
    own = (here["image_quality_offset"] - (SHIFT_SIDES if form == MOVED else 0)).abs() < _OWN_SIDES
    worst = same.groupby(here["label"]).mean().sort_values()
    return {"pictures": form, "n": len(here), "same prediction": round(float(same.mean()), 3),
            "accuracy": round(float((here["predicted"] == here["label"]).mean()), 3),
            "cut by the border": round(float(1 - whole.mean()), 3),
            "own cell taken": round(float(own.mean()), 3),
            "same where taken": round(float(same[own].mean()), 3),
            "without platelets": round(float(same[here["label"] != "platelet"].mean()), 3),
            "least alike": f"{worst.index[0]} {worst.iloc[0]:.2f}, {worst.index[1]} {worst.iloc[1]:.2f}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "framing.json")
    parser.add_argument("--tested", type=int, default=30, help="pictures of each class")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    table = rows(given.cells, given.tested, given.jobs)
    write(given.out, "Cells off the centre, and beside others", f"{given.cells.name}; trees learn from every second "
          f"picture as it is, {given.tested} of the others of each class are tested. Moved: content shifted in a "
          "random direction, what comes into view is mirrored, so that large cells are cut by the border. Beside: the "
          "cell of another tested picture, pasted at a random side so that the outlines do not meet. Wanted: .97 the "
          "same. The rules of the choice were set on the pictures that the trees learn from, moved and pasted alike.",
          table)


if __name__ == "__main__":
    main()
