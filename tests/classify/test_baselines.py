"""Simple methods on the folds of a run."""
import numpy as np

from classify.data.splits import TrainTestIndices
from classify.fitting.baselines import baseline_probabilities

N = 60
Y = np.arange(N) % 3
SPLITS = (TrainTestIndices(np.arange(20, N), np.arange(10)), TrainTestIndices(np.arange(20), np.arange(20, 40)))


def features() -> np.ndarray:
    """Three classes far apart in two of four columns; one column is never measured."""
    x = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    x[:, 0] += 6 * (Y == 1)
    x[:, 1] += 6 * (Y == 2)
    x[:, 3] = np.nan
    return x


def test_only_tested_rows_have_probabilities_and_these_add_up_to_one() -> None:
    found = baseline_probabilities(features(), Y, SPLITS, 3)
    assert list(found) == ["majority", "pca_logistic"]
    tested = np.r_[np.arange(10), np.arange(20, 40)]
    for p in found.values():
        np.testing.assert_allclose(p[tested].sum(axis=1), 1)
        assert np.isnan(np.delete(p, tested, axis=0)).all()


def test_the_majority_baseline_gives_the_class_shares_of_its_own_training_rows() -> None:
    """Of rows 0 to 19 the classes have 7, 7 and 6."""
    p = baseline_probabilities(features(), Y, SPLITS, 3)["majority"]
    np.testing.assert_allclose(p[20:40], np.tile([7 / 20, 7 / 20, 6 / 20], (20, 1)))


def test_logistic_regression_tells_classes_that_are_far_apart() -> None:
    p = baseline_probabilities(features(), Y, SPLITS, 3)["pca_logistic"]
    assert (p[20:40].argmax(axis=1) == Y[20:40]).all()
