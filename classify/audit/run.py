"""Audit a table: examine it, write the page or its numbers."""
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from classify.audit.examine import examine, home_metrics
from classify.audit.export import to_csv, to_json
from classify.audit.page import write_audit
from classify.audit.result import Audit
from classify.bundle import load_bundle
from classify.sweep.run import SweepSettings, sweep
from featurize.runtime.files import wanted_suffix, write_csv, write_json
from featurize.table import TableInfo

# What is written, by the ending of the name: the page, all its numbers, a row for each image.
SUFFIXES = (".html", ".json", ".csv")
# The classes of a model and a table; gives the table with labels that the model knows.
TableFor = Callable[[tuple[str, ...], pd.DataFrame, TableInfo], tuple[pd.DataFrame, TableInfo]]


def audit(bundle_dir: Path, frame: pd.DataFrame, info: TableInfo, out: Path,
          table_for: TableFor | None = None, sweep_settings: SweepSettings | None = None) -> Audit:
    """Write the audit of a table.

    Parameters
    ----------
    bundle_dir : Path
        The run folder, or the model folder in it.
    frame, info
        As `featurize.table.read_table` gives them. Without labels only the shift is shown; labels that the model does
        not know are named and left out of the scores.
    out : Path
        The page (``.html``), its numbers (``.json``) or a row for each image (``.csv``), whole or not at all.
    table_for : TableFor, optional
        `classify.findings.tables.table_for` asks a table with several findings for the one that the model knows.
    sweep_settings : SweepSettings, optional
        Change some of the images at five strengths, too; see `classify.sweep`.

    Raises
    ------
    UserError
        No model there, a table that was measured in another way or of whose labels the model knows none, a name of
        another ending, or a sweep of images that are not there.
    Stopped
        Ctrl-C during a sweep; the message says what is kept.
    """
    suffix = wanted_suffix(out, SUFFIXES)
    bundle = load_bundle(bundle_dir)
    if table_for:
        frame, info = table_for(tuple(bundle.classes), frame, info)
    result = examine(bundle, home_metrics(bundle_dir, bundle.classes[-1]), frame, info)
    shards = None
    if sweep_settings:
        found, shards = sweep(bundle, result.frame, info, result.trained_on, sweep_settings, out)
        result = replace(result, sweep=found)
    if suffix == ".html":
        write_audit(out, result)
    elif suffix == ".json":
        write_json(to_json(result), out)
    else:
        write_csv(to_csv(result), out)
    if shards:
        shards.close()
    return result
