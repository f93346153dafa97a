"""What happens to images of a class that the model never saw: is a person told to look?

python -m benchmarks.unknown_class TABLE... [--together A,B,..] [-o benchmarks/results/unknown_class.json]

TABLE is a table that `featurize` wrote. Each class is left out in turn: a model of the other classes, fitted and
calibrated as `classify` does it, predicts the images of the left-out one. `--together A,B` leaves out these classes of
the first table at once, too.
"""
import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.bundle import Bundle
from classify.data.dataset import Dataset, prepare
from classify.fitting import crossfit
from classify.fitting.augment import perturbations_of
from classify.fitting.fit_data import FitData
from classify.predict import apply_bundle, unlike_together
from classify.predictions import ModelPredictions
from classify.review import REASONS, fit_rule, review_reasons
from classify.settings import TrainSettings
from classify.train import home_batch
from classify.uncertainty.batch import batch_p_values, named
from classify.uncertainty.held_out import fit_held_out, predict_all
from classify.uncertainty.reference import NearestNeighborReference, fit_reference
from featurize.errors import UserError
from featurize.table import TableInfo, read_perturbed, read_table

# As in a run, but for fewer boosting rounds: eight models of six fits each take an hour as it is.
ROUNDS = 150
# Classes with fewer images are not used.
FEWEST = 10


def left_out(frame: pd.DataFrame, info: TableInfo, perturbed: pd.DataFrame | None, classes: list[str],
             name: str) -> dict[str, Any]:
    """A row of the result: a model that does not know `classes` predicts their images."""
    unknown = frame["label"].isin(classes).to_numpy()
    settings = TrainSettings(jobs=1)
    data, _ = prepare(frame[~unknown], info, settings)
    bundle, reference, home = fitted(data, perturbed, settings)
    rows = frame[unknown].reset_index(drop=True)
    x = rows[list(data.x.columns)]
    found = apply_bundle(bundle, x)
    together = unlike_together(bundle, x, found)
    reasons = review_reasons(bundle.review, found, rows, together)
    novel = reasons[:, REASONS.index("novel")]
    at_home = home["review_reason"].fillna("").str.split("|").map(lambda words: "novel" in words)
    return {"table": name, "unknown": ", ".join(classes), "known classes": len(data.task.classes), "n": len(rows),
            "distance alone %": percent(by_distance(found, reference)), "novel %": percent(novel.mean()),
            "together %": percent(reasons[:, REASONS.index("batch")].mean()),
            "any reason %": percent(reasons.any(axis=1).mean()), "median novelty": float(np.median(found.novelty)),
            "home novel %": percent(at_home.mean()), "home together %": percent(home_together(data, bundle, home)),
            "home any %": percent(home["review"].mean()),
            "home accuracy %": percent((home["predicted"] == home["label"]).mean())}


def fitted(data: Dataset, perturbed: pd.DataFrame | None,
           settings: TrainSettings) -> tuple[Bundle, NearestNeighborReference, pd.DataFrame]:
    """A model of a table, and the predictions of its rows: what `classify` does, without scores and report."""
    trees = replace(settings.fit_settings(), rounds=ROUNDS)
    perturbations = perturbations_of(data.frame, perturbed, data.x)
    fit_data = FitData(data.x, data.task.y, settings.weight_power, perturbations)
    crossed = crossfit.cross_fit(fit_data, data.split, trees, lambda: None)
    model = crossfit.final_model(fit_data, data.split, crossed, trees)
    held_out = fit_held_out(crossed, data.task, data.split, settings)
    reference = fit_reference(data.x, data.task.y, crossed, model, held_out.rows, settings.seed)
    rule = fit_rule(data.frame, data.task.y, held_out.rows, len(data.task.classes))
    bundle = Bundle(data.task.kind, data.task.classes, {}, {}, None, model, held_out.calibration, held_out.conformal,
                    reference.model, np.empty(0, str), rule, None, {}, {})
    predicted = predict_all(data, crossed, held_out, reference, apply_bundle(bundle, data.x), rule)
    batch = home_batch(data, reference, predicted, perturbations, settings.seed)
    return replace(bundle, batch=batch), reference, predicted.table


def home_together(data: Dataset, bundle: Bundle, home: pd.DataFrame) -> float:
    """Share of the images of each fold that are named together, where the others are the training images."""
    points, classes = bundle.novelty.points, data.task.y
    assert bundle.batch is not None and len(points) == len(classes), "home has more images than are kept"
    guess = pd.Categorical(home["predicted"], categories=data.task.classes).codes.astype(np.int64)
    shares = []
    for number in np.unique(data.split.fold):
        own = data.split.fold == number
        p = batch_p_values(points[~own], classes[~own], points[own], guess[own])
        shares.append(named(p, bundle.batch.rate).mean())
    return float(np.mean(shares))


def by_distance(found: ModelPredictions, reference: NearestNeighborReference) -> float:
    """Share of images farther from the training images than 95 % of those at home: the earlier score."""
    home = reference.distances.mean(axis=1)
    return float((found.distances.mean(axis=1) > np.nanquantile(home, .95)).mean())


def percent(share: float) -> float:
    return round(100 * float(share), 1)


def rows_of(path: Path, together: list[str]) -> list[dict[str, Any]]:
    frame, info = read_table(path)
    perturbed = read_perturbed(path, info)
    counts = frame["label"].value_counts()
    frame = frame[frame["label"].isin(counts.index[counts >= FEWEST])].reset_index(drop=True)
    rows = []
    for classes in [*([c] for c in sorted(frame["label"].unique())), *([together] if together else [])]:
        rows.append(left_out(frame, info, perturbed, classes, path.stem))
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--together", default="")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "unknown_class.json")
    given = parser.parse_args()
    rows = []
    for number, path in enumerate(given.tables):
        try:
            rows += rows_of(path, given.together.split(",") if given.together and not number else [])
        except UserError as error:
            raise SystemExit(f"{path}: {error}") from error
    write(given.out, "Images of an unknown class", f"Each class left out in turn; {ROUNDS} rounds of boosting at most, "
          "5 folds, seed 0. `distance alone`: above 95 % of home by the distance to the nearest training images, as "
          "the score was before. `novel`: novelty above .95. `together`: named as unlike home together "
          "(classify.uncertainty.batch). `any reason`: for review. `home`: the same model's out-of-fold predictions of "
          "the known classes; `home together`: the images of a fold beside those of the others.", rows)


if __name__ == "__main__":
    main()
