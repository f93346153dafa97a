"""Audit a model of several findings: examine it, compare, change, map, report, write."""
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from classify.audit.run import SUFFIXES
from classify.audit.watch import Watch
from classify.crosswalk.export import write_supplement
from classify.audit.examine import home_metrics
from classify.findings.audit import FindingsAudit, examine_findings, to_json
from classify.findings.audit_page import title_of, warnings, write_findings_page
from classify.findings.bundle import FindingModel, load_findings
from classify.findings.few_labels import fit_findings, gains_of_findings, save_fitted
from classify.findings.maps import maps_of_findings
from classify.findings.origin import with_origin
from classify.findings.remeasured import parts_of_findings, sweep_findings
from classify.findings.reporting import findings_reporting
from classify.findings.subgroups import compared_findings
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
    sweep : Remeasure or None
        Change some images at five strengths, and ask every finding of them.
    parts : Remeasure or None
        Learn each finding from parts of the picture.
    columns : DataFrame or None
        Further ways to divide the table, a row an image: `classify.audit.subgroups.columns_of_sheet`.
    fit_labels : sequence of int
        Numbers of labels from there whose gain is told.
    fitted : Path or None
        Where to write the models, fitted to there.
    """

    watch: Watch = Watch()
    study: Path | None = None
    supplement: Path | None = None
    maps: Remeasure | None = None
    sweep: Remeasure | None = None
    parts: Remeasure | None = None
    columns: pd.DataFrame | None = None
    fit_labels: Sequence[int] = ()
    fitted: Path | None = None


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
        As `classify.findings.audit.examine_findings`; a name of another ending, a baseline of another model, too few
        labels for what was asked, or a sweep, maps or parts of images that are not there.
    Stopped
        Ctrl-C during a sweep, parts or maps; the message says what is kept.
    """
    suffix = wanted_suffix(out, SUFFIXES) if out else ""
    models = load_findings(run)
    result = examine_findings(models, {m.name: home_metrics(run, m.name) for m in models}, frame, info)
    result = replace(result, drift=watched_findings(asked.watch, run, models, result))
    if out is None:
        return result
    result = replace(result, compared=compared_findings(models, result, asked.columns))
    if asked.fit_labels:
        result = replace(result, gains=gains_of_findings(result, asked.fit_labels))
    there: tuple[FindingModel, ...] = ()
    if asked.fitted:
        there, kept = fit_findings(models, result)
        result = replace(result, kept_home=tuple(kept))
    shards = []
    if asked.sweep and not result.labelled.empty:
        sweeps, own = sweep_findings(models, result, asked.sweep, out)
        result = replace(result, sweeps=sweeps)
        shards.append(own)
    if asked.parts and not result.labelled.empty:
        parts, own = parts_of_findings(result, asked.parts, out)
        result = replace(result, parts=parts)
        shards.append(own)
    if asked.maps:
        result = replace(result, maps=maps_of_findings(models, result, asked.maps, out))
    result = replace(result, reporting=findings_reporting(run, asked.study, models, result, out))
    result = with_origin(run, models, result)
    if suffix == ".html":
        write_findings_page(out, result, run, table_path)
    elif suffix == ".json":
        write_json(to_json(result, warnings(result)), out)
    else:
        write_csv(result.rows, out)
    if asked.supplement and result.reporting:
        write_supplement(asked.supplement, result.reporting.answers, result.reporting.study, title_of(result))
    if asked.fitted:
        save_fitted(there, asked.fitted)
    for kept_on_disk in shards:
        kept_on_disk.close()
    return result
