"""An audit as data: JSON of every number on its page, CSV with a row for each image."""
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from classify.audit.origin import Origin
from classify.audit.result import Audit, Judged
from classify.audit.shortcuts.sentences import sentence
from classify.audit.warnings import warnings
from classify.crosswalk.export import as_table
from classify.data.lineage import STEP
from classify.data.tasks import encode_as
from classify.evaluate.summary import plain
from classify.maps.export import to_dict as maps_to_dict
from classify.monitor.drift import Drift
from classify.sweep.export import to_dict
from featurize.runtime.folders import PROGRAM

# Both sides of a comparison with a baseline.
SIDES = ("baseline", "here")
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
        "shift": result.shift.drop(columns=_ORDER).to_dict("records"),
        "not_compared": list(result.not_compared),
        "compared": None if result.compared is None else result.compared.to_dict("records"),
        "shortcuts": [{**asdict(group), "says": sentence(group)} for group in result.shortcuts],
        "fit_labels": [asdict(gain) for gain in result.gains],
        **({"origin": origin_to_dict(result.origin)} if result.origin else {}),
        "study": dict(result.reporting.study) if result.reporting else {},
        "crosswalk": as_table(result.reporting.answers).to_dict("records") if result.reporting else [],
        **({"drift": drift_to_dict(result.drift)} if result.drift else {}),
        **({"sweep": to_dict(result.sweep)} if result.sweep else {}),
        **({"parts": [asdict(part) for part in result.parts]} if result.parts else {}),
        **({"maps": maps_to_dict(result.maps, result.frame, result.bundle.classes)} if result.maps else {})}
    return dict(plain(content))


def origin_to_dict(found: Origin) -> dict[str, Any]:
    """Where a model comes from."""
    return {"model_sha256": found.model_sha256, "seed": found.seed, "trained_with": dict(found.trained_with),
            "audited_with": dict(found.audited_with), "machine": found.machine, "told": dict(found.told),
            "class_counts": {part: dict(by) for part, by in found.class_counts.items()},
            "definitions": found.definitions.to_dict("records")}


def drift_to_dict(found: Drift) -> dict[str, Any]:
    """Every test of a comparison with a baseline."""
    return {"alarm": found.alarm, "p": found.p, "rate": found.rate, "permutations": found.permutations,
            "grouped": found.grouped, "images": dict(zip(SIDES, found.images)),
            "units": dict(zip(SIDES, found.units)), "tests": found.tests.to_dict("records")}


def _judged(judged: Judged) -> dict[str, Any]:
    return {**judged.metrics, "confusion": judged.confusion.to_dict("index"),
            "subgroups": judged.subgroups.to_dict("records")}


def to_csv(result: Audit) -> pd.DataFrame:
    """predictions.csv of the table, with `trained_on`: the model has seen this image or a near copy of it.

    Of a model with a lineage also `label_branch` and `predicted_branch`: the smallest branches of label and prediction.
    """
    table = result.table.assign(trained_on=result.trained_on)
    lineage, classes = result.bundle.lineage, result.bundle.classes
    if lineage is None:
        return table
    named = np.array([*(STEP.join(path) for path in lineage.paths), ""], dtype=object)
    return table.assign(label_branch=named[encode_as(table["label"], classes)],
                        predicted_branch=named[encode_as(table["predicted"], classes)])


def lines_of_task(scores: Mapping[str, Any]) -> list[str]:
    """What the terminal says of branches and costs: the scores of `Judged.metrics` that only some models have."""
    lines = []
    if "lineage" in scores:
        found = scores["lineage"]
        levels = ", ".join(f"{level['accuracy']:.3f} on level {level['level']}" for level in found["levels"])
        answers = found["answers"][-1]
        right = f", {answers['right']:.3f} of them right" if answers["n"] else ""
        lines.append(f"branches: accuracy {levels}; {found['errors_inside']} errors stay inside the smallest branch of "
                     f"the truth, {found['errors_across']} leave it; {answers['share']:.3f} of the images have an "
                     f"answer on some level{right}")
    if "costs" in scores:
        costs = scores["costs"]
        lines.append(f"costs: {costs['mean']:.3g} on average by decision, {costs['predicted_mean']:.3g} by the most "
                     f"probable class; {costs['changed']} images are decided otherwise than predicted")
    return lines
