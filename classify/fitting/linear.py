"""Multinomial logistic regression on all columns, kept as one weight for each feature and class.

Missing values are replaced by the median. Features are brought to standard scores, which are clipped so that no single
measurement decides alone. The log-odds of a row are a base value plus the sum of weight times clipped score: each
feature adds its own summand. The summand's distance from its mean is the feature's exact Shapley value for independent
features (Strumbelj & Kononenko 2014, doi:10.1007/s10115-013-0679-x).

With a bend, each feature has a second weight, for the size of its score: what lies in a middle range can then be told
from what lies outside. The summand of a feature is the sum of both.
"""
import json
from dataclasses import asdict, dataclass, replace

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression

from featurize.arrays import Float32Array, Float64Array, Int64Array

# Standard scores are clipped at plus and minus this.
LARGEST_SCORE = 5.0
# Largest component of the gradient of the mean log-loss at which its solver stops. With .0001 in place of .001 the
# log-loss of 17,092 cells at 28 px fell from .071 to .066, at five times the time; that of 600 cells at full size rose
# from .148 to .149.
GRADIENT_TOLERANCE = 1e-3
# Iterations of its solver, at most: about 40 are needed.
MOST_ITERATIONS = 1000
# Columns with a smaller standard deviation are constant.
LEAST_DEVIATION = 1e-12


@dataclass(frozen=True)
class LinearModel:
    """Log-odds that are a sum over features; d features, k columns of margins.

    Parameters
    ----------
    fill : (d,) float64
        Replaces missing values.
    center, scale : (d,) float64
        Mean and standard deviation of the features.
    mean : (d,) or (2 d,) float64
        Mean clipped score of the training rows; with a bend also the means of their sizes, times the bend.
    weights : (d, k) or (2 d, k) float64
        Log-odds for each unit of a clipped score, and of its size times the bend.
    base : (k,) float64
        Log-odds at the mean clipped scores.
    largest : float
        Standard scores are clipped at plus and minus this.
    bend : float
        Factor on the sizes of scores; 0: they have no weights.
    """

    fill: Float64Array
    center: Float64Array
    scale: Float64Array
    mean: Float64Array
    weights: Float64Array
    base: Float64Array
    largest: float = LARGEST_SCORE
    bend: float = 0.0


@dataclass(frozen=True)
class Scores:
    """Clipped standard scores of training rows, and what brought them about.

    Parameters
    ----------
    values : (n, d) or (n, 2 d) float32
        Less their mean.
    fill, center, scale, mean, bend
        As in `LinearModel`.
    """

    values: Float32Array
    fill: Float64Array
    center: Float64Array
    scale: Float64Array
    mean: Float64Array
    bend: float


def standard_scores(x: Float32Array, bend: float = 0.0) -> Scores:
    """Replace what is missing by the median, standardize and clip.

    Parameters
    ----------
    x : (n, d) float32
        NaN = not measured. A column that is never measured becomes zeros.
    bend : float
        Factor on the sizes of the scores, which follow the scores; 0: they are left out.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(x)
    fill = np.asarray(imputer.statistics_, np.float64)
    filled = np.where(np.isnan(x), fill, x)
    center, scale = filled.mean(axis=0), filled.std(axis=0)
    scale[scale < LEAST_DEVIATION] = 1.0
    scores = _bent(_clipped((filled - center) / scale, LARGEST_SCORE), bend)
    mean = scores.mean(axis=0)
    return Scores((scores - mean).astype(np.float32), fill, center, scale, mean, bend)


def fit_linear(scores: Scores, y: Int64Array, weights: Float64Array, inverse_penalty: float) -> LinearModel:
    """Fit the model.

    Parameters
    ----------
    scores : Scores
        Of the training rows.
    y : (n,) int64
        0..K-1, every class present.
    weights : (n,) float64
        Of the rows.
    inverse_penalty : float
        Factor of the summed log-loss beside the squared weights (scikit-learn's C), times the number of columns: the
        more columns share the log-odds, the smaller is the weight of each. Less regularizes more.
    """
    strength = inverse_penalty / len(scores.fill)
    regression = LogisticRegression(C=strength, tol=GRADIENT_TOLERANCE, max_iter=MOST_ITERATIONS)
    # BLAS sets floating-point flags of its own now and then; numpy would warn of numbers that are all finite.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        regression.fit(scores.values, y, sample_weight=weights)
    return LinearModel(scores.fill, scores.center, scores.scale, scores.mean,
                       np.asarray(regression.coef_.T, np.float64), np.asarray(regression.intercept_, np.float64),
                       bend=scores.bend)


def linear_margin(model: LinearModel, x: Float32Array) -> Float64Array:
    """(n, k) log-odds; for two classes k = 1, the log-odds of class 1."""
    return np.asarray(_distances(model, x) @ model.weights + model.base)


def linear_contributions(model: LinearModel, x: Float32Array) -> Float32Array:
    """(n, k, d + 1): weight times distance from the mean clipped score; last column = base value."""
    values = np.einsum("nd,dk->nkd", _distances(model, x), model.weights)
    if model.bend:
        values = values[:, :, :len(model.fill)] + values[:, :, len(model.fill):]
    base = np.broadcast_to(model.base[:, None], (*values.shape[:2], 1))
    return np.concatenate([values, base], axis=2).astype(np.float32)


def scaled(model: LinearModel, factor: float) -> LinearModel:
    """The model whose log-odds are `factor` times those of another."""
    return replace(model, weights=factor * model.weights, base=factor * model.base)


def linear_to_bytes(model: LinearModel) -> bytes:
    """JSON; every number is written so that it is read back as the same one."""
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(model).items()}
    return json.dumps(plain).encode()


def linear_from_bytes(data: bytes) -> LinearModel:
    """The inverse of `linear_to_bytes`; weights of model formats 1 and 2 are those of features as they are."""
    read = json.loads(data)
    d = len(read["fill"])
    known = {"scale": [1.0] * d, "mean": [0.0] * d, **read}
    fill, center, scale, mean, weights, base = (np.array(known[name], dtype=np.float64) for name in (
        "fill", "center", "scale", "mean", "weights", "base"))
    return LinearModel(fill, center, scale, mean, weights, base, float(read.get("largest", np.inf)),
                       float(read.get("bend", 0.0)))


def _distances(model: LinearModel, x: Float32Array) -> Float64Array:
    filled = np.where(np.isnan(x), model.fill, x.astype(np.float64))
    return _bent(_clipped((filled - model.center) / model.scale, model.largest), model.bend) - model.mean


def _bent(scores: Float64Array, bend: float) -> Float64Array:
    """The scores, followed by their sizes times `bend`."""
    return np.concatenate([scores, bend * np.abs(scores)], axis=1) if bend else scores


def _clipped(scores: Float64Array, largest: float) -> Float64Array:
    return np.asarray(np.clip(scores, -largest, largest))
