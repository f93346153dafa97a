"""The structure of trees.txt: LightGBM trusts every number in it, and reads beyond its arrays where one lies.

Format: ``key=value`` lines, a header and then a part for each tree, as `LightGBM src/io/tree.cpp` writes them.
"""
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.stored.faults import StoredFault, finite, wanted

# Part of the file with the trees, and the tree that each begins with.
_END_OF_TREES = "end of trees"
_TREE = re.compile(r"^Tree=(\d+)$")
# Bit of decision_type for splits by category, which none of our models has; 2 bits of it say what is missing.
_CATEGORY_BIT = 1
_MOST_DECISION_TYPE = 15
# Threshold of a split that parts missing from measured values: all of these are this or less.
_ALL_MEASURED = np.inf
# Keys of a tree with a number for each inner node, and with a number for each leaf.
_OF_NODES = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
             "internal_value", "internal_weight", "internal_count")
_OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
# Objective of the file for each number of columns of the margin.
_BINARY, _MULTICLASS = "binary sigmoid:1", "multiclass num_class:{}"


def check_lightgbm(data: bytes, features: Sequence[str], outputs: int) -> None:
    """Compare every number that points somewhere with what is there.

    Parameters
    ----------
    data : bytes
    features : sequence of str
        Names of the columns, in order.
    outputs : int
        Columns of the margin.

    Raises
    ------
    StoredFault
    """
    try:
        text = data.decode("ascii" if data.isascii() else "utf-8")
    except UnicodeDecodeError:
        raise StoredFault("it is no text") from None
    wanted("\0" not in text and text.startswith("tree\n") and f"\n{_END_OF_TREES}\n" in text,
           "it is no file of trees")
    blocks = text[:text.index(f"\n{_END_OF_TREES}\n")].split("\n\n")
    header, trees = _keys(blocks[0].split("\n")[1:]), [b for b in blocks[1:] if b.strip()]
    objective = _BINARY if outputs == 1 else _MULTICLASS.format(outputs)
    last = str(len(features) - 1)
    for key, right in (("version", "v4"), ("num_class", str(outputs)), ("num_tree_per_iteration", str(outputs)),
                       ("label_index", "0"), ("max_feature_idx", last), ("objective", objective)):
        wanted(header.get(key) == right, f"{key} is {header.get(key)!r}, {right!r} was wanted")
    wanted(header.get("feature_names", "").split(" ") == list(features), "feature_names are not those of the manifest")
    wanted("average_output" not in header, "its trees are averaged")
    wanted(len(header.get("feature_infos", "").split(" ")) == len(features), "feature_infos are not one a feature")
    wanted(len(trees) % outputs == 0, f"{len(trees)} trees are no whole rounds of {outputs}")
    _check_sizes(header, text, len(trees))
    for number, block in enumerate(trees):
        lines = block.strip("\n").split("\n")
        found = _TREE.match(lines[0])
        wanted(found is not None and int(found[1]) == number, f"tree {number} does not begin with its number")
        _check_tree(_keys(lines[1:]), number, len(features))


def _check_sizes(header: dict[str, str], text: str, trees: int) -> None:
    """LightGBM finds the trees by their lengths in bytes."""
    lengths = _numbers(header.get("tree_sizes", ""), "tree_sizes", np.int64)
    wanted(len(lengths) == trees and bool((lengths > 0).all()), "tree_sizes are not those of the trees")
    data = text.encode()
    at = data.find(b"\nTree=0\n") + 1 if trees else 0
    for number, length in enumerate(lengths.tolist()):
        wanted(data[at:].startswith(f"Tree={number}\n".encode()) if number == 0 else
               data.startswith(f"Tree={number}\n".encode(), at), f"tree {number} does not begin where tree_sizes say")
        at += length
    wanted(not trees or data.startswith(_END_OF_TREES.encode(), at), "tree_sizes do not lead to the end of the trees")


def _keys(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition("=")
        wanted(key not in found, f"the key {key[:20]!r} stands in it twice")
        found[key] = value
    return found


def _check_tree(tree: dict[str, str], number: int, features: int) -> None:
    what = f"tree {number}"
    leaves = int(_only(tree, "num_leaves", what))
    wanted(1 <= leaves < 2 ** 16, f"{what} has {leaves} leaves")
    wanted(_only(tree, "num_cat", what) == 0, f"{what} splits by categories")
    wanted(int(float(tree.get("is_linear", "0") or 0)) == 0, f"{what} has linear leaves")
    wanted(finite(_numbers(tree.get("shrinkage", "1"), f"shrinkage of {what}", np.float64)), f"{what} has no shrinkage")
    values = _numbers(tree.get("leaf_value", ""), f"leaf_value of {what}", np.float64)
    wanted(len(values) == leaves and finite(values), f"{what} has {len(values)} values for {leaves} leaves")
    if leaves == 1:
        return
    for keys, count in ((_OF_NODES, leaves - 1), (_OF_LEAVES, leaves)):
        for key in keys:
            own = _numbers(tree.get(key, ""), f"{key} of {what}", np.float64)
            wanted(len(own) == count, f"{what} has {len(own)} numbers {key}, {count} were wanted")
            if key == "threshold":
                own = own[own != _ALL_MEASURED]
            wanted(finite(own), f"{what} has numbers {key} that no tree has")
    split = _numbers(tree["split_feature"], what, np.int64)
    wanted(bool(((split >= 0) & (split < features)).all()), f"{what} splits by a feature that there is not")
    decision = _numbers(tree["decision_type"], what, np.int64)
    wanted(bool(((decision >= 0) & (decision <= _MOST_DECISION_TYPE) & (decision & _CATEGORY_BIT == 0)).all()),
           f"{what} has an unknown kind of split")
    left, right = (_numbers(tree[key], what, np.int64) for key in ("left_child", "right_child"))
    children = np.stack([left, right], axis=1)
    # A child is a later node, or the complement of a leaf's number; all of them but the first node are one once.
    own = np.arange(leaves - 1)[:, None]
    wanted(bool(((children < 0) | (children > own)).all()), f"{what} leads back to a node")
    wanted(sorted(children.ravel().tolist()) == [*range(-leaves, 0), *range(1, leaves - 1)],
           f"{what} does not lead to each of its nodes and leaves once")


def _only(tree: dict[str, str], key: str, what: str) -> float:
    found = _numbers(tree.get(key, ""), f"{key} of {what}", np.int64)
    wanted(len(found) == 1, f"{key} of {what} is {tree.get(key)!r}")
    return float(found[0])


def _numbers(text: str, what: str, kind: type) -> NDArray[Any]:
    """The numbers of a line, parted by single blanks."""
    try:
        return np.array([kind(word) for word in text.split(" ")] if text else [], kind)
    except (ValueError, OverflowError):
        raise StoredFault(f"{what} are no numbers") from None
