"""Folds that are fitted side by side take turns where the table is large, so that memory is not needed twice."""
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Values of a table from which on folds take turns: 400 MB of float32. Smaller ones fit faster side by side.
LARGE_VALUES = 100_000_000
_TURN = threading.Lock()


@contextmanager
def in_turn(values: int) -> Iterator[None]:
    """Within the block, one thread of this process at a time, if the table has LARGE_VALUES or more."""
    if values < LARGE_VALUES:
        yield
        return
    with _TURN:
        yield
