"""Audit a table: examine it, write the page or its numbers."""
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from classify.audit.examine import examine, home_metrics, run_metrics
from classify.audit.export import to_csv, to_json
from classify.audit.fitted_model import fit_there
from classify.audit.labels_section import gains_of, labelled_rows
from classify.audit.page.write import title_of, write_audit
from classify.audit.reporting import reporting, with_origin
from classify.audit.result import Audit
from classify.audit.shortcuts.evidence import Answers, Evidence, shortcut_evidence
from classify.audit.shortcuts.parts_evidence import part_scores
from classify.audit.subgroups import compared, not_compared
from classify.audit.watch import Watch, watched
from classify.bundle import load_bundle, save_bundle
from classify.crosswalk.export import write_supplement
from classify.data.columns import matrix
from classify.data.tasks import encode_as
from classify.evaluate.parts_of_table import nuisances_of
from classify.fitting.augment import perturbations_of
from classify.maps.run import make_maps
from classify.run_folder import PREDICTIONS, check_as_written
from classify.sweep.choose import Remeasure
from classify.sweep.run import sweep
from featurize.arrays import Float64Array
from featurize.batch.shards import Shards
from featurize.errors import UserError
from featurize.runtime.files import wanted_suffix, write_csv, write_json
from featurize.runtime.processes import processors
from featurize.table import TableInfo

# What is written, by the ending of the name: the page, all its numbers, a row for each image.
SUFFIXES = (".html", ".json", ".csv")
# The classes of a model and a table; gives the table with labels that the model knows.
TableFor = Callable[[tuple[str, ...], pd.DataFrame, TableInfo], tuple[pd.DataFrame, TableInfo]]


def audit(bundle_dir: Path, frame: pd.DataFrame, info: TableInfo, out: Path | None,
          table_for: TableFor | None = None, sweep_settings: Remeasure | None = None,
          perturbed: pd.DataFrame | None = None, columns: pd.DataFrame | None = None,
          fit_labels: Sequence[int] = (), fitted: Path | None = None, watch: Watch = Watch(),
          study: Path | None = None, supplement: Path | None = None,
          map_settings: Remeasure | None = None, part_settings: Remeasure | None = None) -> Audit:
    """Write the audit of a table.

    Parameters
    ----------
    bundle_dir : Path
        The run folder, or the model folder in it.
    frame, info
        As `featurize.table.read_table` gives them. Without labels only the shift is shown; labels that the model does
        not know are named and left out of the scores.
    out : Path
        The page (``.html``), its numbers (``.json``) or a row for each image (``.csv``), whole or not at all. None:
        nothing is written but what `watch` asks for.
    table_for : TableFor, optional
        `classify.findings.tables.table_for` asks a table with several findings for the one that the model knows.
    sweep_settings : Remeasure, optional
        Change some of the images at five strengths, too; see `classify.sweep`.
    perturbed : DataFrame, optional
        Second measurements that lie beside the table (`featurize.table.read_perturbed`): they say which measurements
        the recording changes, which the verdicts on shortcuts need.
    columns : DataFrame, optional
        Further ways to divide the table, a row an image: `classify.audit.subgroups.columns_of_sheet`.
    fit_labels : sequence of int
        Numbers of labels from there whose gain is told; see `classify.elsewhere.few_labels`.
    fitted : Path, optional
        Where to write the model, fitted to there by all labelled images.
    watch : Watch
        A baseline to write, or one to compare with; see `classify.monitor`.
    study : Path, optional
        study.toml; else the one that the run keeps, if any.
    supplement : Path, optional
        Where the filled supplement goes, see `classify.crosswalk.export`.
    map_settings : Remeasure, optional
        Draw for some images what decided, too; see `classify.maps`.
    part_settings : Remeasure, optional
        Learn the label from parts of the picture, too; see `classify.audit.shortcuts.parts_evidence`.

    Raises
    ------
    UserError
        No model there, a table that was measured in another way or of whose labels the model knows none, a name of
        another ending, or a sweep or maps of images that are not there.
    Stopped
        Ctrl-C during a sweep or maps; the message says what is kept.
    """
    suffix = wanted_suffix(out, SUFFIXES) if out else ""
    bundle = load_bundle(bundle_dir)
    if table_for:
        frame, info = table_for(tuple(bundle.classes), frame, info)
    result = examine(bundle, home_metrics(bundle_dir, bundle.classes[-1]), frame, info)
    result = replace(result, drift=watched(watch, bundle_dir, result))
    if out is None:
        return result
    result = replace(result, shortcuts=_shortcuts(bundle_dir, result, perturbed), compared=compared(result, columns))
    result = replace(result, not_compared=not_compared(result.compared, columns))
    if fit_labels:
        result = replace(result, gains=gains_of(result, sorted(fit_labels)))
    there = fit_there(bundle, labelled_rows(result)) if fitted else None
    shards: list[Shards] = []
    if sweep_settings:
        found, own = sweep(bundle, result.frame, info, result.trained_on, sweep_settings, out)
        result = replace(result, sweep=found)
        shards.append(own)
    if part_settings and result.judged is not None:
        y = encode_as(result.frame["label"], bundle.classes)
        parts, measured = part_scores(result.frame, info, y, part_settings, out)
        result = replace(result, parts=parts)
        shards += [measured] if measured else []
    if map_settings:
        result = replace(result, maps=make_maps(bundle, result.frame, info, result.trained_on, map_settings, out))
    result = with_origin(bundle_dir, replace(result, reporting=reporting(bundle_dir, study, result, out)))
    if suffix == ".html":
        write_audit(out, result)
    elif suffix == ".json":
        write_json(to_json(result), out)
    else:
        write_csv(to_csv(result), out)
    if supplement and result.reporting:
        write_supplement(supplement, result.reporting.answers, result.reporting.study, title_of(result))
    if fitted and there:
        save_bundle(there, fitted)
    for kept in shards:
        kept.close()
    return result


def _shortcuts(bundle_dir: Path, result: Audit, perturbed: pd.DataFrame | None) -> tuple[Evidence, ...]:
    """The evidence of shortcuts on the labelled images; without labels none."""
    if result.judged is None:
        return ()
    bundle, frame = result.bundle, result.frame
    x = matrix(frame, bundle.model.features)
    y = np.full(len(frame), -1, np.int64)
    y[result.judged.rows] = result.judged.y
    p, new = result.predictions.p.copy(), ~result.trained_on
    own = held_out(bundle_dir, frame, bundle.classes)
    known = ~new & np.isfinite(own).all(axis=1)
    p[known], new = own[known], new | known
    importance = result.shift.set_index("feature")["importance"].loc[list(bundle.model.features)].to_numpy(np.float64)
    return shortcut_evidence(frame, x, nuisances_of(frame, result.info), Answers(y, p, new, importance),
                             perturbations_of(frame, perturbed, x), processors(),
                             segmented=result.info.preset.get("segment") != "whole")


def held_out(bundle_dir: Path, frame: pd.DataFrame, classes: tuple[str, ...]) -> Float64Array:
    """(n, K) out-of-fold probabilities of the run that the model belongs to, NaN for images that it does not have.

    Raises
    ------
    UserError
        The run's predictions.csv is damaged, or was changed.
    """
    missing = np.full((len(frame), len(classes)), np.nan)
    places = (bundle_dir, bundle_dir.resolve().parent)
    folder = next((place for place in places if (place / PREDICTIONS).is_file()), None)
    if folder is None:
        return missing
    check_as_written(folder, PREDICTIONS, run_metrics(folder) or {})
    columns = [f"p_{name}" for name in classes]
    try:
        table = pd.read_csv(folder / PREDICTIONS, dtype={"image_id": str})
        if not {"fold", *columns} <= set(table.columns):
            return missing
        table = table[table["fold"].notna()].drop_duplicates("image_id").set_index("image_id")
        return np.asarray(table[columns].reindex(frame["image_id"]), dtype=np.float64)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / PREDICTIONS} cannot be read ({' '.join(str(error).split())}): bring it back, or "
                        "remove it; the audit then goes without the run's own predictions") from error
