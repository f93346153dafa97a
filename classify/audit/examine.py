"""A saved model meets a table from elsewhere: how good, how sure and how new is it there, compared with home?"""
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.audit import shift
from classify.audit.result import Audit
from classify.bundle import Bundle
from classify.data.columns import check_columns, matrix
from classify.data.folds import split_groups
from classify.evaluate import metrics
from classify.predict import apply_bundle, check_compatible
from classify.predictions import ModelPredictions, prediction_table
from featurize.arrays import Int64Array
from featurize.table import TableInfo


def home_metrics(bundle_dir: Path) -> dict[str, Any] | None:
    """metrics.json of the run that the model belongs to, if it is there."""
    place = next((p for p in (bundle_dir / "metrics.json", bundle_dir.parent / "metrics.json") if p.is_file()), None)
    return None if place is None else dict(json.loads(place.read_text(encoding="utf-8")))


def examine(bundle: Bundle, home: dict[str, Any] | None, frame: pd.DataFrame, info: TableInfo) -> Audit:
    """Everything but the page."""
    check_columns(frame, info)
    check_compatible(bundle, info)
    frame = frame.reset_index(drop=True)
    x = matrix(frame, bundle.model.features)
    said = apply_bundle(bundle, x)
    table = prediction_table(frame, bundle.classes, said)
    code = frame["label"].map({name: at for at, name in enumerate(bundle.classes)})
    judged = np.flatnonzero(code.notna())
    y = np.asarray(code.iloc[judged], dtype=np.int64)
    unknown = frame.loc[code.isna() & frame["label"].notna(), "label"].value_counts()
    seen = int(frame["image_id"].isin(bundle.train_ids).sum())
    right = said.p[judged].argmax(axis=1) == y
    parts = frame.iloc[judged].reset_index(drop=True)
    groups = shift.subgroups(parts, parts["label"], _usable(info, frame), right, said.p[judged].max(axis=1))
    judged_metrics = _metrics(bundle, frame, judged, y, said) if len(judged) else None
    return Audit(bundle, home, frame, info, said, table, judged, y, unknown, seen, judged_metrics,
                 shift.feature_shift(bundle, x), groups)


def _usable(info: TableInfo, frame: pd.DataFrame) -> list[str]:
    return [c for c in info.nuisance if c in frame.columns]


def _metrics(bundle: Bundle, frame: pd.DataFrame, judged: Int64Array, y: Int64Array, said: ModelPredictions
             ) -> dict[str, Any]:
    p, sets = said.p[judged], said.sets[judged]
    unit = split_groups(frame)[judged]
    found: dict[str, Any] = {name: float(values[0]) for name, values in metrics.scores(y, p, sets).items()}
    return {**found, "n": len(judged), "intervals": metrics.intervals(y, p, sets, unit),
            "per_class": metrics.per_class(y, p, sets, bundle.classes),
            "calibration_slope": shift.calibration_slope(y, p), "overconfidence": shift.overconfidence(y, p)}
