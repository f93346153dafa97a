"""What a simple method reaches on the same folds: the majority class, and logistic regression on principal axes."""
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from classify.data.splits import Fit

Values = NDArray[np.float32]
Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]

AXES = 50


def majority(x: Values, y: Labels, fit: Fit, k: int) -> Probabilities:
    """The class shares of the training rows, for every tested row."""
    share = np.bincount(y[fit.train], minlength=k) / len(fit.train)
    return np.tile(share, (len(fit.test), 1))


def logistic(x: Values, y: Labels, fit: Fit, k: int) -> Probabilities:
    """Median imputation, standard scores, 50 principal axes, multinomial logistic regression with L2."""
    model = _pipeline(min(AXES, x.shape[1], len(fit.train) - 1)).fit(x[fit.train], y[fit.train])
    return np.asarray(model.predict_proba(x[fit.test]), dtype=np.float64)


def _pipeline(axes: int) -> Pipeline:
    # A column that is never measured in one fold keeps its place as zeros.
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(),
                         PCA(axes, whiten=True, svd_solver="covariance_eigh"), LogisticRegression(C=0.1, max_iter=2000))


BASELINES: dict[str, Callable[[Values, Labels, Fit, int], Probabilities]] = {
    "majority": majority, "pca_logistic": logistic}


def baseline_probabilities(x: Values, y: Labels, fits: Sequence[Fit], k: int) -> dict[str, Probabilities]:
    """(n, K) probabilities of every baseline on the tested rows of all fits; NaN elsewhere."""
    found = {name: np.full((len(y), k), np.nan) for name in BASELINES}
    for name, predict in BASELINES.items():
        for fit in fits:
            found[name][fit.test] = predict(x, y, fit, k)
    return found
