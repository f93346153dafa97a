"""What a classifier loses in another laboratory, and what each remedy brings.

python -m benchmarks.shift HOME.parquet [ELSEWHERE.parquet ...] [-o benchmarks/results/shift.json]

HOME is a table that `featurize --augment K` wrote; ELSEWHERE are tables of other laboratories, measured alike.
A third of HOME is tested by a model of the other two thirds, three times; every such model is tested elsewhere, too.
`changed` are the first changed copies of the tested images (another stain, lamp, camera, magnification, file format:
featurize.images.perturb); the models learn from copies of training images alone. Classes that no laboratory shares with
HOME are left out where there is one. Sites of one table are left out in turn by `classify` itself.
"""
import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from benchmarks.record import RESULTS, write
from classify.bundle import Bundle, load_bundle
from classify.data.folds import make_folds
from classify.elsewhere.few_labels import FewLabels, fit_few, fitted
from classify.predict import predict
from classify.settings import TrainSettings
from classify.train import train
from featurize.images.perturb import images_to_perturb
from featurize.table import TableInfo, read_perturbed, read_table

FOLDS, SEED = 3, 0
# Labels from the other laboratory, and draws of them; the rest is tested.
LABELS, DRAWS = (25, 50), 20
# Which changed copies a model learns from: name, and whether a copy is used.
COPIES = ("no copies", "one copy of a tenth", "all copies")


@dataclass(frozen=True)
class Place:
    """A laboratory: its name, table and changed copies."""

    name: str
    frame: pd.DataFrame
    info: TableInfo
    copies: pd.DataFrame | None


def read_place(path: Path) -> Place:
    frame, info = read_table(path)
    return Place(path.stem, frame, info, read_perturbed(path, info))


def copies_of(name: str, place: Place) -> pd.DataFrame | None:
    """The changed copies that the models of a variant may learn from."""
    if place.copies is None or name == COPIES[0]:
        return None
    if name == COPIES[2]:
        return place.copies
    few = images_to_perturb(place.frame["image_id"].tolist())
    return place.copies[place.copies["image_id"].isin(few)].drop_duplicates("image_id")


def changed(place: Place) -> pd.DataFrame:
    """The images with the measurements of their first changed copies."""
    if place.copies is None:
        raise SystemExit(f"{place.name} has no changed copies beside it: measure it with `featurize --augment 3`")
    first = place.copies.drop_duplicates("image_id").set_index("image_id")
    kept = place.frame[place.frame["image_id"].isin(first.index)].copy()
    kept[place.info.features] = first.loc[kept["image_id"], place.info.features].to_numpy()
    # A copy is another picture: the model must not know it again.
    return kept.assign(sha256=[f"{i:064x}" for i in range(len(kept))])


def tested_sets(home: Place, others: list[Place], fold: np.ndarray, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and rows of everything that the model without fold `number` is tested on."""
    own = set(home.frame["image_id"][fold == number])
    yield "home", home.frame[fold == number]
    copies = changed(home)
    yield "home, changed", copies[copies["image_id"].isin(own)]
    yield from ((other.name, other.frame) for other in others)


def scores(predicted: pd.DataFrame, classes: list[str]) -> dict[str, float]:
    """Of a table of `predict`, on the classes that occur."""
    truth = predicted["label"].map(classes.index).to_numpy()
    p = predicted[[f"p_{c}" for c in classes]].to_numpy()
    inside = np.array([c in str(s).split("|") for c, s in zip(predicted["label"], predicted["prediction_set"])])
    return {**_scores(np.log(np.maximum(p, 1e-12)), truth), "coverage": float(inside.mean()),
            "for review": float(predicted["review"].astype(bool).mean())}


def _scores(logs: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    right = logs.argmax(axis=1) == truth
    loss = logsumexp(logs, axis=1) - logs[np.arange(len(truth)), truth]
    return {"balanced accuracy": float(np.mean([right[truth == c].mean() for c in np.unique(truth)])),
            "accuracy": float(right.mean()), "log-loss": float(loss.mean())}


def with_labels(predicted: pd.DataFrame, classes: list[str], count: int) -> dict[str, float]:
    """Means over draws of `count` labelled images: `audit --fit-labels` fits the probabilities, the rest is tested."""
    truth = predicted["label"].map(classes.index).to_numpy()
    p = np.maximum(predicted[[f"p_{c}" for c in classes]].to_numpy(), 1e-12)
    found = []
    for draw in range(DRAWS):
        order = np.random.default_rng((SEED, count, draw)).permutation(len(truth))
        few: FewLabels = fit_few(p[order[:count]], truth[order[:count]])
        found.append(_scores(np.log(fitted(few, p[order[count:]])), truth[order[count:]]))
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]}


def rows_of(home: Place, others: list[Place]) -> list[dict[str, Any]]:
    """Means over the folds, a row for each remedy and tested set."""
    fold = folds_of(home)
    found: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    seconds: dict[str, list[float]] = {}
    for copies in COPIES:
        for number in range(FOLDS):
            bundle, took = model_of(home, fold != number, copies)
            seconds.setdefault(copies, []).append(took)
            classes = list(bundle.classes)
            for name, frame in tested_sets(home, others, fold, number):
                for adapt in (False, True):
                    told = predict(bundle, frame.reset_index(drop=True), home.info, adapt=adapt)
                    remedy = "--adapt" if adapt else ""
                    found.setdefault((copies, remedy, name), []).append(scores(told, classes))
                    if not adapt and name in [o.name for o in others]:
                        for count in LABELS:
                            found.setdefault((copies, f"{count} labels", name), []).append(
                                with_labels(told, classes, count))
            print(copies, number, f"{took:.0f} s", flush=True)
    return [_row(key, parts, float(np.mean(seconds[key[0]]))) for key, parts in found.items()]


def folds_of(home: Place) -> np.ndarray:
    """(n,) the part, 0..FOLDS-1, in which each row is tested."""
    y = home.frame["label"].astype("category").cat.codes.to_numpy(np.int64)
    return np.asarray(make_folds(y, _groups(home.frame), FOLDS, SEED))


def _groups(frame: pd.DataFrame) -> np.ndarray:
    """Patients where they are known, copies otherwise."""
    known = frame["group"].fillna(frame["duplicate_group"].astype(str))
    return np.asarray(pd.factorize(known)[0], np.int64)


def model_of(home: Place, used: np.ndarray, copies: str) -> tuple[Bundle, float]:
    """The model of the (n,) rows that are used, with the changed copies of a variant, and the seconds it took."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(home.frame[used].reset_index(drop=True), home.info, out, TrainSettings(seed=SEED, resamples=0),
              perturbed=copies_of(copies, home))
        return load_bundle(out), time.perf_counter() - start


def _row(key: tuple[str, str, str], parts: list[dict[str, float]], seconds: float) -> dict[str, Any]:
    copies, remedy, tested = key
    columns = ("balanced accuracy", "accuracy", "log-loss", "coverage", "for review")
    means = {c: round(float(np.mean([p[c] for p in parts])), 4) if c in parts[0] else None for c in columns}
    spread = round(float(np.ptp([p["balanced accuracy"] for p in parts])), 4)
    return {"tested on": tested, "learned from": copies, "then": remedy, **means, "between folds": spread,
            "classify s": round(seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("elsewhere", type=Path, nargs="*")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "shift.json")
    given = parser.parse_args()
    home, others = read_place(given.home), [read_place(path) for path in given.elsewhere]
    if others:
        shared = set(home.frame["label"]) & set().union(*(set(o.frame["label"]) for o in others))
        home, others = (_only(home, shared), [_only(o, shared) for o in others])
    per_image = len(home.copies) / len(home.frame) if home.copies is not None else 0
    write(given.out, "Shift between laboratories", f"{len(home.frame)} images of {home.name}, {FOLDS} folds, "
          f"{per_image:.1f} changed copies an image, seed {SEED}; elsewhere: "
          f"{', '.join(f'{o.name} ({len(o.frame)} images)' for o in others) or 'none'}. Means over the folds' models; "
          "`between folds`: largest less least balanced accuracy. `then`: `predict --adapt`, or `audit --fit-labels` "
          f"with so many labels from there ({DRAWS} draws; the rest is tested). `coverage`: of the 95 % sets. "
          "`classify s`: of one model.", rows_of(home, others))


def _only(place: Place, labels: set[str]) -> Place:
    kept = place.frame[place.frame["label"].isin(labels)].reset_index(drop=True)
    copies = place.copies
    if copies is not None:
        copies = copies[copies["image_id"].isin(kept["image_id"])].reset_index(drop=True)
    return Place(place.name, kept, place.info, copies)


if __name__ == "__main__":
    main()
