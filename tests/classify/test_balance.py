"""Rows that are repeated or left out so that classes count alike."""
import numpy as np
import pytest

from classify.fitting.balance import Balance, balanced

Y = np.array([0] * 10 + [1] * 4 + [2] * 3)


def test_over_repeats_every_row_of_a_class_equally_often() -> None:
    rows, weights = balanced(Balance("over"), Y, seed=0)
    assert np.bincount(Y[rows]).tolist() == [10, 10, 10] and (weights == 1).all()
    times = np.bincount(rows, minlength=len(Y))
    assert set(times[:10]) == {1} and set(times[10:14]) == {2, 3} and set(times[14:]) == {3, 4}


def test_under_leaves_rows_of_larger_classes_out() -> None:
    rows, _ = balanced(Balance("under"), Y, seed=0)
    assert np.bincount(Y[rows]).tolist() == [3, 3, 3] and len(set(rows)) == 9


@pytest.mark.parametrize(("method", "ratio"), [("weight", 10 / 3), ("auto", (10 / 3) ** .5), ("none", 1)])
def test_weights_are_those_of_the_power(method: str, ratio: float) -> None:
    rows, weights = balanced(Balance(method, weight_power=.5), Y, seed=0)
    assert len(rows) == len(Y) and weights[-1] / weights[0] == pytest.approx(ratio)
