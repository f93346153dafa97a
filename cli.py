"""The command line: parses, calls one function, prints. Heavy imports stand inside the commands: --help is quick."""
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurize.errors import UserError

if TYPE_CHECKING:
    from pandas import DataFrame

    from classify.bundle import Bundle
    from featurize.index.build import Index
    from featurize.presets.load import Preset
    from featurize.table import TableInfo

app = typer.Typer(name="pellucid", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
                  pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
                  help="Medical images become named measurements; measurements become explained predictions.")

Images = Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Folders, zip archives or npz files.")]
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="A table.parquet that `featurize` wrote.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `classify` wrote.")]
Jobs = Annotated[int | None, typer.Option(help="Processes; default: one per processor.", min=1)]
Labels = Annotated[Path | None, typer.Option(help="CSV; its first column is the path of the file in IMAGES.")]
LabelColumn = Annotated[str | None, typer.Option(metavar="C[,C..]", help="Column(s) of the CSV with the label(s).")]
GroupColumn = Annotated[str | None, typer.Option(help="Column of the CSV that holds the patient.")]
GroupRegex = Annotated[str | None, typer.Option(help="Searched in the path; its first parenthesis is the patient.")]
SiteColumn = Annotated[str | None, typer.Option(help="Column of the CSV that holds the site.")]
MmPerPx = Annotated[float | None, typer.Option(help="Size of a pixel in millimetres.", min=0)]


def _output(help: str) -> typer.models.OptionInfo:
    return typer.Option("-o", "--output", help=help)


@app.command()
def explore(images: Images, output: Annotated[Path, _output("The page, explore.html.")], labels: Labels = None,
            label_column: LabelColumn = None, group_column: GroupColumn = None, group_regex: GroupRegex = None,
            site_column: SiteColumn = None) -> None:
    """What is in the folder, and what will go wrong with it."""
    index = _index(images, labels, label_column, group_column, group_regex, site_column)
    from featurize.explore.page import explore as write
    write(index, output)
    _say(f"{len(index.frame)} images, {len(index.errors)} errors: {output}")


@app.command()
def featurize(images: Images, output: Annotated[Path, _output("The table, table.parquet.")],
              preset: Annotated[str, typer.Option(help="auto, cell, tissue, xray or whole.")] = "auto",
              labels: Labels = None, label_column: LabelColumn = None, group_column: GroupColumn = None,
              group_regex: GroupRegex = None, site_column: SiteColumn = None, mm_per_px: MmPerPx = None,
              settings: Annotated[Path | None, typer.Option(help="TOML that replaces settings of the preset.")] = None,
              jobs: Jobs = None, scheduler: Annotated[str | None, typer.Option(help="Dask, tcp://host:port.")] = None,
              strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a file was refused.")] = False) -> None:
    """Images become a table of named measurements."""
    from featurize.run import featurize as run
    from featurize.runtime.processes import default_jobs
    _want_suffix(output, ".parquet")
    index = _index(images, labels, label_column, group_column, group_regex, site_column)
    summary = run(index, _preset(preset, settings, index), output, jobs=jobs or default_jobs(), scheduler=scheduler,
                  mm_per_px=mm_per_px, progress=True)
    new = summary.rows + summary.errors - summary.resumed
    _say(f"{summary.rows} images measured in {summary.seconds:.1f} s ({new / summary.seconds:.0f}/s): {output}")
    if summary.resumed:
        _say(f"{summary.resumed} of them were measured by an earlier run that was stopped")
    if summary.errors:
        _say(f"{summary.errors} files gave no row: {summary.errors_csv}")
    if summary.internal:
        _say(f"WARNING: {summary.internal} of them failed inside a measurement (reason 'internal'): please report them")
    if strict and summary.errors:
        raise typer.Exit(1)


@app.command()
def classify(table: Table, output: Annotated[Path, _output("The run folder, run/.")],
             task: Annotated[str, typer.Option(help="auto, binary or multiclass.")] = "auto",
             order: Annotated[str | None, typer.Option(metavar="A,B,C", help="Ordered classes, lowest first.")] = None,
             model: Annotated[str, typer.Option(help="xgboost, lightgbm or logistic.")] = "xgboost",
             calibration: Annotated[str, typer.Option(help="auto, temperature, isotonic or none.")] = "auto",
             folds: Annotated[int, typer.Option(min=2, help="Where the table has no split of its own.")] = 5,
             alpha: Annotated[float, typer.Option(help="Share of prediction sets that may miss the truth.")] = 0.05,
             device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
             seed: Annotated[int, typer.Option(help="Same seed, same model.")] = 0) -> None:
    """A table becomes a validated, calibrated, explained model and its report."""
    from classify.settings import TrainSettings
    from classify.train import train_file
    from featurize.runtime.progress import stages
    settings = TrainSettings(task=task, order=_names(order), model=model, calibration=calibration, folds=folds,
                             alpha=alpha, device=device, seed=seed)
    with stages(shown=True) as progress:
        result = train_file(table, output, settings, progress)
    for warning in result.warnings:
        _say(f"WARNING: {warning}")
    metrics = result.scores.metrics
    _say(f"{result.task.kind}, {len(result.task.classes)} classes, {metrics['n']} images: accuracy "
         f"{metrics['accuracy']:.3f}, balanced accuracy {metrics['balanced_accuracy']:.3f}, log-loss "
         f"{metrics['log_loss']:.3f} in {sum(result.timings.values()):.1f} s")
    _say(f"report: {output / 'report.html'}")


@app.command()
def predict(run: Run, images: Annotated[list[Path], typer.Argument(metavar="IMAGES|TABLE", help="Images or a table.")],
            output: Annotated[Path, _output("The predictions, predictions.csv.")],
            explain: Annotated[bool, typer.Option("--explain", help="Add the features that decided.")] = False,
            jobs: Jobs = None) -> None:
    """A saved model predicts on new images, or on a table."""
    from classify.bundle import load_bundle
    from classify.predict import predict as apply
    from classify.review import batch_line
    from featurize.runtime.files import replacing
    from featurize.table import read_table
    _want_suffix(output, ".csv")
    bundle = load_bundle(run)
    if [path.suffix for path in images] == [".parquet"]:
        frame, info = read_table(images[0])
    else:
        frame, info = _measure(images, bundle, output, jobs)
    predicted = apply(bundle, frame, info, explain, str(images[0]))
    with replacing(output) as part:
        predicted.to_csv(part, index=False, float_format="%.9g", errors="backslashreplace")
    _say(f"{len(predicted)} images predicted, {int(predicted['review'].sum())} for review: {output}")
    line = batch_line(predicted["novelty"].to_numpy())
    if line:
        _say(f"WARNING: {line}")


@app.command()
def audit(run: Run, table: Table, output: Annotated[Path, _output("The page, audit.html.")]) -> None:
    """A labelled table from elsewhere: shift, calibration, subgroups."""
    from classify.audit.run import audit as write
    from featurize.table import read_table
    found = write(run, *read_table(table), output)
    if found.batch_line:
        _say(f"WARNING: {found.batch_line}")
    if found.judged:
        scores = found.judged.metrics
        _say(f"{scores['n']} labelled images: accuracy {scores['accuracy']:.3f}, balanced accuracy "
             f"{scores['balanced_accuracy']:.3f}")
    _say(f"page: {output}")


@app.command()
def similar(table: Table, image: Annotated[Path, typer.Argument(metavar="IMAGE", help="One image.")],
            output: Annotated[Path, _output("The page, similar.html.")]) -> None:
    """The measured images nearest to one."""
    from classify.similar.run import similar as write
    from featurize.presets.load import preset_from_dict
    from featurize.run import measure_index
    from featurize.table import read_table
    frame, info = read_table(table)
    row, row_info, _ = measure_index(_index([image], None, None, None, None, None), jobs=1, mm_per_px=info.mm_per_px,
                                     preset=preset_from_dict(info.preset, f"the table {table}"))
    write(frame, info, row, output, picture_info=row_info)
    _say(f"page: {output}")


@app.command()
def ecg(pages: Annotated[list[Path], typer.Argument(metavar="PAGES|SIGNALS", help="Folders or files: ECG pages, csv "
                                                    "signals, WFDB records (.hea).")],
        output: Annotated[Path, _output("The folder for signals, overlays and the report.")],
        fs: Annotated[float, typer.Option(help="Samples a second, of the signals written and of csv read.")] = 500.0,
        layout: Annotated[str, typer.Option(help="auto, or 3x4+1, 3x4, 6x2, 12x1, 3x1, ...")] = "auto",
        points: Annotated[Path | None, typer.Option(help="CSV: page, lead, x, y, action (pin or cut).")] = None,
        labels: Annotated[Path | None, typer.Option(help="CSV, first column the file, for rhythm.parquet.")] = None,
        label_column: Annotated[str, typer.Option(help="Its column with the label, or several findings: A,B,C.")] = "",
        group_column: Annotated[str | None, typer.Option(help="Its column that names the patient.")] = None,
        jobs: Jobs = None,
        strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a file was refused.")] = False) -> None:
    """ECG pages become waveforms; waveforms become beats and a row of rhythm for `classify`."""
    from ecg.run import DigitizeSettings, digitize_pages
    from featurize.runtime.processes import default_jobs
    summary = digitize_pages(pages, output, DigitizeSettings(fs_hz=fs, layout=layout), jobs=jobs or default_jobs(),
                             points=points, labels=labels, group_column=group_column, progress=True,
                             label_columns=[name.strip() for name in label_column.split(",") if name.strip()])
    what = "page or record" if summary.pages == 1 else "pages and records"
    _say(f"{summary.pages} {what} read in {summary.seconds:.1f} s: {output}")
    if summary.resumed:
        _say(f"{summary.resumed} of them were read by an earlier run")
    if summary.errors:
        _say(f"{summary.errors} files gave nothing: {summary.errors_csv}")
    _say(f"rhythm: {output / 'rhythm.parquet'}")
    _say(f"report: {output / 'report.html'}")
    if strict and summary.errors:
        raise typer.Exit(1)


@app.command()
def demo(what: Annotated[str, typer.Argument(metavar="[images|ecg|all]")] = "images",
         output: Annotated[Path, _output("A new folder, demo/.")] = Path("demo")) -> None:
    """Everything at once on images that are drawn here: no network, under a minute."""
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
    from featurize.run import measure_index, write_errors
    from featurize.runtime.processes import default_jobs
    index = _index(images, None, None, None, None, None)
    frame, info, errors = measure_index(index, preset_from_dict(bundle.preset, "the model"), progress=True,
                                        jobs=jobs or default_jobs(), mm_per_px=bundle.mm_per_px)
    errors_csv = write_errors(errors, output.with_name(f"{output.stem}.errors.csv"))
    if errors_csv:
        _say(f"{len(errors)} files gave no row: {errors_csv}")
    return frame, info


def _index(images: list[Path], labels: Path | None, label_column: str | None, group_column: str | None,
           group_regex: str | None, site_column: str | None) -> "Index":
    from featurize.index.build import build_index
    index = build_index(images, labels=labels, label_columns=_names(label_column), group_column=group_column,
                        group_regex=group_regex, site_column=site_column)
    for warning in index.warnings:
        _say(f"WARNING: {warning}")
    return index


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


def _want_suffix(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise UserError(f"the output {path} was given, a name ending in {suffix} was wanted: -o {path.stem}{suffix}")


def _say(line: str) -> None:
    typer.echo(line)


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
    except SystemExit as end:
        if end.code == 130:
            _complain("stopped; the same command again goes on where it can", 130)
        raise


def _complain(line: str, code: int) -> int:
    # Names of files may hold bytes that are not text.
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
