"""Does one score tell the label beyond another one?"""
import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from classify.evaluate.added_score import added_score
from featurize.arrays import Float64Array, Int64Array


def drawn(seed: int, n: int = 120, classes: int = 2) -> tuple[Int64Array, Float64Array, np.random.Generator]:
    """Labels, and a score that tells them."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    return y, 1.5 * np.eye(classes)[y] + rng.normal(size=(n, classes)), rng


@pytest.mark.parametrize("classes", [2, 3])
def test_a_score_of_noise_keeps_the_level(classes: int) -> None:
    hits = 0
    for seed in range(400):
        y, known, rng = drawn(seed, classes=classes)
        hits += added_score(y, known, rng.normal(size=known.shape), np.arange(len(y))).p < .05
    assert binomtest(hits, 400, .05).pvalue > .01


def test_a_copy_of_the_known_score_adds_nothing() -> None:
    """Noise of its own makes two measurements of one thing: the second one adds; the same one does not."""
    y, known, _ = drawn(0)
    same = added_score(y, known, known * 2, np.arange(len(y)))
    assert same.p > .01 and same.share < 1e-3


@pytest.mark.parametrize("classes", [2, 3])
def test_what_tells_the_label_is_found_and_measured(classes: int) -> None:
    y, known, rng = drawn(1, classes=classes)
    found = added_score(y, known, np.eye(classes)[y] * 2 + rng.normal(size=known.shape), np.arange(len(y)))
    assert found.p < 1e-4 and found.share > .1


def test_what_tells_against_the_label_adds_nothing() -> None:
    y, known, rng = drawn(2)
    found = added_score(y, known, -2 * np.eye(2)[y] + rng.normal(size=known.shape), np.arange(len(y)))
    assert found.p > .99 and found.share == 0


def test_a_perfect_score_is_certain_and_its_share_is_whole() -> None:
    y, known, _ = drawn(3)
    found = added_score(y, known, 20 * np.eye(2)[y], np.arange(len(y)))
    assert found.p < 1e-6 and found.share > .99


def test_copies_of_one_patient_are_not_counted_as_independent() -> None:
    y, known, rng = drawn(4, n=40)
    added = .8 * np.eye(2)[y] + rng.normal(size=known.shape)
    once = added_score(y, known, added, np.arange(40)).p
    five = [np.repeat(part, 5, axis=0) for part in (y, known, added)]
    assert added_score(*five, np.repeat(np.arange(40), 5)).p == pytest.approx(once, rel=.01)
    assert added_score(*five, np.arange(200)).p < once / 5


def test_it_agrees_with_the_likelihood_ratio_of_a_large_set() -> None:
    """The fall of the deviance when the added score enters is near the square of the normal deviate."""
    y, known, rng = drawn(5, n=3000)
    added = .15 * np.eye(2)[y] + rng.normal(size=known.shape)
    one, both = np.diff(known), np.hstack([np.diff(known), np.diff(added)])
    deviance = [2 * 3000 * log_loss(y, LogisticRegression(C=1e6).fit(x, y).predict_proba(x)) for x in (one, both)]
    z = norm.isf(added_score(y, known, added, np.arange(3000)).p)
    assert z ** 2 == pytest.approx(deviance[0] - deviance[1], rel=.1) and z > 2
