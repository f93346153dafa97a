"""Sums over blocks of rows."""
import numpy as np
import pytest

from classify.uncertainty.novelty import fit_spaces, to_points
from classify.uncertainty.row_blocks import ROWS, products_of_columns, row_blocks
from classify.uncertainty.unknown_class import discriminant_of_blocks
from featurize.arrays import Float64Array


@pytest.mark.parametrize("n", [0, 1, ROWS - 1, ROWS, 2 * ROWS - 1, 2 * ROWS, 5 * ROWS + 1])
def test_blocks_hold_every_row_once_and_none_is_short(n: int) -> None:
    blocks = list(row_blocks(n))
    assert np.concatenate([np.arange(n)[block] for block in blocks]).tolist() == list(range(n))
    assert len(blocks) == 1 or min(block.stop - block.start for block in blocks) >= ROWS


def test_products_over_blocks_are_those_over_all_rows() -> None:
    x = np.random.default_rng(0).normal(3, 2, (3 * ROWS + 5, 7))
    # To the bit where it was measured; another OpenBLAS may add panels up in another way.
    np.testing.assert_allclose(products_of_columns(lambda some: x[some], len(x)), x.T @ x, rtol=1e-13)


def test_chosen_rows_give_the_space_of_a_table_of_these_rows() -> None:
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(3 * ROWS, 19)) * np.arange(1, 20)).astype(np.float32)
    x[rng.random(x.shape) < .01] = np.nan
    rows = np.flatnonzero(rng.random(len(x)) < .8)
    (one, of_one), (other, of_other) = fit_spaces(x, 0, rows), fit_spaces(x[rows], 0)
    for name in ("center", "scale", "mean", "axes", "deviation", "off"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(of_one, of_other)
    np.testing.assert_array_equal(to_points(one, x)[rows], to_points(one, x[rows]))


def test_classes_apart_are_found_in_blocks_as_in_all_rows() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(3, size=3 * ROWS)
    z = rng.normal(size=(len(y), 8)) + y[:, None] * np.arange(8)
    vectors = np.linalg.svd(z[:2000] - z.mean(axis=0))[2].T
    rows_asked_for = []

    def block_of(some: slice) -> Float64Array:
        rows_asked_for.append(some.stop - some.start)
        return np.asarray(z[some])

    found = discriminant_of_blocks(block_of, vectors, y, 3)
    assert max(rows_asked_for) < 2 * ROWS
    centers = np.stack([z[y == c].mean(axis=0) for c in range(3)]) @ found.axes.astype(np.float64)
    np.testing.assert_allclose(found.means, centers, atol=1e-5)
    inside = (z - np.stack([z[y == c].mean(axis=0) for c in range(3)])[y]) @ found.axes.astype(np.float64)
    # Rows are whitened by their covariance within the classes, a tenth of it shrunk to a multiple of the identity.
    np.testing.assert_allclose(np.cov(inside.T), np.eye(8), atol=.05)
