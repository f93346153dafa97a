"""Prediction sets: sizes, coverage against chance, pairs of classes."""
import numpy as np
import pytest

from classify.evaluate.sets import coverage_by_class, pairs_in_sets, set_sizes


def test_set_sizes_are_counted_by_truth() -> None:
    sets = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]], bool)
    sizes = set_sizes(np.array([0, 0, 2]), sets, ("a", "b", "c"))
    np.testing.assert_array_equal(sizes, [[1, 1, 0], [0, 0, 0], [0, 0, 1]])


def test_coverage_falls_short_below_the_promise_by_more_than_chance() -> None:
    """1.96 standard errors of .95 with 100 rows: 1.96 * sqrt(.95 * .05 / 100) = .0427."""
    per_class = {"a": {"n": 100, "coverage": .91}, "b": {"n": 100, "coverage": .90}, "c": {"n": 0, "coverage": None}}
    table = coverage_by_class(per_class, .95)
    assert list(table["class"]) == ["a", "b"] and list(table["short"]) == [False, True]
    assert table["chance"].tolist() == pytest.approx([.0427, .0427], abs=1e-4)


def test_pairs_in_one_set_are_counted_with_their_truth() -> None:
    sets = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    table = pairs_in_sets(np.array([0, 1, 2, 2]), sets, ("a", "b", "c"), most=2)
    # a and b stand together in three of four rows, one of each truth; a and c in one row, whose truth is c.
    assert table.to_numpy().tolist() == [["a", "b", 3, .75, 1, 1, 1], ["a", "c", 1, .25, 0, 1, 0]]
    assert pairs_in_sets(np.array([0]), np.eye(3, dtype=bool)[:1], "abc", 2).empty
