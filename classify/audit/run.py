"""Audit a table: examine it, write the page."""
from pathlib import Path

import pandas as pd

from classify.audit.examine import examine, home_metrics
from classify.audit.page import write_audit
from classify.audit.result import Audit
from classify.bundle import load_bundle
from featurize.table import TableInfo


def audit(bundle_dir: Path, frame: pd.DataFrame, info: TableInfo, out: Path) -> Audit:
    """Write the audit page of a table.

    Parameters
    ----------
    bundle_dir : Path
        The run folder, or the model folder in it.
    frame, info
        As `featurize.table.read_table` gives them. Without labels only the shift is shown; labels that the model does
        not know are named and left out of the scores.
    out : Path
        Where the page goes, whole or not at all.

    Raises
    ------
    UserError
        No model there, or a table that was measured in another way.
    """
    result = examine(load_bundle(bundle_dir), home_metrics(bundle_dir), frame, info)
    write_audit(out, result)
    return result
