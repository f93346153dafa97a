"""Whole fields: cells found, every white cell named by a model of single cells, differentials and overlays written."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from PIL import Image

from classify.bundle import Bundle
from classify.fields.differential import differential
from classify.fields.draw import NamedCell, named_overlay, text_of
from featurize.detect.job import CROPS, FieldFacts, FieldJob
from featurize.detect.output_folder import check_place
from featurize.detect.process_file import earlier_facts
from featurize.detect.result import WHITE
from featurize.detect.run import RunSummary, detect_fields
from featurize.detect.sources import find_fields
from featurize.errors import UserError
from featurize.images.read import read_image
from featurize.index.build import build_index
from featurize.index.labels import groups_by_pattern
from featurize.presets.load import preset_from_dict
from featurize.run import measure_index
from featurize.runtime.files import replacing, write_csv
from featurize.runtime.lock import held_folder
from featurize.runtime.outputs import check_replaceable_file, is_predictions
from featurize.runtime.processes import default_jobs
from featurize.table import TableInfo

PREDICTIONS, DIFFERENTIAL, NAMED = "predictions.csv", "differential.csv", "named"
_OVERLAY_QUALITY = 88   # of the JPEG
_PLACE = ("xmin", "ymin", "xmax", "ymax")
# What predicts a table: `classify.predict.predict` with its model.
Predictor = Callable[[pd.DataFrame, TableInfo, bool, str, bool], pd.DataFrame]


@dataclass(frozen=True)
class NamedFields:
    """What a run gave.

    Parameters
    ----------
    found : RunSummary
        Of the search for cells.
    predicted : DataFrame
        The rows of predictions.csv.
    differential : DataFrame
        See `classify.fields.differential`.
    """

    found: RunSummary
    predicted: pd.DataFrame
    differential: pd.DataFrame


def check_model(bundle: Bundle) -> None:
    """Refuse a model that doesn't name single cells.

    Raises
    ------
    UserError
    """
    if bundle.preset.get("segment") != "cell":
        raise UserError(f"the model was made with preset {bundle.preset.get('name')!r}, and --detect names single "
                        "cells: give the run folder of a table that was measured with --preset cell")


def name_cells(bundle: Bundle, apply: Predictor, given: Sequence[Path], out: Path, *, jobs: int | None = None,
               group_regex: str | None = None, explain: bool = False, adapt: bool = False,
               progress: bool = False) -> NamedFields:
    """Find the cells of all fields and name the white ones.

    Parameters
    ----------
    bundle, apply
        As `classify.findings.predict.load_predictor` gives them.
    given : sequence of Path
        Fields, and folders of them.
    out : Path
        The folder that `detect` fills, with predictions.csv, differential.csv and the folder named beside.
    jobs : int, optional
    group_regex : str, optional
        Searched in the path of a field; its first parenthesis is the group, such as the patient.
    explain, adapt : bool
        As of `classify.predict.predict`.
    progress : bool

    Raises
    ------
    UserError
        As of `detect_fields`; a model of other pictures; files of a user that would be replaced; or no white cell.
    """
    check_model(bundle)
    check_place(given, out)
    _check_files(out)
    found = detect_fields(given, out, jobs=jobs, progress=progress)
    with held_folder(out, f"another run writes into {out}: wait for it, or give another folder with -o"):
        fields = [(job, facts) for job in find_fields(given, out) for facts in [earlier_facts(job, out)] if facts]
        cells = _cells(fields, group_regex)
        if cells.empty:
            raise UserError(f"no white cell was found in {len(fields)} fields, and there is none to name: see "
                            f"{out / 'detect.html'}")
        frame, info = _measured(cells, bundle, out, jobs, progress)
        predicted = apply(frame, info, explain, str(out), adapt)
        named = predicted.merge(cells.drop(columns="group"), on="path", how="left", validate="one_to_one")
        shares = differential(named, bundle.classes)
        write_csv(named, out / PREDICTIONS)
        write_csv(shares, out / DIFFERENTIAL)
        for job, facts in fields:
            _draw(job, facts, named[named["field"] == job.path], out)
    return NamedFields(found, named, shares)


def _check_files(out: Path) -> None:
    """Refuse to replace what no earlier run wrote."""
    check_replaceable_file(out / PREDICTIONS, is_predictions)
    if not (out / PREDICTIONS).is_file():
        foreign = next((out / name for name in (DIFFERENTIAL, NAMED) if (out / name).exists()), None)
        if foreign is not None:
            raise UserError(f"{foreign} was not written by `predict --detect` and would be replaced: give another "
                            "folder with -o")


def _cells(fields: Sequence[tuple[FieldJob, FieldFacts]], group_regex: str | None) -> pd.DataFrame:
    """`path` of the crop below crops, `field`, `group`, place in the field and number of every white cell."""
    paths = [job.path for job, _ in fields]
    groups = groups_by_pattern(group_regex, paths) if group_regex else [None] * len(paths)
    rows = [(job.crop(Path(), number).relative_to(CROPS).as_posix(), job.path, group, number, *cell.box)
            for (job, facts), group in zip(fields, groups) for number, cell in enumerate(facts.of(WHITE), 1)]
    return pd.DataFrame(rows, columns=["path", "field", "group", "number", *_PLACE])


def _measured(cells: pd.DataFrame, bundle: Bundle, out: Path, jobs: int | None,
              progress: bool) -> tuple[pd.DataFrame, TableInfo]:
    """The crops of the cells, measured as the model's training images were; in the order of `cells`."""
    index = build_index([out / CROPS])
    own = index.frame.set_index("path", drop=False).loc[cells["path"]].reset_index(drop=True)
    own = own.assign(group=cells["group"].to_numpy(object), label=None)
    kept = replace(index, frame=own, errors=index.errors.iloc[:0], warnings=())
    frame, info, _ = measure_index(kept, preset_from_dict(bundle.preset, "the model"), progress=progress,
                                   jobs=jobs or default_jobs(len(own)), mm_per_px=bundle.mm_per_px)
    return frame, info


def _draw(job: FieldJob, facts: FieldFacts, named: pd.DataFrame, out: Path) -> None:
    whites = facts.of(WHITE)
    columns = (named[name].tolist() for name in ("number", "predicted", "prediction_set", "review"))
    cells = [NamedCell(whites[number - 1], text_of(predicted, others, review), review)
             for number, predicted, others, review in zip(*columns)]
    with replacing(out / NAMED / f"{job.stem}.jpg", durable=False) as part:
        Image.fromarray(named_overlay(read_image(job.file).rgb, cells)).save(part, "JPEG", quality=_OVERLAY_QUALITY)
