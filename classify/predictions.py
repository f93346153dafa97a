"""The rows of predictions.csv, and which of them a person should look at."""
import numpy as np
import pandas as pd

from featurize.arrays import BoolArray, Float64Array, Int64Array

UNSURE = 0.5
NOVEL = 0.99


def review(p: Float64Array, sets: BoolArray, empty: BoolArray, novelty: Float64Array) -> BoolArray:
    """(n,) True where a person should look.

    That is: the prediction set holds another number of classes than one (several fit, or none did); or the picture lies
    farther from the training pictures than 99 % of held-out ones; or the predicted class has less than even odds.
    """
    return np.asarray((sets.sum(axis=1) != 1) | empty | (novelty > NOVEL) | (p.max(axis=1) < UNSURE))


def prediction_table(frame: pd.DataFrame, classes: tuple[str, ...], p: Float64Array, sets: BoolArray, empty: BoolArray,
                     novelty: Float64Array, fold: Int64Array | None = None) -> pd.DataFrame:
    """One row per row of the table, in its order.

    Parameters
    ----------
    frame : DataFrame
        Its columns `image_id, path, label, group, split` are copied.
    p, sets : (n, K)
    empty, novelty : (n,)
    fold : (n,) int64 or None
        -1 becomes an empty field: the model has seen the row, or the row has no label. None: all are empty.

    Returns
    -------
    DataFrame
        `image_id, path, label, group, split, fold, predicted, p_<class>..., prediction_set, novelty, review`. The set
        is in the order of the classes, joined by ``|``.
    """
    names = np.array(classes, dtype=object)
    number = pd.Series(-1 if fold is None else fold, index=range(len(frame)), dtype="Int64")
    number = number.mask(number < 0)
    table = frame[["image_id", "path", "label", "group", "split"]].reset_index(drop=True)
    return table.assign(
        fold=number, predicted=names[p.argmax(axis=1)], **{f"p_{c}": p[:, i] for i, c in enumerate(classes)},
        prediction_set=["|".join(names[row]) for row in sets], novelty=novelty, review=review(p, sets, empty, novelty))
