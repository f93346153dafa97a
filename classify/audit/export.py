"""An audit as data: JSON of every number on its page, CSV with a row for each image."""
from typing import Any

import pandas as pd

from classify.audit.result import Audit, Judged
from classify.audit.warnings import warnings
from classify.evaluate.summary import plain
from featurize.runtime.folders import PROGRAM

# Columns of the shift that only order it.
_ORDER = ["weight"]


def to_json(result: Audit) -> dict[str, Any]:
    """Scores here and at home, warnings, shifts and subgroups, as plain data; undefined numbers are None."""
    home = result.home or {}
    content = {
        "program": PROGRAM,
        "n": len(result.frame), "classes": list(result.bundle.classes),
        "warnings": [{key: w[key] for key in ("level", "text", "advice")} for w in warnings(result)],
        "trained_on": int(result.trained_on.sum()), "unknown_labels": dict(result.unknown),
        "novel_share": result.novel_share, "review_share": result.table["review"].mean(),
        "predicted": dict(result.table["predicted"].value_counts()),
        "here": None if result.judged is None else _judged(result.judged),
        "home": {key: home[key] for key in (result.judged.metrics if result.judged else home) if key in home} or None,
        "shift": result.shift.drop(columns=_ORDER).to_dict("records")}
    return dict(plain(content))


def _judged(judged: Judged) -> dict[str, Any]:
    return {**judged.metrics, "confusion": judged.confusion.to_dict("index"),
            "subgroups": judged.subgroups.to_dict("records")}


def to_csv(result: Audit) -> pd.DataFrame:
    """predictions.csv of the table, with `trained_on`: the model has seen this image or a near copy of it."""
    return result.table.assign(trained_on=result.trained_on)
