"""What a simple method reaches on the same folds: the majority class, and logistic regression on principal axes."""
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from classify.data.splits import Fit
from featurize.arrays import Float32Array, Float64Array, Int64Array

AXES = 50


def majority(x: Float32Array, y: Int64Array, fit: Fit, k: int) -> Float64Array:
    """The class shares of the training rows, for every tested row."""
    share = np.bincount(y[fit.train], minlength=k) / len(fit.train)
    return np.tile(share, (len(fit.test), 1))


def logistic(x: Float32Array, y: Int64Array, fit: Fit, k: int) -> Float64Array:
    """Median imputation, standard scores, 50 principal axes, multinomial logistic regression with L2."""
    model = _pipeline(min(AXES, x.shape[1], len(fit.train) - 1)).fit(x[fit.train], y[fit.train])
    return np.asarray(model.predict_proba(x[fit.test]), dtype=np.float64)


def _pipeline(axes: int) -> Pipeline:
    # A column that is never measured in one fold keeps its place as zeros.
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(),
                         PCA(axes, whiten=True, svd_solver="covariance_eigh"), LogisticRegression(C=0.1, max_iter=2000))


BASELINES: dict[str, Callable[[Float32Array, Int64Array, Fit, int], Float64Array]] = {
    "majority": majority, "pca_logistic": logistic}


def baseline_probabilities(x: Float32Array, y: Int64Array, fits: Sequence[Fit], k: int) -> dict[str, Float64Array]:
    """(n, K) probabilities of every baseline on the tested rows of all fits; NaN elsewhere."""
    found = {name: np.full((len(y), k), np.nan) for name in BASELINES}
    for name, predict in BASELINES.items():
        for fit in fits:
            found[name][fit.test] = predict(x, y, fit, k)
    return found
