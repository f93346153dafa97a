"""A scikit-learn transformer: images in, named measurements out."""
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from featurize.families import nuisance_columns, scale_is_known
from featurize.in_memory import Image, measure_images, preset_for
from featurize.presets.load import Preset


class ImageFeatures(TransformerMixin, BaseEstimator):
    """Images to the measurements that a model may learn from, the columns of `featurize`'s tables.

    Parameters
    ----------
    preset : str or Preset
        ``cell``, ``smear``, ``tissue``, ``xray``, ``whole``, or ``auto``: `fit` looks at its images and chooses.
    mm_per_px : float, optional
        Size of a pixel in millimetres.
    jobs : int
        Processes; the result does not depend on it.

    Attributes
    ----------
    preset_ : Preset
        The one that `fit` chose or loaded.
    features_ : list of str
        The columns of the output, sorted. Columns that describe the picture and not the patient (focus, noise) are left
        out; so are lengths in pixels where most images of `fit` tell their scale.

    Notes
    -----
    X is a sequence of paths or of arrays (H, W, 3) or (H, W), an array (n, H, W, 3), or a Series or one column of
    paths. The output is a DataFrame of float32, NaN where a region was not found; `set_output` changes the container.
    scikit-learn's checks of estimators need a table of numbers as X and are skipped for images.

    Examples
    --------
    >>> from featurize.simulate.smears import draw_cell
    >>> cells = [draw_cell(kind, seed=1).rgb for kind in ("lymphocyte", "neutrophil")]
    >>> ImageFeatures(preset="cell").fit_transform(cells)["nucleus_morphology_lobes"].tolist()
    [1.0, 3.0]
    """

    def __init__(self, preset: str | Preset = "cell", mm_per_px: float | None = None, jobs: int = 1) -> None:
        self.preset = preset
        self.mm_per_px = mm_per_px
        self.jobs = jobs

    def fit(self, X: Any, y: Any = None) -> Self:
        """Measure the images and keep which columns a model may learn from; `y` is not used."""
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> pd.DataFrame:
        """`fit`, then `transform` of the same images, measured once."""
        return self._columns(self._fit(X), X)

    def transform(self, X: Any) -> pd.DataFrame:
        """(n, features) measurements of the images, a row each.

        Raises
        ------
        ImageError
            An image cannot be read; the message names it.
        """
        check_is_fitted(self)
        return self._columns(measure_images(images_of(X), self.preset_, self.mm_per_px, self.jobs), X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns of the output; `input_features` is not used."""
        check_is_fitted(self)
        return np.array(self.features_, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """X holds images or their paths, not a table of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _fit(self, X: Any) -> pd.DataFrame:
        images = images_of(X)
        preset = preset_for(images, self.preset)
        table = measure_images(images, preset, self.mm_per_px, self.jobs)
        names = table.columns.tolist()
        nuisance = set(nuisance_columns(names, scale_is_known(names, table.to_numpy())))
        self.preset_, self.features_ = preset, [name for name in names if name not in nuisance]
        return table

    def _columns(self, table: pd.DataFrame, X: Any) -> pd.DataFrame:
        index = X.index if isinstance(X, pd.Series | pd.DataFrame) else pd.RangeIndex(len(table))
        return table.reindex(columns=self.features_).astype(np.float32).set_axis(index, axis=0)


def images_of(X: Any) -> Sequence[Image]:
    """The images as a list.

    Raises
    ------
    ValueError
        One image alone, a table of numbers, or anything else that is no sequence of images.
    """
    if isinstance(X, pd.DataFrame):
        X = X.to_numpy(dtype=object)
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1 and X.dtype.kind in "OU":
        X = X[:, 0]
    if isinstance(X, np.ndarray):
        plain = X.dtype.kind in "OU" and X.ndim == 1
        # An array (H, W, 3) is one image in color and not H images that are three pixels wide.
        stacked = X.dtype.kind not in "OU" and (X.ndim == 4 or X.ndim == 3 and X.shape[2] != 3)
        if not (plain or stacked):
            raise ValueError(f"an array of {X.dtype} of shape {X.shape} came: a sequence of images or of paths, or an "
                             "array (n, H, W, 3) is wanted")
    if isinstance(X, str | bytes) or not hasattr(X, "__len__"):
        raise ValueError(f"{X!r} came: a sequence of images or of paths is wanted")
    return list(X)
