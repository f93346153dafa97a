"""From a table to a run folder: the only place where the parts of this package are put together."""
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from classify.bundle import Bundle, save_bundle
from classify.data.columns import check_columns, matrix, model_columns, useful_columns
from classify.data.splits import Split, fits, plan_split
from classify.data.tasks import Task, resolve_task
from classify.evaluate import explain, shortcuts
from classify.evaluate import warnings as run_warnings
from classify.evaluate.for_report import report_numbers
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.summary import Comparisons, score
from classify.fitting import crossfit
from classify.fitting.augment import Jitter, jitter_of
from classify.fitting.baselines import baseline_probabilities
from classify.fitting.crossfit import CrossFit
from classify.fitting.models import Model
from classify.predict import apply_bundle
from classify.report import write_report
from classify.result import Explanation, Predicted, RunResult, Scores
from classify.settings import LIBRARIES, TrainSettings
from classify.uncertainty.held_out import HeldOut, Surroundings, fit_held_out, fit_surroundings, predict_all
from featurize.errors import UserError
from featurize.runtime.folders import check_replaceable, replacing_folder
from featurize.table import TableInfo, read_perturbed, read_table

Progress = Callable[[str, float], None]

CALIBRATIONS = ("auto", "none", "temperature", "isotonic")
# Every run folder holds it: a folder without it is not overwritten.
MARK = "metrics.json"
LIBRARIES_TOLD = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "crepes", "pellucid")


@dataclass
class Clock:
    """Seconds of every stage, and word of them to the user."""

    progress: Progress | None
    steps: int
    done: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; it counts as one step."""
        start = time.perf_counter()
        self.tell(name)
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
        self.done += 1

    def tell(self, name: str) -> None:
        """Report the stage and the share of the run that is done."""
        if self.progress:
            self.progress(name, min(self.done / self.steps, 1.0))

    def step(self) -> None:
        """One step inside a stage."""
        self.done += 1
        self.tell("fit")


def train_file(table: Path, out: Path, settings: TrainSettings, progress: Progress | None = None) -> RunResult:
    """`train` of a table's file."""
    check_replaceable(out, MARK)
    frame, info = read_table(table)
    return train(frame, info, out, settings, progress, read_perturbed(table, info))


def train(frame: pd.DataFrame, info: TableInfo, out: Path, settings: TrainSettings, progress: Progress | None = None,
          again: pd.DataFrame | None = None) -> RunResult:
    """Cross-validate, fit, calibrate, score, explain and write a run folder.

    Parameters
    ----------
    frame, info
        As `featurize.table.read_table` gives them.
    out : Path
        The run folder: predictions.csv, metrics.json, curves.csv, model/, report.html. It appears whole or not at all;
        an older run there is replaced.
    settings : TrainSettings
    progress : callable, optional
        Called with the name of the stage and the share 0..1 of the run that is done.
    again : DataFrame, optional
        Second measurements of some rows, as `featurize.table.read_perturbed` gives them: the trees then learn to
        disregard what changes from laboratory to laboratory.

    Raises
    ------
    UserError
        A wrong setting, or a table that nothing can be learned from.
    """
    _check_settings(settings)
    check_replaceable(out, MARK)
    check_columns(frame, info)
    frame = frame.reset_index(drop=True)
    task = resolve_task(frame, info, settings.task, settings.order)
    split, said_of_split = plan_split(frame, task, settings.folds, settings.seed)
    all_x = matrix(frame, model_columns(info))
    columns, said_of_columns = useful_columns(all_x[split.part != "unlabelled"])
    x, clock = all_x[columns], Clock(progress, steps=len(fits(split)) + 8)

    crossed, model = _fit(x, task, split, settings, jitter_of(frame, again, x), clock)
    with clock.stage("calibrate"):
        held = fit_held_out(crossed, task, split, settings.calibration, settings.alpha, settings.seed)
    with clock.stage("novelty"):
        around = fit_surroundings(x, tuple(crossed.fits), held, settings.seed)
    versions = _versions(settings)
    bundle = _bundle(frame, info, task, model, held, around, settings, versions)
    with clock.stage("predict"):
        predicted = predict_all(frame, task, split, crossed, held, around, apply_bundle(bundle, x), settings.alpha)
    scores = _scores(frame, info, x, task, split, predicted, held, settings, clock)
    with clock.stage("explain"):
        explanation = _explain(x, info, task, crossed, predicted, settings)
    grave, other = run_warnings.of_result(task, split, crossed, predicted, scores, settings.alpha)
    warnings = (*said_of_split, *grave, *run_warnings.of_data(frame, task), *other, *said_of_columns)
    result = RunResult(out, frame, info, task, settings, tuple(columns), split, predicted, scores, explanation,
                       crossed.curves, warnings, versions, clock.seconds)
    with clock.stage("report"):
        write_run(result, bundle)
    return result


def write_run(result: RunResult, bundle: Bundle) -> None:
    """Write every file of a run under a temporary name, then move the folder into place."""
    with replacing_folder(result.out, MARK) as part:
        result.predicted.table.to_csv(part / "predictions.csv", index=False, float_format="%.9g")
        result.curves.to_csv(part / "curves.csv", index=False, float_format="%.6g")
        save_bundle(bundle, part / "model")
        metrics = {**result.scores.metrics, "warnings": list(result.warnings), "versions": result.versions}
        (part / MARK).write_text(json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
                                 encoding="utf-8")
        write_report(part / "report.html", result, report_numbers(result))


def _check_settings(settings: TrainSettings) -> None:
    if settings.model not in LIBRARIES:
        raise UserError(f"--model {settings.model} is unknown: choose {' or '.join(LIBRARIES)}")
    if settings.calibration not in CALIBRATIONS:
        raise UserError(f"--calibration {settings.calibration} is unknown: choose {', '.join(CALIBRATIONS)}")
    if not 0 < settings.alpha < 0.5:
        raise UserError(f"--alpha {settings.alpha:g}: a rate of misses between 0 and 0.5 is wanted, such as 0.05")


def _fit(x: pd.DataFrame, task: Task, split: Split, settings: TrainSettings, jitter: Jitter | None,
         clock: Clock) -> tuple[CrossFit, Model]:
    trees = settings.fit_settings()
    with clock.stage("fit"):
        crossed = crossfit.cross_fit(x, task.y, split, trees, settings.weight_power, jitter, clock.step)
    with clock.stage("final model"):
        model = crossfit.final_model(x, task.y, split, crossed, trees, settings.weight_power, jitter)
    return crossed, model


def _bundle(frame: pd.DataFrame, info: TableInfo, task: Task, model: Model, held: HeldOut, around: Surroundings,
            settings: TrainSettings, versions: dict[str, str]) -> Bundle:
    ids = frame["image_id"].to_numpy(dtype=str)[around.train]
    return Bundle(task.kind, task.classes, dict(info.blocks), dict(info.preset), info.mm_per_px, model,
                  held.calibration, held.conformal, around.model, ids, asdict(settings), versions)


def _scores(frame: pd.DataFrame, info: TableInfo, x: pd.DataFrame, task: Task, split: Split, predicted: Predicted,
            held: HeldOut, settings: TrainSettings, clock: Clock) -> Scores:
    with clock.stage("baselines"):
        simple = baseline_probabilities(x.to_numpy(), task.y, fits(split), len(task.classes))
    with clock.stage("shortcuts"):
        found = shortcuts.shortcuts(frame, info, x, task, split, settings.fit_settings())
    with clock.stage("scores"):
        return score(task, split, predicted, Comparisons(simple, found, held.calibration),
                     Bootstrap(settings.resamples, settings.seed))


def _explain(x: pd.DataFrame, info: TableInfo, task: Task, crossed: CrossFit, predicted: Predicted,
             settings: TrainSettings) -> Explanation:
    guess = predicted.probabilities.argmax(axis=1)
    rows = explain.rows_to_explain(task.y, guess, predicted.honest, settings.seed)
    values = crossfit.contributions(x, rows, crossed)
    contributions = explain.Contributions(rows, values, x.to_numpy()[rows], list(x.columns), guess[rows])
    return explain.explain(contributions, task, list(info.blocks))


def _versions(settings: TrainSettings) -> dict[str, str]:
    """Of the libraries that the numbers depend on."""
    found = {}
    for name in (*LIBRARIES_TOLD, "xgboost", "xgboost-cpu", "lightgbm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
