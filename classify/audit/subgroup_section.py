"""Parts of a table and their pairs on the audit page, the worst first."""
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from classify.audit.result import Audit
from classify.audit.subgroups import LEAST_IN_SUBGROUP, PAIR
from featurize.report.feature_names import words
from featurize.report.numbers import count, interval, number, percent, score
from featurize.report.page import cell, table

# Parts that are always shown.
WORST = 8
FOOT = ("Worse: less often right than the rest, counting all comparisons. Too sure: the mean probability of the answer "
        "lies above the interval of the share that is right. Sets too small: the interval of their coverage lies below "
        "the promise. The last two look at each part alone.")
HEAD = ["Part", "Images", "Right (95 % interval)", "p (Holm)", "Mean probability", "Set coverage (95 % interval)",
        "Note"]


def compared_section(result: Audit) -> dict[str, Any] | None:
    """A sentence, the worst parts, and all of them."""
    found = result.compared
    if found is None or found.empty:
        return {"sentence": _left_out(result), "worst": None, "all": None} if result.not_compared else None
    return {"sentence": " ".join(filter(None, (_sentence(found, result), _left_out(result)))),
            "worst": _table(found.head(WORST), result, FOOT), "all": _table(found, result)}


def part_words(row: Mapping[Hashable, Any], result: Audit) -> str:
    """Name and value of a part: ``sex: F``, of a pair ``sex: F, view: AP``."""
    names, values = row["by"].split(PAIR), row["part"].split(", ")
    if len(names) != len(values):
        names, values = [row["by"]], [row["part"]]
    return ", ".join(f"{by_words(result, name)}: {value}" for name, value in zip(names, values))


def by_words(result: Audit, column: str) -> str:
    """A property of the picture in words; that of the green channel stands for all where there is no color."""
    if column not in result.info.nuisance:
        return column
    name = words(column)
    return name.replace(" green", " brightness").replace("green ", "brightness ") if result.gray else name


def _sentence(found: pd.DataFrame, result: Audit) -> str:
    first, worse = found.iloc[0].to_dict(), int(found["worse"].sum())
    n = count(len(found), "part or pair of parts", "parts and pairs of parts")
    start = f"{n} with {LEAST_IN_SUBGROUP} labelled images or more were compared with the rest"
    lowest = f"{part_words(first, result)} with {right_of(first)}"
    if not worse:
        return f"{start}; counting all comparisons (Holm), none is shown to be worse. Lowest: {lowest}."
    return (f"{start}; counting all comparisons (Holm), {number(worse)} {'is' if worse == 1 else 'are'} worse. Worst: "
            f"{lowest}.")


def _left_out(result: Audit) -> str:
    """Columns that somebody asked for and that divide nothing."""
    if not result.not_compared:
        return ""
    return (f"Not compared: {', '.join(result.not_compared)}. That takes two parts, one of "
            f"{LEAST_IN_SUBGROUP} labelled images or more.")


def right_of(row: Mapping[Hashable, Any]) -> str:
    """The share of a part that is named correctly: ``59.4 % of 32 images right``."""
    return f"{percent(row['right'])} of {count(row['n'], 'image')} right"


def _table(found: pd.DataFrame, result: Audit, foot: str = "") -> dict[str, Any]:
    return table(HEAD, [row_of(row, result) for row in found.to_dict("records")], sortable=True, foot=foot)


def row_of(row: Mapping[Hashable, Any], result: Audit) -> list[Any]:
    """The cells of a part."""
    notes = [note for key, note in (("worse", "worse"), ("overconfident", "too sure"), ("short", "sets too small"))
             if row[key]]
    return [cell(part_words(row, result)), cell(number(row["n"]), key=row["n"]),
            cell(interval(row["right"], row["low"], row["high"]), key=row["right"]),
            cell(score(row["p"]), key=row["p"]), cell(score(row["confidence"]), key=row["confidence"]),
            cell(interval(row["coverage"], row["coverage_low"], row["coverage_high"]), key=row["coverage"]),
            cell(", ".join(notes), tone="bad" if notes else "")]
