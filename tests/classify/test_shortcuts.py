"""Whether the label can be told from the picture's properties, and the site from the features."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.data.columns import matrix, model_columns
from classify.data.splits import plan_split
from classify.data.tasks import resolve_task
from classify.evaluate.shortcuts import COLUMNS, shortcuts
from classify.settings import FitSettings
from featurize.table import TableInfo

SETTINGS = FitSettings(jobs=1)


def found(frame: pd.DataFrame, info: TableInfo) -> pd.DataFrame:
    task = resolve_task(frame, info)
    split, _ = plan_split(frame, task, 3, 0)
    return shortcuts(frame, info, matrix(frame, model_columns(info)), task, split, SETTINGS)


@pytest.fixture
def table() -> tuple[pd.DataFrame, TableInfo]:
    return made_table((40, 40), features=4)


def test_a_nuisance_that_knows_nothing_is_chance_and_no_warning(table: tuple[pd.DataFrame, TableInfo]) -> None:
    """The standard error of an AUROC of 40 against 40 rows is about .065: three of them."""
    row, = found(*table).itertuples(index=False)
    assert (row.name, row.target, row.chance, row.warning) == ("nuisances", "label", .5, "")
    assert row.score == pytest.approx(.5, abs=.2)


def test_the_nuisance_that_tells_the_label_is_named(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    frame["image_quality_noise"] = (frame["label"] == "ant").astype(np.float32)
    info = replace(info, nuisance=["whole_quality_focus", "image_quality_noise"])
    row, = found(frame, info).itertuples(index=False)
    assert row.score > .95
    assert row.warning.startswith("nuisances alone (2 properties of the picture, most of all image_quality_noise and "
                                  f"whole_quality_focus) tell the label with an AUROC of {row.score:.2f}")


def test_the_size_of_the_picture_is_asked_and_that_of_the_cell_is_not(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    told = (frame["label"] == "ant").astype(np.float32)
    cell = replace(info, nuisance=["cell_morphology_diameter_px"])
    assert found(frame.assign(cell_morphology_diameter_px=told), cell).empty
    picture = replace(info, nuisance=["image_quality_width_px"])
    assert found(frame.assign(image_quality_width_px=told), picture)["score"].iloc[0] > .95


def test_without_nuisances_and_with_one_site_nothing_is_tested(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    empty = found(frame, replace(info, nuisance=[]))
    assert empty.empty and list(empty.columns) == COLUMNS


def sites(frame: pd.DataFrame, tied: bool) -> pd.DataFrame:
    """Two sites that one feature tells apart; with `tied` all but one group in ten of a class are from one of them."""
    number = frame["group"].str[3:].astype(int)
    east = (frame["label"] == "ant") ^ (number % 10 == 0) if tied else number % 2 == 0
    feature = next(c for c in frame.columns if c.endswith("feature3"))
    return frame.assign(site=np.where(east, "east", "west"), **{feature: east.astype(np.float32)})


@pytest.mark.parametrize("tied", [False, True])
def test_features_that_tell_the_site_are_a_warning_only_where_site_and_label_go_together(
        tied: bool, table: tuple[pd.DataFrame, TableInfo]) -> None:
    """Cramer's V of 36 : 4 and 4 : 36 is .8, corrected or not above .3; of 20 : 20 twice it is 0."""
    frame, info = table
    row, = found(sites(frame, tied), replace(info, nuisance=[])).itertuples(index=False)
    assert (row.name, row.target) == ("features", "site") and row.score > .95
    assert row.warning.startswith("the features tell the site with an AUROC of") == tied
    assert bool(row.warning) == tied and ("Cramer's V 0.80" in row.warning) == tied


@pytest.mark.parametrize("rows", [9, 10])
def test_a_site_of_fewer_than_ten_rows_is_not_tested(rows: int, table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    frame["site"] = np.where(np.arange(len(frame)) < rows, "east", "west")
    assert len(found(frame, replace(info, nuisance=[]))) == (rows == 10)


def test_a_site_of_two_groups_is_not_tested(table: tuple[pd.DataFrame, TableInfo]) -> None:
    """Three folds of the sites need three groups in each."""
    frame, info = table
    frame["group"] = np.where(np.arange(len(frame)) < 20, "g" + (np.arange(len(frame)) % 2).astype(str).astype(object),
                              frame["group"])
    frame["site"] = np.where(np.arange(len(frame)) < 20, "east", "west")
    assert found(frame, replace(info, nuisance=[])).empty
