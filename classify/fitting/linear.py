"""Multinomial logistic regression on all columns, kept as one weight for each feature and class.

Missing values are replaced by the median. Features are brought to standard scores, which are clipped so that no single
measurement decides alone. The log-odds of a row are a base value plus the sum of weight times clipped score: each
feature adds its own summand. The summand's distance from its mean is the feature's exact Shapley value for independent
features (Strumbelj & Kononenko 2014, doi:10.1007/s10115-013-0679-x).

With a bend, each feature has a second weight, for the size of its score: what lies in a middle range can then be told
from what lies outside. The summand of a feature is the sum of both.

With products, every pair of principal components (and every square of one) has a weight too: a measurement can then
mean one thing beside another measurement, and something else without it. Written out, a product of two components is a
sum of products of two scores. Each of these, less its mean over the training rows, is divided equally between its two
features: these are the exact Shapley values of a function that is a sum of terms of one and of two features.
"""
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array

# Standard scores are clipped at plus and minus this.
LARGEST_SCORE = 5.0
# Largest component of the gradient of the mean log-loss at which its solver stops. With .0001 in place of .001 the
# log-loss of 17,092 cells at 28 px fell from .071 to .066, at five times the time; that of 600 cells at full size rose
# from .148 to .149.
GRADIENT_TOLERANCE = 1e-3
# Iterations of its solver, at most: about 40 are needed.
MOST_ITERATIONS = 1000
# Rows whose terms are held in memory at a time as float64.
ROWS_AT_ONCE = 4096
# Decimals of the principal axes: more would only lengthen the file.
AXES_DECIMALS = 6
# Seed of the search for principal axes, so that a fit repeats.
AXES_SEED = 0
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
    mean : (m,) float64
        Means over the training rows of the m terms: d clipped scores; with a bend d sizes of scores, times the bend;
        with r axes r (r + 1) / 2 products.
    weights : (m, k) float64
        Log-odds for each unit of a term.
    base : (k,) float64
        Log-odds where every term has its mean.
    largest : float
        Standard scores are clipped at plus and minus this.
    bend : float
        Factor on the sizes of scores; 0: they have no weights.
    axes : (d, r) float64
        Directions of the components, as rows of scores less their means are multiplied by them; r = 0: no products.
    shared : (d, k) float64
        Mean over the training rows of what the products give to each feature, before it is subtracted.
    """

    fill: Float64Array
    center: Float64Array
    scale: Float64Array
    mean: Float64Array
    weights: Float64Array
    base: Float64Array
    largest: float
    bend: float
    axes: Float64Array
    shared: Float64Array


@dataclass(frozen=True)
class Scores:
    """What the terms of n training rows are made of, and what brought it about.

    Parameters
    ----------
    scores : (n, d) float64
        Clipped standard scores.
    components : (n, r) float64
    fill, center, scale, mean, bend, axes
        As in `LinearModel`.
    moments : (d, r) float64
        Mean products of scores and components.
    """

    scores: Float64Array
    components: Float64Array
    fill: Float64Array
    center: Float64Array
    scale: Float64Array
    mean: Float64Array
    bend: float
    axes: Float64Array
    moments: Float64Array

    def of_rows(self, rows: BoolArray) -> "Scores":
        """Those of some of the rows."""
        return replace(self, scores=self.scores[rows], components=self.components[rows])

    def terms(self) -> Float32Array:
        """(n, m) terms less their means; there may be ten times as many as scores, so they are not kept."""
        out = np.empty((len(self.scores), len(self.mean)), np.float32)
        for start in range(0, len(out), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            out[some] = _terms(self.scores[some], self.components[some], self.bend) - self.mean
        return out


def standard_scores(x: Float32Array, bend: float = 0.0, products: int = 0, product_size: float = 1.0) -> Scores:
    """Replace what is missing by the median, standardize and clip; add sizes and products.

    Parameters
    ----------
    x : (n, d) float32
        NaN = not measured. A column that is never measured becomes zeros.
    bend : float
        Factor on the sizes of the scores, which follow the scores; 0: they are left out.
    products : int
        Principal components whose products follow, at most; 0: none.
    product_size : float
        Mean square of the components: the size of their products.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(x)
    fill = np.asarray(imputer.statistics_, np.float64)
    filled = np.where(np.isnan(x), fill, x)
    center, scale = filled.mean(axis=0), filled.std(axis=0)
    scale[scale < LEAST_DEVIATION] = 1.0
    scores = _clipped((filled - center) / scale, LARGEST_SCORE)
    middle = scores - scores.mean(axis=0)
    axes = _principal_axes(middle, products, product_size)
    components = middle @ axes
    first, second = np.triu_indices(axes.shape[1])
    mean = np.concatenate([scores.mean(axis=0), *(part.mean(axis=0) for part in _sizes(scores, bend)),
                           (components.T @ components / len(x))[first, second]])
    return Scores(scores, components, fill, center, scale, mean, bend, axes, middle.T @ components / len(x))


def fit_linear(scores: Scores, y: Int64Array, weights: Float64Array, inverse_penalty: float) -> LinearModel:
    """The model of one penalty, see `fit_linears`."""
    return fit_linears(scores, y, weights, [inverse_penalty])[0]


def fit_linears(scores: Scores, y: Int64Array, weights: Float64Array,
                inverse_penalties: Sequence[float]) -> list[LinearModel]:
    """Fit a model for each penalty.

    Parameters
    ----------
    scores : Scores
        Of the training rows.
    y : (n,) int64
        0..K-1, every class present.
    weights : (n,) float64
        Of the rows.
    inverse_penalties : sequence of float
        Factors of the summed log-loss beside the squared weights (scikit-learn's C), times the number of columns: the
        more columns share the log-odds, the smaller is the weight of each. Less regularizes more.
    """
    terms = scores.terms()
    return [_fitted(scores, terms, y, weights, penalty) for penalty in inverse_penalties]


def _fitted(scores: Scores, terms: Float32Array, y: Int64Array, weights: Float64Array,
            inverse_penalty: float) -> LinearModel:
    strength = inverse_penalty / len(scores.fill)
    regression = LogisticRegression(C=strength, tol=GRADIENT_TOLERANCE, max_iter=MOST_ITERATIONS)
    # BLAS sets floating-point flags of its own now and then; numpy would warn of numbers that are all finite.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        regression.fit(terms, y, sample_weight=weights)
    of_terms = np.asarray(regression.coef_.T, np.float64)
    crossed = _product_weights(of_terms, scores.axes.shape[1])
    shared = np.einsum("da,kab,db->dk", scores.axes, crossed, scores.moments, optimize=True)
    return LinearModel(scores.fill, scores.center, scores.scale, scores.mean, of_terms,
                       np.asarray(regression.intercept_, np.float64), LARGEST_SCORE, scores.bend, scores.axes, shared)


def linear_margin(model: LinearModel, x: Float32Array, rows: Int64Array | None = None) -> Float64Array:
    """(n, k) log-odds of all rows, or of some; for two classes k = 1, the log-odds of class 1."""
    n = len(x) if rows is None else len(rows)
    out = np.empty((n, len(model.base)))
    for start in range(0, n, ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        scores, components = _scores(model, x[some if rows is None else rows[some]])
        terms = _terms(scores, components, model.bend)
        out[start:start + ROWS_AT_ONCE] = (terms - model.mean) @ model.weights + model.base
    return out


def linear_contributions(model: LinearModel, x: Float32Array) -> Float32Array:
    """(n, k, d + 1): what each feature adds to the log-odds; last column = base value."""
    scores, components = _scores(model, x)
    d = len(model.fill)
    middle = scores - model.mean[:d]
    out = np.empty((len(x), len(model.base), d + 1), np.float32)
    out[:, :, d] = model.base
    crossed = _product_weights(model.weights, model.axes.shape[1])
    for k in range(len(model.base)):
        out[:, k, :d] = middle * model.weights[:d, k]
        if model.bend:
            out[:, k, :d] += (model.bend * np.abs(scores) - model.mean[d:2 * d]) * model.weights[d:2 * d, k]
        if model.axes.shape[1]:
            out[:, k, :d] += middle * (components @ crossed[k] @ model.axes.T) - model.shared[:, k]
    return out


def scaled(model: LinearModel, factor: float) -> LinearModel:
    """The model whose log-odds are `factor` times those of another."""
    return replace(model, weights=factor * model.weights, base=factor * model.base, shared=factor * model.shared)


def linear_to_bytes(model: LinearModel) -> bytes:
    """JSON; every number is written so that it is read back as the same one."""
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(model).items()}
    return json.dumps(plain).encode()


def linear_from_bytes(data: bytes) -> LinearModel:
    """The inverse of `linear_to_bytes`; weights of model formats 1 and 2 are those of features as they are."""
    read = json.loads(data)
    d, k = len(read["fill"]), len(read["base"])
    known = {"scale": [1.0] * d, "mean": [0.0] * d, **read}
    fill, center, scale, mean, weights, base = (np.array(known[name], dtype=np.float64) for name in (
        "fill", "center", "scale", "mean", "weights", "base"))
    return LinearModel(fill, center, scale, mean, weights, base, float(read.get("largest", np.inf)),
                       float(read.get("bend", 0.0)), np.array(read.get("axes", []), np.float64).reshape(d, -1),
                       np.array(read.get("shared", np.zeros((d, k))), np.float64))


def _scores(model: LinearModel, x: Float32Array) -> tuple[Float64Array, Float64Array]:
    """(n, d) clipped standard scores, and (n, r) components."""
    filled = np.where(np.isnan(x), model.fill, x.astype(np.float64))
    scores = _clipped((filled - model.center) / model.scale, model.largest)
    return scores, (scores - model.mean[:len(model.fill)]) @ model.axes


def _principal_axes(middle: Float64Array, most: int, size: float) -> Float64Array:
    """(d, r) axes of the largest variances of scores less their means; the components' mean square is `size`."""
    r = min(most, *middle.shape)
    if r == 0:
        return np.empty((middle.shape[1], 0))
    axes = PCA(r, svd_solver="randomized", random_state=AXES_SEED).fit(middle).components_.T
    spread = np.square(middle @ axes).mean()
    return np.round(axes * np.sqrt(size / spread), AXES_DECIMALS) if spread > 0 else np.zeros_like(axes)


def _sizes(scores: Float64Array, bend: float) -> list[Float64Array]:
    """The (n, d) sizes of the scores times `bend`, or nothing."""
    return [bend * np.abs(scores)] if bend else []


def _terms(scores: Float64Array, components: Float64Array, bend: float) -> Float64Array:
    """(n, m): scores, their sizes, and squares and products of components."""
    first, second = np.triu_indices(components.shape[1])
    return np.concatenate([scores, *_sizes(scores, bend), components[:, first] * components[:, second]], axis=1)


def _product_weights(weights: Float64Array, r: int) -> Float64Array:
    """(k, r, r) symmetric: half of the weight of each product stands on each side of the diagonal."""
    first, second = np.triu_indices(r)
    half = weights[len(weights) - len(first):].T / 2
    out = np.zeros((weights.shape[1], r, r))
    out[:, first, second] += half
    out[:, second, first] += half
    return out


def _clipped(scores: Float64Array, largest: float) -> Float64Array:
    return np.asarray(np.clip(scores, -largest, largest))
