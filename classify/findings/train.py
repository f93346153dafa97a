"""From a table with several findings to a run folder: one division of the rows, one binary model a finding."""
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.crosswalk.study import read_study
from classify.data.columns import check_columns, matrix, model_columns, useful_columns
from classify.data.dataset import Dataset, PreparationWarnings, numbered, prepare
from classify.data.splits import Split
from classify.evaluate.for_report import report_numbers
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.summary import plain
from classify.findings.bundle import FindingModel, folder_of, save_findings
from classify.findings.evaluate import ScoredFinding, finding_scores, means
from classify.findings.page import write_findings_report
from classify.findings.predictions import FindingPredictions, findings_table, review_shares
from classify.findings.result import FindingsResult
from classify.findings.split import PartShares, shared_split, split_of, with_test_part
from classify.findings.tables import Findings, findings_of, has_several_labels, table_of, task_of
from classify.report import write_report
from classify.result import RunResult
from classify.review import from_words
from classify.run_folder import CURVES, PREDICTIONS, REPORT, RUN_FOLDER, STABILITY, SUSPECTS, TIMINGS, write_metrics
from classify.runtime.clock import Clock, Progress
from classify.runtime.versions import library_versions
from classify.runtime.watch import TaskFits, Watch, check_watch, watched
from classify.settings import TrainSettings
from classify.train import check_run, check_settings, fit_and_judge, steps_of, train_prepared
from classify.uncertainty.operating_point import ThresholdRule, cross_thresholds
from featurize.arrays import Int64Array
from featurize.errors import UserError
from featurize.report.numbers import count, number
from featurize.runtime.cells import safe_cells
from featurize.runtime.files import write_json
from featurize.runtime.folders import check_replaceable, replacing_folder
from featurize.table import TableInfo, read_perturbed, read_table

# A finding of fewer images is not trained and has no score: an interval of its AUROC would span half of the scale.
FEWEST_POSITIVES = 10
# Folder of the findings' pages in a run folder.
PAGES = "findings"
# What metrics.json takes from the binary run of a finding: its scores, and these.
KEPT = ("n", "review_share", "calibration", "abstention")


@dataclass(frozen=True)
class TrainedFinding:
    """One finding of a run.

    Parameters
    ----------
    result : RunResult
        Its binary run.
    model : FindingModel
    tested : ScoredFinding
    """

    result: RunResult
    model: FindingModel
    tested: ScoredFinding


def train_table(table: Path, out: Path, settings: TrainSettings,
                progress: Progress | None = None, watch: Watch = Watch()) -> RunResult | FindingsResult:
    """Train on a table that `featurize` wrote: several findings, or one label.

    Parameters
    ----------
    table : Path
        table.parquet.
    out : Path
        The run folder.
    settings : TrainSettings
        With the task ``auto`` a table of several labels is multilabel.
    progress : callable, optional
        Is told the stage and the share that is done.
    watch : Watch
        Logs of the learning curves. While the run lasts, fitted models are kept beside the run folder: the same call
        after a stop fits the rest.

    Raises
    ------
    UserError
        As `classify.train.train` and `train_findings`; or the table cannot be read.
    Stopped
        Ctrl-C; the message says what is kept.
    """
    check_replaceable(out, RUN_FOLDER)
    check_watch(watch, out, [table])
    frame, info = read_table(table)
    perturbed = read_perturbed(table, info)
    if settings.task == "multilabel" or settings.task == "auto" and has_several_labels(frame, info):
        return train_findings(frame, info, out, settings, progress, perturbed, str(table), watch)
    check_run(out, settings, watch)
    prepared = prepare(frame, info, settings)
    # What is prepared holds the measurements; where some are left out, the table would be a second copy of the others.
    del frame
    return train_prepared(*prepared, out, settings, progress, perturbed, str(table), watch)


def train_findings(frame: pd.DataFrame, info: TableInfo, out: Path, settings: TrainSettings,
                   progress: Progress | None = None, perturbed: pd.DataFrame | None = None,
                   table: str = FindingsResult.table_path, watch: Watch = Watch()) -> FindingsResult:
    """Cross-validate, fit, calibrate, score and explain every finding, and write a run folder.

    Parameters
    ----------
    frame, info
        As `featurize.table.read_table` gives them; findings as `classify.findings.tables` reads them.
    out : Path
        The run folder: predictions.csv, metrics.json, curves.csv, model/, report.html and a page a finding.
    settings : TrainSettings
    progress : callable, optional
        Called with the name of the stage and the share 0..1 of the run that is done.
    perturbed : DataFrame, optional
        Second measurements of some rows.
    table : str
        The table as the pages name it.
    watch : Watch
        As in `train_table`.

    Raises
    ------
    UserError
        A wrong setting, or a table that nothing can be learned from.
    Stopped
        Ctrl-C; the message says what is kept.
    """
    check_settings(settings)
    settings = replace(settings, threshold_rule="f1")
    if settings.order:
        raise UserError("--order is for ordinal tasks, and this one has several findings: leave it out")
    if settings.lineage:
        raise UserError("--lineage is for tasks of one class an image, and this one has several findings: leave it out")
    if settings.costs:
        raise UserError("--costs is for tasks of one class an image, and this one has several findings: leave it out "
                        "(--sensitivity chooses their thresholds)")
    if settings.words:
        raise UserError("--words is for tasks of one class an image, and this one has several findings: leave it out")
    check_replaceable(out, RUN_FOLDER)
    check_watch(watch, out)
    check_columns(frame, info)
    frame = numbered(frame)
    findings = findings_of(frame, info)
    if settings.test_share:
        frame = with_test_part(frame, findings, PartShares(settings.test_share, settings.test_positives), settings.seed)
    run = _RunInput(out, table, settings, perturbed, read_study(Path(settings.study)) if settings.study else {})
    split, split_warnings = shared_split(frame, findings, settings.folds, settings.seed, settings.drop_leaks)
    rare = {name: why for name in findings.names if (why := _too_rare(findings, split, name))}
    chosen = [name for name in findings.names if name not in rare]
    if not chosen:
        raise UserError("no finding can be learned: " + "; ".join(f"{name}: {why}" for name, why in rare.items()))
    data = _datasets(frame, info, findings, split, chosen)
    clock = Clock(progress, steps=sum(steps_of(d) for d in data.values()))
    parts = {name: folder_of(number, name) for number, name in enumerate(chosen)}
    with watched(out, data, settings, perturbed, watch, parts) as fits:
        trained = {name: _train_one(name, data[name], run, clock, fits[name]) for name in chosen}
        shared = _Shared(frame, info, findings, split, split_warnings, rare)
        pages = {name: f"{PAGES}/{part}.html" for name, part in parts.items()}
        with replacing_folder(out, RUN_FOLDER) as part:
            _write_pages(part, trained, pages, clock)
            result = _put_together(run, shared, trained, pages, clock)
            _write(part, result, trained)
    return result


@dataclass(frozen=True)
class _RunInput:
    """What was asked for: `table` as it was named, `perturbed` second measurements, `study` what authors say."""

    out: Path
    table: str
    settings: TrainSettings
    perturbed: pd.DataFrame | None
    study: Mapping[str, str]


@dataclass(frozen=True)
class _Shared:
    """What all findings of a run share; `rare` says why a finding is not trained."""

    frame: pd.DataFrame
    info: TableInfo
    findings: Findings
    split: Split
    warnings: tuple[str, ...]
    rare: Mapping[str, str]


def _too_rare(findings: Findings, split: Split, name: str) -> str:
    """Why a finding cannot be trained and tested, or nothing."""
    task = task_of(findings, name)
    negatives, positives = (int(n) for n in task.counts())
    if positives < FEWEST_POSITIVES:
        return f"{count(positives, 'image has', 'images have')} it, at least {FEWEST_POSITIVES} are wanted"
    if negatives < FEWEST_POSITIVES:
        lack = count(negatives, "image is", "images are")
        return f"{lack} known not to have it, at least {FEWEST_POSITIVES} are wanted"
    sides = split_of(split, task).counts
    if split.kind == "given" and not sides.drop(columns="removed", errors="ignore").to_numpy().all():
        return "train, val or test holds no image with it, or none without"
    if split.kind == "folds" and (sides > 0).sum(axis=1).min() < 2:
        return "all images with it belong to one fold: their groups are too few"
    return ""


def _datasets(frame: pd.DataFrame, info: TableInfo, findings: Findings, split: Split,
              names: list[str]) -> dict[str, Dataset]:
    x = matrix(frame, model_columns(info))
    columns, _, _ = useful_columns(x, findings.labelled)
    x = x if len(columns) == x.shape[1] else x[columns]
    data = {}
    for name in names:
        task = task_of(findings, name)
        own, own_info = table_of(frame, info, task)
        data[name] = Dataset(own, own_info, x, task, split_of(split, task))
    return data


def _train_one(name: str, data: Dataset, run: _RunInput, clock: Clock, fits: TaskFits) -> TrainedFinding:
    clock.subject = name
    result, bundle = fit_and_judge(data, PreparationWarnings((), ()), run.out, run.settings, run.perturbed, clock, fits,
                                   default_error=0.0)
    result = replace(result, table=run.table, study=run.study)
    model, tested = _with_threshold(name, result, bundle)
    return TrainedFinding(result, model, tested)


def _write_pages(part: Path, trained: Mapping[str, TrainedFinding], pages: Mapping[str, str], clock: Clock) -> None:
    """The page of every finding."""
    (part / PAGES).mkdir()
    for name, found in trained.items():
        clock.subject = name
        with clock.stage("report"):
            write_report(part / pages[name], found.result, report_numbers(found.result))


def _with_threshold(name: str, result: RunResult, bundle: Bundle) -> tuple[FindingModel, ScoredFinding]:
    """The saved threshold, and what thresholds chosen without the row's fold, or on val, give."""
    point, split = bundle.operating_point, result.split
    assert point is not None, "a finding is a task of two classes"
    rows = np.flatnonzero(result.predicted.held_out & result.task.labelled)
    y, p = result.task.y[rows], result.predicted.probabilities[rows, 1]
    threshold = cross_thresholds(y == 1, p, split.fold[rows], point.rule) if split.kind == "folds" else point.threshold
    return FindingModel(name, bundle, point.threshold), ScoredFinding(rows, y, p, p >= threshold)


def _put_together(run: _RunInput, shared: _Shared, trained: Mapping[str, TrainedFinding], pages: dict[str, str],
                  clock: Clock) -> FindingsResult:
    findings, split = shared.findings, shared.split
    sides = {name: split_of(split, task_of(findings, name)).counts.iloc[1] for name in findings.names}
    parts = pd.DataFrame(sides).T.fillna(0).astype(int)
    truth = {name: findings.truth[:, at] for at, name in enumerate(findings.names)}
    predicted = {name: _predictions(found) for name, found in trained.items()}
    warnings = _warnings(shared, trained)
    table = findings_table(shared.frame, truth, predicted, np.where(findings.labelled, split.fold, -1))
    metrics = {**_metrics(shared, run.settings, trained), **review_shares(table)}
    metrics |= {"warnings": list(warnings), "versions": library_versions()}
    return FindingsResult(
        out=run.out, frame=shared.frame, info=shared.info, settings=run.settings, findings=findings, split=split,
        parts=parts, table=table, table_path=run.table, metrics=metrics, pages=pages,
        warnings=warnings, versions=library_versions(), timings=clock.seconds,
        model=", ".join(sorted({found.result.model for found in trained.values()})))


def _predictions(found: TrainedFinding) -> FindingPredictions:
    predicted, threshold = found.result.predicted, found.model.threshold
    p = predicted.probabilities[:, 1]
    present = p >= threshold
    present[found.tested.rows] = found.tested.present
    return FindingPredictions(p, present, predicted.sets, from_words(predicted.table["review_reason"]),
                              predicted.novelty)


def _metrics(shared: _Shared, settings: TrainSettings, trained: Mapping[str, TrainedFinding]) -> dict[str, Any]:
    """The content of metrics.json."""
    by_finding = {name: _of_finding(found, shared.split.split_group) for name, found in trained.items()}
    tested = {name: found.tested for name, found in trained.items()}
    split = shared.split
    rows = (split.fold >= 0) & shared.findings.labelled
    content = {
        "task": "multilabel", "n": int(rows.sum()), "classes": list(shared.findings.names),
        **means(tested, split.split_group, Bootstrap(settings.resamples, settings.seed)),
        "findings": by_finding, "not_trained": dict(shared.rare),
        "threshold_rule": ThresholdRule(settings.threshold_rule, settings.sensitivity or None).words,
        "co_occurrence": shared.findings.co_occurrence().to_dict(), "groups": len(np.unique(split.split_group[rows])),
        "split": split.kind, "folds": int(split.fold.max()) + 1}
    return dict(plain(content))


def _of_finding(found: TrainedFinding, split_group: Int64Array) -> dict[str, Any]:
    metrics = found.result.scores.metrics
    kept = {key: metrics[key] for key in (*KEPT, *metrics["intervals"])}
    return {**kept, **finding_scores(found.tested, found.model.threshold, split_group),
            "intervals": metrics["intervals"],
            "baselines": {name: values["auroc"] for name, values in metrics["baselines"].items()}}


def _warnings(shared: _Shared, trained: Mapping[str, TrainedFinding]) -> tuple[str, ...]:
    """Those of the division, of rare findings, and of the findings: said once where all findings give the same."""
    by_text: dict[str, list[str]] = {}
    for name, found in trained.items():
        for text in found.result.warnings:
            by_text.setdefault(text, []).append(name)
    told = [text if len(names) == len(trained) else f"{', '.join(names)}: {text}" for text, names in by_text.items()]
    return (*shared.warnings, *_not_trained(shared), *told)


def _not_trained(shared: _Shared) -> list[str]:
    """One line for all findings of too few images, and one for each that another reason leaves out."""
    positives = dict(zip(shared.findings.names, shared.findings.positives().tolist()))
    few = {name: n for name, n in positives.items() if name in shared.rare and n < FEWEST_POSITIVES}
    listed = ", ".join(f"{name} ({number(n)})" for name, n in few.items())
    told = [f"{count(len(few), 'finding was', 'findings were')} not trained: {listed}; each is wanted in at least "
            f"{FEWEST_POSITIVES} images"] if few else []
    return told + [f"{name} was not trained: {why}" for name, why in shared.rare.items() if name not in few]


def _write(part: Path, result: FindingsResult, trained: Mapping[str, TrainedFinding]) -> None:
    """Every file of the run but the findings' pages."""
    safe_cells(result.table).to_csv(part / PREDICTIONS, index=False, float_format="%.9g")
    curves = [found.result.curves.assign(finding=name) for name, found in trained.items()]
    safe_cells(pd.concat(curves, ignore_index=True)).to_csv(part / CURVES, index=False, float_format="%.6g")
    suspects = [found.result.suspects.table.assign(finding=name) for name, found in trained.items()]
    suspected = pd.concat(suspects, ignore_index=True).sort_values("score", ascending=False, kind="stable")
    safe_cells(suspected).to_csv(part / SUSPECTS, index=False, float_format="%.9g")
    # The copies are the same for all findings; the measurements offered may differ.
    stable = pd.concat([found.result.stability for found in trained.values()]).drop_duplicates("feature")
    if len(stable):
        safe_cells(stable).to_csv(part / STABILITY, index=False, float_format="%.4g")
    (part / "model").mkdir()
    save_findings([found.model for found in trained.values()], part / "model")
    write_metrics(result.metrics, part)
    write_json(result.timings, part / TIMINGS)
    write_findings_report(part / REPORT, result)
