"""The model of a server, and what is made ready once for all images; every process loads its own."""
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from classify.bundle import Bundle, load_bundle, model_digest
from classify.data.columns import check_columns, region_and_family
from classify.evaluate.for_report import concepts_of
from classify.findings.bundle import is_findings_model
from classify.report_numbers import Concept
from classify.serve.settings import ServeSettings
from classify.similar.search import check_measured_alike
from classify.similar.whole_table import WholeTable, whole_table
from featurize.errors import UserError
from featurize.families import versions_of
from featurize.presets.load import Preset, preset_from_dict
from featurize.segment.segmenters import LABELS
from featurize.table import TableInfo, read_table


@dataclass(frozen=True)
class ModelKey:
    """Which model a process is to load: one that was replaced since the server started is refused.

    Parameters
    ----------
    run, table : str
        Where they are; table "" = none.
    sha256 : str
        Of the model, as `classify.bundle.model_digest` gives it.
    """

    run: str
    sha256: str
    table: str = ""


@dataclass(frozen=True)
class Cases:
    """The table of the nearest cases, made ready for searches."""

    frame: pd.DataFrame
    info: TableInfo
    table: WholeTable


@dataclass(frozen=True)
class Served:
    """A loaded model.

    Parameters
    ----------
    bundle : Bundle
    preset : Preset
        How images are measured for it.
    info : TableInfo
        Of a table of images measured here.
    concepts : tuple of Concept
        Its features by the name that a page gives them.
    cases : Cases or None
    """

    bundle: Bundle
    preset: Preset
    info: TableInfo
    concepts: tuple[Concept, ...]
    cases: Cases | None


def key_of(settings: ServeSettings) -> ModelKey:
    """What the processes are told to load.

    Raises
    ------
    UserError
        No model, one of several findings, or a damaged one.
    """
    if is_findings_model(settings.run):
        raise UserError(f"{settings.run} holds a model for each finding, and `serve` takes one: name its folder, such "
                        f"as {settings.run}/model/00_edema")
    return ModelKey(str(settings.run.absolute()), model_digest(settings.run),
                    str(settings.table.absolute()) if settings.table else "")


@cache
def load_served(key: ModelKey) -> Served:
    """The model, once for each process.

    Raises
    ------
    UserError
        It cannot be read, it is another one than the server started with, this version measures otherwise, or the
        table was measured in another way.
    """
    run = Path(key.run)
    if model_digest(run) != key.sha256:
        raise UserError(f"the model in {run} was replaced since the server started: start `serve` again")
    bundle = load_bundle(run)
    preset = preset_from_dict(bundle.preset, "the model")
    info = TableInfo(preset=bundle.preset, blocks=versions_of(preset.blocks), index_hash="", sources=[],
                     label_columns=[], features=list(bundle.model.features), mm_per_px=bundle.mm_per_px)
    if preset.segment == LABELS:
        raise UserError(f"the model in {run} learned from regions that masks gave, and an image that is sent has none: "
                        "serve a model of a table without --masks, or use `predict` on such a table")
    _check_versions(run, bundle, info)
    return Served(bundle, preset, info, concepts_of(bundle.model.features, preset.name), _cases(key, info))


def _check_versions(run: Path, bundle: Bundle, info: TableInfo) -> None:
    families = sorted({region_and_family(c, list(bundle.blocks))[1] for c in bundle.model.features})
    other = next((f for f in families if info.blocks.get(f) != bundle.blocks.get(f)), None)
    if other:
        raise UserError(f"the model in {run} learned from {other} v{bundle.blocks.get(other)}, this version measures "
                        f"v{info.blocks.get(other)}: train it again with `python cli.py featurize` and `python cli.py "
                        "classify`, or serve it with the version that made it")


def _cases(key: ModelKey, info: TableInfo) -> Cases | None:
    if not key.table:
        return None
    frame, table_info = read_table(Path(key.table))
    check_columns(frame, table_info)
    check_measured_alike(table_info, info)
    frame = frame.reset_index(drop=True)
    return Cases(frame, table_info, whole_table(frame, table_info))
