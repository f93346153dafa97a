"""The findings of a table: one column `label_<finding>` each, or one label column that lists them, `A|B|C`."""
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from classify.data.tasks import Task, is_class_name
from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError
from featurize.index.listing import NO_FINDING, SEPARATOR, cells_of, listed, lists_findings
from featurize.table import TableInfo


@dataclass(frozen=True)
class Findings:
    """Which findings each image has; n rows, F findings.

    Parameters
    ----------
    names : tuple of F str
        In the order of the table's columns; of a listing column in alphabetical order.
    truth : (n, F) int64
        1 = present, 0 = absent, -1 = unknown.
    """

    names: tuple[str, ...]
    truth: Int64Array

    @property
    def labelled(self) -> BoolArray:
        """(n,) rows of which at least one finding is known."""
        return np.asarray((self.truth >= 0).any(axis=1))

    def positives(self, rows: BoolArray | None = None) -> Int64Array:
        """(F,) images with each finding, among the rows of a mask if one is given."""
        chosen = self.truth if rows is None else self.truth[rows]
        return np.asarray((chosen == 1).sum(axis=0))

    def co_occurrence(self) -> pd.DataFrame:
        """(F, F) images that have both findings; the diagonal counts each finding."""
        present = (self.truth == 1).astype(np.int64)
        return pd.DataFrame(present.T @ present, index=list(self.names), columns=list(self.names))


def has_several_labels(frame: pd.DataFrame, info: TableInfo) -> bool:
    """True where the table names columns of findings, or its label lists several in one cell."""
    return bool(info.label_columns) or lists_findings(frame["label"])


def findings_of(frame: pd.DataFrame, info: TableInfo) -> Findings:
    """Read the findings of a table.

    Parameters
    ----------
    frame, info
        As `featurize.table.read_table` gives them.

    Raises
    ------
    UserError
        There is no label, a column mixes findings with other text, or no image has any finding.
    """
    found = _of_columns(frame, info.label_columns) if info.label_columns else _of_listing(frame["label"])
    odd = next((name for name in found.names if not is_class_name(name)), None)
    if odd is not None:
        raise UserError(f"the finding {odd!r} is empty or holds '|', outer blanks or control characters, which "
                        "predictions.csv or the pages cannot write: rename it")
    if not found.labelled.any() and (info.label_columns or frame["label"].isna().all()):
        raise UserError("no row of the table has a label: name the columns of findings with --labels and "
                        "--label-column of `python cli.py featurize`")
    if not found.positives().any():
        raise UserError(f"all findings are 0 in every row ({', '.join(found.names) or 'no finding is named'}): nothing "
                        "can be learned; look at the labels file")
    return found


def _of_columns(frame: pd.DataFrame, names: list[str]) -> Findings:
    truth = np.full((len(frame), len(names)), -1, np.int64)
    for i, name in enumerate(names):
        column = pd.to_numeric(frame[f"label_{name}"], errors="coerce")
        known = column.notna()
        if not column[known].isin((0, 1)).all():
            other = column[known & ~column.isin((0, 1))].iloc[0]
            raise UserError(f"the column label_{name} holds {other}: a finding is 0 or 1, empty where unknown")
        truth[known, i] = column[known].astype(np.int64)
    return Findings(tuple(names), truth)


def _of_listing(label: pd.Series) -> Findings:
    mixed = next((cell for cell in cells_of(label) if cell and len(cell) > 1 and {c.lower() for c in cell} &
                  {*NO_FINDING}), None)
    if mixed:
        raise UserError(f"a label says {SEPARATOR.join(mixed)!r}: an image has findings or none, not both; correct the "
                        "labels file")
    return Findings(*listed(label))


def task_of(findings: Findings, name: str) -> Task:
    """One finding as a binary task; class 1 is the finding."""
    return Task("binary", classes_of(name), findings.truth[:, findings.names.index(name)])


def classes_of(name: str) -> tuple[str, str]:
    """What the two classes of a finding are called on pages and in models."""
    return f"no {name}", name


def table_of(frame: pd.DataFrame, info: TableInfo, task: Task) -> tuple[pd.DataFrame, TableInfo]:
    """The table with one finding as its label."""
    names = np.array([*task.classes, None], dtype=object)
    return frame.assign(label=names[task.y]), replace(info, label_columns=[])


def table_for(classes: tuple[str, ...], frame: pd.DataFrame, info: TableInfo) -> tuple[pd.DataFrame, TableInfo]:
    """The table with the labels that a saved model knows.

    Parameters
    ----------
    classes : tuple of str
        The model's. Those of one finding (`classes_of`) are asked of a table that lists findings.
    frame, info
        As `featurize.table.read_table` gives them; they come back as they are where they have the model's own labels,
        or the model asks for something else.
    """
    if classes != classes_of(classes[-1]) or (frame["label"] == classes[0]).any():
        return frame, info
    if not info.label_columns and frame["label"].isna().all():
        return frame, info
    findings = findings_of(frame, info)
    return table_of(frame, info, task_of(findings, classes[-1])) if classes[-1] in findings.names else (frame, info)
