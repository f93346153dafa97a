"""Training rows perturbed by what changes between laboratories."""
import numpy as np
import pandas as pd

from classify.fitting import models
from classify.fitting.augment import FEWEST_DIFFERENCES, MOST_COPIES, STRETCH, Perturbations, augment, perturbations_of
from classify.fitting.rows import TrainingRows

N = 400


def two_columns(rng: np.random.Generator, camera: float) -> tuple[pd.DataFrame, np.ndarray]:
    """`camera` tells the class perfectly at home and is shifted elsewhere; `cell` tells it well everywhere."""
    y = rng.integers(0, 2, N)
    x = pd.DataFrame({"camera": y * 1.0 + rng.normal(0, 0.1, N) + camera, "cell": y + rng.normal(0, 0.4, N)})
    return x.astype(np.float32), y


def test_deltas_are_second_minus_first_and_zero_where_one_is_missing() -> None:
    frame = pd.DataFrame({"image_id": ["a", "b", "c"]})
    x = pd.DataFrame({"f": [1.0, 2.0, np.nan], "g": [0.0, 1.0, 2.0]}, dtype=np.float32)
    perturbed = pd.DataFrame({"image_id": ["c", "b", "gone"], "g": [5.0, np.nan, 9.0], "f": [1.0, 2.5, 9.0]})
    found = perturbations_of(frame, perturbed, x)
    assert found is not None
    assert found.rows.tolist() == [2, 1]
    np.testing.assert_array_equal(found.deltas, [[0, 3], [0.5, 0]])
    assert perturbations_of(frame, None, x) is None


def test_lengths_in_file_pixels_stay_where_they_are() -> None:
    frame = pd.DataFrame({"image_id": ["a"]})
    x = pd.DataFrame({"cell_morphology_diameter_px": [90.0], "g": [0.0]}, dtype=np.float32)
    perturbed = pd.DataFrame({"image_id": ["a"], "cell_morphology_diameter_px": [120.0], "g": [3.0]})
    found = perturbations_of(frame, perturbed, x)
    assert found is not None
    np.testing.assert_array_equal(found.deltas, [[0, 3]])


def test_differences_of_tested_rows_are_never_used() -> None:
    x = pd.DataFrame({"f": np.zeros(40)}, dtype=np.float32)
    measured = np.arange(20)
    perturbations = Perturbations(measured, np.where(measured < 10, 1.0, 1000.0)[:, None].astype(np.float32))
    train = np.concatenate([np.arange(10), np.arange(20, 40)])
    rows = TrainingRows(x.iloc[train], np.zeros(len(train), np.int64), np.ones(len(train)))
    both = augment(rows, train, perturbations, 0).rows
    assert len(both.values()) == len(both.y) == len(both.weights) == (1 + MOST_COPIES) * len(train)
    assert both.values().max() == STRETCH


def test_too_few_differences_change_nothing() -> None:
    x = pd.DataFrame({"f": np.zeros(40)}, dtype=np.float32)
    few = Perturbations(np.arange(FEWEST_DIFFERENCES - 1), np.ones((FEWEST_DIFFERENCES - 1, 1), np.float32))
    rows = TrainingRows(x, np.zeros(40, np.int64), np.ones(40))
    assert augment(rows, np.arange(40), few, 0).rows is rows


def test_a_column_that_the_camera_moves_is_trusted_less() -> None:
    rng = np.random.default_rng(0)
    x, y = two_columns(rng, 0.0)
    elsewhere, truth = two_columns(rng, -1.0)
    seen = np.arange(60)
    shifts = np.stack([rng.uniform(-1, 1, 60), np.zeros(60)], axis=1).astype(np.float32)
    right = []
    for perturbations in (None, Perturbations(seen, shifts)):
        rows = augment(TrainingRows(x, y, np.ones(N)), np.arange(N), perturbations, 0).rows
        model = models.fit(rows, None, models.FitSettings(rounds=60, jobs=1))
        right.append(((models.margin(model, elsewhere)[:, 0] > 0) == (truth == 1)).mean())
    assert right[1] > right[0] + 0.05


def test_own_copies_are_taken_as_they_were_measured() -> None:
    x = pd.DataFrame({"f": np.arange(20), "g": np.ones(20)}, dtype=np.float32)
    measured = np.repeat(np.arange(16), 2)
    values = np.column_stack([100 + np.arange(32), np.full(32, np.nan)]).astype(np.float32)
    train = np.arange(2, 18)
    rows = TrainingRows(x.iloc[train], train % 2, np.linspace(.5, 1.5, 16))
    found = augment(rows, train, Perturbations(measured, np.zeros((32, 2), np.float32), values), 0)
    # Rows 16 and 17 have no copy, and copies of rows that are not trained on stay away.
    assert found.origin.tolist() == np.repeat(np.arange(14), 2).tolist()
    f, g = found.rows.values().T
    assert f.tolist() == [*range(2, 18), *range(104, 132)] and np.isnan(g).sum() == 28
    np.testing.assert_array_equal(found.rows.y[16:], rows.y[found.origin])
    np.testing.assert_array_equal(found.rows.weights[16:], rows.weights[found.origin])
