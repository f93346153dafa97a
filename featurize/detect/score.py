"""From traits to a score, and from many overlapping finds to those that count."""
from collections.abc import Mapping

import numpy as np

from featurize.arrays import Float64Array


def logistic(traits: Mapping[str, Float64Array], weights: Mapping[str, float]) -> Float64Array:
    """(n,) 0..1: logistic function of the weighted traits; the weight named "constant" stands alone."""
    total = weights["constant"] + sum(w * traits[name] for name, w in weights.items() if name != "constant")
    return np.asarray(1 / (1 + np.exp(-np.asarray(total, dtype=np.float64))))


def overlaps(box: Float64Array, boxes: Float64Array) -> Float64Array:
    """(n,) intersection over union of a box with others; x, y of two corners each."""
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(both / np.maximum((box[2] - box[0]) * (box[3] - box[1]) + areas - both, 1e-9))


def without_doubles(boxes: Float64Array, score: Float64Array, most: float) -> list[int]:
    """Numbers of boxes (n, 4), the surest first, that overlap with no surer one by an IoU above `most`."""
    kept: list[int] = []
    for k in np.argsort(-score, kind="stable").tolist():
        if not kept or overlaps(boxes[k], boxes[kept]).max() <= most:
            kept.append(k)
    return kept
