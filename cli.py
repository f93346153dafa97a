"""The command line: parses, calls one function, prints. Heavy imports stand inside the commands: --help is quick."""
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurize.errors import UserError

if TYPE_CHECKING:
    from pandas import DataFrame

    from classify.audit.watch import Watch
    from classify.bundle import Bundle
    from classify.findings.audit_run import Asked
    from classify.monitor.drift import Drift
    from classify.sweep.choose import Remeasure
    from ecg.result import TruthSummary
    from featurize.arrays import BoolArray
    from featurize.index.build import Index
    from featurize.presets.load import Preset
    from featurize.table import TableInfo

# Warnings of so many pages are printed; the report has all.
_MOST_WARNINGS = 5

app = typer.Typer(name="pellucid", no_args_is_help=True, rich_markup_mode=None,
                  pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
                  help="Medical images become named measurements; measurements become explained predictions.")

Images = Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Folders, zip archives or npz files.")]
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="A table that `featurize` wrote, .parquet or .csv.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `classify` wrote.")]
Jobs = Annotated[int | None, typer.Option(help="Processes; default: one per processor.", min=1)]
Labels = Annotated[Path | None, typer.Option(help="CSV; its first column is the path of the file in IMAGES.")]
LabelColumn = Annotated[str | None, typer.Option(metavar="C[,C..]", help="Column(s) of the CSV with the label(s).")]
GroupColumn = Annotated[str | None, typer.Option(help="Column of the CSV that holds the patient.")]
GroupRegex = Annotated[str | None, typer.Option(help="Searched in the path; its first parenthesis is the patient.")]
SiteColumn = Annotated[str | None, typer.Option(help="Column of the CSV that holds the site.")]
PathColumn = Annotated[str | None, typer.Option(help="Column of the CSV that holds the path, if not the first.")]
MmPerPx = Annotated[float | None, typer.Option(help="Size of a pixel in millimetres.", min=0)]


# Exit code of `audit --against` where something drifted.
DRIFTED = 3
# What `classify` writes into a run folder and other commands could replace.
RUN_FILES = ("predictions.csv", "curves.csv", "suspects.csv", "words.csv", "report.html")


@contextmanager
def _told_when_stopped(line: str) -> Iterator[None]:
    """Ctrl-C ends a command with one true line and exit code 130."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise typer.Exit(_complain(str(stop) or line, 130)) from stop


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version
        try:
            _say(f"pellucid {version('pellucid')}")
        except PackageNotFoundError:
            _say("pellucid, not installed: the version stands in setup.cfg")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True,
                                                   help="Show the version and exit.")] = False) -> None:
    from featurize.runtime.semaphores import remove_lost_semaphores
    remove_lost_semaphores()


def _output(help: str) -> typer.models.OptionInfo:
    return typer.Option("-o", "--output", help=help)


@app.command(epilog="Example: pellucid explore cells/ -o explore.html --group-regex 'p(\\d+)_'")
@_told_when_stopped("stopped: nothing was written")
def explore(images: Images, output: Annotated[Path, _output("The page, explore.html.")], labels: Labels = None,
            label_column: LabelColumn = None, group_column: GroupColumn = None, group_regex: GroupRegex = None,
            site_column: SiteColumn = None, path_column: PathColumn = None) -> None:
    """What is in the folder, and what will go wrong with it."""
    from featurize.explore.page import explore as write
    from featurize.report.numbers import count
    from featurize.runtime.outputs import check_page
    check_page(output, [*images, labels])
    known = _index_options(labels, label_column, group_column, group_regex, site_column, path_column)
    index = _index(images, labels, label_column, group_column, group_regex, site_column, path_column)
    page = write(index, output, True, images, known)
    for warning in page.serious:
        _say(f"WARNING: {warning}")
    unreadable = f", {count(page.unreadable, 'file')} could not be read" if page.unreadable else ""
    _say(f"{count(page.images, 'image')}{unreadable}: {output}")
    if page.others:
        more = "more " if page.serious else ""
        _say(f"{count(page.others, f'{more}warning stands', f'{more}warnings stand')} on the page")


@app.command(epilog="Example: pellucid featurize films/ -o table.parquet --labels films.csv --label-column "
             "finding --group-column patient")
@_told_when_stopped("stopped: nothing was written")
def featurize(images: Images, output: Annotated[Path, _output("The table, .parquet or .csv.")],
              preset: Annotated[str, typer.Option(help="auto, cell, smear, tissue, xray or whole.")] = "auto",
              labels: Labels = None, label_column: LabelColumn = None, group_column: GroupColumn = None,
              group_regex: GroupRegex = None, site_column: SiteColumn = None, path_column: PathColumn = None,
              mm_per_px: MmPerPx = None,
              settings: Annotated[Path | None, typer.Option(help="TOML that replaces settings of the preset.")] = None,
              reuse: Annotated[Path | None, typer.Option(
                  metavar="OLD", help="An earlier table: images that it holds are not measured again. Without it the "
                  "table that stands at -o is used so.")] = None,
              fresh: Annotated[bool, typer.Option("--fresh", help="Measure every image again.")] = False,
              augment: Annotated[int, typer.Option(min=0, max=20, metavar="K", help="Changed copies of every training "
                                                   "image that are measured too, for models that meet other "
                                                   "laboratories; 0: one copy of a tenth.")] = 0,
              every_cell: Annotated[bool, typer.Option("--every-cell", help="A row for each white cell of an image, "
                                                       "not for the central one alone (preset cell).")] = False,
              masks: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Label images that take the place of "
                                                         "the segmenter, as `segment` writes them; preset whole: "
                                                         "any label a region.")] = None,
              jobs: Jobs = None, scheduler: Annotated[str | None, typer.Option(help="Dask, tcp://host:port.")] = None,
              shards: Annotated[str | None, typer.Option(metavar="URL", help="Where finished chunks are kept while the "
                                                         "run lasts, such as s3://bucket/prefix (extra s3); without "
                                                         "it beside -o.")] = None,
              strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a file was refused.")] = False) -> None:
    """Images become a table of named measurements."""
    from featurize.run import featurize as run
    from featurize.runtime.processes import default_jobs
    from featurize.runtime.progress import speed
    from featurize.runtime.shell import command_line
    from featurize.table import check_table_output
    check_table_output(output, [*images, labels, settings])
    if fresh and reuse:
        raise UserError("--fresh measures every image again and --reuse does not: give one of them")
    index = _index(images, labels, label_column, group_column, group_regex, site_column, path_column)
    chosen = _preset(preset, settings, index)
    known = _index_options(labels, label_column, group_column, group_regex, site_column, path_column)
    command = command_line("featurize", images, {**known, "--preset": chosen.name, "--mm-per-px": mm_per_px,
                                                 "--settings": settings, "--augment": augment or None,
                                                 "--every-cell": every_cell or None, "--masks": masks})
    earlier = None if fresh else reuse or (output if output.is_file() else None)
    jobs = jobs or default_jobs(len(index.frame))
    summary = run(index, chosen, output, jobs=jobs, scheduler=scheduler, mm_per_px=mm_per_px, progress=True,
                  command=command, reuse=earlier, augment=augment, every_cell=every_cell, masks=masks, shards=shards)
    measured = summary.rows + summary.errors - summary.resumed - summary.reused
    rate = f" ({speed(measured / summary.seconds)})" if measured else ""
    what = f"{summary.rows} cells of {summary.images} images" if every_cell else f"{summary.rows} images"
    _say(f"{what} measured in {summary.seconds:.1f} s{rate}: {output}")
    if summary.several:
        _say(f"{summary.several} of them hold further nuclei: the central cell of each was measured; --every-cell "
             "makes a row for each cell")
    if summary.reused:
        _say(f"{summary.reused} of them stood in {earlier}, measured in the same way, and were taken from there")
    elif reuse:
        _say(f"nothing was taken from {reuse}: {summary.not_reused or 'it holds none of these images'}")
    if summary.resumed:
        _say(f"{summary.resumed} of them were measured by an earlier run that was stopped")
    for line in summary.class_lines:
        _say(line)
    if summary.errors:
        _say(f"{summary.errors} files gave no row: {summary.errors_csv}")
    if summary.internal:
        _say(f"WARNING: {summary.internal} of them failed inside a measurement (reason 'internal'): please report them")
    if strict and summary.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: pellucid classify table.parquet -o run/")
@_told_when_stopped("stopped: nothing was written, and an earlier run folder is as it was")
def classify(table: Table, output: Annotated[Path, _output("The run folder, run/.")],
             task: Annotated[str, typer.Option(help="auto, binary, multiclass, ordinal or multilabel.")] = "auto",
             order: Annotated[str | None, typer.Option(metavar="A,B,C", help="Ordered stages, lowest first.")] = None,
             lineage: Annotated[str, typer.Option(metavar="F.toml", help="Branches of classes: a file, marrow or "
                                                  "blood.")] = "",
             costs: Annotated[str, typer.Option(metavar="F.csv", help="What wrong answers cost: rows are the true "
                                                "class, columns what it is called.")] = "",
             words: Annotated[str, typer.Option(metavar="F.csv", help="Words of experts about the images: the report "
                                                "says them of every image and class.")] = "",
             study: Annotated[str, typer.Option(metavar="F.toml", help="What only the authors know (docs/study.toml): "
                                                "for the pages and the reporting checklists.")] = "",
             model: Annotated[str, typer.Option(help="auto, xgboost, lightgbm or logistic.")] = "auto",
             calibration: Annotated[str, typer.Option(
                 help="auto, none, temperature, bias, isotonic or matrix.")] = "auto",
             folds: Annotated[int, typer.Option(min=2, help="Where the table has no split of its own.")] = 5,
             alpha: Annotated[float, typer.Option(help="Share of prediction sets that may miss the truth.")] = 0.05,
             device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
             seed: Annotated[int, typer.Option(help="Same seed, same model.")] = 0,
             names: Annotated[str | None, typer.Option(metavar="A=NAME,..", help="What the report calls the classes, "
                                                       "such as 0=normal,1=pneumonia.")] = None,
             balance: Annotated[str, typer.Option(help="What makes rare classes count: auto, weight, over, under, "
                                                  "none.")] = "auto",
             test_share: Annotated[float, typer.Option(help="Findings: share of images in a test part by patient; "
                                                       "0: folds.")] = 0.0,
             test_positives: Annotated[float, typer.Option(help="Findings: least share of the images with each finding "
                                                           "in it.")] = 0.0,
             tune: Annotated[int, typer.Option(metavar="N", help="Trials of other settings of the trees, inside the "
                                               "training rows of each fold (extra tune).")] = 0,
             drop_leaks: Annotated[bool, typer.Option("--drop-leaks", help="Images of a group in several parts of a "
                                                      "given split leave the training side.")] = False,
             sensitivity: Annotated[float, typer.Option(help="Two classes, findings: what the threshold "
                                                        "reaches.")] = 0.0,
             accept_error: Annotated[float | None, typer.Option(help="At most this share of errors without review; 0: "
                                                                "no promise. [default: 0.02 if it can be kept]",
                                                                show_default=False)] = None,
             log: Annotated[Path | None, typer.Option(metavar="F.csv", help="Learning curves, written after every "
                                                      "fold.")] = None,
             tensorboard: Annotated[Path | None, typer.Option(metavar="DIR", help="The same for TensorBoard (extra "
                                                              "tensorboard).")] = None,
             scheduler: Annotated[str | None, typer.Option(help="Dask, tcp://host:port: its workers fit the folds.")]
             = None) -> None:
    """A table becomes a validated, calibrated, explained model and its report.

    A run that was stopped goes on at the fold it was in when the same command comes again.
    """
    from classify.findings.train import train_table
    from classify.runtime.watch import Watch
    from classify.settings import TrainSettings
    from featurize.runtime.progress import stages
    settings = TrainSettings(task=task, order=_names(order), lineage=lineage, costs=costs, words=words, study=study,
                             model=model, calibration=calibration, folds=folds, alpha=alpha, device=device, seed=seed,
                             names=_pairs(names), balance=balance, test_share=test_share,
                             test_positives=test_positives, tune=tune, drop_leaks=drop_leaks, sensitivity=sensitivity,
                             accept_error=accept_error)
    with stages(shown=True) as progress:
        result = train_table(table, output, settings, progress, Watch(log, tensorboard, _say, scheduler))
    for warning in result.terminal_warnings:
        _say(f"WARNING: {warning}")
    _say(result.sentence)
    _say(f"report: {output / 'report.html'}")


@app.command(epilog="Example: pellucid predict run/ new_cells/ -o predictions.csv")
@_told_when_stopped("stopped: nothing was written")
def predict(run: Run, images: Annotated[list[Path], typer.Argument(metavar="IMAGES|TABLE", help="Images or a table.")],
            output: Annotated[Path, _output("The predictions, predictions.csv; with --detect a folder of its own.")],
            explain: Annotated[bool, typer.Option("--explain", help="Add the features that decided.")] = False,
            adapt: Annotated[bool, typer.Option("--adapt", help="Shift the measurements of another laboratory "
                                                "(50 images or more) to those of the training images.")] = False,
            device: Annotated[str, typer.Option(help="cpu or cuda, for models of xgboost.")] = "cpu",
            detect: Annotated[bool, typer.Option("--detect", help="IMAGES are whole fields: find their cells and name "
                                                 "every white one.")] = False,
            words: Annotated[bool, typer.Option("--words", help="Add the words of experts, if the run was trained with "
                                                "words.")] = False,
            group_regex: GroupRegex = None, jobs: Jobs = None) -> None:
    """A saved model predicts on new images, on a table, or on the white cells of whole fields."""
    if detect:
        _name_cells(run, images, output, explain, adapt, device, words, group_regex, jobs)
        return
    if group_regex:
        raise UserError("--group-regex was given without --detect: predictions of single images need no groups")
    from classify.findings.predict import load_predictor
    from featurize.runtime.files import write_csv
    from featurize.runtime.outputs import check_output, check_replaceable_file, errors_path, is_predictions
    from featurize.table import TABLE_SUFFIXES, read_table
    check_output(output, (".csv",), [*images, *_files_of(run)], [errors_path(output)])
    check_replaceable_file(output, is_predictions)
    bundle, apply = load_predictor(run, device, words)
    if len(images) == 1 and images[0].suffix.lower() in TABLE_SUFFIXES:
        frame, info = read_table(images[0])
    else:
        frame, info = _measure(images, bundle, output, jobs)
    predicted = apply(frame, info, explain, str(images[0]), adapt)
    write_csv(predicted, output)
    _say(f"{_predicted_line(predicted, 'images')}: {output}")
    _tell_predictions(predicted, adapt)


def _predicted_line(predicted: "DataFrame", what: str) -> str:
    """How many were predicted, and how many a person should look at, and why."""
    from classify.review import reasons_line
    why = reasons_line(predicted["review_reason"])
    return (f"{len(predicted)} {what} predicted, {int(predicted['review'].sum())} for review"
            f"{f' ({why})' if why else ''}")


def _name_cells(run: Path, fields: list[Path], output: Path, explain: bool, adapt: bool, device: str, words: bool,
                group_regex: str | None, jobs: int | None) -> None:
    """`predict --detect`."""
    from classify.fields.differential import as_lines
    from classify.fields.run import DIFFERENTIAL, NAMED, PREDICTIONS, name_cells
    from classify.findings.bundle import is_findings_model
    from classify.findings.predict import load_predictor
    if output.suffix.lower() == ".csv":
        raise UserError(f"-o {output} was given, and --detect fills a folder: -o named/")
    if is_findings_model(run):
        raise UserError(f"{run} tells several findings of an image, and --detect gives each white cell one name: give "
                        "a run folder with one label an image")
    bundle, apply = load_predictor(run, device, words)
    result = name_cells(bundle, apply, fields, output, jobs=jobs, group_regex=group_regex, explain=explain,
                        adapt=adapt, progress=True)
    _say(f"{_predicted_line(result.predicted, f'white cells of {result.found.fields} fields')}: "
         f"{output / PREDICTIONS}")
    for line in as_lines(result.differential):
        _say(line)
    if result.found.errors:
        _say(f"{result.found.errors} files gave nothing: {result.found.errors_csv}")
    _tell_predictions(result.predicted, adapt)
    _say(f"differential: {output / DIFFERENTIAL}")
    _say(f"fields with names: {output / NAMED}")


def _tell_predictions(predicted: "DataFrame", adapt: bool) -> None:
    """What a reader should know before the predictions."""
    from classify.review import batch_line, together_line
    from classify.uncertainty.known_images import known_line
    if adapt:
        _say("adapted: the measurements were shifted by what these images differ from the training images on average; "
             "other images with them would give other predictions")
    known = predicted["trained_on"].to_numpy()
    if known.any():
        _say(f"WARNING: {known_line(int(known.sum()), len(known))} Their predictions say nothing about new images: see "
             "the column trained_on.")
    for line in (batch_line(predicted.loc[~known, "novelty"].to_numpy()), together_line(predicted["review_reason"])):
        if line:
            _say(f"WARNING: {line}")


@app.command(epilog="Example: pellucid audit run/ other_hospital.parquet -o audit.html")
@_told_when_stopped("stopped: nothing was written")
def audit(run: Annotated[Path, typer.Argument(metavar="[RUN]", help="The folder that `classify` wrote; with --against "
                                              "it may be left out.")],
          table: Annotated[Path | None, typer.Argument(metavar="TABLE", help="A table that `featurize` wrote, .parquet "
                                                       "or .csv.", show_default=False)] = None,
          output: Annotated[Path | None, _output(
              "audit.html, its numbers as .json, or a row an image (of several findings: a row a finding) as .csv; "
              "with --against or --baseline it may be left out.")] = None,
          sweep: Annotated[list[Path] | None, typer.Option(
              metavar="IMAGES", help="The images of the table: some of them are blurred, compressed, stained ... at "
              "five strengths and measured again.")] = None,
          sweep_images: Annotated[int, typer.Option(metavar="N", min=1, help="With --sweep: so many images, evenly by "
                                                    "class.")] = 200,
          maps: Annotated[list[Path] | None, typer.Option(
              metavar="IMAGES", help="The images of the table: what decided is drawn on some of them, where it was "
              "measured, and tested by hiding it.")] = None,
          maps_n: Annotated[int, typer.Option(metavar="N", min=1, help="With --maps: so many images, evenly by "
                                              "class.")] = 12,
          parts: Annotated[list[Path] | None, typer.Option(
              metavar="IMAGES", help="The images of the table: does the background alone, or the rim, tell the label?"
              )] = None,
          subgroups: Annotated[str | None, typer.Option(metavar="C[,C..]", help="Columns of --labels to compare, such "
                                                        "as age,sex,view, and their pairs.")] = None,
          fit_labels: Annotated[str | None, typer.Option(metavar="N[,N..]", help="What so many labelled images from "
                                                         "there would bring, such as 5,10,25,50,100.")] = None,
          fitted: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write the model, fitted to there by all "
                                                      "labelled images.")] = None,
          baseline: Annotated[Path | None, typer.Option(metavar="F.json", help="Write a baseline of the table, for "
                                                        "--against.")] = None,
          against: Annotated[Path | None, typer.Option(metavar="F.json", help="Has something drifted since this "
                                                       "baseline? Exit 3 if so.")] = None,
          alarm_rate: Annotated[float | None, typer.Option(
              metavar="SHARE", help="With --against: share of comparisons that may give a false alarm. "
              "[default: 0.01]", show_default=False)] = None,
          study: Annotated[Path | None, typer.Option(metavar="F.toml", help="What only the authors know "
                                                     "(docs/study.toml); else that of the run.")] = None,
          supplement: Annotated[Path | None, typer.Option(
              metavar="FILE", help="Reporting guidelines, filled in: .html, .csv, or .docx (extra docx).")] = None,
          labels: Labels = None, path_column: PathColumn = None, jobs: Jobs = None) -> None:
    """A labelled table from elsewhere: shift, calibration, subgroups; or new images against a baseline.

    A sweep or maps that were stopped go on where they were when the same command comes again.
    """
    from classify.audit.export import lines_of_task
    from classify.audit.fitted_model import check_fitted
    from classify.audit.labels_section import lines as gain_lines
    from classify.audit.run import audit as write
    from classify.audit.shortcuts.parts_evidence import IMAGES as PARTS_IMAGES
    from classify.audit.subgroups import columns_of_sheet
    from classify.audit.warnings import warnings
    from classify.crosswalk.export import check_supplement
    from classify.crosswalk.study import read_study
    from classify.findings.audit_run import Asked
    from classify.findings.bundle import is_findings_model
    from classify.findings.tables import table_for
    from featurize.runtime.outputs import check_page_or_data
    from featurize.table import read_perturbed, read_table
    run, table, watch = _watched(run, table, output, baseline, against, alarm_rate)
    if output:
        check_page_or_data(output, [table, labels, against, baseline, *_files_of(run), *(sweep or []), *(maps or []),
                                    *(parts or [])])
    if bool(labels) != bool(subgroups):
        raise UserError("--labels and --subgroups go together: --labels patients.csv --subgroups age,sex")
    for option, images in (("--sweep", sweep), ("--maps", maps), ("--parts", parts)):
        if images and output and output.suffix.lower() == ".csv":
            raise UserError(f"-o {output} was given with {option}, which has no row for each image: give -o audit.html "
                            "or -o audit.json")
    of_page = {"--sweep": sweep, "--maps": maps, "--parts": parts, "--subgroups": labels, "--fit-labels": fit_labels,
               "--fitted": fitted, "--study": study, "--supplement": supplement}
    if not output and any(of_page.values()):
        raise UserError(f"{next(name for name, value in of_page.items() if value)} was given without -o: give "
                        "-o audit.html")
    several = is_findings_model(run)
    counts = _counts(fit_labels)
    if fitted:
        check_fitted(fitted, run, several)
    if study:
        read_study(study)
    if supplement:
        check_supplement(supplement, [table, labels, study, output, against, baseline, *_files_of(run)])
    frame, info = read_table(table)
    columns = columns_of_sheet(labels, _names(subgroups), frame, path_column) if labels else None
    swept, mapped, in_parts = (_remeasure(images, most, jobs) for images, most in
                               ((sweep, sweep_images), (maps, maps_n), (parts, PARTS_IMAGES)))
    if several:
        asked = Asked(watch, study, supplement, mapped, swept, in_parts, columns, counts, fitted)
        _audit_findings(run, table, frame, info, output, asked)
        return
    found = write(run, frame, info, output, table_for, swept, read_perturbed(table, info), columns, counts,
                  fitted, watch, study, supplement, mapped, in_parts)
    if output:
        _warn(warnings(found))
    if found.judged and output:
        scores = found.judged.metrics
        _say(f"{scores['n']} labelled images: accuracy {scores['accuracy']:.3f}, balanced accuracy "
             f"{scores['balanced_accuracy']:.3f}")
        for line in lines_of_task(scores):
            _say(line)
    for line in gain_lines(found.gains):
        _say(line)
    if fitted:
        _say(f"model fitted to there: {fitted}")
    if found.sweep:
        from classify.sweep.sentences import lines
        for line in lines(found.sweep):
            _say(line)
    if found.maps:
        from classify.maps.sentences import lines as map_lines
        for line in map_lines(found.maps):
            _say(line)
    for written in (output, supplement, baseline):
        if written:
            _say(f"written: {written}")
    _say_of_monitoring(bool(baseline), found.trained_on, found.drift, info)


def _watched(run: Path, table: Path | None, output: Path | None, baseline: Path | None, against: Path | None,
             rate: float | None) -> "tuple[Path, Path, Watch]":
    """Run, table and what is watched; with --against a single path is the table, and the baseline names the run."""
    from classify.audit.watch import RATE, Watch
    from classify.monitor.baseline import is_baseline, read_baseline
    from classify.monitor.compare import check_rate
    from featurize.runtime.outputs import check_output, check_replaceable_file
    if rate is not None and not against:
        raise UserError("--alarm-rate was given without --against: give --against baseline.json")
    if not (output or baseline or against):
        raise UserError("no output was named: give -o audit.html, --baseline baseline.json or --against baseline.json")
    chosen = RATE if rate is None else rate
    check_rate(chosen)
    known = read_baseline(against) if against else None
    if table is None:
        if known is None:
            raise UserError(f"{run} was given, a run folder and a table were wanted: audit RUN TABLE -o audit.html")
        run, table = Path(known.model.path), run
        if not run.is_dir():
            raise UserError(f"the model of {against} is not at {run}: name its run, audit RUN {table} --against "
                            f"{against}")
    if baseline:
        check_output(baseline, (".json",), [table, against, *_files_of(run)], option="--baseline")
        check_replaceable_file(baseline, is_baseline, option="--baseline")
    return run, table, Watch(baseline, known, chosen)


def _remeasure(images: list[Path] | None, most: int, jobs: int | None) -> "Remeasure | None":
    """Which images an audit measures again; None where none were given."""
    from classify.sweep.choose import Remeasure
    from featurize.runtime.processes import processors
    if not images:
        return None
    index = _index(images, None, None, None, None, None)
    return Remeasure(index, most, jobs or processors(), progress=True)


def _audit_findings(run: Path, table: Path, frame: "DataFrame", info: "TableInfo", output: Path | None,
                    asked: "Asked") -> None:
    from classify.findings.audit import known_images
    from classify.findings.audit_page import summary_lines, warnings
    from classify.findings.audit_run import audit_findings
    found = audit_findings(run, table, frame, info, output, asked)
    if output:
        _warn(warnings(found))
        for line in summary_lines(found):
            _say(line)
    for name, gains in found.gains.items():
        from classify.audit.labels_section import lines as gain_lines
        for line in gain_lines(gains):
            _say(f"{name}: {line}")
    if asked.fitted:
        kept = (f"; those of {', '.join(found.kept_home)} stay as they are (too few labels, or isotonic calibration)"
                if found.kept_home else "")
        _say(f"models fitted to there: {asked.fitted}{kept}")
    for name, swept in found.sweeps.items():
        from classify.sweep.sentences import lines as sweep_lines
        for line in sweep_lines(swept):
            _say(f"{name}: {line}" if line.startswith("sweep") else line)
    for name, maps in found.maps.items():
        from classify.maps.sentences import lines as map_lines
        for line in map_lines(maps):
            _say(f"{name}: {line}" if line.startswith("maps") else line)
    for written in (output, asked.supplement, asked.watch.write):
        if written:
            _say(f"written: {written}")
    _say_of_monitoring(bool(asked.watch.write), known_images(found), found.drift, found.info)


def _say_of_monitoring(baseline: bool, known: "BoolArray", drift: "Drift | None", info: "TableInfo") -> None:
    """What a baseline lacks, and whether something drifted; an alarm ends with its own exit code."""
    from classify.monitor.compare import has_answers
    from classify.monitor.sentences import lines, without_answers
    if baseline and not has_answers(known):
        _say(f"WARNING: {without_answers(int(known.sum()))}")
    if drift:
        for line in lines(drift, str(info.preset.get("name", ""))):
            _say(line)
        if drift.alarm:
            raise typer.Exit(DRIFTED)


@app.command(epilog="Example: pellucid similar table.parquet cell.png -o similar.html")
@_told_when_stopped("stopped: nothing was written")
def similar(table: Table,
            images: Annotated[list[Path] | None, typer.Argument(metavar="IMAGE", help="Images or folders of images; "
                                                                "none with --map alone.")] = None,
            output: Annotated[Path | None, _output("similar.html, the same as .json, or a row a neighbor as "
                                                   ".csv.")] = None,
            k: Annotated[int, typer.Option("-k", help="Most neighbors of an image.", min=1)] = 12,
            metric: Annotated[str, typer.Option(help="measurements: all count alike; classes: what tells the labels of "
                                                "the table apart.")] = "measurements",
            by: Annotated[str, typer.Option(metavar="NAME", help="Compare one region or family only, such as "
                                            "nucleus.")] = "",
            index: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keep an index of a table of 50,000 rows "
                                                       "or more there (extra index).")] = None,
            map_page: Annotated[Path | None, typer.Option("--map", metavar="F.html", help="A map of the table, with "
                                                          "the images on it.")] = None,
            projection: Annotated[str, typer.Option(help="Of the map: pca or umap (extra umap).")] = "pca",
            jobs: Jobs = None) -> None:
    """The measured images nearest to one or to several, and a map of the table."""
    from featurize.runtime.outputs import check_page, check_page_or_data
    from featurize.table import read_table
    images = images or []
    if bool(images) != bool(output) or not (images or map_page):
        raise UserError("an image and -o go together: similar TABLE cell.png -o similar.html; a map needs neither: "
                        "similar TABLE --map map.html")
    if output:
        check_page_or_data(output, [table, *images])
    if map_page:
        check_page(map_page, [table, *images], "--map")
        if output and map_page.resolve() == output.resolve():
            raise UserError(f"-o and --map both name {output}: give each a file of its own")
    frame, info = read_table(table)
    rows, row_info = _measure_alike(images, table, info, jobs) if images else (None, None)
    if output and rows is not None:
        from classify.similar.run import similar_to_several
        from classify.similar.warnings import warnings
        found = similar_to_several(frame, info, rows, output, k, row_info, metric, by, index)
        if len(found.images) == 1:
            _warn(warnings(found.images[0]))
        if found.nothing_found:
            _say(f"WARNING: nothing was found in {len(found.nothing_found)} images, which are left out: "
                 f"{', '.join(found.nothing_found[:_MOST_WARNINGS])}")
        if index and found.images[0].recall is not None:
            _say(f"index: {index} (it finds {found.images[0].recall:.1%} of the ten nearest images)")
        elif index:
            _say(f"the table has {len(frame)} rows: it was searched exactly, without an index")
        _say(f"written: {output}")
    if map_page:
        from classify.similar.map import table_map
        from classify.similar.map_page import write_map
        write_map(map_page, table_map(frame, info, rows, projection, by), info, row_info)
        _say(f"written: {map_page}")


def _measure_alike(images: list[Path], table: Path, info: "TableInfo", jobs: int | None
                   ) -> "tuple[DataFrame, TableInfo]":
    """Images, measured as those of a table were."""
    from featurize.presets.load import preset_from_dict
    from featurize.run import measure_index
    from featurize.runtime.processes import default_jobs
    index = _index(images, None, None, None, None, None)
    rows, row_info, errors = measure_index(index, preset_from_dict(info.preset, f"the table {table}"),
                                           jobs=jobs or default_jobs(len(index.frame)), mm_per_px=info.mm_per_px)
    for path, error in zip(errors["path"], errors["error"]):
        _say(f"WARNING: {path} is left out: {error}")
    return rows, row_info


@app.command(epilog="Example: pellucid export run/ -o model.onnx")
@_told_when_stopped("stopped: nothing was written")
def export(run: Run, output: Annotated[Path, _output("The model, model.onnx.")]) -> None:
    """A saved model as ONNX, for other programs: trees, linear part and calibration in one file."""
    from classify.export.run import export as write
    from featurize.runtime.outputs import check_output, check_replaceable_file, is_onnx
    check_output(output, (".onnx",), _files_of(run))
    check_replaceable_file(output, is_onnx)
    written = write(run, output)
    if written.difference is None:
        _say("WARNING: onnxruntime is not installed, so the file was not compared with the model: pip install "
             "'pellucid[onnx]'")
    else:
        _say(f"{written.rows} made rows through the file and the model: probabilities differ by "
             f"{written.difference:.1g} at most")
    _say(f"{len(written.columns)} measurements to the probabilities of {', '.join(written.classes)}: {output}")


@app.command(epilog="Example: pellucid detect smears/ -o cells/")
@_told_when_stopped("stopped: what was found so far is kept in the output folder; the same command again does the rest")
def detect(fields: Annotated[list[Path], typer.Argument(metavar="FIELDS", help="Folders or files: whole fields of "
                                                        "stained blood smears.")],
           output: Annotated[Path, _output("A folder of its own for boxes.csv, coco.json, detect.html, masks, overlays "
                                           "and crops.")],
           jobs: Jobs = None,
           strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a file was refused.")] = False) -> None:
    """White cells, red cells and platelets in whole fields.

    Sizes are in red-cell diameters of the same field. The crops of white cells are ready for `featurize`.
    """
    from featurize.detect.run import detect_fields
    summary = detect_fields(fields, output, jobs=jobs, progress=True)
    counts = summary.counts
    _say(f"{summary.fields} {'field' if summary.fields == 1 else 'fields'} in {summary.seconds:.1f} s: "
         f"{counts['white']} white cells, {counts['red']} red cells, {counts['platelet']} platelets")
    if summary.resumed:
        _say(f"{summary.resumed} of the fields were measured by an earlier run")
    if summary.errors:
        _say(f"{summary.errors} files gave nothing: {summary.errors_csv}")
    for line in summary.warnings:
        _say(f"WARNING: {line}")
    _say(f"boxes: {output / 'boxes.csv'}")
    _say(f"page: {output / 'detect.html'}")
    if strict and summary.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: pellucid segment cells/ -o masks/ --preset cell")
@_told_when_stopped("stopped: the masks that are finished stay in the output folder")
def segment(images: Images, output: Annotated[Path, _output("A folder of its own for label images, outlines and "
                                                            "masks.csv.")],
            preset: Annotated[str, typer.Option(help="auto, cell, smear, tissue or xray.")] = "auto",
            imagej: Annotated[bool, typer.Option("--imagej", help="Outlines for ImageJ's ROI Manager too, .roi.zip "
                                                 "(extra imagej).")] = False,
            jobs: Jobs = None,
            strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a file was refused.")] = False) -> None:
    """What featurize measures, as label images (PNG) and outlines (GeoJSON)."""
    from featurize.masks.run import LIST, segment_images
    from featurize.runtime.processes import default_jobs
    index = _index(images, None, None, None, None, None)
    summary = segment_images(index, _preset(preset, None, index), output, jobs=jobs or default_jobs(len(index.frame)),
                             progress=True, imagej=imagej)
    _say(f"{summary.images} images segmented: {output / LIST}")
    for line in summary.warnings[:_MOST_WARNINGS]:
        _say(f"WARNING: {line}")
    if summary.empty:
        _say(f"WARNING: nothing was found in {summary.empty} of them: their label images are empty")
    if summary.errors:
        _say(f"{summary.errors} files gave nothing: {summary.errors_csv}")
    if strict and summary.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: pellucid ecg pages/ -o out/")
@_told_when_stopped("stopped: what was read so far is kept in the output folder; the same command again reads the rest")
def ecg(pages: Annotated[list[Path], typer.Argument(metavar="PAGES|SIGNALS", help="Folders or files: ECG pages, csv "
                                                    "signals, WFDB, aECG, MUSE, Philips, SCP-ECG, EDF or DICOM.")],
        output: Annotated[Path, _output("The folder for signals, overlays and the report.")],
        fs: Annotated[float, typer.Option(help="Samples a second, of the signals written and of csv read.")] = 500.0,
        layout: Annotated[str, typer.Option(help="auto, or 3x4+1, 3x4, 6x2, 12x1, 3x1, ...")] = "auto",
        gain: Annotated[float | None, typer.Option(help="mm/mV of all pages, as you know it.")] = None,
        speed: Annotated[float | None, typer.Option(help="mm/s of all pages, as you know it.")] = None,
        delineator: Annotated[str, typer.Option(help="What finds P, QRS and T: pellucid or neurokit2.")] = "pellucid",
        corners: Annotated[Path | None, typer.Option(help="CSV: page, x, y, four rows a page: corners of the paper in "
                                                     "the file, px.")] = None,
        to: Annotated[str, typer.Option(help="Formats in which signals are written as well, in OUT/to_<format>: "
                                        "wfdb,edf,npz,fhir,dicom.")] = "",
        limit_s: Annotated[float | None, typer.Option(help="Seconds that one file may take; what takes longer is a row "
                                                      "of errors.csv.")] = None,
        limit_mb: Annotated[float | None, typer.Option(help="MB that one file may take (Linux).")] = None,
        points: Annotated[Path | None, typer.Option(help="CSV: page, lead, x, y, action (pin, cut, rename, "
                                                    "corner, gain, speed, grid); editor.html makes it.")] = None,
        truth: Annotated[Path | None, typer.Option(help="Folder of csv files with true signals at --fs, called as the "
                                                   "pages: dB of each lead.")] = None,
        labels: Annotated[Path | None, typer.Option(help="CSV, first column the file, for rhythm.parquet.")] = None,
        path_column: PathColumn = None,
        label_column: Annotated[str, typer.Option(help="Its column with the label, or several findings: A,B,C.")] = "",
        group_column: Annotated[str | None, typer.Option(help="Its column that names the patient.")] = None,
        jobs: Jobs = None,
        scheduler: Annotated[str | None, typer.Option(help="Dask, tcp://host:port: its workers digitize.")] = None,
        strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a file was refused.")] = False) -> None:
    """ECG pages become waveforms; waveforms become beats and a row of rhythm for `classify`.

    The output is a folder of its own, not that of the pages.
    """
    from ecg.run import DigitizeSettings, digitize_pages
    from featurize.runtime.limits import Limits
    from featurize.runtime.processes import processors
    settings = DigitizeSettings(fs_hz=fs, layout=layout, mm_per_mv=gain, mm_per_s=speed, delineator=delineator)
    summary = digitize_pages(pages, output, settings, jobs=jobs or processors(), points=points, labels=labels,
                             group_column=group_column,
                             path_column=path_column, truth=truth, limits=Limits(limit_s, limit_mb), progress=True,
                             to=_names(to), corners=corners, scheduler=scheduler,
                             label_columns=[name.strip() for name in label_column.split(",") if name.strip()])
    what = "page or record" if summary.pages == 1 else "pages and records"
    _say(f"{summary.pages} {what} read in {summary.seconds:.1f} s: {output}")
    if summary.resumed:
        _say(f"{summary.resumed} of them were read by an earlier run")
    if summary.errors:
        _say(f"{summary.errors} files gave nothing: {summary.errors_csv}")
    for line in summary.warnings[:_MOST_WARNINGS]:
        _say(f"WARNING: {line}")
    if len(summary.warnings) > _MOST_WARNINGS:
        _say(f"WARNING: {len(summary.warnings) - _MOST_WARNINGS} more pages or records have warnings: see the report")
    if summary.review:
        _say(f"{summary.review} of them for review: look at their overlays (review_reason in their json)")
    if summary.truth:
        _say_truth(summary.truth)
    _say(f"rhythm: {output / 'rhythm.parquet'}")
    _say(f"report: {output / 'report.html'}")
    if (output / "editor.html").exists():
        _say(f"corrections by hand: {output / 'editor.html'}")
    if strict and summary.errors:
        raise typer.Exit(1)


def _say_truth(truth: "TruthSummary") -> None:
    from ecg.simulate.score import LARGEST_RATIO, decibels
    left_out = f", {truth.left_out} could not be compared" if truth.left_out else ""
    scores = f": {truth.mean_db:.2f} dB on average, lowest {truth.lowest_db:.2f} dB ({truth.lowest_path}), at most " \
        f"{decibels([LARGEST_RATIO]):.2f} dB can be shown" if truth.pages else ""
    _say(f"true signals: {truth.pages} {'page' if truth.pages == 1 else 'pages'} compared{scores}{left_out}; "
         f"{truth.csv}")


@app.command(epilog="Example: pellucid serve run/")
@_told_when_stopped("stopped")
def serve(run: Run,
          host: Annotated[str, typer.Option(help="Where it listens; others than this machine need a token.")] =
          "127.0.0.1",
          port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free.")] = 8765,
          token_file: Annotated[Path | None, typer.Option(metavar="F", help="A file with a line that callers must send "
                                                          "as Authorization: Bearer.")] = None,
          table: Annotated[Path | None, typer.Option(metavar="TABLE", help="Show the nearest cases of this table with "
                                                     "their pictures.")] = None,
          limit_s: Annotated[float, typer.Option(min=0.1, help="Seconds that one image may take.")] = 30.0,
          limit_mb: Annotated[float, typer.Option(min=1, help="MB of memory that it may take (Linux).")] = 2000.0,
          most_mb: Annotated[float, typer.Option(min=0.001, help="Size of an image file, MB.")] = 32.0,
          rate: Annotated[int, typer.Option(min=1, help="Images a minute from one address.")] = 1200,
          jobs: Jobs = None) -> None:
    """A saved model over HTTP, and a page on which a person drops an image (extra serve).

    It listens to this machine only unless --host names another address. Nothing that is sent is kept.
    """
    try:
        from classify.serve.run import serve as start
    except ModuleNotFoundError as error:
        raise UserError(f"`serve` needs the package {error.name}: pip install 'pellucid[serve]'") from error
    from classify.serve.settings import ServeSettings, read_token
    from featurize.runtime.processes import processors
    settings = ServeSettings(run, host, port, read_token(token_file) if token_file else None, jobs or processors(),
                             table, limit_s, limit_mb, most_mb, rate=rate)
    start(settings, lambda address: _say(f"serving {run}: {address} (Ctrl-C ends it)"))


@app.command(epilog="Example: pellucid demo images -o demo/")
@_told_when_stopped("stopped: the demo is not whole; the same command again makes it anew")
def demo(what: Annotated[str, typer.Argument(metavar="[images|ecg|all]")] = "images",
         output: Annotated[Path, _output("A new folder, demo/.")] = Path("demo")) -> None:
    """Everything at once on images that are drawn here: no network, about a minute."""
    if what not in ("images", "ecg", "all"):
        raise UserError(f"there is no demo called {what!r}: choose images, ecg or all")
    if what in ("images", "all"):
        _demo_images(output)
    if what in ("ecg", "all"):
        _demo_ecg(output)


def _demo_ecg(output: Path) -> None:
    from ecg.simulate.demo import write_pages
    start = time.perf_counter()
    pages = write_pages(output)
    _say(f"pages drawn: {pages}")
    ecg([pages], output / "signals")
    _say(f"done in {time.perf_counter() - start:.0f} s; open {output / 'signals' / 'report.html'}")


def _demo_images(output: Path) -> None:
    from featurize.simulate.demo import GROUP_REGEX, write_images
    start = time.perf_counter()
    folders = write_images(output)
    _say(f"images drawn: {folders.home} and, of another laboratory, {folders.abroad}")
    for place in (folders.home, folders.abroad):
        featurize([place], output / f"{place.name}.parquet", group_regex=GROUP_REGEX)
    explore([folders.home], output / "explore.html", group_regex=GROUP_REGEX)
    classify(output / "home.parquet", output / "run")
    predict(output / "run", [output / "abroad.parquet"], output / "predictions.csv")
    audit(output / "run", output / "abroad.parquet", output / "audit.html")
    _say(f"done in {time.perf_counter() - start:.0f} s; open {output / 'run' / 'report.html'}")


def _measure(images: list[Path], bundle: "Bundle", output: Path, jobs: int | None) -> "tuple[DataFrame, TableInfo]":
    """New images, measured as the model's training images were."""
    from featurize.presets.load import preset_from_dict
    from featurize.run import measure_index
    from featurize.runtime.outputs import check_replaceable_file, errors_path, is_errors, write_errors
    from featurize.runtime.processes import default_jobs
    check_replaceable_file(errors_path(output), is_errors)
    index = _index(images, None, None, None, None, None)
    frame, info, errors = measure_index(index, preset_from_dict(bundle.preset, "the model"), progress=True,
                                        jobs=jobs or default_jobs(len(index.frame)), mm_per_px=bundle.mm_per_px)
    errors_csv = write_errors(errors, errors_path(output))
    if errors_csv:
        _say(f"{len(errors)} files gave no row: {errors_csv}")
    return frame, info


def _index(images: list[Path], labels: Path | None, label_column: str | None, group_column: str | None,
           group_regex: str | None, site_column: str | None, path_column: str | None = None) -> "Index":
    from featurize.index.build import build_index
    index = build_index(images, labels=labels, label_columns=_names(label_column), group_column=group_column,
                        group_regex=group_regex, site_column=site_column, path_column=path_column)
    for warning in index.warnings:
        _say(f"WARNING: {warning}")
    return index


def _index_options(labels: Path | None, label_column: str | None, group_column: str | None, group_regex: str | None,
                   site_column: str | None, path_column: str | None) -> dict[str, Path | str | None]:
    """The options that say what is known about the images, as they were given."""
    return {"--labels": labels, "--label-column": label_column, "--group-column": group_column,
            "--group-regex": group_regex, "--site-column": site_column, "--path-column": path_column}


def _preset(name: str, settings: Path | None, index: "Index") -> "Preset":
    """The preset by name, or by a look at a few images of the index."""
    from featurize.presets.load import load_preset
    if name == "auto":
        from featurize.presets.choose import choose_preset, sample_pictures
        name, reason = choose_preset(sample_pictures(index))
        _say(f"preset {name} ({reason})")
    return load_preset(name, settings)


def _names(listed: str | None) -> tuple[str, ...]:
    """The parts of "A,B,C"."""
    return tuple(name.strip() for name in listed.split(",")) if listed else ()


def _counts(listed: str | None) -> tuple[int, ...]:
    """The numbers of "5,10,25"."""
    names = _names(listed)
    if not all(name.isdecimal() and int(name) > 0 for name in names):
        raise UserError(f"--fit-labels {listed}: numbers of labels are wanted, such as 5,10,25,50,100")
    return tuple(map(int, names))


def _pairs(listed: str | None) -> dict[str, str]:
    """The parts of "0=normal,1=pneumonia"."""
    pairs = [part.partition("=") for part in _names(listed)]
    wrong = next(("".join(pair) for pair in pairs if not (pair[0].strip() and pair[1] and pair[2].strip())), None)
    if wrong is not None:
        raise UserError(f"--names {listed} was given ({wrong!r} is no label=name), label=name was wanted: "
                        "--names 0=normal,1=pneumonia")
    labels = [label.strip() for label, _, _ in pairs]
    if len(set(labels)) < len(labels):
        raise UserError(f"--names {listed} names a class twice: give each class one name")
    return {label: name.strip() for label, (_, _, name) in zip(labels, pairs)}


def _files_of(run: Path) -> list[Path]:
    """The files of a run folder that a result could replace."""
    return [run / name for name in RUN_FILES]


def _say(line: str) -> None:
    typer.echo(line)


def _warn(warnings: Sequence[Mapping[str, str]]) -> None:
    """The warnings of a page, which nobody may overlook."""
    for warning in warnings:
        _say(f"WARNING: {warning['text']} {warning['advice']}".rstrip())


def main() -> None:
    """The console command: user errors are one line and exit code 2."""
    # Read when numpy is first imported. The matrices here are small: threads that wait for each other made `classify`
    # three times slower on two busy processors, and trees bring threads of their own.
    for library in ("OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        app()
    except UserError as error:
        sys.exit(_complain(f"error: {error}", 2))
    except KeyboardInterrupt:
        sys.exit(_complain("stopped before anything was done", 130))


def _complain(line: str, code: int) -> int:
    # Names of files may hold bytes that are not text.
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
