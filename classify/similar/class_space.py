"""A space in which classes lie apart: the discriminant directions of `classify.uncertainty.unknown_class`."""
from dataclasses import dataclass

import numpy as np

from classify.uncertainty.unknown_class import fit_discriminant
from featurize.arrays import Float64Array, Int64Array


@dataclass(frozen=True)
class ClassSpace:
    """From compressed z-scores to a space with unit variance within the classes; d features, c < K directions.

    Parameters
    ----------
    mean : (d,) float64
    axes : (d, c) float64
        The directions in which the means of the K classes lie apart.
    """

    mean: Float64Array
    axes: Float64Array

    def points(self, z: Float64Array) -> Float64Array:
        """(n, d) compressed z-scores, NaN = not measured (counts as 0), as (n, c) points."""
        return np.asarray((np.nan_to_num(z) - self.mean) @ self.axes)


def fit_class_space(z: Float64Array, y: Int64Array) -> ClassSpace:
    """Learn the space from labelled rows.

    Parameters
    ----------
    z : (n, d) float64
        Compressed z-scores, NaN = not measured.
    y : (n,) int64
        Classes 0..K-1, all present, K >= 2.
    """
    z, classes = np.nan_to_num(z), int(y.max()) + 1
    mean = z.mean(axis=0)
    vectors = np.linalg.svd(z - mean, full_matrices=False)[2].T
    space = fit_discriminant(z - mean, vectors, y, classes)
    return ClassSpace(mean, space.axes @ space.between)
