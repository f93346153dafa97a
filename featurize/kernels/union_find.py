"""Union-find: which of many growing sets two elements belong to (Tarjan & van Leeuwen 1984, 10.1145/62.2160).

A set is a tree of indices in one array: parent[k] is the element above k, a root is its own parent.
"""
from numba import njit


@njit(cache=True)
def find_root(parent, k):
    """The root of the set that element k belongs to; halves the path to it.

    parent (n,) int32.
    """
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@njit(cache=True)
def join(parent, a, b):
    """Make one set of the sets with the roots a and b; its root, which is returned, is the smaller of the two.

    parent (n,) int32.
    """
    low, high = min(a, b), max(a, b)
    parent[high] = low
    return low
