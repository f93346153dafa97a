"""The page and the terminal lines of an audit of several findings: one table, every finding here and at home."""
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.audit.page import origin_section
from classify.audit.page.origin_section import known_table
from classify.audit.warnings import (LOWER_ACCURACY, MANY_NOVEL, MILD_ADVICE, SERIOUS_DROP, WITHOUT_SUBJECT_ADVICE,
                                     promise_elsewhere)
from classify.crosswalk.section import ABOUT, CHECKLIST, about, checklist
from classify.findings import audit_sections
from classify.findings.audit import FindingsAudit, known_images, mean_scores
from classify.findings.origin import by_weight as measurements_by_weight
from classify.maps.location import location_of
from classify.maps.section import section as maps_section
from classify.maps.sentences import location_sentence
from classify.monitor import sentences
from classify.report.review import review_table
from classify.sweep.sentences import mild_breaches
from classify.uncertainty.known_images import known_line
from featurize.report.numbers import count, interval, number, percent, score, whole
from featurize.report.page import by_weight, cell, contents, table, warning, write_page
from featurize.report.pictures import album_of
from featurize.runtime.shell import command_line

DRIFT, MAPS = "Since the baseline", "Maps"
PARTS, GAINS, GROUPS, SWEEP = "Parts of the picture", "Labels from here", "Subgroups", "Changed pictures"
SECTIONS = ("At a glance", "Findings here and at home", "One finding by itself")
BY_FINDING = origin_section.Counted("Finding", "Images tested at home, with each finding and without it")
# Columns of the table with an interval, here and at home.
SHOWN = {"auroc": "AUROC", "average_precision": "Average precision", "sensitivity": "Sensitivity",
         "specificity": "Specificity", "coverage": "Set coverage"}
EXPLAIN = {"AUROC": "chance that an image with the finding ranks above one without",
           "Average precision": "area under precision against sensitivity; by chance it is the share of images",
           "Sensitivity": "share of the images with the finding that reach the stored threshold",
           "Specificity": "share of the images without the finding that stay below it",
           "Set coverage": "share of prediction sets (absent, present or both) that hold the truth"}


def warnings(result: FindingsAudit) -> list[Mapping[str, str]]:
    """What must be known before the scores are read; serious ones first."""
    listed = []
    if result.trained_on:
        listed.append(warning("serious", known_line(result.trained_on, len(result.frame)),
                              "The scores are too good: take these images out and run the audit again."))
    if result.labelled.empty:
        listed.append(warning("caution", "No image has a label: nothing is said about right and wrong.",
                              "Give labels to featurize with --labels and --label-column."))
    elif len(result.labelled) < len(result.rows):
        lost = result.rows.loc[result.rows["images"] == 0, "finding"]
        listed.append(warning("note", f"The table does not tell {', '.join(lost)}: no scores for these."))
    if result.unknown:
        listed.append(warning("note", f"Findings that the model does not know: {', '.join(result.unknown)}.",
                              "They are left out."))
    novel = _novel_share(result)
    if novel > MANY_NOVEL:
        listed.append(warning("caution", f"{percent(novel)} of the images, on average over the findings, are less like "
                              "the training images than 95\u00a0% of those at home.",
                              "Another device, projection or group of patients."))
    listed += [w for row in _records(result.labelled) for w in _of_finding(row)] + _of_sets(result)
    return by_weight(listed + _of_parts(result) + _of_subgroups(result) + _of_sweep(result))


def _of_parts(result: FindingsAudit) -> list[dict[str, str]]:
    if not any(part.tells for own in result.parts.values() for part in own):
        return []
    return [warning("caution", audit_sections.parts_sentence(result), WITHOUT_SUBJECT_ADVICE)]


def _of_subgroups(result: FindingsAudit) -> list[dict[str, str]]:
    if result.compared is None or not result.compared["worse"].any():
        return []
    return [warning("caution", audit_sections.compared_sentence(result), "See Subgroups.")]


def _of_sweep(result: FindingsAudit) -> list[dict[str, str]]:
    broken = {name: mild_breaches(own) for name, own in result.sweeps.items() if not own.unchanged.broken}
    told = "; ".join(f"{name} by {', '.join(changes)}" for name, changes in broken.items() if changes)
    return [warning("caution", f"Mild changes of the picture break what models promise: {told}.", MILD_ADVICE,
                    "featurize --augment 3")] if told else []


def _of_finding(row: Mapping[str, Any]) -> list[dict[str, str]]:
    listed, name, drop = [], row["finding"], row["home_auroc"] - row["auroc"]
    if row["auroc_high"] < row["home_auroc"] - LOWER_ACCURACY:
        listed.append(warning("serious" if drop > SERIOUS_DROP else "caution", f"{name}: the AUROC is {score(drop)} "
                              f"lower than at home ({score(row['auroc'])}, at home {score(row['home_auroc'])}).",
                              "Do not use this finding's model here as it is."))
    return listed


def _of_sets(result: FindingsAudit) -> list[dict[str, str]]:
    short = _short_of_sets(result)
    told = ", ".join(f"{row['finding']} in {percent(row['coverage'])}" for row in short)
    text = (f"The prediction sets hold the truth more seldom than promised ({whole(1 - result.alpha)} of the images): "
            f"{told}.")
    return [warning("serious", text, "The promise holds only for images like those at home.")] if short else []


def _short_of_sets(result: FindingsAudit) -> list[dict[str, Any]]:
    """Rows of the findings whose sets hold the truth more seldom than promised, beyond chance; the worst first."""
    rows = result.labelled
    return _records(rows[rows["coverage_high"] < 1 - result.alpha].sort_values("coverage", kind="stable"))


def _novel_share(result: FindingsAudit) -> float:
    """Share of unusual images, mean over the findings."""
    return float(np.mean([audit.novel_share for audit in result.audits.values()]))


def sets_fail(result: FindingsAudit) -> str:
    """One sentence where prediction sets do not hold what they promise, or nothing shows that they do, else ""."""
    promise = 1 - result.alpha
    if not result.labelled.empty:
        short = _short_of_sets(result)
        named = ", ".join(row["finding"] for row in short)
        return (f"The prediction sets of {number(len(short))} of {count(len(result.labelled), 'finding')} do not hold "
                f"here: {named}. They should contain the truth in {whole(promise)} of the images.") if short else ""
    unlike = any(audit.batch_line for audit in result.audits.values())
    return promise_elsewhere(promise) if unlike or _novel_share(result) > MANY_NOVEL else ""


def summary_lines(result: FindingsAudit) -> list[str]:
    """What the terminal says: the means, then a line a finding."""
    means = mean_scores(result.rows)
    if result.labelled.empty:
        return [f"{count(len(result.frame), 'image')}, {count(len(result.rows), 'finding')}, none is labelled"]
    home = f", at home {score(means['home_auroc'])}" if np.isfinite(means["home_auroc"]) else ""
    lines = [f"{count(len(result.labelled), 'finding')} in {count(len(result.frame), 'image')}: mean AUROC "
             f"{score(means['auroc'])}{home}, mean average precision {score(means['average_precision'])}"]
    wide = max(map(len, result.labelled["finding"]))
    return lines + [f"  {row['finding']:{wide}}  {number(row['positives'])} of {number(row['images'])}, AUROC "
                    f"{_here(row, 'auroc')} (home {score(row['home_auroc'])}), sensitivity {score(row['sensitivity'])} "
                    f"(home {score(row['home_sensitivity'])}), specificity {score(row['specificity'])} "
                    f"(home {score(row['home_specificity'])})" for row in _records(result.labelled)]


def title_of(result: FindingsAudit) -> str:
    """Where the images come from, and how many they are."""
    names = [s["site"] or Path(s["root"]).name for s in result.info.sources]
    return (f"{', '.join(names) or 'A table'}: {count(len(result.rows), 'finding')}, "
            f"{count(len(result.frame), 'image')}")


def _titles(result: FindingsAudit) -> list[str]:
    drifted = [DRIFT] if result.drift else []
    told = [ABOUT, CHECKLIST] if result.reporting else []
    further = [title for title, found in ((PARTS, result.parts), (GAINS, result.gains),
                                          (GROUPS, result.compared is not None and len(result.compared)),
                                          (SWEEP, result.sweeps), (MAPS, result.maps)) if found]
    known = [origin_section.ORIGIN, origin_section.DEFINITIONS] if result.origin else []
    return [SECTIONS[0], *drifted, SECTIONS[1], *further, *told, *known, SECTIONS[2]]


def write_findings_page(path: Path, result: FindingsAudit, run: Path, table_path: Path) -> None:
    """Write the page of an audit of several findings, whole or not at all."""
    labelled, preset = not result.labelled.empty, str(result.info.preset.get("name", ""))
    told = result.reporting
    content = {
        "kicker": "Audit of a model of several findings on a table from elsewhere",
        "title": title_of(result),
        "lead": " ".join(filter(None, [sets_fail(result), summary_lines(result)[0] + "."])), "facts": _facts(result),
        "warnings": warnings(result),
        "no_warnings": "No finding does worse here than at home, beyond its interval." if labelled else "",
        "contents": contents(_titles(result)), "tiles": _tiles(result), "findings": _table(result),
        "review": review_table([words.split("|") if words else () for words in result.review]),
        "command": command_line("audit", [run / "model" / "FINDING", table_path], {"-o": "finding.html"}),
        "drift": sentences.section(result.drift, preset) if result.drift else None,
        "parts_of_picture": audit_sections.parts(result) if result.parts else None,
        "gains": audit_sections.gains(result) if result.gains else None,
        "compared": audit_sections.compared(result),
        "sweep": audit_sections.sweep(result) if result.sweeps else None,
        "maps": [_maps(name, result) for name in result.maps],
        "about": about(told.study) if told else None,
        "origin": origin_section.section(result.origin, result.info.index_hash, BY_FINDING) if result.origin else None,
        "definitions": origin_section.definitions(result.origin, measurements_by_weight(result), preset)
        if result.origin else None, "known": known_table(result.frame, known_images(result)),
        "checklist": checklist(told.answers, path.name) if told else None}
    write_page(path, "findings_audit.html.j2", content, Path(__file__).parent)


def _maps(name: str, result: FindingsAudit) -> dict[str, Any]:
    """The maps of one finding, and whether they lie where it is seen."""
    audit, found = result.audits[name], result.maps[name]
    place = location_of(name, found.images)
    more = len(found.images) - 1
    return {**maps_section(found, audit.frame, audit.bundle.classes, album_of(result.info)), "finding": name,
            "more": count(more, "more image") if more else "",
            "location": location_sentence(place) if place else ""}


def _facts(result: FindingsAudit) -> list[dict[str, Any]]:
    pairs = [("Findings of the model", number(len(result.rows)), False), ("Made on", date.today().isoformat(), False),
             ("Data hash of this table", result.info.index_hash, True)]
    return [{"name": n, "value": v, "wide": wide, "code": wide} for n, v, wide in pairs]


def _tiles(result: FindingsAudit) -> list[dict[str, str]]:
    means = mean_scores(result.rows)
    tiles = [{"name": f"Mean {name}", "value": score(means[key]),
              "range": f"at home {score(means[f'home_{key}'])}" if np.isfinite(means[f"home_{key}"]) else ""}
             for key, name in (("auroc", "AUROC"), ("average_precision", "average precision"))]
    return [*tiles, {"name": "For a person to review", "value": percent(float(np.mean([bool(w) for w in
                                                                                       result.review]))),
                     "range": "an undecided finding, or an unusual image"}]


def _table(result: FindingsAudit) -> dict[str, Any]:
    rows = [[cell(r["finding"]), cell(f"{number(r['positives'])} of {number(r['images'])}" if r["images"] else "–",
                                      key=r["positives"]), cell(score(r["threshold"]), key=r["threshold"]),
             *(_cell(r, key) for name in SHOWN for key in (name, f"home_{name}"))]
            for r in _records(result.rows)]
    head = ["Finding", "Images with it", "Threshold",
            *(text for name in SHOWN.values() for text in (name, f"{name} at home"))]
    return table(head, rows, sortable=True, explain=EXPLAIN, foot=(
        "In brackets 95 % intervals. Sensitivity and specificity are those at the threshold that is stored with the "
        "model; at home they come from thresholds chosen on other images. Average precision depends on how frequent a "
        "finding is, and so differs where that does."))


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(rows.columns, values)) for values in rows.itertuples(index=False, name=None)]


def _here(row: Mapping[str, Any], key: str) -> str:
    return interval(row[key], row[f"{key}_low"], row[f"{key}_high"])


def _cell(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return cell(_here(row, key), key=row[key] if np.isfinite(row[key]) else -1.0)
