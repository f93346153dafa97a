"""An audit with the names of the page in the place of the classes."""
from collections.abc import Mapping
from dataclasses import replace

from classify.audit.result import Audit, Judged
from classify.report.class_names import class_names, label_column, named_metrics, renamed


def shown_audit(result: Audit) -> Audit:
    """The same audit; names are those that the user gave to `classify`, or say what a bare number stands for."""
    classes, given = result.bundle.classes, result.bundle.settings.get("names") or {}
    names = class_names(classes, given, label_column(result.info))
    new = dict(zip(classes, names))
    frame = result.frame.assign(label=result.frame["label"].replace(new))
    table = result.table.assign(predicted=result.table["predicted"].replace(new))
    return replace(result, bundle=replace(result.bundle, classes=names), frame=frame, table=table,
                   judged=None if result.judged is None else _judged(result.judged, new))


def _judged(judged: Judged, new: Mapping[str, str]) -> Judged:
    by_class = judged.subgroups["by"] == "class"
    parts = judged.subgroups["part"].where(~by_class, judged.subgroups["part"].replace(dict(new)))
    point = judged.metrics.get("operating_point")
    shown = {"operating_point": {**point, "class": new[point["class"]]}} if point else {}
    return replace(
        judged, metrics={**named_metrics(judged.metrics, new), **shown},
        confusion=judged.confusion.rename(index=new, columns=new), reliability=renamed(judged.reliability, new),
        reliability_points=renamed(judged.reliability_points, new), set_sizes=judged.set_sizes.rename(index=new),
        set_coverage=renamed(judged.set_coverage, new), subgroups=judged.subgroups.assign(part=parts))
