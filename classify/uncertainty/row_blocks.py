"""Sums over the rows of a table that is too large for a second copy in float64, a block of rows at a time.

OpenBLAS adds products of rows up in panels, and numpy adds rows up one after the other. Blocks that hold whole panels
and go on with the sum so far therefore give the bits of all rows at once (measured with OpenBLAS 0.3.31 on x86_64).
"""
from collections.abc import Callable, Iterator

import numpy as np
from scipy.linalg.blas import dsyrk

from featurize.arrays import Float64Array

# Rows of a block, at least, where there are as many: a multiple of OpenBLAS's panels of 256 and 384 rows.
ROWS = 6144
# Gives the (b, d) numbers of a block of rows.
Block = Callable[[slice], Float64Array]


def row_blocks(n: int) -> Iterator[slice]:
    """Blocks of ROWS rows; the last one also holds what is left, as products of few rows are added up in another way.

    >>> [(block.start, block.stop) for block in row_blocks(20_000)]
    [(0, 6144), (6144, 12288), (12288, 20000)]
    """
    last = max(n // ROWS - 1, 0) * ROWS
    return (slice(start, start + ROWS if start < last else n) for start in range(0, last + 1, ROWS))


def sum_of_rows(so_far: Float64Array | None, block: Float64Array) -> Float64Array:
    """(d,) the sum of the rows of a (b, d) block, added one after the other to a sum."""
    return np.asarray((block if so_far is None else np.concatenate([so_far[None], block])).sum(axis=0))


def products_of_columns(block_of: Block, n: int) -> Float64Array:
    """(d, d) products of all columns with each other, summed over n rows."""
    first, *others = row_blocks(n)
    block = block_of(first)
    total = block.T @ block
    for some in others:
        # numpy, too, lets OpenBLAS fill what is the lower half column by column.
        total = dsyrk(1.0, block_of(some).T, beta=1.0, c=total, lower=1)
    return np.asarray(np.tril(total) + np.tril(total, -1).T)
