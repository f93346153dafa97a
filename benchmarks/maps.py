"""Do maps show what decides? Deletion and insertion against random orders on tissue, films and cells.

python -m benchmarks.maps DATA WORK [--set breast_idc ...] [-n 24] [--tests-alone] [-o benchmarks/results/maps.json]

WORK keeps tables, runs and what hidden cells gave: a second call goes on there, and a set that is not named keeps the
rows of an earlier call. --tests-alone leaves out how far maps depend on fill and grid, and 43 % of the measurements.

Tried beside the grid and left out, 2026-11-29: superpixels (SLIC of scikit-image 64 asked for, 31 to 54 came,
compactness 10; 20 images a set, seed 0). Mean area under the deletion curve, the smaller the better, of grid and
superpixels: breast_idc 1.55 and 1.68 (Wilcoxon p .70), pneumonia_28 2.18 and 3.37 (p .001).

Insertion by contributions on breast_idc stood at p .054 with 24 images. The number of 200 was set before the next look:
p 1.6e-5, and 6.3e-5 of the 176 images that were new. The gain is small (.24 in log-odds): contributions are spread
evenly over regions wider than a cell. The fill is not neutral: with all cells hidden the mean log-odds of the answer
are -.17 for patches called 0 and 1.34 for those called 1 (whole: 2.68, 3.34), so that there is less to bring back for
1. Both orders begin there.
"""
import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.bundle import load_bundle
from classify.data.folds import make_folds, split_groups
from classify.data.tasks import Task
from classify.findings.tables import findings_of, table_of, task_of
from classify.maps.result import ATTRIBUTION, Maps
from classify.maps.run import make_maps
from classify.settings import TrainSettings
from classify.sweep.choose import Remeasure
from classify.train import train
from featurize.index.build import Index, build_index
from featurize.presets.load import load_preset
from featurize.run import featurize
from featurize.table import TableInfo, read_table

SEED = 0
# Images of a set; the share of the test part by patients or copies is one of so many folds.
IMAGES = 24
FOLDS = 4
Tabled = tuple[pd.DataFrame, TableInfo]


@dataclass(frozen=True)
class MapSet:
    """A set of images: how it is indexed and measured, and which part is for testing.

    Parameters
    ----------
    folder : str
        Below DATA.
    preset : str
    index : dict
        Arguments of `build_index`.
    divided : callable
        Gives the table a label and a split.
    told : str
        The split, in words.
    """

    folder: str
    preset: str
    index: dict[str, Any]
    divided: Callable[[pd.DataFrame, TableInfo], Tabled]
    told: str


def one_patient_out(frame: pd.DataFrame, info: TableInfo) -> Tabled:
    """Train on the patches of one patient, a fifth of them to calibrate; test on those of the other."""
    rng, tested = np.random.default_rng(SEED), frame["group"] == frame["group"].min()
    part = np.where(tested, "test", np.where(rng.random(len(frame)) < .2, "val", "train"))
    return frame.assign(split=part, group=None), info


def as_given(frame: pd.DataFrame, info: TableInfo) -> Tabled:
    """The split of the set itself."""
    return frame, info


def folds_out(frame: pd.DataFrame, info: TableInfo) -> Tabled:
    """One of four grouped folds for testing."""
    y = pd.factorize(frame["label"], sort=True)[0].astype(np.int64)
    return _with_folds(frame, info, Task("multiclass", tuple(sorted(frame["label"].unique())), y))


def finding(name: str) -> Callable[[pd.DataFrame, TableInfo], Tabled]:
    """One finding of a listing, one of four folds of patients for testing."""
    def divided(frame: pd.DataFrame, info: TableInfo) -> Tabled:
        task = task_of(findings_of(frame, info), name)
        own, own_info = table_of(frame, info, task)
        return _with_folds(own, own_info, task)
    return divided


def _with_folds(frame: pd.DataFrame, info: TableInfo, task: Task) -> Tabled:
    fold = make_folds(task.y, split_groups(frame), FOLDS, SEED)
    return frame.assign(split=np.where(fold == 0, "test", "train")), info


_CHEST = {"labels": "labels.csv", "label_columns": ["labels"], "group_column": "patient_id"}
SETS = {
    "breast_idc": MapSet("breast_idc", "tissue", {"group_regex": r"(\d+)/[01]/"}, one_patient_out,
                         "trained on one patient, tested on the other"),
    "pneumonia_28": MapSet("pneumonia_28/pneumoniamnist.npz", "xray", {}, as_given, "its own test part"),
    "chest_nih: Effusion": MapSet("chest_nih/images", "xray", _CHEST, finding("Effusion"), "a fourth of the patients"),
    "chest_nih: Cardiomegaly": MapSet("chest_nih/images", "xray", _CHEST, finding("Cardiomegaly"),
                                      "a fourth of the patients"),
    "blood_pbc": MapSet("blood_pbc", "cell", {}, folds_out, "a fourth of the images"),
}


@dataclass(frozen=True)
class Trained:
    """A set measured and a model trained on all but its test part.

    Parameters
    ----------
    index : Index
    frame, info
        The table with its split.
    place : Path
        The folder of the set; the run lies in `run` there.
    """

    index: Index
    frame: pd.DataFrame
    info: TableInfo
    place: Path

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.place / "run"


def trained(name: str, data: Path, work: Path, jobs: int) -> Trained:
    """Measure one set and train, where WORK does not have it yet."""
    chosen, place = SETS[name], work / name.replace(": ", "_")
    place.mkdir(parents=True, exist_ok=True)
    index = _index(chosen, data)
    table = work / f"{chosen.folder.partition('/')[0]}.parquet"
    if not table.is_file():
        featurize(index, load_preset(chosen.preset), table, jobs=jobs)
    found = Trained(index, *chosen.divided(*read_table(table)), place)
    if not (found.run / "metrics.json").is_file():
        train(found.frame, found.info, found.run, TrainSettings(seed=SEED))
    return found


def mapped(name: str, data: Path, work: Path, images: int, jobs: int, stable: bool = True
           ) -> tuple[Maps, dict[str, Any]]:
    """Measure, train and map one set; with the scores of its test part."""
    own = trained(name, data, work, jobs)
    tested = (own.frame["split"] == "test").to_numpy()
    found = make_maps(load_bundle(own.run), own.frame, own.info, ~tested,
                      Remeasure(own.index, images, jobs, SEED, True), own.place / "maps.html", stable=stable)
    return found, json.loads((own.run / "metrics.json").read_text(encoding="utf-8"))


def _index(chosen: MapSet, data: Path) -> Index:
    given = dict(chosen.index)
    if "labels" in given:
        given["labels"] = data / chosen.folder.partition("/")[0] / given["labels"]
    return build_index([data / chosen.folder], **given)


def rows_of(name: str, found: Maps, metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each map and test."""
    own = found.stability
    return [{"set": name, "preset": SETS[name].preset, "tested on": SETS[name].told,
             "AUROC": round(float(metrics["auroc"]), 3), "images": test.n,
             "map": "contributions" if test.kind == ATTRIBUTION else test.kind, "test": test.test,
             "area, map": round(test.area, 3), "area, random": round(test.random, 3), "better in": test.better,
             "p": float(f"{test.p:.2g}"), "fill": _known(own.fill), "grid": _known(own.grid),
             "both maps": _known(own.both)} for test in found.tests]


def _known(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def places_of(found: Maps, named: int) -> dict[str, tuple[float, float, float]]:
    """Mean shares of area, contributions and occlusion by part of the picture, over images called `named`."""
    own = [image.places for image in found.images if image.answer.named == named]
    return {part: tuple(np.mean([places[part] for places in own], axis=0).tolist()) for part in own[0]} if own else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--set", action="append", choices=SETS, dest="sets")
    parser.add_argument("-n", type=int, default=IMAGES)
    parser.add_argument("--tests-alone", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "maps.json")
    given = parser.parse_args()
    kept = json.loads(given.output.read_text(encoding="utf-8"))["rows"] if given.output.is_file() else []
    for name in given.sets or SETS:
        found, metrics = mapped(name, given.data, given.work, given.n, given.jobs, not given.tests_alone)
        kept = [row for row in kept if row["set"] != name] + rows_of(name, found, metrics)
        for row in kept[-4:]:
            print(row)
        for part, shares in places_of(found, 1).items():
            print(part, *(f"{share:.3f}" for share in shares))
    write(given.output, "Maps of decisions: deletion and insertion", (
        f"Images that the model did not learn from, evenly by class, seed {SEED}. Area: mean log-odds of the named "
        "class against the next one while an 8 x 8 grid of cells is hidden (deletion: lower is better) or shown again "
        "(insertion: higher is better), most important first by the map, or in random order (5 for each image). p: "
        "Wilcoxon's signed-rank test over the images, one-sided. Cells are hidden by another fill than that of the "
        "map. `fill`, `grid`, `both maps`: median rank correlation of the occlusion map with that of another fill, of "
        "a grid moved by a quarter of a cell, and with the contributions. Sets may be made by calls of their own "
        "(`--set`, with `-n` images); `fill` and `grid` are empty with `--tests-alone`."), kept)


if __name__ == "__main__":
    main()
