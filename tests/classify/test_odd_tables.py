"""Tables with odd columns and few images: what training writes is read again and predicts."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.bundle import load_bundle
from classify.predict import predict
from classify.settings import LIBRARIES, TrainSettings
from classify.train import train
from classify.uncertainty.calibrate import METHODS
from featurize.arrays import BoolArray, Float32Array
from featurize.table import TableInfo

SEEDS = range(16)
KINDS = ("missing in a class", "missing in the others", "missing", "constant", "huge", "tiny", "mostly zero", "whole")


def odd(values: Float32Array, kind: str, of_class: BoolArray, rng: np.random.Generator) -> Float32Array:
    changed = {"missing in a class": np.where(of_class, np.nan, values), "huge": values * 1e12, "tiny": values * 1e-12,
               "missing in the others": np.where(of_class, values, np.nan), "missing": np.full_like(values, np.nan),
               "constant": np.full_like(values, 7), "mostly zero": np.where(rng.random(len(values)) < .9, 0, values),
               "whole": np.round(values)}
    return changed[kind].astype(np.float32)


def odd_table(rng: np.random.Generator) -> tuple[pd.DataFrame, TableInfo]:
    """Two to four classes of 6 to 30 images; five columns are odd."""
    counts = tuple(rng.choice([6, 12, 30], rng.integers(2, 5)).tolist())
    frame, info = made_table(counts, spread=float(rng.choice([.3, 3, 40])), group_size=int(rng.choice([1, 2])),
                             seed=int(rng.integers(1000)))
    for column in rng.choice(info.features, 5, replace=False):
        of_class = (frame["label"] == rng.choice(frame["label"].unique())).to_numpy()
        frame[column] = odd(frame[column].to_numpy(np.float32), str(rng.choice(KINDS)), of_class, rng)
    return frame, info


@pytest.mark.parametrize("seed", SEEDS)
def test_what_training_writes_is_read_again(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    frame, info = odd_table(rng)
    settings = TrainSettings(folds=2, resamples=5, rounds=40, jobs=1, model=LIBRARIES[seed % len(LIBRARIES)],
                             calibration=METHODS[seed % len(METHODS)])
    train(frame, info, tmp_path / "run", settings)
    found = predict(load_bundle(tmp_path / "run"), frame, info)
    p = found[[name for name in found if name.startswith("p_")]]
    assert np.isfinite(p).all(axis=None) and np.allclose(p.sum(axis=1), 1)
    assert (p.idxmax(axis=1).str.removeprefix("p_") == found["predicted"]).all()


def test_a_report_of_fewer_images_than_a_point_of_the_reliability_curve(tmp_path: Path) -> None:
    frame, info = made_table((4, 4), group_size=1)
    result = train(frame, info, tmp_path / "run", TrainSettings(folds=2, resamples=5, calibration="isotonic"))
    assert (tmp_path / "run" / "report.html").is_file() and result.scores.metrics["n"] == 8
