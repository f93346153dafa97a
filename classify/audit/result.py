"""What an audit found."""
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix
from classify.fitting import models
from classify.predictions import ModelPredictions
from featurize.arrays import Int64Array
from featurize.table import TableInfo


@dataclass(frozen=True)
class Audit:
    """What was found; n rows of the table, m of them judged.

    Parameters
    ----------
    bundle : Bundle
    home : dict or None
        metrics.json of the run; None where it does not lie beside the model.
    frame, info
        The table, RangeIndex.
    said : ModelPredictions
        Predictions of all n rows.
    table : DataFrame
        The same as predictions.csv has them.
    judged : (m,) int
        Rows with a label that the model knows.
    y : (m,) int
        Their classes.
    unknown : Series
        Labels that the model does not know, and their number.
    seen : int
        Rows that the model was trained on.
    metrics : dict or None
        As metrics.json has them, with `calibration_slope` and `overconfidence`; None where nothing can be judged.
    shift : DataFrame
        See `classify.shift.feature_shift`.
    subgroups : DataFrame
        See `classify.shift.subgroups`; empty where nothing can be judged.
    """

    bundle: Bundle
    home: dict[str, Any] | None
    frame: pd.DataFrame
    info: TableInfo
    said: ModelPredictions
    table: pd.DataFrame
    judged: Int64Array
    y: Int64Array
    unknown: "pd.Series[int]"
    seen: int
    metrics: dict[str, Any] | None
    shift: pd.DataFrame
    subgroups: pd.DataFrame


def reasons_of(found: Audit, row: int, most: int = 5) -> list[tuple[str, float, float]]:
    """The largest contributions to the predicted class of one row: column, value, contribution (log-odds)."""
    x = matrix(found.frame.iloc[[row]], found.bundle.model.features).reset_index(drop=True)
    values = models.contributions(found.bundle.model, x)[0, :, :-1]
    chosen = int(found.said.p[row].argmax())
    toward = values[chosen] if len(values) > 1 else values[0] * (1 if chosen == 1 else -1)
    order = np.argsort(-np.abs(toward), kind="stable")[:most]
    measured = x.to_numpy()[0]
    return [(found.bundle.model.features[at], float(measured[at]), float(toward[at])) for at in order]
