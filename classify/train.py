"""From a table to a run folder: the only place where the parts of this package are put together."""
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from classify.accepted_error import CONFIDENCE, DEFAULT_ERROR
from classify.bundle import Bundle, save_bundle
from classify.crosswalk.export import as_table
from classify.crosswalk.study import read_study
from classify.data.dataset import Dataset, PreparationWarnings, prepare
from classify.data.splits import Split, iter_splits
from classify.elsewhere.alignment import home_means
from classify.evaluate import explain, shortcuts
from classify.evaluate import warnings as run_warnings
from classify.evaluate.for_report import report_numbers
from classify.evaluate.left_out_sites import left_out_sites
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.stability import stability
from classify.evaluate.summary import Comparisons, Context, score
from classify.evaluate.suspects import suspect_labels
from classify.fitting import crossfit
from classify.fitting.augment import Perturbations, one_copy_each, perturbations_of
from classify.fitting.baselines import baseline_probabilities
from classify.fitting.contributions import contributions, linear_contributions
from classify.fitting.crossfit import CrossFit
from classify.fitting.fit_data import FitData
from classify.fitting.fold_store import FittedFold
from classify.fitting.models import Model, check_device
from classify.fitting.tune import check_tune
from classify.predict import apply_to_rows
from classify.report import write_report
from classify.report.class_names import check_names, shown_result
from classify.report.reporting import answers_of
from classify.result import Explanation, Predicted, RunResult
from classify.review import fit_rule, keeping
from classify.run_folder import (CROSSWALK, CURVES, PREDICTIONS, REPORT, RUN_FOLDER, STABILITY, STUDY, SUSPECTS,
                                 TIMINGS, WORDS, write_metrics)
from classify.runtime.clock import Clock, Progress
from classify.runtime.versions import library_versions
from classify.runtime.watch import UNWATCHED, TaskFits, Watch, check_watch, watched
from classify.settings import BALANCES, MODELS, TrainSettings
from classify.uncertainty.batch import HomeBatch, batch_rate
from classify.uncertainty.calibrate import METHODS
from classify.uncertainty.held_out import HeldOut, accepted_error, fit_held_out, predict_all, thresholds_at_home
from classify.uncertainty.known_images import fingerprints_of
from classify.uncertainty.novelty import to_points
from classify.uncertainty.reference import NearestNeighborReference, fit_reference
from classify.words.model import fit_words
from classify.words.say import say_words
from featurize.arrays import Int64Array
from featurize.errors import UserError
from featurize.runtime.cells import safe_cells
from featurize.runtime.files import write_json
from featurize.runtime.seal import sealed
from featurize.runtime.folders import check_replaceable, replacing_folder
from featurize.table import TableInfo

CALIBRATIONS = ("auto", *METHODS)
# Stages of a run besides one for each fitted fold.
STAGES = 11


def train(frame: pd.DataFrame, info: TableInfo, out: Path, settings: TrainSettings, progress: Progress | None = None,
          perturbed: pd.DataFrame | None = None, table: str = RunResult.table, watch: Watch = Watch()) -> RunResult:
    """Cross-validate, fit, calibrate, score, explain and write a run folder.

    Parameters
    ----------
    frame, info
        As `featurize.table.read_table` gives them.
    out : Path
        The run folder: predictions.csv, metrics.json, curves.csv, suspects.csv, model/, report.html. It appears
        whole or not at all; these files of an older run there are replaced, all others stay.
    settings : TrainSettings
    progress : callable, optional
        Called with the name of the stage and the share 0..1 of the run that is done.
    perturbed : DataFrame, optional
        Second measurements of some rows, as `featurize.table.read_perturbed` gives them: the trees then learn to
        disregard what changes from laboratory to laboratory.
    table : str
        How the table is named in the command that the report gives.
    watch : Watch
        Logs of the learning curves. While the run lasts, fitted models are kept beside the run folder: the same call
        after a stop fits the rest.

    Raises
    ------
    UserError
        A wrong setting, or a table that nothing can be learned from.
    Stopped
        Ctrl-C; the message says what is kept.

    Examples
    --------
    A table of 40 images with two features, of which one tells the class:

    >>> import numpy as np
    >>> rng, label = np.random.default_rng(0), np.repeat(["ant", "bee"], 20)
    >>> frame = pd.DataFrame({
    ...     "image_id": [f"{i:016x}" for i in range(40)], "path": [f"{i}.png" for i in range(40)], "label": label,
    ...     "group": None, "site": None, "split": None, "sha256": [f"{i:064x}" for i in range(40)],
    ...     "duplicate_group": range(40), "width_px": 64, "height_px": 64,
    ...     "cell_color_red": (rng.normal(size=40) + 8 * (label == "bee")).astype("float32"),
    ...     "cell_color_blue": rng.normal(size=40).astype("float32")})
    >>> info = TableInfo(preset={"name": "whole", "normalize": "none", "segment": "whole", "blocks": {"color": {}}},
    ...                  blocks={"color": 1}, index_hash="", sources=[{"site": "", "root": ".", "kind": "folder"}],
    ...                  label_columns=[], features=["cell_color_blue", "cell_color_red"])
    >>> result = train(frame, info, Path("run"), TrainSettings(folds=2, resamples=10))
    >>> result.scores.metrics["accuracy"] > 0.9
    True
    >>> sorted(path.name for path in Path("run").iterdir() if path.suffix != ".csv")
    ['metrics.json', 'model', 'report.html', 'timings.json']
    """
    check_run(out, settings, watch)
    return train_prepared(*prepare(frame, info, settings), out, settings, progress, perturbed, table, watch)


def check_run(out: Path, settings: TrainSettings, watch: Watch) -> None:
    """Refuse settings, and places to write to, that no table would suit.

    Raises
    ------
    UserError
    """
    check_settings(settings)
    check_replaceable(out, RUN_FOLDER)
    check_watch(watch, out)


def train_prepared(data: Dataset, preparation: PreparationWarnings, out: Path, settings: TrainSettings,
                   progress: Progress | None = None, perturbed: pd.DataFrame | None = None,
                   table: str = RunResult.table, watch: Watch = Watch()) -> RunResult:
    """`train` after `check_run` and `classify.data.dataset.prepare`."""
    check_names(settings.names, data.task.classes)
    if settings.sensitivity and len(data.task.classes) > 2:
        raise UserError(f"--sensitivity needs two classes, the table has {len(data.task.classes)}: leave it out")
    study = read_study(Path(settings.study)) if settings.study else {}
    clock = Clock(progress, steps=steps_of(data))
    with watched(out, {"": data}, settings, perturbed, watch, {"": ""}) as fits:
        result, bundle = fit_and_judge(data, preparation, out, settings, perturbed, clock, fits[""])
        result = replace(result, table=table, study=study)
        with clock.stage("report"):
            write_run(result, bundle)
    return result


def steps_of(data: Dataset) -> int:
    """Steps that a `Clock` counts while one task is trained."""
    return len(iter_splits(data.split)) + STAGES + bool(data.words)


def fit_and_judge(data: Dataset, preparation: PreparationWarnings, out: Path, settings: TrainSettings,
                  perturbed: pd.DataFrame | None, clock: Clock, fits: TaskFits = UNWATCHED,
                  default_error: float = DEFAULT_ERROR) -> tuple[RunResult, Bundle]:
    """Everything between a prepared table and the files of a run.

    Parameters
    ----------
    data : Dataset
    preparation : PreparationWarnings
    out : Path
        Where the run folder will be; nothing is written.
    settings : TrainSettings
    perturbed : DataFrame or None
        Second measurements of some rows.
    clock : Clock
        Counts the stages.
    fits : TaskFits
        Where fitted models are kept, and who is told of them.
    default_error : float
        Promised where `settings.accept_error` is None; 0 = nothing is.
    """
    # Threads of matrix products wait for each other, and their number would change the last bits of the results.
    with threadpool_limits(1, user_api="blas"):
        return _fit_and_judge(data, preparation, out, settings, perturbed, clock, fits, default_error)


def _fit_and_judge(data: Dataset, preparation: PreparationWarnings, out: Path, settings: TrainSettings,
                   perturbed: pd.DataFrame | None, clock: Clock, fits: TaskFits,
                   default_error: float) -> tuple[RunResult, Bundle]:
    perturbations = perturbations_of(data.frame, perturbed, data.x)
    crossed, model = _fit(data, settings, perturbations, clock, fits)
    with clock.stage("calibrate"):
        held_out = fit_held_out(crossed, data.task, data.split, settings)
    with clock.stage("novelty"):
        reference = fit_reference(data.x, data.task.y, crossed, model, held_out.rows, settings.seed)
    bundle = _bundle(data, model, held_out, reference, settings)
    with clock.stage("predict"):
        saved = apply_to_rows(bundle, data.x, _by_saved_model(data.split, held_out.rows))
        predicted = predict_all(data, crossed, held_out, reference, saved, bundle.review)
        error = default_error if settings.accept_error is None else settings.accept_error
        if error:
            chosen = settings.accept_error is not None
            accepted = accepted_error(predicted, held_out, data.task, data.split, error, chosen)
            bundle = replace(bundle, review=keeping(bundle.review, accepted))
            predicted = predict_all(data, crossed, held_out, reference, saved, bundle.review)
    with clock.stage("images together"):
        bundle = replace(bundle, batch=home_batch(data, reference, predicted, perturbations, settings.seed))
    comparisons = _comparisons(data, crossed, held_out, predicted, perturbations, settings, clock)
    with clock.stage("scores"):
        context = Context(settings.alpha, data.costs, data.frame, data.info)
        scores = score(data.task, data.split, predicted, comparisons, Bootstrap(settings.resamples, settings.seed),
                       context)
    with clock.stage("suspect labels"):
        suspects = suspect_labels(data.frame, data.task, predicted)
    with clock.stage("explain"):
        explanation = _explain(data, crossed, predicted, settings.seed)
    words = None
    if data.words:
        with clock.stage("words"):
            words = say_words(data, predicted.probabilities.argmax(axis=1), settings.folds, settings.seed)
            known = np.isin(np.arange(len(data.x)), _known_rows(data.split))
            bundle = replace(bundle, words=fit_words(data.x.to_numpy(), data.words, data.task.y, known, settings.seed))
    grave, other = run_warnings.of_result(data.task, data.split, crossed, predicted, scores, settings.alpha)
    of_data = run_warnings.of_data(data.frame, data.task)
    of_sets = run_warnings.of_sets(data.task.classes, held_out.conformal)
    # Leaks, where there are any, are the first line about the split.
    leaks = preparation.split[:1 if len(data.split.leaks) else 0]
    warnings = (*leaks, *of_sets, *preparation.split[len(leaks):], *grave, *run_warnings.of_labels(suspects),
                *run_warnings.of_review(bundle.review.accepted), *of_data,
                *other, *preparation.columns, *preparation.notes)
    result = RunResult(
        out=out, frame=data.frame, info=data.info, task=data.task, settings=settings, features=tuple(data.x.columns),
        split=data.split, predicted=predicted, scores=scores, suspects=suspects, explanation=explanation,
        curves=crossed.curves, accepted=bundle.review.accepted, warnings=warnings, notes=preparation.notes,
        versions=bundle.versions, timings=clock.seconds, model=model.description,
        stability=stability(data.x, perturbations, list(data.info.blocks)), words=words)
    return result, bundle


def write_run(result: RunResult, bundle: Bundle) -> None:
    """Write every file of a run under a temporary name, then move the folder into place."""
    with replacing_folder(result.out, RUN_FOLDER) as part:
        safe_cells(result.predicted.table).to_csv(part / PREDICTIONS, index=False, float_format="%.9g")
        safe_cells(result.curves).to_csv(part / CURVES, index=False, float_format="%.6g")
        save_bundle(bundle, part / "model")
        safe_cells(result.suspects.table).to_csv(part / SUSPECTS, index=False, float_format="%.9g")
        if len(result.stability):
            safe_cells(result.stability).to_csv(part / STABILITY, index=False, float_format="%.4g")
        if result.words is not None:
            safe_cells(result.words.table).to_csv(part / WORDS, index=False, float_format="%.4g")
        accepted = {**result.accepted.to_dict(), "confidence": CONFIDENCE} if result.accepted else None
        metrics = {**result.scores.metrics, "accepted_error": accepted, "suspects": result.suspects.metrics,
                   **({"words": result.words.metrics} if result.words is not None else {}),
                   "warnings": list(result.warnings), "versions": result.versions}
        write_metrics(metrics, part)
        shown = shown_result(result)
        safe_cells(as_table(answers_of(shown))).to_csv(part / CROSSWALK, index=False)
        if result.study:
            write_json(sealed(result.study), part / STUDY)
        write_json(result.timings, part / TIMINGS)
        write_report(part / REPORT, shown, report_numbers(shown))


def check_settings(settings: TrainSettings) -> None:
    if settings.model not in MODELS:
        raise UserError(f"--model {settings.model} is unknown: choose {', '.join(MODELS)}")
    if settings.calibration not in CALIBRATIONS:
        raise UserError(f"--calibration {settings.calibration} is unknown: choose {', '.join(CALIBRATIONS)}")
    if settings.balance not in BALANCES:
        raise UserError(f"--balance {settings.balance} is unknown: choose {', '.join(BALANCES)}")
    check_device(settings.model, settings.device)
    check_tune(settings.tune)
    if not 0 < settings.alpha < 0.5:
        raise UserError(f"--alpha {settings.alpha:g}: a rate of misses between 0 and 0.5 is wanted, such as 0.05")
    if settings.accept_error is not None and not 0 <= settings.accept_error < 0.5:
        raise UserError(f"--accept-error {settings.accept_error:g}: a share of errors from 0 to 0.5 is wanted, such as "
                        "0.02; 0 promises nothing")
    if not 0 <= settings.sensitivity <= 1:
        raise UserError(f"--sensitivity {settings.sensitivity:g}: a share from 0 to 1 is wanted, such as 0.95")


def _fit(data: Dataset, settings: TrainSettings, perturbations: Perturbations | None,
         clock: Clock, fits: TaskFits) -> tuple[CrossFit, Model]:
    """The folds' models, and the model to keep."""
    folds = len(iter_splits(data.split))

    def watch(number: int, fold: FittedFold) -> None:
        fits.watch(number, fold)
        clock.fold_done(number, folds, fold.valid_loss)
    fitted = FitData(data.x, data.task.y, settings.weight_power, perturbations, settings.balance)
    trees = settings.fit_settings()
    with clock.stage("fit"):
        crossed = crossfit.cross_fit(fitted, data.split, trees, store=fits.store, watch=watch, run=fits.run)
    with clock.stage("final model"):
        model = crossfit.final_model(fitted, data.split, crossed, trees, fits.store)
    return crossed, model


def _bundle(data: Dataset, model: Model, held_out: HeldOut, reference: NearestNeighborReference,
            settings: TrainSettings) -> Bundle:
    info, train = data.info, data.frame.iloc[reference.train]
    return Bundle(
        kind=data.task.kind, classes=data.task.classes, blocks=dict(info.blocks), preset=dict(info.preset),
        mm_per_px=info.mm_per_px, model=model, calibration=held_out.calibration, conformal=held_out.conformal,
        operating_point=held_out.operating_point,
        novelty=reference.model, train_ids=train["image_id"].to_numpy(dtype=str),
        review=fit_rule(data.frame, data.task.y, _known_rows(data.split), len(data.task.classes)),
        settings=asdict(settings), versions=library_versions(), lineage=data.task.lineage,
        costs=data.costs, train_fingerprints=fingerprints_of(train),
        home=home_means(reference.model.space.center, reference.model.space.scale,
                        data.x.iloc[reference.train].to_numpy(), data.task.y[reference.train], len(data.task.classes)))


def home_batch(data: Dataset, reference: NearestNeighborReference, predicted: Predicted,
               perturbations: Perturbations | None, seed: int) -> HomeBatch:
    """By which the images of a table are, together, compared with the training images."""
    rows = reference.train
    classes, guess = data.task.y[rows], predicted.probabilities[rows].argmax(axis=1)
    groups = data.frame["group"].iloc[rows].fillna("").tolist()
    batch = HomeBatch(classes, batch_rate(reference.model.points, classes, guess, groups))
    copies = one_copy_each(rows, perturbations, seed)
    if copies is None:
        return batch
    points = to_points(reference.model.space, copies[1])
    return replace(batch, copies=points, copy_classes=data.task.y[copies[0]])


def _by_saved_model(split: Split, held_out: Int64Array) -> Int64Array:
    """Rows that the saved model predicts: of folds those that no fold tests, or one row where there is none."""
    if split.kind == "given":
        return np.arange(len(split.part))
    others = np.setdiff1d(np.arange(len(split.part)), held_out)
    return others if len(others) else np.arange(1)


def _known_rows(split: Split) -> Int64Array:
    """Rows that the model and its calibration know."""
    return np.flatnonzero(np.isin(split.part, ["train", "val"]) if split.kind == "given" else split.fold >= 0)


def _comparisons(data: Dataset, crossed: CrossFit, held_out: HeldOut, predicted: Predicted,
                 perturbations: Perturbations | None, settings: TrainSettings, clock: Clock) -> Comparisons:
    """What stands beside the scores of the model."""
    task, split = data.task, data.split
    with clock.stage("baselines"):
        baselines = baseline_probabilities(data.x.to_numpy(), task.y, crossed.splits, len(task.classes))
    with clock.stage("shortcuts"):
        usual = replace(settings.fit_settings(), tune=0)
        found = shortcuts.shortcuts(data.frame, data.info, data.x, task, split, usual, perturbations)
    with clock.stage("sites"):
        sites = left_out_sites(data, predicted, perturbations, replace(settings, tune=0))
    return Comparisons(baselines, found, held_out.calibration, held_out.operating_point,
                       thresholds_at_home(held_out, task, split), sites)


def _explain(data: Dataset, crossed: CrossFit, predicted: Predicted, seed: int) -> Explanation:
    guess = predicted.probabilities.argmax(axis=1)
    rows = explain.rows_to_explain(data.task.y, guess, predicted.held_out, seed)
    values = contributions(data.x, rows, crossed)
    told = explain.Contributions(rows, values, data.x.to_numpy()[rows], list(data.x.columns), guess[rows],
                                 linear_contributions(data.x, rows, crossed))
    return explain.explain(told, data.task, list(data.info.blocks))
