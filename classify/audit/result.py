"""The result of an audit, as plain data."""
from dataclasses import dataclass
from typing import Any

import pandas as pd

from classify.audit.origin import Origin
from classify.audit.shortcuts.evidence import Evidence
from classify.audit.shortcuts.parts_evidence import PartScore
from classify.bundle import Bundle
from classify.crosswalk.answers import Reporting
from classify.elsewhere.few_labels import Gain
from classify.maps.result import Maps
from classify.monitor.drift import Drift
from classify.predictions import ModelPredictions
from classify.sweep.result import Sweep
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.table import TableInfo


@dataclass(frozen=True)
class Judged:
    """The m rows whose label the model knows, and how good the predictions are there.

    Parameters
    ----------
    rows, y : (m,) int
        Positions in the table, and numbers of the true classes.
    metrics : dict
        As metrics.json has them, with `calibration_slope` and `overconfidence`.
    confusion : DataFrame
        (K, K) counts; index = truth, columns = predicted.
    reliability : DataFrame
        See `classify.evaluate.metrics`.
    reliability_points : DataFrame
        See `classify.evaluate.curves`.
    set_sizes, set_coverage : DataFrame
        See `classify.evaluate.sets`; of the classes that occur.
    subgroups : DataFrame
        See `classify.audit.shift.subgroups`.
    wrong : (w,) int
        Rows that were named wrongly, the highest probability first.
    novelty : (bins,) float
        Share of the wrong rows in equal bins of the out-of-distribution score.
    """

    rows: Int64Array
    y: Int64Array
    metrics: dict[str, Any]
    confusion: pd.DataFrame
    reliability: pd.DataFrame
    reliability_points: pd.DataFrame
    set_sizes: pd.DataFrame
    set_coverage: pd.DataFrame
    subgroups: pd.DataFrame
    wrong: Int64Array
    novelty: Float64Array


@dataclass(frozen=True)
class Audit:
    """A saved model on a table from elsewhere; n rows of the table.

    Parameters
    ----------
    bundle : Bundle
    home : dict or None
        metrics.json of the run; None where it does not lie beside the model.
    frame, info
        The table, RangeIndex.
    predictions : ModelPredictions
        Of all n rows.
    table : DataFrame
        The same as predictions.csv has them.
    judged : Judged or None
        None where no row has a label.
    unknown : Series
        Labels that the model does not know, and their number: these rows count in no score.
    trained_on : (n,) bool
        Images that the model was trained on, or near copies of them.
    shift : DataFrame
        See `classify.audit.shift.feature_shift`.
    novelty : (bins,) float
        Share of the rows in equal bins of the out-of-distribution score.
    novel_share : float
        Rows whose out-of-distribution score calls for review, see `classify.review`.
    batch_line : str
        What the median out-of-distribution score says about the whole table; "" where that is nothing unusual.
    review_reasons : dict of str to int
        Rows that have each reason for review, see `classify.review.REASONS`.
    most_novel : (n,) int
        Rows, the farthest from the training rows first.
    gray : bool
        No image has a color.
    sweep : Sweep or None
        None where it was not asked for.
    not_compared : tuple of str
        Columns that were asked for and of which no part could be compared.
    compared : DataFrame or None
        See `classify.audit.subgroups.subgroup_scores`; None without labels.
    shortcuts : tuple of Evidence
        Of each group of properties of the picture; none where the table has too few labels.
    gains : tuple of Gain
        What labels from there would bring; none where it was not asked for.
    drift : Drift or None
        Since a baseline; None where none was given.
    reporting : Reporting or None
        Items of reporting guidelines and what answers them; None before all else is known.
    maps : Maps or None
        None where it was not asked for.
    parts : tuple of PartScore
        What parts of the picture tell by themselves; none where it was not asked for.
    origin : Origin or None
        Where the model comes from; None before the run's folder was looked at.
    """

    bundle: Bundle
    home: dict[str, Any] | None
    frame: pd.DataFrame
    info: TableInfo
    predictions: ModelPredictions
    table: pd.DataFrame
    judged: Judged | None
    unknown: "pd.Series[int]"
    trained_on: BoolArray
    shift: pd.DataFrame
    novelty: Float64Array
    novel_share: float
    batch_line: str
    review_reasons: dict[str, int]
    most_novel: Int64Array
    gray: bool
    sweep: Sweep | None = None
    compared: pd.DataFrame | None = None
    not_compared: tuple[str, ...] = ()
    shortcuts: tuple[Evidence, ...] = ()
    gains: tuple[Gain, ...] = ()
    drift: Drift | None = None
    reporting: Reporting | None = None
    maps: Maps | None = None
    parts: tuple[PartScore, ...] = ()
    origin: Origin | None = None
