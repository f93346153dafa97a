"""Names, types, sizes and ranges of the arrays of a model folder."""
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.stored.faults import LARGEST, StoredFault, finite, wanted
from featurize.arrays import UInt8Array
from featurize.index.fingerprints import LENGTH

# Width of `novelty_points` beyond the principal axes: the distance from them, and the share of missing features.
_FURTHER_AXES = 2
# Array to its kind of number and its axes. Letters are sizes that must agree: d features, a principal axes, m training
# rows, q held-out numbers, s calibrating rows, K classes, w axes of the discriminant, b directions between classes,
# r rows with leaves, t trees, c changed copies, l numbers of a fingerprint, f of them.
_ALWAYS = {
    "space_center": ("f", "d"), "space_scale": ("f", "d"), "space_mean": ("f", "d"), "space_axes": ("f", "ad"),
    "space_deviation": ("f", "a"), "novelty_points": ("f", "mp"), "novelty_distances": ("f", "q"),
    "train_ids": ("U", "m"), "conformal_scores": ("f", "s"), "conformal_y": ("iu", "s")}
_UNKNOWN_CLASS = {
    "discriminant_axes": ("f", "dw"), "discriminant_means": ("f", "Kw"), "discriminant_between": ("f", "wb"),
    "discriminant_variance": ("f", "b"), "leaves": ("u", "rt"), "scale_middle": ("f", "3"), "scale_unit": ("f", "3")}
_FURTHER = {"train_fingerprints": ("u", "fl"), "home_means": ("f", "Kd"), "point_classes": ("iu", "m"),
            "copy_points": ("f", "cp"), "copy_classes": ("iu", "c")}
# Arrays by which values are divided, and the least that they may hold. Scores by `space_scale` are compressed to a
# logarithm; of the others training keeps 1e-9 or more.
_LEAST = {"space_scale": np.finfo(np.float64).tiny, "space_deviation": 1e-12, "discriminant_variance": 1e-12,
          "scale_unit": 1e-12}


def check_arrays(arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]) -> None:
    """Compare the arrays with the manifest, which was checked before.

    Raises
    ------
    StoredFault
    """
    unknown = _UNKNOWN_CLASS if set(_UNKNOWN_CLASS) & set(arrays) else {}
    layout = {**_ALWAYS, **unknown, **{name: _FURTHER[name] for name in _FURTHER if name in arrays}}
    classes = len(manifest["classes"])
    sizes = {"d": len(manifest["features"]), "K": classes, "3": 3, "l": LENGTH}
    for name, (kind, axes) in layout.items():
        wanted(name in arrays, f"the array {name} is missing")
        _check(name, arrays[name], kind, axes, sizes)
    wanted(sizes["p"] == sizes["a"] + _FURTHER_AXES, "novelty_points has not as many columns as there are axes")
    wanted(min(sizes["m"], sizes["q"], sizes["s"], sizes["a"]) > 0, "no training rows are in it")
    for name, least in _LEAST.items():
        wanted(name not in arrays or bool((arrays[name] >= least).all()), f"the array {name} is not above 0")
    wanted(bool((np.diff(arrays["novelty_distances"]) >= 0).all()), "novelty_distances do not rise")
    _check_words(arrays, manifest, sizes)
    scores = arrays["conformal_scores"]
    wanted(bool(((scores >= 0) & (scores <= 1)).all()), "conformal_scores are not within 0..1")
    for name in ("conformal_y", "point_classes", "copy_classes"):
        own = arrays.get(name, np.zeros(0, np.int64))
        wanted(bool(((own >= 0) & (own < classes)).all()), f"{name} are not numbers of the {classes} classes")
    wanted(not unknown or manifest.get("discriminant_rest") is not None and sizes["r"] > 0 and sizes["w"] > 0,
           "the discriminant is not whole")
    wanted("point_classes" not in arrays or manifest.get("batch_rate") is not None, "batch_rate is missing")
    wanted(("copy_points" in arrays) == ("copy_classes" in arrays), "the copies are not whole")


def _check_words(arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any], sizes: dict[str, int]) -> None:
    """The linear log-odds of words of experts; a subject of one word has none."""
    words = manifest.get("words") or {"subjects": []}
    linear = [at for at, subject in enumerate(words["subjects"]) if f"words_{at}_weights" in arrays]
    several = [at for at, subject in enumerate(words["subjects"]) if len(subject["learned"]) > 1]
    wanted(linear == several, "the words of experts have not one set of weights a subject")
    if not linear:
        return
    layout = {"words_fill": "d", "words_center": "d", "words_scale": "d", "words_mean": "v", "words_terms": "2"}
    for name, axes in layout.items():
        wanted(name in arrays, f"the array {name} is missing")
        _check(name, arrays[name], "f", axes, sizes | {"2": 2} if axes == "2" else sizes)
    for at in linear:
        learned = len(words["subjects"][at]["learned"])
        wanted(f"words_{at}_base" in arrays, f"the array words_{at}_base is missing")
        own = {"v": sizes["v"], "x": 1 if learned == 2 else learned}
        _check(f"words_{at}_weights", arrays[f"words_{at}_weights"], "f", "vx", own)
        _check(f"words_{at}_base", arrays[f"words_{at}_base"], "f", "x", own)
    largest, bend = arrays["words_terms"].tolist()
    wanted(largest > 0 and bend >= 0 and bool((arrays["words_scale"] > 0).all()), "the words' scale is not above 0")
    wanted(sizes["v"] == sizes["d"] * (2 if bend else 1), "the words have not as many terms as features give")


def check_fingerprints(arrays: Mapping[str, NDArray[Any]]) -> UInt8Array:
    """(n, l) the fingerprints that several findings share; raises `StoredFault`."""
    wanted("fingerprints" in arrays, "the array fingerprints is missing")
    _check("fingerprints", arrays["fingerprints"], "u", "fl", {"l": LENGTH})
    return np.asarray(arrays["fingerprints"], np.uint8)


def check_trees_of_leaves(arrays: Mapping[str, NDArray[Any]], compared: int) -> None:
    """The leaves are those of as many trees as the model compares; raises `StoredFault`."""
    came = arrays["leaves"].shape[1] if "leaves" in arrays else compared
    wanted(came == compared, f"leaves of {came} trees came, the model compares {compared}")


def _check(name: str, array: NDArray[Any], kind: str, axes: str, sizes: dict[str, int]) -> None:
    """One array; sizes that are met for the first time are kept in `sizes`."""
    wanted(array.dtype.kind in kind and array.ndim == len(axes), f"the array {name} is {array.dtype} {array.shape}")
    for axis, size in zip(axes, array.shape):
        if sizes.setdefault(axis, size) != size:
            raise StoredFault(f"the array {name} has the shape {array.shape}, {sizes[axis]} were wanted in place of "
                              f"{size}")
    wanted(kind == "U" or finite(array), f"the array {name} holds NaN or numbers beyond {LARGEST:g}")
