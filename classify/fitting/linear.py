"""Multinomial logistic regression on principal axes, kept as one weight for each feature and class.

Missing values are replaced by the median, features are brought to standard scores and to at most 50 principal axes; the
regression with an L2 penalty reads these. All of it is linear, so the fitted model is a weight for each feature: the
log-odds of a row are a base value plus the sum of weight times distance from the mean. These summands are the exact
Shapley values of the features (Strumbelj & Kononenko 2014, doi:10.1007/s10115-013-0679-x, for independent features).
"""
import json
from dataclasses import asdict, dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from featurize.arrays import Float32Array, Float64Array, Int64Array

# Principal axes that the logistic regression reads, at most.
MOST_AXES = 50
# Inverse strength of its L2 penalty (scikit-learn's C; 1 is the library's default, less regularizes more).
INVERSE_PENALTY = 0.1
# Axes with less than this share of the first axis' variance are rounding errors.
LEAST_AXIS_VARIANCE = 1e-9
# Iterations of its solver, at most.
MOST_ITERATIONS = 2000


@dataclass(frozen=True)
class LinearModel:
    """Log-odds that are linear in the features; d features, k columns of margins.

    Parameters
    ----------
    fill : (d,) float64
        Replaces missing values.
    center : (d,) float64
        Means of the features.
    weights : (d, k) float64
        Log-odds for each unit of a feature.
    base : (k,) float64
        Log-odds at the means.
    """

    fill: Float64Array
    center: Float64Array
    weights: Float64Array
    base: Float64Array


def pipeline(rows: int, columns: int) -> Pipeline:
    """The steps of the model for so many training rows and columns, not fitted."""
    # A column that is never measured in one fold keeps its place as zeros.
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(),
                         PCA(min(MOST_AXES, columns, rows - 1), whiten=True, svd_solver="covariance_eigh"),
                         LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_ITERATIONS))


def fit_linear(x: Float32Array, y: Int64Array, weights: Float64Array) -> LinearModel:
    """Fit the model.

    Parameters
    ----------
    x : (n, d) float32
        NaN = not measured.
    y : (n,) int64
        0..K-1, every class present.
    weights : (n,) float64
    """
    fitted = pipeline(*x.shape)
    variance = fitted[:-1].fit(x)[-1].explained_variance_
    fitted.set_params(pca__n_components=max(int((variance > LEAST_AXIS_VARIANCE * variance[0]).sum()), 1))
    fitted.fit(x, y, logisticregression__sample_weight=weights)
    imputer, scaler, axes, regression = (step for _, step in fitted.steps)
    # From standard scores to whitened axes; the axes' own mean is that of standard scores, zero but for rounding.
    to_axes = (axes.components_ / np.sqrt(axes.explained_variance_)[:, None]).T
    scale = np.asarray(scaler.scale_, np.float64)
    return LinearModel(np.asarray(imputer.statistics_, np.float64), np.asarray(scaler.mean_ + scale * axes.mean_),
                       to_axes @ regression.coef_.T / scale[:, None], np.asarray(regression.intercept_, np.float64))


def linear_margin(model: LinearModel, x: Float32Array) -> Float64Array:
    """(n, k) log-odds; for two classes k = 1, the log-odds of class 1."""
    return np.asarray(_distances(model, x) @ model.weights + model.base)


def linear_contributions(model: LinearModel, x: Float32Array) -> Float32Array:
    """(n, k, d + 1): weight times distance from the mean; last column = base value."""
    values = np.einsum("nd,dk->nkd", _distances(model, x), model.weights)
    base = np.broadcast_to(model.base[:, None], (*values.shape[:2], 1))
    return np.concatenate([values, base], axis=2).astype(np.float32)


def linear_to_bytes(model: LinearModel) -> bytes:
    """JSON; every number is written so that it is read back as the same one."""
    return json.dumps({name: values.tolist() for name, values in asdict(model).items()}).encode()


def linear_from_bytes(data: bytes) -> LinearModel:
    """The inverse of `linear_to_bytes`."""
    return LinearModel(**{name: np.array(values, dtype=np.float64) for name, values in json.loads(data).items()})


def _distances(model: LinearModel, x: Float32Array) -> Float64Array:
    return np.where(np.isnan(x), model.fill, x.astype(np.float64)) - model.center
