"""What a multilabel run found, as plain data: `classify.findings.train` fills it, the page and tests read it."""
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from classify.data.splits import Split
from classify.findings.tables import Findings
from classify.settings import TrainSettings
from featurize.table import TableInfo


@dataclass(frozen=True)
class FindingsResult:
    """Everything that the page of a multilabel run shows; n rows, F findings of which S were trained.

    Parameters
    ----------
    out : Path
        The run folder under its final name.
    frame : (n, ...) DataFrame
        The whole table, RangeIndex.
    info : TableInfo
    settings : TrainSettings
    findings : Findings
        All F findings, those that were too rare to train included.
    split : Split
        The division that all findings share; its `counts` are those of the strata.
    parts : DataFrame
        Index: findings. Columns: the parts or folds. Images with the finding each.
    table : DataFrame
        The content of predictions.csv.
    metrics : dict
        The content of metrics.json.
    pages : dict of str to str
        Trained finding to its page, relative to the run folder.
    warnings : tuple of str
        Whole sentences, most important first.
    versions, timings : dict
        Library name to version; stage to seconds.
    table_path : str
        The table as it was named on the command line.
    model : str
        The libraries, and what their trees start from.
    """

    out: Path
    frame: pd.DataFrame
    info: TableInfo
    settings: TrainSettings
    findings: Findings
    split: Split
    parts: pd.DataFrame
    table: pd.DataFrame
    metrics: dict[str, Any]
    pages: dict[str, str]
    warnings: tuple[str, ...]
    versions: dict[str, str]
    timings: dict[str, float]
    table_path: str = "table.parquet"
    model: str = ""

    @property
    def terminal_warnings(self) -> tuple[str, ...]:
        """The warnings that the command line prints."""
        return self.warnings

    @property
    def sentence(self) -> str:
        """What the command line says at the end."""
        metrics = self.metrics
        low, high = metrics["intervals"]["auroc"]
        return (f"multilabel, {len(metrics['findings'])} findings, {metrics['n']} images: mean AUROC "
                f"{metrics['auroc']:.3f} ({low:.3f} to {high:.3f}), mean average precision "
                f"{metrics['average_precision']:.3f} in {sum(self.timings.values()):.1f} s")
