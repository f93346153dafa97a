"""What a classifier loses in another laboratory, and what each remedy brings.

python -m benchmarks.shift HOME.parquet [ELSEWHERE.parquet ...] [-o benchmarks/results/shift.json]

HOME is a table that `featurize --augment K` wrote; ELSEWHERE are tables of other laboratories, measured alike.
A third of HOME is tested by a model of the other two thirds, three times; every such model is tested elsewhere, too.
`changed` are the first changed copies of the tested images (another stain, lamp, camera, magnification, file format:
featurize.images.perturb); the models learn from copies of training images alone. Classes that no laboratory shares with
HOME are left out where there is one. Where HOME names several sites, each of the largest is left out as well and tested
by a model of the others, in the classes that at least two sites have and that the others show often enough. Seconds are
those of the processor, all threads together: other work on the machine does not add to them.
"""
import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from benchmarks.record import RESULTS, write
from benchmarks.shift_costs import PictureSeconds, picture_seconds
from classify.bundle import Bundle, load_bundle
from classify.data.dataset import prepare
from classify.data.folds import make_folds
from classify.elsewhere.alignment import LEAST_IMAGES
from classify.elsewhere.few_labels import FewLabels, fit_few, fitted
from classify.evaluate.left_out_sites import shared_rows
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


@dataclass(frozen=True)
class Trial:
    """Rows of HOME that a model learns from, and what it is tested on.

    Parameters
    ----------
    used : (n,) bool
    tested : mapping of name to DataFrame
    elsewhere : set of str
        The tested sets that another laboratory made: labels from there may help.
    """

    used: np.ndarray
    tested: Mapping[str, pd.DataFrame]
    elsewhere: set[str]


def trials_of(home: Place, others: list[Place]) -> Iterator[Trial]:
    """A trial for each fold, and for each site that is left out."""
    fold, copies = folds_of(home), changed(home)
    for number in range(FOLDS):
        own = home.frame[fold == number]
        tested = {"home": own, "home, changed": copies[copies["image_id"].isin(own["image_id"])]}
        tested |= {f"home, {site}": rows for site, rows in own.groupby("site") if own["site"].nunique() > 1}
        yield Trial(fold != number, tested | {o.name: o.frame for o in others}, {o.name for o in others})
    yield from left_out(home)


def left_out(home: Place) -> Iterator[Trial]:
    """A trial for each of the largest sites; none where fewer than two sites share two classes."""
    rows = shared_rows(prepare(home.frame, home.info, TrainSettings(folds=FOLDS, seed=SEED))[0])
    if rows is None:
        return
    for number, site in enumerate(rows.names):
        name, others = f"{site}, left out", (rows.site >= 0) & (rows.site != number)
        images = np.bincount(rows.y[others], minlength=len(rows.classes))
        # Of a class of fewer images than folds no model can be made.
        taught = np.isin(rows.y, np.flatnonzero(images >= TrainSettings.folds))
        if len(np.unique(rows.y[others & taught])) > 1:
            yield Trial(others & taught, {name: home.frame[(rows.site == number) & taught]}, {name})


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
    """Means over the models, a row for each remedy and tested set."""
    found: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    trials, a_picture = list(trials_of(home, others)), picture_seconds(home.frame, home.info)
    for copies in variants(home):
        for number, trial in enumerate(trials):
            bundle, took = model_of(home, trial.used, copies)
            cost = measuring(home, trial.used, copies, a_picture) | {"classify s": took}
            for remedy, tested, told in remedies(bundle, home, trial):
                found.setdefault((copies, remedy, tested), []).append(told | cost)
            print(copies, number, f"{took:.0f} s", flush=True)
    return [_row(key, parts) for key, parts in found.items()]


def variants(home: Place) -> list[str]:
    """Of COPIES; without the last where HOME has no more copies than the default measures."""
    few, every = (copies_of(name, home) for name in COPIES[1:])
    return list(COPIES if few is not None and every is not None and len(every) > len(few) else COPIES[:2])


def measuring(home: Place, used: np.ndarray, copies: str, a_picture: PictureSeconds | None) -> dict[str, float]:
    """Processor seconds to measure the images and copies that a model learns from, where the pictures are there."""
    if a_picture is None:
        return {}
    learned = copies_of(copies, home)
    n_copies = 0 if learned is None else int(learned["image_id"].isin(home.frame["image_id"][used]).sum())
    return {"measure s": a_picture.image * int(used.sum()) + a_picture.copy * n_copies}


def remedies(bundle: Bundle, home: Place, trial: Trial) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Remedy, name of the tested set, and scores with the processor seconds that the remedy took."""
    classes = list(bundle.classes)
    for name, frame in trial.tested.items():
        for adapt in (False, True) if adaptable(frame) else (False,):
            start = time.process_time()
            told = predict(bundle, frame.reset_index(drop=True), home.info, adapt=adapt)
            took = time.process_time() - start
            yield "--adapt" if adapt else "", name, scores(told, classes) | {"then s": took}
            if adapt or name not in trial.elsewhere:
                continue
            for count in (k for k in LABELS if 2 * k <= len(frame)):
                start = time.process_time()
                fitted_there = with_labels(told, classes, count)
                yield f"{count} labels", name, fitted_there | {"then s": (time.process_time() - start) / DRAWS}


def adaptable(frame: pd.DataFrame) -> bool:
    """Whether `--adapt` takes the images: it shifts those of every site by themselves."""
    return len(frame) >= LEAST_IMAGES and bool((frame["site"].value_counts() >= LEAST_IMAGES).all())


def folds_of(home: Place) -> np.ndarray:
    """(n,) the part, 0..FOLDS-1, in which each row is tested."""
    y = home.frame["label"].astype("category").cat.codes.to_numpy(np.int64)
    return np.asarray(make_folds(y, _groups(home.frame), FOLDS, SEED))


def _groups(frame: pd.DataFrame) -> np.ndarray:
    """Patients where they are known, copies otherwise."""
    known = frame["group"].fillna(frame["duplicate_group"].astype(str))
    return np.asarray(pd.factorize(known)[0], np.int64)


def model_of(home: Place, used: np.ndarray, copies: str) -> tuple[Bundle, float]:
    """The model of the (n,) rows that are used, with the changed copies of a variant; the processor seconds it took."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(home.frame[used].reset_index(drop=True), home.info, out, TrainSettings(seed=SEED, resamples=0),
              perturbed=copies_of(copies, home))
        return load_bundle(out), time.process_time() - start


def _row(key: tuple[str, str, str], parts: list[dict[str, float]]) -> dict[str, Any]:
    copies, remedy, tested = key
    columns = {"balanced accuracy": 4, "accuracy": 4, "log-loss": 4, "coverage": 4, "for review": 4, "measure s": 1,
               "classify s": 1, "then s": 2}
    means = {c: round(float(np.mean([p[c] for p in parts])), digits) if c in parts[0] else None
             for c, digits in columns.items()}
    spread = round(float(np.ptp([p["balanced accuracy"] for p in parts])), 4)
    return {"tested on": tested, "learned from": copies, "then": remedy, "models": len(parts), **means,
            "between models": spread}


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
          f"{', '.join(f'{o.name} ({len(o.frame)} images)' for o in others) or 'none'}. Means over the models; "
          "`between models`: largest less least balanced accuracy. `then`: `predict --adapt`, or `audit --fit-labels` "
          f"with so many labels from there ({DRAWS} draws; the rest is tested). `coverage`: of the 95 % sets. "
          "Processor seconds, all threads together: `measure s` to read and measure the images and copies that one "
          "model learns from (by the mean of some pictures), `classify s` to fit, calibrate and report it, `then s` to "
          "predict the tested rows, or to fit the labels.", rows_of(home, others))


def _only(place: Place, labels: set[str]) -> Place:
    kept = place.frame[place.frame["label"].isin(labels)].reset_index(drop=True)
    copies = place.copies
    if copies is not None:
        copies = copies[copies["image_id"].isin(kept["image_id"])].reset_index(drop=True)
    return Place(place.name, kept, place.info, copies)


if __name__ == "__main__":
    main()
