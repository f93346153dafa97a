"""Saved models of several findings on a table from elsewhere: every finding here and at home."""
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.audit.examine import examine, home_metrics
from classify.audit.export import drift_to_dict, origin_to_dict
from classify.audit.origin import Origin
from classify.audit.result import Audit
from classify.audit.shortcuts.parts_evidence import PartScore
from classify.crosswalk.answers import Reporting
from classify.crosswalk.export import as_table
from classify.data.tasks import Task
from classify.elsewhere.few_labels import Gain
from classify.evaluate.summary import plain
from classify.findings.bundle import FindingModel, load_findings, shared_fingerprints
from classify.findings.tables import Findings, classes_of, findings_of, table_of, task_of
from classify.maps.export import to_dict as maps_to_dict
from classify.maps.location import location_of
from classify.maps.result import Maps
from classify.monitor.drift import Drift
from classify.review import from_words, in_words
from classify.sweep.export import to_dict as sweep_to_dict
from classify.sweep.result import Sweep
from classify.uncertainty.known_images import copies_of
from featurize.arrays import BoolArray
from featurize.errors import UserError
from featurize.runtime.folders import PROGRAM
from featurize.table import TableInfo

# Scores of each finding, here and at home.
SCORES = ("auroc", "average_precision", "sensitivity", "specificity", "coverage")
# Of these the interval stands among those of the bootstrap; of the others it is Wilson's.
DRAWN = ("auroc", "average_precision", "coverage")


@dataclass(frozen=True)
class FindingsAudit:
    """All models of a run with several findings on a table from elsewhere; n rows of the table.

    Parameters
    ----------
    frame, info
        The table, RangeIndex.
    audits : dict of str to Audit
        Of every finding of the model.
    rows : DataFrame
        A row a finding: `finding, images, positives, threshold`, then for each of `SCORES` `<score>, <score>_low,
        <score>_high` and the same with `home_` in front. NaN = undefined, or not known.
    unknown : tuple of str
        Findings of the table that the model does not know.
    review : (n,) list of str
        Why a person should look, as `review_reason` of predictions.csv; empty where nobody needs to.
    alpha : float
        Rate of prediction sets that may miss the truth.
    drift : Drift or None
        Since a baseline; None where none was given.
    maps : dict of str to Maps
        Of each finding; none where they were not asked for.
    reporting : Reporting or None
        Items of reporting guidelines and what answers them; None before all else is known.
    compared : DataFrame or None
        See `classify.findings.subgroups.compared_findings`; None without labels.
    sweeps : dict of str to Sweep
        Of each finding; none where they were not asked for.
    parts : dict of str to tuple of PartScore
        What parts of the picture tell of each finding; none where it was not asked for.
    gains : dict of str to tuple of Gain
        What labels from there would bring to each finding; none where it was not asked for.
    kept_home : tuple of str or None
        Findings whose model could not be fitted to there; None where it was not asked for.
    origin : Origin or None
        Where the models come from; None before the run's folder was looked at.
    """

    frame: pd.DataFrame
    info: TableInfo
    audits: dict[str, Audit]
    rows: pd.DataFrame
    unknown: tuple[str, ...]
    review: list[str]
    alpha: float
    drift: Drift | None = None
    maps: Mapping[str, Maps] = field(default_factory=dict)
    reporting: Reporting | None = None
    compared: pd.DataFrame | None = None
    sweeps: Mapping[str, Sweep] = field(default_factory=dict)
    parts: Mapping[str, tuple[PartScore, ...]] = field(default_factory=dict)
    gains: Mapping[str, tuple[Gain, ...]] = field(default_factory=dict)
    kept_home: tuple[str, ...] | None = None
    origin: Origin | None = None

    @property
    def trained_on(self) -> int:
        """Images that a model was trained on, or near copies of them."""
        return int(known_images(self).sum())

    @property
    def labelled(self) -> pd.DataFrame:
        """The rows of findings that the table tells."""
        return self.rows[self.rows["images"] > 0]


def known_images(result: FindingsAudit) -> BoolArray:
    """(n,) images that a model was trained on, or near copies of them."""
    return np.asarray(np.any([audit.trained_on for audit in result.audits.values()], axis=0))


def examine_run(run: Path, frame: pd.DataFrame, info: TableInfo) -> FindingsAudit:
    """`examine_findings` of a run folder."""
    models = load_findings(run)
    return examine_findings(models, {m.name: home_metrics(run, m.name) for m in models}, frame, info)


def examine_findings(models: Sequence[FindingModel], home: Mapping[str, dict[str, Any] | None], frame: pd.DataFrame,
                     info: TableInfo) -> FindingsAudit:
    """Predict a table from elsewhere and compare every finding with home.

    Parameters
    ----------
    models : sequence of FindingModel
    home : mapping of str to dict or None
        Scores of each finding in metrics.json of the run.
    frame, info
        As `featurize.table.read_table` gives them. A finding that the table does not tell has no scores.

    Raises
    ------
    UserError
        The table was measured in another way, or has labels of which the models know none.
    """
    frame = frame.reset_index(drop=True)
    names = [model.name for model in models]
    has_labels = bool(info.label_columns) or frame["label"].notna().any()
    findings = findings_of(frame, info) if has_labels else Findings((), np.zeros((len(frame), 0), np.int64))
    if has_labels and not set(names) & set(findings.names):
        raise UserError(f"no finding of the table is one of the model: the table has {', '.join(findings.names)}, the "
                        f"model knows {', '.join(names)}: give the columns the model's names and run `python cli.py "
                        "featurize` again")
    audits, copies = {}, copies_of(shared_fingerprints(models), frame)
    for model in models:
        task = _task(findings, model.name, listing=not info.label_columns)
        own, own_info = table_of(frame, info, task)
        audits[model.name] = examine(model.bundle, home[model.name], own, own_info, copies)
    rows = pd.DataFrame([_row(model, audits[model.name]) for model in models])
    reasons = np.any([from_words(audit.table["review_reason"]) for audit in audits.values()], axis=0)
    return FindingsAudit(frame, info, audits, rows, tuple(n for n in findings.names if n not in names),
                         in_words(reasons), models[0].bundle.conformal.alpha)


def _task(findings: Findings, name: str, listing: bool) -> Task:
    """A finding as a binary task; where images list their findings, one that none lists is absent in all of them."""
    if name in findings.names:
        return task_of(findings, name)
    known = findings.labelled & listing
    return Task("binary", classes_of(name), np.where(known, 0, -1))


def _row(model: FindingModel, audit: Audit) -> dict[str, Any]:
    judged = audit.judged
    here = judged.metrics if judged else {}
    positives = int((judged.y == 1).sum()) if judged else 0
    return {"finding": model.name, "images": here.get("n", 0), "positives": positives, "threshold": model.threshold,
            **_scores(here, ""), **_scores(audit.home or {}, "home_")}


def _scores(metrics: Mapping[str, Any], before: str) -> dict[str, float]:
    """`SCORES` with their intervals; NaN where they are not known."""
    point = metrics.get("operating_point") or {}
    found = {}
    for key in SCORES:
        values, interval = (metrics, metrics.get("intervals", {}).get(key)) if key in DRAWN else \
            (point, point.get(f"{key}_interval"))
        low, high = interval or (None, None)
        for name, value in (("", values.get(key)), ("_low", low), ("_high", high)):
            found[f"{before}{key}{name}"] = np.nan if value is None else float(value)
    return found


def mean_scores(rows: pd.DataFrame) -> dict[str, float]:
    """Means of AUROC and average precision here and at home, over the findings that have both."""
    both = rows[rows["auroc"].notna() & rows["home_auroc"].notna()]
    chosen = both if len(both) else rows
    return {key: float(chosen[key].mean()) for key in ("auroc", "home_auroc", "average_precision",
                                                       "home_average_precision")}


def to_json(result: FindingsAudit, warnings: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Every number of the page; undefined numbers are None."""
    asked = [bool(words) for words in result.review]
    return dict(plain({
        "program": PROGRAM, "n": len(result.frame), "means": mean_scores(result.rows),
        "warnings": [{key: w[key] for key in ("level", "text", "advice")} for w in warnings],
        "trained_on": result.trained_on, "unknown_findings": list(result.unknown),
        "review_share": float(np.mean(asked)), "findings": result.rows.to_dict("records"),
        "study": dict(result.reporting.study) if result.reporting else {},
        "crosswalk": as_table(result.reporting.answers).to_dict("records") if result.reporting else [],
        "compared": None if result.compared is None else result.compared.to_dict("records"),
        "fit_labels": {name: [asdict(gain) for gain in own] for name, own in result.gains.items()},
        **({"origin": origin_to_dict(result.origin)} if result.origin else {}),
        **({"kept_home": list(result.kept_home)} if result.kept_home is not None else {}),
        **({"drift": drift_to_dict(result.drift)} if result.drift else {}),
        **({"sweep": {name: sweep_to_dict(own) for name, own in result.sweeps.items()}} if result.sweeps else {}),
        **({"parts": {name: [asdict(part) for part in own] for name, own in result.parts.items()}}
           if result.parts else {}),
        **({"maps": {name: _maps(name, result) for name in result.maps}} if result.maps else {})}))


def _maps(name: str, result: FindingsAudit) -> dict[str, Any]:
    audit, found = result.audits[name], result.maps[name]
    place = location_of(name, found.images)
    return {**maps_to_dict(found, audit.frame, audit.bundle.classes), "location": asdict(place) if place else None}
