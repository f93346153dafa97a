"""Audit a model of several findings: examine it, compare, map, report, write."""
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from classify.audit.run import SUFFIXES
from classify.audit.watch import Watch
from classify.crosswalk.export import write_supplement
from classify.audit.examine import home_metrics
from classify.findings.audit import FindingsAudit, examine_findings, to_json
from classify.findings.audit_page import title_of, warnings, write_findings_page
from classify.findings.bundle import load_findings
from classify.findings.maps import maps_of_findings
from classify.findings.reporting import findings_reporting
from classify.findings.watch import watched_findings
from classify.sweep.choose import Remeasure
from featurize.runtime.files import wanted_suffix, write_csv, write_json
from featurize.table import TableInfo


@dataclass(frozen=True)
class Asked:
    """What an audit of several findings shall do beside the scores.

    Parameters
    ----------
    watch : Watch
        A baseline to write, or one to compare with.
    study, supplement : Path or None
        study.toml (else that of the run), and where the filled supplement goes.
    maps : Remeasure or None
        Draw for some images of each finding what decided.
    """

    watch: Watch = Watch()
    study: Path | None = None
    supplement: Path | None = None
    maps: Remeasure | None = None


def audit_findings(run: Path, table_path: Path, frame: pd.DataFrame, info: TableInfo, out: Path | None,
                   asked: Asked = Asked()) -> FindingsAudit:
    """Write the audit of a table: the page (``.html``), its numbers (``.json``) or a row a finding (``.csv``).

    Parameters
    ----------
    run : Path
        The run folder, or the model folder in it.
    table_path : Path
        As the page names it in a command.
    frame, info
        As `featurize.table.read_table` gives them.
    out : Path or None
        None: nothing is written but what `asked.watch` asks for.
    asked : Asked

    Raises
    ------
    UserError
        As `classify.findings.audit.examine_findings`; a name of another ending, a baseline of another model, or maps of
        images that are not there.
    Stopped
        Ctrl-C during maps; the message says what is kept.
    """
    suffix = wanted_suffix(out, SUFFIXES) if out else ""
    models = load_findings(run)
    result = examine_findings(models, {m.name: home_metrics(run, m.name) for m in models}, frame, info)
    result = replace(result, drift=watched_findings(asked.watch, run, models, result))
    if out is None:
        return result
    if asked.maps:
        result = replace(result, maps=maps_of_findings(models, result, asked.maps, out))
    result = replace(result, reporting=findings_reporting(run, asked.study, models, result, out))
    if suffix == ".html":
        write_findings_page(out, result, run, table_path)
    elif suffix == ".json":
        write_json(to_json(result, warnings(result)), out)
    else:
        write_csv(result.rows, out)
    if asked.supplement and result.reporting:
        write_supplement(asked.supplement, result.reporting.answers, result.reporting.study, title_of(result))
    return result
