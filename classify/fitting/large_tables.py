"""What keeps the memory of fits on large tables low: folds take turns, and what they freed goes back to the system."""
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from featurize.runtime import heap

# Values of a table from which on folds take turns: 400 MB of float32. Smaller ones fit faster side by side.
LARGE_VALUES = 100_000_000
# Values of a table from which on freed memory is given back: below, it is some 100 MB.
MANY_VALUES = 10_000_000
_TURN = threading.Lock()


@contextmanager
def in_turn(values: int) -> Iterator[None]:
    """Within the block, one thread of this process at a time, if the table has LARGE_VALUES or more."""
    if values < LARGE_VALUES:
        yield
        return
    with _TURN:
        yield


def give_back(values: int) -> None:
    """Return freed memory to the system, if the table has MANY_VALUES or more."""
    if values >= MANY_VALUES:
        heap.give_back()
