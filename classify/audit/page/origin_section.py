"""The sections on where a model comes from and on its measurements; what is not known is said as missing."""
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.audit.origin import TOLD, Origin
from featurize.arrays import BoolArray
from featurize.report.feature_names import words
from featurize.report.numbers import count, finite, interval, number
from featurize.report.page import cell, table

ORIGIN, DEFINITIONS = "Where the model comes from", "Measurements"
# Measurements that are listed, the most important first.
LISTED = 40
MISSING = "missing"
# Images that the model was trained on, or their copies, that are listed.
KNOWN = 20


@dataclass(frozen=True)
class Counted:
    """What the table of images at home counts: the heading of its first column, and its caption."""

    what: str
    caption: str


BY_CLASS = Counted("Class", "Labelled images of each class in each part at home")


def section(found: Origin, data_hash: str, counted: Counted = BY_CLASS) -> dict[str, Any]:
    """Facts with what is missing, and the images of each class in each part."""
    facts = [(name, found.told.get(name, "")) for name in TOLD.values()]
    facts += [("Model (SHA-256)", found.model_sha256), ("This table (SHA-256 of files, labels, groups)", data_hash),
              ("Seed", "" if found.seed is None else str(found.seed)),
              ("Versions at training", _versions(found.trained_with)),
              ("Versions here", _versions(found.audited_with)), ("Machine here", found.machine),
              ("Machine of the training", "")]
    said = [{"name": name, "text": text or f"{MISSING}: {_why(name)}", "missing": not text} for name, text in facts]
    return {"facts": said, "counts": _counts(found, counted)}


def _why(name: str) -> str:
    if name in TOLD.values():
        return "metrics.json of the run, which lies beside its model, does not say"
    return "a run does not keep it" if name.startswith("Machine") else "the model does not say"


def _versions(versions: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _counts(found: Origin, counted: Counted) -> dict[str, Any] | None:
    counts = pd.DataFrame({part: dict(by) for part, by in found.class_counts.items()}).fillna(0)
    if counts.empty:
        return None
    rows = [[cell(str(name)), *(cell(number(int(n)), key=int(n)) for n in row)] for name, row in counts.iterrows()]
    return table([counted.what, *(str(part).capitalize() for part in counts.columns)], rows, sortable=True,
                 caption=counted.caption)


def known_table(frame: pd.DataFrame, trained_on: BoolArray, marked: str = "") -> dict[str, Any] | None:
    """The images of a table that the model was trained on, or near copies of them; None without any.

    Parameters
    ----------
    frame : (n, ...) DataFrame
    trained_on : (n,) bool
    marked : str
        Where all of them are marked.
    """
    rows = frame[trained_on]
    if rows.empty:
        return None
    listed = [[cell(row["path"]), cell(row["image_id"]), cell(str(row["label"] or "–"))] for row in
              rows.head(KNOWN)[["path", "image_id", "label"]].to_dict("records")]
    more = f"{number(len(rows) - KNOWN)} more{'; ' * bool(marked)}{marked}." if len(rows) > KNOWN else ""
    return table(["Image", "image_id", "Label"], listed, foot=more, caption=(
        f"{count(len(rows), 'image')} of this table that the model was trained on, or near copies of them"))


def definitions(found: Origin, order: list[str], preset: str) -> dict[str, Any]:
    """Unit, formula and agreement of the measurements, in the given order."""
    own = found.definitions.set_index("feature")
    listed = own.loc[[name for name in order if name in own.index][:LISTED]]
    rows = [[cell(words(str(name), preset), title=str(name)), cell(r["unit"] or "–"), cell(r["formula"] or "–"),
             cell(interval(r["icc"], r["low"], r["high"]) if np.isfinite(r["icc"]) else MISSING, key=finite(r["icc"]),
                  tone="" if np.isfinite(r["icc"]) else "quiet")]
            for name, r in listed.iterrows()]
    n, known = len(own), int(own["icc"].notna().sum())
    lead = (f"The model reads {count(n, 'measurement')}; the {number(len(listed))} that weigh most here stand below, "
            "all in the JSON of this audit. ICC: share of the variance that lies between images, where some images "
            "were changed as another laboratory might have pictured them and measured again; 1 is perfect agreement.")
    note = "" if known else (" It is missing: no stability.csv lies beside the model, as the table had no changed "
                             "copies at training.")
    return {"lead": lead + note, "table": table(["Measurement", "Unit", "What it is", "ICC (95 % interval)"], rows,
                                                sortable=True)}
