"""Findings that one label column lists: `Edema|Effusion` in a cell, as the NIH's chest films write it."""
from collections.abc import Sequence

import numpy as np
import pandas as pd

from featurize.arrays import Int64Array

# What an image without any finding is called in a listing column, in small letters: so the NIH's chest films write it.
NO_FINDING = ("no finding", "none", "normal", "")
# Between the findings of one image in a listing column.
SEPARATOR = "|"


def lists_findings(label: pd.Series) -> bool:
    """True where a label lists several findings in one cell."""
    return bool(label.dropna().astype(str).str.contains(SEPARATOR, regex=False).any())


def cells_of(label: pd.Series) -> list[list[str] | None]:
    """The parts of every cell, None where there is no label."""
    return [None if pd.isna(v) else [part.strip() for part in str(v).split(SEPARATOR)] for v in label]


def listed(label: pd.Series) -> tuple[tuple[str, ...], Int64Array]:
    """The findings of a listing column.

    Parameters
    ----------
    label : (n,) Series

    Returns
    -------
    names : tuple of F str
        In alphabetical order.
    truth : (n, F) int64
        1 = present, 0 = absent, -1 = unknown: the cell is empty.
    """
    cells = cells_of(label)
    names = sorted({part for cell in cells if cell for part in cell if part.lower() not in NO_FINDING})
    truth = np.full((len(cells), len(names)), -1, np.int64)
    for row, cell in enumerate(cells):
        if cell is not None:
            truth[row] = [name in cell for name in names]
    return tuple(names), truth


def with_listed_findings(frame: pd.DataFrame, findings: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A frame whose label lists findings gets their columns `label_<finding>`; any other is as it was.

    Parameters
    ----------
    frame : DataFrame
        `label`, and `label_<finding>` for each of `findings`.
    findings : sequence of str
        Findings that have columns already: then the label is not looked at.

    Returns
    -------
    frame : DataFrame
        With a column `label_<finding>` (Int8: 0, 1 or missing) for each finding.
    findings : tuple of str
    """
    if findings or not lists_findings(frame["label"]):
        return frame, tuple(findings)
    names, truth = listed(frame["label"])
    values = {f"label_{name}": pd.array([None if t < 0 else int(t) for t in truth[:, at]], dtype="Int8")
              for at, name in enumerate(names)}
    return frame.assign(**values), names
