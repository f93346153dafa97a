"""The differential: how many of the white cells are of each class, by field, by group and in all."""
from collections.abc import Sequence

import pandas as pd

from classify.evaluate.metrics import wilson

ALL, GROUP, FIELD = "all", "group", "field"
COLUMNS = ("of", "name", "class", "cells", "share", "share_low", "share_high", "expected_share", "white_cells",
           "for_review")


def differential(named: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """A row for each class in all fields together, in each group and in each field.

    Parameters
    ----------
    named : (n, ...) DataFrame
        A row for each white cell: `field`, `group` (None where unknown), `predicted`, `p_<class>`, `review`.
    classes : sequence of str

    Returns
    -------
    DataFrame
        `COLUMNS`. `share` is that of the cells so named, with its 95 % interval (Wilson) from counting alone: neither
        wrong names nor cells that were not found are in it. `expected_share` is the mean probability of the class,
        which a cell that is named unsurely changes less. `for_review` counts the cells of the class to be looked at.

    Examples
    --------
    >>> named = pd.DataFrame({"field": ["a", "a"], "group": None, "predicted": ["basophil", "monocyte"],
    ...                       "p_basophil": [.9, .2], "p_monocyte": [.1, .8], "review": [False, True]})
    >>> differential(named, ("basophil", "monocyte"))[["of", "name", "class", "cells", "share"]].values.tolist()[2:]
    [['field', 'a', 'basophil', 1, 0.5], ['field', 'a', 'monocyte', 1, 0.5]]
    """
    parts = [(ALL, "", named)]
    parts += [(GROUP, str(name), part) for name, part in named.groupby("group", sort=True)]
    parts += [(FIELD, str(name), part) for name, part in named.groupby("field", sort=True)]
    rows = [(of, name, *_row(part, one)) for of, name, part in parts for one in classes]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(part: pd.DataFrame, one: str) -> tuple[str, int, float, float, float, float, int, int]:
    is_one = part["predicted"] == one
    cells, total = int(is_one.sum()), len(part)
    low, high = wilson(cells, total)
    return (one, cells, cells / total, low, high, float(part[f"p_{one}"].mean()), total,
            int((is_one & part["review"]).sum()))


def as_lines(table: pd.DataFrame) -> list[str]:
    """The classes that were found in all fields together, the most frequent first, for the terminal."""
    every = table[(table["of"] == ALL) & (table["cells"] > 0)].sort_values("cells", ascending=False, kind="stable")
    return [f"{one}: {cells}, {100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)"
            for one, cells, share, low, high in zip(*(every[c].tolist() for c in COLUMNS[2:7]))]
