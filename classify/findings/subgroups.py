"""Parts of a table and their pairs for every finding; p counts the comparisons of all findings together."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.audit.subgroups import OwnRows, own_rows, ranked
from classify.evaluate.by_class import grouped_wilson
from classify.findings.audit import FindingsAudit
from classify.findings.bundle import FindingModel
from featurize.arrays import BoolArray


def compared_findings(models: Sequence[FindingModel], result: FindingsAudit, columns: pd.DataFrame | None
                      ) -> pd.DataFrame | None:
    """Every part of every finding, the worst first; None without labels.

    Parameters
    ----------
    models, result
    columns : DataFrame or None
        Further ways to divide the table: `classify.audit.subgroups.columns_of_sheet`.

    Returns
    -------
    DataFrame or None
        `finding`, the columns of `classify.audit.subgroups.subgroup_scores` at the stored threshold, `positives`, and
        `sensitivity` and `specificity`, each with `_low` and `_high`; NaN where no image of the part is (or is not) so.
    """
    tables = []
    for model in models:
        own = own_rows(result.audits[model.name], columns)
        if own is not None:
            table = own.scores(model.threshold)
            shares = pd.DataFrame([_shares(own, by, part, model.threshold) for by, part in
                                   zip(table["by"], table["part"])], columns=list(_shares(own, None, "", 0)))
            tables.append(pd.concat([table, shares], axis=1).assign(finding=model.name))
    return ranked(pd.concat(tables, ignore_index=True), by="p") if tables else None


def _shares(own: OwnRows, by: str | None, part: str, threshold: float) -> dict[str, Any]:
    """Images with the finding, sensitivity and specificity of a part."""
    at = np.zeros(len(own.y), bool) if by is None else (own.ways[by].astype(object).map(str) == part).to_numpy()
    present, called = own.y == 1, own.p[:, 1] >= threshold
    return {"positives": int((at & present).sum()), **_share("sensitivity", called, at & present, own),
            **_share("specificity", ~called, at & ~present, own)}


def _share(name: str, right: BoolArray, at: BoolArray, own: OwnRows) -> dict[str, float]:
    low, high = grouped_wilson(right[at], own.split_group[at]) if at.any() else (np.nan, np.nan)
    return {name: float(right[at].mean()) if at.any() else np.nan, f"{name}_low": low, f"{name}_high": high}
