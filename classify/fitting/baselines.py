"""What simple methods reach on the same folds: the majority class, and logistic regression on principal axes."""
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from classify.data.splits import TrainTestIndices
from featurize.arrays import Float32Array, Float64Array, Int64Array

# Principal axes that the logistic regression reads, at most.
MOST_AXES = 50
# Inverse strength of its L2 penalty (scikit-learn's C; 1 is the library's default, less regularizes more).
INVERSE_PENALTY = 0.1
# Iterations of its solver, at most.
MOST_ITERATIONS = 2000
# Columns whose medians are found together.
COLUMNS_AT_ONCE = 16


def majority(x: Float32Array, y: Int64Array, indices: TrainTestIndices, k: int) -> Float64Array:
    """The class shares of the training rows, for every tested row.

    Parameters
    ----------
    x : (n, d) float32
        Not looked at.
    y : (n,) int64
        Classes of all rows, 0..k-1.
    indices : TrainTestIndices
        The t training and m tested rows.
    k : int
        Number of classes.

    Returns
    -------
    (m, k) float64
    """
    share = np.bincount(y[indices.train], minlength=k) / len(indices.train)
    return np.tile(share, (len(indices.test), 1))


def pipeline(rows: int, columns: int) -> Pipeline:
    """Logistic regression on principal axes for so many training rows and columns, not fitted; changes its rows."""
    axes = min(MOST_AXES, columns, rows - 1)
    # With fewer rows than columns the singular values of the rows are quicker than the covariance of the columns.
    solver = "covariance_eigh" if rows >= columns else "full"
    return make_pipeline(StandardScaler(copy=False), PCA(axes, copy=False, whiten=True, svd_solver=solver),
                         LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_ITERATIONS))


def _medians(x: Float32Array) -> list[SimpleImputer]:
    """What fills a few columns each: all at once would take twice the memory of the rows."""
    # A column that is never measured in one fold keeps its place as zeros.
    return [SimpleImputer(strategy="median", keep_empty_features=True).fit(x[:, start:start + COLUMNS_AT_ONCE])
            for start in range(0, x.shape[1], COLUMNS_AT_ONCE)]


def _fill(x: Float32Array, medians: Sequence[SimpleImputer]) -> Float32Array:
    """The rows themselves, without gaps."""
    for number, imputer in enumerate(medians):
        some = slice(number * COLUMNS_AT_ONCE, (number + 1) * COLUMNS_AT_ONCE)
        x[:, some] = imputer.transform(x[:, some])
    return x


def logistic(x: Float32Array, y: Int64Array, indices: TrainTestIndices, k: int) -> Float64Array:
    """Median imputation, standard scores, 50 principal axes, multinomial logistic regression with L2.

    Parameters
    ----------
    x : (n, d) float32
        Features of all rows, NaN = not measured.
    y : (n,) int64
        Classes of all rows, 0..k-1.
    indices : TrainTestIndices
        The t training and m tested rows; every class is among the training rows.
    k : int
        Number of classes.

    Returns
    -------
    (m, k) float64
        Probabilities of the tested rows.
    """
    learned = x[indices.train]
    medians = _medians(learned)
    model = pipeline(*learned.shape).fit(_fill(learned, medians), y[indices.train])
    return np.asarray(model.predict_proba(_fill(x[indices.test], medians)), dtype=np.float64)


BASELINES: dict[str, Callable[[Float32Array, Int64Array, TrainTestIndices, int], Float64Array]] = {
    "majority": majority, "pca_logistic": logistic}


def baseline_probabilities(x: Float32Array, y: Int64Array, splits: Sequence[TrainTestIndices],
                           k: int) -> dict[str, Float64Array]:
    """Probabilities of every baseline on the tested rows of all splits.

    Parameters
    ----------
    x : (n, d) float32
    y : (n,) int64
        Classes, 0..k-1; rows in no split may be -1.
    splits : sequence of TrainTestIndices
    k : int
        Number of classes.

    Returns
    -------
    dict of str to (n, k) float64
        NaN in rows that no split tests.
    """
    found = {name: np.full((len(y), k), np.nan) for name in BASELINES}
    for name, predict in BASELINES.items():
        for indices in splits:
            found[name][indices.test] = predict(x, y, indices, k)
    return found
