"""Which images of a table the model was trained on: on these it cannot be examined."""
import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.predictions import ModelPredictions
from classify.uncertainty import novelty
from featurize.arrays import BoolArray, Float32Array

# A copy lies nearer to its original than this share of the distance that training images keep from each other. Measured
# on 800 blood cells and 40 copies of each kind: no cell lay so near to another one; of copies with the same pixels all
# did, of turned or smaller ones 62 %, of mirrored ones 40 %, of those compressed again at most 5 %.
COPY_SHARE = 0.6
# In a space of fewer axes different images lie as near by chance: there only the same measurements are recognized.
LEAST_AXES = 12
# Per cent of the training images that may lie nearer to each other: copies among themselves.
_COPIES_AT_HOME = 1
# Training images whose distances to the others are measured.
_SAMPLE = 500
# Images with the same measurements, up to rounding: also where the training images hold many copies.
_SAME = 1e-3


def trained_on(bundle: Bundle, frame: pd.DataFrame, predictions: ModelPredictions) -> BoolArray:
    """(n,) True where an image is a training image of the model or a near copy of one."""
    known = frame["image_id"].isin(bundle.train_ids).to_numpy()
    points = bundle.novelty.points
    limit = COPY_SHARE * _usual_distance(points) if points.shape[1] >= LEAST_AXES else 0
    return np.asarray(known | (predictions.distances[:, 0] < max(limit, _SAME)))


def _usual_distance(points: Float32Array) -> float:
    """Distance to the nearest other training image that nearly all training images keep."""
    if len(points) < 2:
        return 0.0
    some = np.unique(np.linspace(0, len(points) - 1, min(_SAMPLE, len(points))).astype(int))
    # The nearest point of a training image is itself.
    distances, _ = novelty.nearest(points[some], points, 2)
    return float(np.percentile(distances[:, 1], _COPIES_AT_HOME))
