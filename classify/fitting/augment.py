"""Perturbation augmentation: trees that disregard what changes from laboratory to laboratory.

`featurize` measures some of the images twice. For the second measurement the image is changed as another slide, lamp
and camera might have changed it (`featurize.images.perturb`). The difference of the two measurements is a sample of the
measurement error of all features at once.

Every training row is also given to the model as one or several copies, each moved by such a difference drawn at random.
A tree split that holds for one camera only then no longer lowers the loss. `python -m benchmarks.shift` measures the
effect.
"""
from dataclasses import dataclass

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
        The rows of the table that were measured twice.
    deltas : (m, d) float32
        Second minus first measurement in the columns of the model; 0 where one of the two is missing.
    """

    rows: Int64Array
    deltas: Float32Array


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
    deltas = known[list(x.columns)].to_numpy(np.float32) - x.to_numpy(np.float32)[rows]
    # Lengths in file pixels are features only where the magnification is unknown and assumed equal. Changing them would
    # teach the trees to distrust the only size they have.
    deltas[:, [name.endswith("_px") for name in x.columns]] = 0
    return Perturbations(rows, np.nan_to_num(deltas, nan=0.0)) if len(rows) else None


def augment(rows: TrainingRows, train: Int64Array, perturbations: Perturbations | None, seed: int,
            copies: int | None = None) -> TrainingRows:
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
        Copies of each row; by default as many as `AUGMENTED_ROWS` and `MOST_COPIES` allow.
    """
    usable = np.isin(perturbations.rows, train) if perturbations is not None else np.zeros(0, bool)
    if perturbations is None or usable.sum() < FEWEST_DIFFERENCES:
        return rows
    deltas = perturbations.deltas[usable]
    copies = copies or min(max(AUGMENTED_ROWS // len(train), 1), MOST_COPIES)
    drawn = np.random.default_rng(seed).integers(0, len(deltas), copies * len(train))
    values = np.tile(rows.x.to_numpy(np.float32), (copies, 1)) + np.float32(STRETCH) * deltas[drawn]
    both = pd.concat([rows.x, pd.DataFrame(values, columns=rows.x.columns)], ignore_index=True)
    return TrainingRows(both, np.tile(rows.y, copies + 1), np.tile(rows.weights, copies + 1))
