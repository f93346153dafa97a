"""The head of the report, its first numbers, and what was in the data."""
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.report_numbers import ReportNumbers, ScoredRows
from classify.result import RunResult
from classify.settings import TrainSettings
from featurize.arrays import BoolArray, Int64Array
from featurize.report.feature_names import in_words
from featurize.report.numbers import count, interval, number, percent, score, whole
from featurize.report.page import by_weight, cell, table, warning
from featurize.runtime.shell import command_line

# Settings that have an option on the command line.
OPTIONS = ("task", "order", "lineage", "costs", "words", "study", "model", "calibration", "folds", "alpha",
           "sensitivity", "accept_error", "device", "seed", "names", "balance", "test_share", "test_positives", "tune",
           "drop_leaks")
# Rows of the table of leaks.
MOST_LEAKS = 30
# How the tested images were kept apart, for each kind of split.
VALIDATION = {"folds": "each predicted by a model that never saw them or their relatives",
              "given": "kept apart as the test set and never trained on"}


def head(result: RunResult, scored: ScoredRows) -> dict[str, Any]:
    """Title, first sentence, facts and warnings."""
    classes = result.task.classes
    named = f"{classes[0]} or {classes[1]}" if len(classes) == 2 else f"{len(classes)} classes"
    n = int((np.asarray(result.task.y) >= 0).sum())
    return {"kicker": "Classification report", "title": f"{named}, {count(n, 'labelled image')}",
            "lead": first_sentence(result, scored), "facts": facts(result),
            "warnings": by_weight(_warning(in_words(text)) for text in result.warnings),
            "no_warnings": "No check found anything to warn about."}


def _warning(text: str) -> dict[str, str]:
    """The first clause says what, the rest says why it matters."""
    what, _, why = text.partition("; " if text.find(":") < 0 or 0 < text.find("; ") < text.find(":") else ": ")
    return warning(_level(text), _sentence(what), _sentence(why))


def _sentence(text: str) -> str:
    if not text:
        return ""
    # The name of a column is no beginning of a sentence.
    first = text[0] if "_" in text.split()[0] else text[0].upper()
    return first + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _level(text: str) -> str:
    """Leaks, shortcuts, wrong labels, broken promises undermine the numbers below; what was done anyway is a note."""
    serious = ("leak", "shortcut", "tell the label", "site and label", "the baseline", "labelled differently",
               "hold the truth", "independent groups")
    if any(word in text for word in ("repeat others", "are constant", "rows have no label")):
        return "note"
    return "serious" if any(word in text.lower() for word in serious) else "caution"


def first_sentence(result: RunResult, scored: ScoredRows) -> str:
    """What a reader in a hurry should take along."""
    kept = ~scored.review
    metrics = result.scores.metrics
    text = (f"Of {count(len(scored.rows), 'image')}, {VALIDATION.get(result.split.kind, 'kept back')}, "
            f"{percent(metrics['accuracy'])} were named correctly.")
    if not kept.any():
        return f"{text} The model asks for a person on every one of them."
    if kept.all():
        return f"{text} It asks for a person on none of them."
    return (f"{text} It asks for a person on {percent(1 - kept.mean())} of them; of the others, "
            f"{percent(scored.right[kept].mean())} were right.")


def facts(result: RunResult) -> list[dict[str, Any]]:
    """Names and numbers that identify this run."""
    y, preset = np.asarray(result.task.y), result.info.preset
    calibration = result.scores.metrics.get("calibration", "")
    pairs: list[tuple[str, object]] = [
        ("Task", f"{result.task.kind}, {len(result.task.classes)} classes"),
        ("Images", f"{number(len(y))}, of which {number((y >= 0).sum())} labelled"),
        ("Measurements", f"{number(len(result.features))} features, preset {preset.get('name', '?')}"),
        ("Model", f"{result.model or result.settings.model}, calibration {_calibration_name(calibration)}"),
        ("Validated by", how_split(result)),
        ("Made on", date.today().isoformat())]
    named = [{"name": name, "value": value, "wide": False, "code": False} for name, value in pairs]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(result.versions.items()))
    wide = [("Data hash (files, labels, groups)", result.info.index_hash),
            ("Command", command(result.table, result.out, result.settings)), ("Versions", versions)]
    return named + [{"name": name, "value": value, "wide": True, "code": True} for name, value in wide if value]


def _calibration_name(calibration: object) -> str:
    if isinstance(calibration, Mapping):
        return str(calibration.get("method", "none"))
    return str(calibration or "none")


def how_split(result: RunResult) -> str:
    """One phrase on how training and testing were kept apart."""
    if result.split.kind == "given":
        return "the table's own train, validation and test parts"
    folds = int(result.split.fold.max(initial=-1)) + 1
    grouped = "group" in result.frame and result.frame["group"].notna().any()
    return f"{folds} stratified folds, {'groups and ' if grouped else ''}duplicates kept together"


def command(table: str, out: Path, settings: TrainSettings) -> str:
    """The command line that makes a run again: every option that was not left at its default."""
    chosen = {option: getattr(settings, option.name) for option in fields(settings) if option.name in OPTIONS}
    options = {f"--{option.name.replace('_', '-')}": value for option, value in chosen.items()
               if value not in (option.default, None, (), {})}
    return command_line("classify", [table], {"-o": out, **options})


def tiles(result: RunResult, numbers: ReportNumbers) -> list[dict[str, str]]:
    """The few numbers that stand first."""
    scored = numbers.scored
    metrics, intervals = result.scores.metrics, result.scores.metrics.get("intervals", {})
    alpha = result.settings.alpha
    of_kind = ([("qwk", "Quadratic kappa"), ("mae", "Mean stage error")] if result.task.ordered else
               [("balanced_accuracy", "Balanced accuracy"), ("macro_f1", "Macro-F1")])
    named = [("accuracy", "Accuracy"), *of_kind, ("auroc", "AUROC"), ("ece", "Calibration error (ECE)")]
    shown = [{"name": name, "value": score(metrics.get(key)), "range": _range(intervals.get(key))}
             for key, name in named]
    mean = metrics.get("mean_set_size")
    every = f"; {percent(numbers.sets_of_all)} hold every class" if numbers.sets_of_all else ""
    shown.append({"name": "Sets of one class", "value": percent(numbers.sets_of_one),
                  "range": f"truth in {percent(metrics.get('coverage'))} of the sets (promise {whole(1 - alpha)}); "
                           f"{number(mean)} {'class' if mean == 1 else 'classes'} on average{every}"})
    shown.append({"name": "For a person to review", "value": percent(_mean(scored.review)),
                  "range": f"{number(scored.review.sum())} of {count(len(scored.rows), 'image')}"})
    return shown


def _range(pair: Sequence[float] | None) -> str:
    return f"95 % interval {score(pair[0])}–{score(pair[1])}" if pair else ""


def _mean(flags: BoolArray) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def data(result: RunResult) -> dict[str, Any]:
    """Classes, parts, groups, duplicates and leaks."""
    frame, split = result.frame, result.split
    pairs = [("Sources of images", _sources(result)), ("Size of the images", _sizes(frame)),
             ("Groups (patients, slides)", _groups(frame)), ("Copies and near copies", _duplicates(frame)),
             ("Not used for training", _left_out(split.part)), ("Units that never part", _units(split.split_group))]
    return {"facts": [{"name": n, "value": v, "wide": False, "code": False} for n, v in pairs],
            "how": _how(result), "counts": class_counts(result), "leaks": leak_table(split.leaks)}


def _sources(result: RunResult) -> str:
    named = [f"{s['site'] or Path(s['root']).name} ({s['kind']})" for s in result.info.sources]
    return ", ".join(named) or "not recorded"


def _sizes(frame: pd.DataFrame) -> str:
    shapes = (frame["width_px"].astype(str) + " × " + frame["height_px"].astype(str)).value_counts()
    first = f"{shapes.index[0]} px"
    return first if len(shapes) == 1 else f"{count(len(shapes), 'size')}, most often {first}"


def _groups(frame: pd.DataFrame) -> str:
    known = frame["group"].dropna()
    if known.empty:
        return "not given: images of one patient may stand on both sides"
    unknown = len(frame) - len(known)
    return f"{number(known.nunique())}" + (f"; {count(unknown, 'image')} without" if unknown else "")


def _duplicates(frame: pd.DataFrame) -> str:
    sizes = frame["duplicate_group"].value_counts()
    many = sizes[sizes > 1]
    return f"{count(many.sum(), 'image')} in {count(len(many), 'cluster')}" if len(many) else "none found"


def _left_out(part: NDArray[np.object_]) -> str:
    reasons = [f"{number((part == name).sum())} {why}" for name, why in
               (("unlabelled", "without a label"), ("removed", "removed as relatives of tested images"))
               if (part == name).any()]
    return "; ".join(reasons) or "none"


def _units(split_group: Int64Array) -> str:
    units = len(np.unique(split_group))
    return f"{number(units)} for {count(len(split_group), 'image')}"


def _how(result: RunResult) -> str:
    if result.split.kind == "given":
        return ("The table came with its own parts. The model was trained on the first, its probabilities and "
                "prediction sets were set on the second, and every metric below counts the third only.")
    return ("The images were dealt into folds so that every class is spread evenly. Images that share a group, or are "
            "copies of one another in any of the eight orientations, stay in one fold. Every image was predicted by a "
            "model, a calibration and a prediction set that never saw it or its relatives; the metrics below count "
            "these predictions. The model in this folder was then trained on all images.")


def class_counts(result: RunResult) -> dict[str, Any]:
    """Images of every class in every part."""
    counts = result.split.counts
    most = max(float(counts.sum(axis=1).max()), 1.0)
    rows = [[cell(name), *(cell(number(v), key=float(v)) for v in row), cell(number(row.sum()), key=float(row.sum()),
             bar=float(row.sum()) / most)] for name, row in counts.iterrows()]
    return table(["Class", *(str(c).capitalize() for c in counts.columns), "All"], rows, sortable=True,
                 caption="Labelled images of each class in each part")


def leak_table(leaks: pd.DataFrame, most: int = MOST_LEAKS) -> dict[str, Any] | None:
    """The rows that stand on several sides of a given split."""
    if leaks.empty:
        return None
    rows = [[cell(number(r["split_group"]), key=r["split_group"]), cell(r["path"]), cell(r["group"] or "–"),
             cell(r["split"])]
            for r in leaks.head(most).to_dict("records")]
    more = f"{number(len(leaks) - most)} more in the run folder's table." if len(leaks) > most else ""
    return table(["Unit", "Image", "Group", "Part"], rows, foot=more,
                 caption=f"{count(len(leaks), 'image')} with a relative in another part")


def plain_interval(metrics: Mapping[str, Any], name: str) -> str:
    """A metric of metrics.json with its interval."""
    low, high = metrics.get("intervals", {}).get(name) or (None, None)
    return interval(metrics.get(name), low, high)
