"""The structure of trees.ubj: xgboost trusts every number in it, and reads beyond its arrays where one lies.

Keys: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html (JSON schema).
"""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.stored.faults import StoredFault, finite, wanted
from classify.stored.ubjson import read_ubjson

# What stands for "no child" and for "no parent".
_NO_CHILD = -1
_NO_PARENT = 2 ** 31 - 1
# Objective for one column of the margin and for several.
_OBJECTIVES = ("binary:logistic", "multi:softprob")
# Arrays of a tree with a number for each node, whole ones and others.
_WHOLE = ("left_children", "right_children", "parents", "split_indices", "default_left", "split_type")
_REAL = ("split_conditions", "base_weights", "loss_changes", "sum_hessian")
_EMPTY = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def check_xgboost(data: bytes, features: Sequence[str], outputs: int) -> None:
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
    content = read_ubjson(data)
    try:
        _check(content["learner"], list(features), outputs)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise StoredFault(f"it is no file of trees ({type(error).__name__}: {error})") from None


def _check(learner: Mapping[str, Any], features: list[str], outputs: int) -> None:
    wanted(list(learner["feature_names"]) == features, "its columns are not those of the manifest")
    kinds = list(learner["feature_types"])
    wanted(not kinds or kinds == ["float"] * len(features), "its columns are no numbers")
    objective = learner["objective"]["name"]
    wanted(objective == _OBJECTIVES[outputs > 1], f"its objective is {objective!r}")
    parameters = learner["learner_model_param"]
    classes = 0 if outputs == 1 else outputs
    for key, right in (("num_class", classes), ("num_feature", len(features)), ("num_target", 1)):
        wanted(_whole(parameters[key]) == right, f"{key} is {parameters[key]!r}, {right} was wanted")
    if outputs > 1:
        own = learner["objective"]["softmax_multiclass_param"]["num_class"]
        wanted(_whole(own) == outputs, f"the objective has {own!r} classes")
    scores = _reals(parameters["base_score"])
    wanted(len(scores) in (1, outputs) and finite(scores), f"base_score is {parameters['base_score']!r}")
    wanted(learner["gradient_booster"]["name"] == "gbtree", "it holds no plain trees")
    _check_trees(learner["gradient_booster"]["model"], len(features), outputs)


def _check_trees(model: Mapping[str, Any], features: int, outputs: int) -> None:
    trees, parameters = model["trees"], model["gbtree_model_param"]
    wanted(isinstance(trees, list) and _whole(parameters["num_trees"]) == len(trees), "the number of trees is wrong")
    wanted(_whole(parameters["num_parallel_tree"]) == 1 and len(trees) % outputs == 0,
           f"{len(trees)} trees are no whole rounds of {outputs}")
    info = np.asarray(model["tree_info"])
    wanted(np.array_equal(info, np.arange(len(trees)) % outputs), "tree_info are not the columns of the margin")
    if "iteration_indptr" in model:
        starts = np.arange(0, len(trees) + 1, outputs)
        wanted(np.array_equal(np.asarray(model["iteration_indptr"]), starts), "the rounds do not begin at their trees")
    if "cats" in model:
        wanted(not any(len(part) for part in model["cats"].values()), "it splits by categories")
    for number, tree in enumerate(trees):
        _check_tree(tree, number, features)


def _check_tree(tree: Mapping[str, Any], number: int, features: int) -> None:
    what = f"tree {number}"
    parameters = tree["tree_param"]
    nodes = _whole(parameters["num_nodes"])
    wanted(tree["id"] == number and 1 <= nodes < 2 ** 24, f"{what} has {nodes} nodes")
    for key, right in (("num_deleted", 0), ("num_feature", features), ("size_leaf_vector", 1)):
        wanted(key not in parameters or _whole(parameters[key]) == right, f"{what} has {key} {parameters.get(key)!r}")
    wanted(not any(len(tree[key]) for key in _EMPTY), f"{what} splits by categories")
    for key in (*_WHOLE, *_REAL):
        own, kind = tree[key], "iu" if key in _WHOLE else "f"
        wanted(isinstance(own, np.ndarray) and own.shape == (nodes,) and own.dtype.kind in kind and finite(own),
               f"{what} has no whole array {key}")
    left, right, parents = (tree[key].astype(np.int64) for key in ("left_children", "right_children", "parents"))
    _check_links(left, right, parents, what)
    split = tree["split_indices"].astype(np.int64)[left != _NO_CHILD]
    wanted(bool(((split >= 0) & (split < features)).all()), f"{what} splits by a feature that there is not")
    wanted(not tree["split_type"].any() and set(np.unique(tree["default_left"]).tolist()) <= {0, 1},
           f"{what} has an unknown kind of split")


def _check_links(left: NDArray[np.int64], right: NDArray[np.int64], parents: NDArray[np.int64], what: str) -> None:
    """Every node but the first is the child of one earlier node, which it names as its parent."""
    nodes = np.arange(len(left))
    wanted(np.array_equal(left == _NO_CHILD, right == _NO_CHILD), f"{what} has a node with one child")
    inner = np.flatnonzero(left != _NO_CHILD)
    children, of = np.concatenate([left[inner], right[inner]]), np.concatenate([inner, inner])
    wanted(bool((children > of).all()) and np.array_equal(np.sort(children), nodes[1:]),
           f"{what} does not lead to each of its nodes once")
    wanted(parents[0] == _NO_PARENT and np.array_equal(parents[children], of), f"{what} has other parents than links")


def _whole(text: Any) -> int:
    wanted(isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 12, f"{text!r} is no count")
    return int(text)


def _reals(text: Any) -> NDArray[np.float64]:
    """One number, or several in brackets."""
    wanted(isinstance(text, str) and len(text) < 2 ** 20, "base_score is no text")
    try:
        return np.array([float(word) for word in text.strip("[]").split(",")])
    except ValueError:
        raise StoredFault(f"base_score is {text[:40]!r}") from None
