"""Images that differ, together, from the training images."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.bundle import load_bundle, save_bundle
from classify.predict import predict
from classify.review import together_line
from classify.settings import TrainSettings
from classify.train import train
from classify.uncertainty.batch import FEWEST, RATES, batch_p_values, batch_rate, named
from featurize.arrays import Float32Array, Int64Array

AXES = 8


def points(n: int, seed: int, center: float = 0.0) -> Float32Array:
    """Images of one class, `center` deviations from home along every axis."""
    return (np.random.default_rng(seed).normal(size=(n, AXES)) + center).astype(np.float32)


def zeros(n: int) -> Int64Array:
    return np.zeros(n, np.int64)


def test_images_from_home_are_named_in_few_batches() -> None:
    """By the rule of Benjamini and Hochberg at most one batch in ten names any; expected beyond 6 of 30: in 1.2 %."""
    p = [batch_p_values(points(60, seed), zeros(60), points(30, 1000 + seed), zeros(30)) for seed in range(30)]
    assert .4 < np.mean(p) < .6 and np.mean(np.concatenate(p) <= .05) < .08
    assert sum(named(of_batch, .1).any() for of_batch in p) <= 6


def test_images_that_lie_elsewhere_are_named_though_each_alone_may_be_from_home() -> None:
    new = points(60, 2, .8)
    p = batch_p_values(points(100, 1), zeros(100), new, zeros(60))
    assert named(p, .1).mean() > .7
    # Alone, hardly one is farther from the middle than 95 % of home.
    assert (np.abs(new).max(axis=1) > np.quantile(np.abs(points(1000, 3)).max(axis=1), .95)).mean() < .25


def test_among_images_from_home_those_from_elsewhere_are_named() -> None:
    new = np.vstack([points(40, 2, 1.2), points(40, 4)])
    found = named(batch_p_values(points(100, 1), zeros(100), new, zeros(80)), .1)
    assert found[:40].mean() > .7 and found[40:].mean() < .15


def test_images_are_compared_with_the_class_that_they_are_named() -> None:
    home, classes = np.vstack([points(50, 1), points(50, 2, 3.0)]), np.repeat([0, 1], 50)
    new = points(40, 3, 3.0)
    right, wrong = np.ones(40, np.int64), zeros(40)
    assert not named(batch_p_values(home, classes, new, right), .1).any()
    assert named(batch_p_values(home, classes, new, wrong), .1).all()


@pytest.mark.parametrize(("known", "new"), [(FEWEST - 1, 40), (40, FEWEST - 1), (40, 0)])
def test_too_few_images_tell_nothing(known: int, new: int) -> None:
    assert (batch_p_values(points(known, 1), zeros(known), points(new, 2, 9.0), zeros(new)) == 1).all()


def test_where_patients_at_home_differ_as_much_nothing_is_named() -> None:
    patient = np.repeat(["a", "b", "c", "d"], 40).tolist()
    alike = points(160, 1)
    unlike = alike + np.repeat(np.random.default_rng(5).normal(size=(4, AXES)) * 2, 40, axis=0).astype(np.float32)
    for names in (patient, [""] * 160):
        assert batch_rate(alike, zeros(160), zeros(160), names) == RATES[0]
    assert batch_rate(unlike, zeros(160), zeros(160), patient) == 0
    assert not named(np.full(9, 1e-9), 0).any()


def test_a_class_that_the_model_never_saw_is_for_review_together(tmp_path: Path) -> None:
    frame, info = made_table((60, 60, 60), spread=1.0, group_size=1)
    unknown = (frame["label"] == "cat").to_numpy()
    home, new = frame[~unknown].reset_index(drop=True), frame[unknown].reset_index(drop=True)
    train(home, info, tmp_path / "run", TrainSettings(folds=2, resamples=10))
    bundle = load_bundle(tmp_path / "run")
    words = predict(bundle, new, info)["review_reason"]
    assert words.str.contains("batch").mean() > .8
    assert together_line(words).startswith(f"{words.str.contains('batch').sum()} of 60 images differ, together")
    # Another draw of the known classes.
    other, _ = made_table((60, 60, 60), spread=1.0, group_size=1, seed=1)
    again = predict(bundle, other[other["label"] != "cat"].reset_index(drop=True), info)["review_reason"]
    assert again.str.contains("batch").mean() < .05
    save_bundle(bundle, tmp_path / "copy")
    pd.testing.assert_series_equal(predict(load_bundle(tmp_path / "copy"), new, info)["review_reason"], words)


def test_changed_images_are_known_to_a_model_that_learned_from_changed_copies(tmp_path: Path) -> None:
    frame, info = made_table((60, 60), spread=1.0, group_size=1)
    names = [name for name in frame.columns if "_color_feature" in name]
    moved = frame.assign(**{name: frame[name] + 2 * frame[name].std() for name in names})
    half = frame.index % 2 == 0
    home = frame[half].reset_index(drop=True)
    shares = []
    for copies in (None, moved[half].reset_index(drop=True)):
        out = tmp_path / ("plain" if copies is None else "copies")
        train(home, info, out, TrainSettings(folds=2, resamples=10), perturbed=copies)
        bundle = load_bundle(out)
        assert bundle.batch is not None and len(bundle.batch.copies) == (0 if copies is None else len(home))
        words = predict(bundle, moved[~half].reset_index(drop=True), info)["review_reason"].fillna("")
        shares.append(words.str.contains("batch").mean())
    assert shares[0] > .8 and shares[1] < .1
