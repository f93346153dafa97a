"""An ONNX file beside the model that it was made of: the same rows through both."""
from collections.abc import Sequence

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.fitting import models
from classify.fitting.models import Model
from featurize.arrays import Float32Array, Float64Array, Int64Array
from featurize.errors import UserError

# Rows that are compared.
COMPARED_ROWS = 1000
# Share of values that are missing.
MISSING_SHARE = 0.05
# Values of each row, at most, that are put on a threshold of the trees or beside it.
ON_THRESHOLDS = 20
SEED = 0
# The first version of onnxruntime that knows TreeEnsemble; 1.20.1 refuses it.
LEAST_ONNXRUNTIME = (1, 21)


def made_rows(bundles: Sequence[Bundle], columns: Sequence[str], seed: int = SEED) -> Float32Array:
    """(1000, d) rows about the training rows; every second row has values on thresholds of the trees.

    These are the float32 number nearest to the threshold or one of the two beside it: a threshold or a comparison that
    is not exact sends them another way.
    """
    rng = np.random.default_rng(seed)
    at = {name: i for i, name in enumerate(columns)}
    center, scale = np.zeros(len(columns)), np.ones(len(columns))
    features, thresholds = [np.zeros(0, np.int64)], [np.zeros(0)]
    for bundle in bundles:
        own = np.array([at[name] for name in bundle.model.features])
        center[own], scale[own] = bundle.novelty.space.center, bundle.novelty.space.scale
        for model in bundle.model.thresholds or (bundle.model,):
            feature, threshold = _splits(model)
            features.append(own[feature])
            thresholds.append(threshold)
    x = rng.normal(center, scale, (COMPARED_ROWS, len(columns))).astype(np.float32)
    feature, threshold = np.concatenate(features), np.concatenate(thresholds).astype(np.float32)
    for row in range(0, COMPARED_ROWS, 2):
        chosen = rng.choice(len(feature), min(ON_THRESHOLDS, len(feature)), replace=False)
        beside = rng.choice([-np.inf, np.inf], len(chosen)).astype(np.float32)
        value = np.where(rng.random(len(chosen)) < .5, threshold[chosen], np.nextafter(threshold[chosen], beside))
        x[row, feature[chosen]] = value
    x[rng.random(x.shape) < MISSING_SHARE] = np.nan
    return x


def _splits(model: Model) -> tuple[Int64Array, Float64Array]:
    """Column and threshold of every split."""
    trees = () if model.library == "logistic" else models.ensemble(model).trees
    feature = [np.zeros(0, np.int64), *(tree.feature for tree in trees)]
    return np.concatenate(feature), np.concatenate([np.zeros(0), *(tree.threshold for tree in trees)])


def of_file(content: bytes, x: Float32Array) -> tuple[Float64Array, Float64Array]:
    """(n, K) probabilities and (n, k) margins that an ONNX file gives by onnxruntime.

    Raises
    ------
    ImportError
        onnxruntime is not installed.
    UserError
        It is too old.
    """
    import onnxruntime
    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < LEAST_ONNXRUNTIME:
        least = ".".join(map(str, LEAST_ONNXRUNTIME))
        raise UserError(f"onnxruntime {onnxruntime.__version__} is installed, {least} or later was wanted: pip install "
                        "--upgrade onnxruntime")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    p, margins = session.run(["probabilities", "margins"], {"features": x})
    return np.asarray(p), np.asarray(margins)


def frame_of(x: Float32Array, columns: Sequence[str], bundle: Bundle) -> pd.DataFrame:
    """The columns that a model reads."""
    return pd.DataFrame(x, columns=list(columns))[list(bundle.model.features)]
