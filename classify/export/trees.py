"""Trees as a step of a graph, to the last bit of what their library gives.

onnxmltools (1.16) rounds thresholds of LightGBM to float32: of 2,000 made rows with ten values on thresholds each, 85 %
got other probabilities (by up to .92). Here thresholds and leaves are float64.
"""
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.export.graph import DOUBLE, FLOAT, Graph
from classify.fitting.tree_nodes import Ensemble, TreeNodes
from featurize.arrays import Int64Array

# How ai.onnx.ml.TreeEnsemble calls the sum of the leaves, no function of that sum, and "this or less".
_SUM = 1
_NO_FUNCTION = 0
_LESS_OR_EQUAL = 0


def tree_margins(graph: Graph, x: str, ensemble: Ensemble, outputs: int) -> str:
    """The step with the (n, k) sums of leaves for the (n, d) features of step x; `outputs` = k."""
    trees = ensemble.trees
    # Sums of float32 depend on their order: each tree then has a result of its own, and these are added in turn.
    targets = len(trees) if ensemble.float32_sums else outputs
    sums = graph.add("TreeEnsemble", x, domain="ai.onnx.ml", n_targets=targets, aggregate_function=_SUM,
                     post_transform=_NO_FUNCTION, **_attributes(trees, targets))
    if not ensemble.float32_sums:
        return sums
    rounds = len(trees) // outputs
    by_round = graph.add("Reshape", graph.add("Cast", sums, to=FLOAT), np.array([0, rounds, outputs]))
    last = graph.add("Gather", graph.add("CumSum", by_round, 1), rounds - 1, axis=1)
    return graph.add("Cast", last, to=DOUBLE)


def _attributes(trees: Sequence[TreeNodes], targets: int) -> dict[str, Any]:
    """Splits and leaves of all trees, one tree after the other."""
    parts: list[dict[str, NDArray[Any]]] = []
    first_split = first_leaf = 0
    for number, given in enumerate(trees):
        tree = _told_apart(given, first_split, first_leaf)
        parts.append({
            "tree_roots": np.array([first_split]), "nodes_featureids": tree.feature, "nodes_splits": tree.threshold,
            "nodes_modes": np.full(len(tree.feature), _LESS_OR_EQUAL, np.uint8),
            "nodes_missing_value_tracks_true": tree.missing_left.astype(np.int64),
            "nodes_truenodeids": _numbers(tree.left, first_split, first_leaf),
            "nodes_trueleafs": (tree.left < 0).astype(np.int64),
            "nodes_falsenodeids": _numbers(tree.right, first_split, first_leaf),
            "nodes_falseleafs": (tree.right < 0).astype(np.int64),
            "leaf_targetids": np.full(len(tree.leaf), number % targets), "leaf_weights": tree.leaf})
        first_split, first_leaf = first_split + len(tree.feature), first_leaf + len(tree.leaf)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # Whole numbers are lists there, float64 and uint8 are tensors.
    return {name: values.tolist() if values.dtype == np.int64 else values for name, values in joined.items()}


def _numbers(child: Int64Array, first_split: int, first_leaf: int) -> Int64Array:
    """Numbers of children among the splits, or among the leaves, of all trees."""
    return np.where(child >= 0, first_split + child, first_leaf - 1 - child)


def _told_apart(tree: TreeNodes, first_split: int, first_leaf: int) -> TreeNodes:
    """The tree, its leaves in another order where both children of the root would have the same number.

    onnxruntime 1.21 takes such a root for a leaf (https://github.com/microsoft/onnxruntime/issues/24679).
    """
    left, right = (_numbers(child[:1], first_split, first_leaf) for child in (tree.left, tree.right))
    if left[0] != right[0]:
        return tree

    def next_leaf(child: Int64Array) -> Int64Array:
        return np.where(child >= 0, child, -1 - (-child) % len(tree.leaf))
    return replace(tree, left=next_leaf(tree.left), right=next_leaf(tree.right), leaf=np.roll(tree.leaf, 1))
