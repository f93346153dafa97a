"""Perturbation augmentation: trees that disregard what changes from laboratory to laboratory.

`featurize` measures some of the images twice. For the second measurement the image is changed as another slide, lamp
and camera might have changed it (`featurize.images.perturb`). The difference of the two measurements is a sample of the
measurement error of all features at once.

Every training row is also given to the model as one or several copies, each moved by such a difference drawn at random.
A tree split that holds for one camera only then no longer lowers the loss. `python -m benchmarks.shift` measures the
effect. Where copies of the training images themselves were measured (`featurize --augment`), these are the copies.
"""
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from classify.fitting.rows import TrainingRows
from featurize.arrays import Float32Array, Int64Array

# With fewer differences than this from training rows nothing is added: a draw would repeat the accidents of a few
# images.
FEWEST_DIFFERENCES = 8
# Factor on a difference: the simulated change is mild, and two laboratories differ by two of them. Mean AUROC of three
# divisions of leukemia_cnmc into folds, without calibration: .778 without copies, .829 with three copies, .840 with
# three copies and this factor. blood_pbc lost nothing.
STRETCH = 2.0
# Share of the training rows of which copies were measured, from which on these are the copies.
OWN_COPIES = 0.5
# Copies are added up to about this many rows ...
AUGMENTED_ROWS = 1500
# ... and at most this many of each row.
MOST_COPIES = 3


@dataclass(frozen=True)
class Perturbations:
    """Differences between second and first measurements.

    Parameters
    ----------
    rows : (m,) int64
        The rows of the table that were measured again; a row may stand here several times.
    deltas : (m, d) float32
        Second minus first measurement in the columns of the model; 0 where one of the two is missing.
    values : (m, d) float32 or None
        The second measurements.
    """

    rows: Int64Array
    deltas: Float32Array
    values: Float32Array | None = None


@dataclass(frozen=True)
class Augmented:
    """Training rows and their copies.

    Parameters
    ----------
    rows : TrainingRows
        The t training rows, followed by c copies.
    origin : (c,) int64
        For each copy the position of its row among the training rows.
    measured : bool
        The copies are measured ones, not rows moved by a drawn difference.
    """

    rows: TrainingRows
    origin: Int64Array
    measured: bool = False


def perturbations_of(frame: pd.DataFrame, perturbed: pd.DataFrame | None, x: pd.DataFrame) -> Perturbations | None:
    """Differences for the columns of `x`, or None where nothing was measured twice.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        With `image_id`, in the row order of `x`.
    perturbed : DataFrame or None
        Second measurements, as `featurize.table.read_perturbed` gives them.
    x : (n, d) DataFrame
        The columns that the model learns from.
    """
    if perturbed is None:
        return None
    place = pd.Series(np.arange(len(frame)), index=frame["image_id"])
    known = perturbed[perturbed["image_id"].isin(place.index)]
    rows = place.loc[known["image_id"]].to_numpy(np.int64)
    values, first = known[list(x.columns)].to_numpy(np.float32, copy=True), x.to_numpy(np.float32)[rows]
    # Lengths in file pixels are features only where the magnification is unknown and assumed equal. Changing them would
    # teach the trees to distrust the only size they have.
    lengths = [name.endswith("_px") for name in x.columns]
    values[:, lengths] = first[:, lengths]
    return Perturbations(rows, np.nan_to_num(values - first, nan=0.0), values) if len(rows) else None


def augment(rows: TrainingRows, train: Int64Array, perturbations: Perturbations | None, seed: int,
            copies: int | None = None) -> Augmented:
    """The training rows, followed by perturbed copies of each of them.

    Parameters
    ----------
    rows : TrainingRows
        The t training rows.
    train : (t,) int64
        Their row numbers in the table. Only differences of these rows are used: a difference of a tested row would tell
        the model about that row.
    perturbations : Perturbations or None
        None: nothing is added.
    seed : int
    copies : int, optional
        Drawn copies of each row; by default as many as `AUGMENTED_ROWS` and `MOST_COPIES` allow.
    """
    usable = np.isin(perturbations.rows, train) if perturbations is not None else np.zeros(0, bool)
    if perturbations is None or usable.sum() < FEWEST_DIFFERENCES:
        return Augmented(rows, np.empty(0, np.int64))
    if perturbations.values is not None and _measured(train, perturbations.rows):
        origin, own = _own_copies(train, perturbations.rows)
        return replace(_with_copies(rows, perturbations.values[own], origin), measured=True)
    deltas = perturbations.deltas[usable]
    copies = copies or min(max(AUGMENTED_ROWS // len(train), 1), MOST_COPIES)
    drawn = np.random.default_rng(seed).integers(0, len(deltas), copies * len(train))
    values = np.tile(rows.values(), (copies, 1)) + np.float32(STRETCH) * deltas[drawn]
    return _with_copies(rows, values, np.tile(np.arange(len(train)), copies))


def one_copy_each(train: Int64Array, perturbations: Perturbations | None,
                  seed: int) -> tuple[Int64Array, Float32Array] | None:
    """Of every training row one of the copies that `augment` gives, drawn by chance.

    Parameters
    ----------
    train : (t,) int64
        Row numbers in the table.
    perturbations : Perturbations or None
    seed : int

    Returns
    -------
    rows : (c,) int64
        Row numbers in the table.
    values : (c, d) float32
    None
        The copies that a fit learns from were not measured.
    """
    if perturbations is None or perturbations.values is None or not _measured(train, perturbations.rows):
        return None
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(np.isin(perturbations.rows, train)))
    rows, first = np.unique(perturbations.rows[drawn], return_index=True)
    return rows, perturbations.values[drawn[first]]


def _measured(train: Int64Array, rows: Int64Array) -> bool:
    """Enough of the training rows have copies that were measured."""
    return bool(np.isin(train, rows).mean() >= OWN_COPIES)


def _own_copies(train: Int64Array, measured: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Positions in `train` and positions in `measured` of every pair of equal row numbers.

    >>> [found.tolist() for found in _own_copies(np.array([4, 7]), np.array([7, 2, 7, 4]))]
    [[0, 1, 1], [3, 0, 2]]
    """
    order = np.argsort(measured, kind="stable")
    first, last = (np.searchsorted(measured[order], train, side=side) for side in ("left", "right"))
    origin = np.repeat(np.arange(len(train)), last - first)
    return origin, order[np.concatenate([np.arange(a, b) for a, b in zip(first, last)])]


def _with_copies(rows: TrainingRows, values: Float32Array, origin: Int64Array) -> Augmented:
    y, weights = (np.concatenate([own, own[origin]]) for own in (rows.y, rows.weights))
    return Augmented(replace(rows, y=y, weights=weights, copies=values), origin)
