"""How many images there are of every class, for those who look at the terminal."""
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd

# Order of the parts.
_SPLITS = ("train", "val", "test")
NO_LABEL = "(no label)"
# Images that are known to have none of the findings.
NO_FINDING = "(none of them)"
# Classes that are listed, and characters of a name.
_MOST_CLASSES = 30
_LONGEST_NAME = 40


def class_counts(frame: pd.DataFrame, findings: Sequence[str] = ()) -> pd.DataFrame:
    """Images of every class or finding, by part, and their groups.

    Parameters
    ----------
    frame : DataFrame
        `label, group, split` and, for findings, `label_<finding>`. An image counts for each finding that it has.
    findings : sequence of str

    Returns
    -------
    DataFrame
        Index: classes in alphabetical order, findings in theirs, then `NO_FINDING` and `NO_LABEL` where there is any.
        Columns: `images`; the parts, if any; `groups`, if any.
    """
    if findings:
        members = {name: (frame[f"label_{name}"].fillna(0) == 1).to_numpy(bool) for name in findings}
        unknown = frame[[f"label_{name}" for name in findings]].isna().all(axis=1).to_numpy(bool)
        free = ~np.any([*members.values(), unknown], axis=0)
        members |= {NO_FINDING: free} if free.any() else {}
    else:
        members = {str(name): (frame["label"] == name).to_numpy(bool)
                   for name in sorted(frame["label"].dropna().unique())}
        unknown = frame["label"].isna().to_numpy(bool)
    if unknown.any():
        members[NO_LABEL] = unknown
    present = set(frame["split"].dropna())
    splits = [name for name in _SPLITS if name in present]
    splits += sorted(present - set(splits))
    counts = {"images": [int(member.sum()) for member in members.values()]}
    counts |= {split: [int((member & (frame["split"] == split)).sum()) for member in members.values()]
               for split in splits}
    if frame["group"].notna().any():
        counts["groups"] = [int(frame["group"][member].nunique()) for member in members.values()]
    return pd.DataFrame(counts, index=pd.Index(list(members), dtype=object))


def as_lines(counts: pd.DataFrame) -> list[str]:
    """The counts as lines of a table, names on the left."""
    shown = counts.iloc[:_MOST_CLASSES]
    names = [_short(str(name)) for name in shown.index]
    rows = [["class", *map(str, shown.columns)],
            *([name, *map(str, row)] for name, row in zip(names, shown.to_numpy().tolist()))]
    widths = [max(_cells(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join([row[0] + " " * (widths[0] - _cells(row[0])),
                        *(text.rjust(width) for text, width in zip(row[1:], widths[1:]))]) for row in rows]
    more = len(counts) - len(shown)
    return lines + ([f"and {more} more classes"] if more > 0 else [])


def _cells(text: str) -> int:
    """Cells of a terminal that a text takes: a wide letter (Unicode TR 11: CJK, emoji) takes two, an accent none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _short(name: str) -> str:
    one_line = " ".join(name.split())
    return one_line if len(one_line) <= _LONGEST_NAME else f"{one_line[:_LONGEST_NAME - 1]}…"
