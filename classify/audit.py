"""A saved model meets a table from elsewhere: how good, how sure and how new is it there, compared with home?"""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify import evaluate, models, shift
from classify.bundle import Bundle, load_bundle
from classify.columns import check_columns, matrix
from classify.predict import apply_bundle, check_fit
from classify.predictions import prediction_table
from classify.report.audit_page import write_audit
from classify.result import Applied
from classify.splits import components
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
    said : Applied
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
    said: Applied
    table: pd.DataFrame
    judged: NDArray[np.int64]
    y: NDArray[np.int64]
    unknown: "pd.Series[int]"
    seen: int
    metrics: dict[str, Any] | None
    shift: pd.DataFrame
    subgroups: pd.DataFrame


def audit(bundle_dir: Path, frame: pd.DataFrame, info: TableInfo, out: Path) -> Audit:
    """Write the audit page of a table.

    Parameters
    ----------
    bundle_dir : Path
        The run folder, or the model folder in it.
    frame, info
        As `featurize.table.read_table` gives them. Without labels only the shift is shown; labels that the model does
        not know are said and left out of the scores.
    out : Path
        Where the page goes, whole or not at all.

    Raises
    ------
    UserError
        No model there, or a table that was measured in another way.
    """
    found = examine(load_bundle(bundle_dir), home_metrics(bundle_dir), frame, info)
    write_audit(out, found)
    return found


def home_metrics(bundle_dir: Path) -> dict[str, Any] | None:
    """metrics.json of the run that the model belongs to, if it is there."""
    place = next((p for p in (bundle_dir / "metrics.json", bundle_dir.parent / "metrics.json") if p.is_file()), None)
    return None if place is None else dict(json.loads(place.read_text(encoding="utf-8")))


def examine(bundle: Bundle, home: dict[str, Any] | None, frame: pd.DataFrame, info: TableInfo) -> Audit:
    """Everything but the page."""
    check_columns(frame, info)
    check_fit(bundle, info)
    frame = frame.reset_index(drop=True)
    x = matrix(frame, bundle.model.features)
    said = apply_bundle(bundle, x)
    table = prediction_table(frame, bundle.classes, said.p, said.sets, said.empty, said.novelty)
    code = frame["label"].map({name: at for at, name in enumerate(bundle.classes)})
    judged = np.flatnonzero(code.notna())
    y = np.asarray(code.iloc[judged], dtype=np.int64)
    unknown = frame.loc[code.isna() & frame["label"].notna(), "label"].value_counts()
    seen = int(frame["image_id"].isin(bundle.train_ids).sum())
    right = said.p[judged].argmax(axis=1) == y
    parts = frame.iloc[judged].reset_index(drop=True)
    groups = shift.subgroups(parts, parts["label"], _usable(info, frame), right, said.p[judged].max(axis=1))
    metrics = _metrics(bundle, frame, judged, y, said) if len(judged) else None
    return Audit(bundle, home, frame, info, said, table, judged, y, unknown, seen, metrics,
                 shift.feature_shift(bundle, x), groups)


def _usable(info: TableInfo, frame: pd.DataFrame) -> list[str]:
    return [c for c in info.nuisance if c in frame.columns]


def _metrics(bundle: Bundle, frame: pd.DataFrame, judged: NDArray[np.int64], y: NDArray[np.int64], said: Applied
             ) -> dict[str, Any]:
    p, sets = said.p[judged], said.sets[judged]
    unit = components(frame)[judged]
    found: dict[str, Any] = {name: float(values[0]) for name, values in evaluate.scores(y, p, sets).items()}
    return {**found, "n": len(judged), "intervals": evaluate.intervals(y, p, sets, unit),
            "per_class": evaluate.per_class(y, p, sets, bundle.classes),
            "calibration_slope": shift.calibration_slope(y, p), "overconfidence": shift.overconfidence(y, p)}


def reasons_of(found: Audit, row: int, most: int = 5) -> list[tuple[str, float, float]]:
    """The largest contributions to the predicted class of one row: column, value, contribution (log-odds)."""
    x = matrix(found.frame.iloc[[row]], found.bundle.model.features).reset_index(drop=True)
    values = models.contributions(found.bundle.model, x)[0, :, :-1]
    chosen = int(found.said.p[row].argmax())
    toward = values[chosen] if len(values) > 1 else values[0] * (1 if chosen == 1 else -1)
    order = np.argsort(-np.abs(toward), kind="stable")[:most]
    measured = x.to_numpy()[0]
    return [(found.bundle.model.features[at], float(measured[at]), float(toward[at])) for at in order]
