"""Whether the label can be told from the picture's properties, and the site from the features."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.data.columns import matrix, model_columns
from classify.data.splits import plan_split
from classify.data.tasks import resolve_task
from classify.evaluate.beyond_subject import _certain, subject_columns
from classify.evaluate.shortcuts import COLUMNS, shortcuts
from classify.fitting.augment import Perturbations
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


@pytest.mark.slow
def test_a_nuisance_that_knows_nothing_is_chance_and_no_warning(table: tuple[pd.DataFrame, TableInfo]) -> None:
    """The standard error of an AUROC of 40 against 40 rows is about .065: three of them."""
    row, = found(*table).itertuples(index=False)
    assert (row.name, row.target, row.chance, row.warning) == ("nuisances", "label", .5, "")
    assert row.score == pytest.approx(.5, abs=.2) and row.gain < .1


@pytest.mark.slow
def test_a_planted_nuisance_is_named(table: tuple[pd.DataFrame, TableInfo]) -> None:
    """One class was saved with another noise; the subject's measurements overlap."""
    frame, info = table
    frame["image_quality_noise"] = ((frame["label"] == "ant") + .1 * np.arange(len(frame)) % 1).astype(np.float32)
    info = replace(info, nuisance=["whole_quality_focus", "image_quality_noise"])
    row, = found(frame, info).itertuples(index=False)
    assert row.score > .95 and row.gain > .3
    assert row.warning.startswith("properties of the picture (most of all image_quality_noise and whole_quality_focus) "
                                  "tell the label beyond what the measurements of the subject explain: the log-loss "
                                  f"falls by {100 * row.gain:.0f} %")


@pytest.mark.slow
def test_a_nuisance_that_sees_the_subject_is_no_warning() -> None:
    """A property of the picture that is a noisy copy of what the subject's measurements say tells the label too."""
    frame, info = made_table((60, 60), features=4, spread=1.)
    seen = frame[[c for c in info.features if "feature" in c]].fillna(0)
    direction = seen[frame["label"] == "ant"].mean() - seen[frame["label"] == "bee"].mean()
    noise = np.random.default_rng(3).normal(size=len(frame))
    frame["image_quality_contrast"] = (seen @ direction + 2 * noise).astype(np.float32)
    row, = found(frame, replace(info, nuisance=["image_quality_contrast"])).itertuples(index=False)
    assert row.score > .85 and row.warning == "" and row.gain < .1


@pytest.mark.slow
def test_features_that_see_the_recording_do_not_excuse_a_shortcut() -> None:
    """A feature copies the planted property; it moves when the picture is changed, so it is not the subject's own."""
    frame, info = made_table((40, 40), features=6, spread=3.)
    told = ((frame["label"] == "ant") + .3 * np.random.default_rng(0).normal(size=80)).astype(np.float32)
    feature = next(c for c in info.features if c.endswith("feature3"))
    frame = frame.assign(image_quality_noise=told, **{feature: told})
    info = replace(info, nuisance=["image_quality_noise"])
    task = resolve_task(frame, info)
    split, _ = plan_split(frame, task, 3, 0)
    x = matrix(frame, model_columns(info))
    deltas = np.zeros((20, x.shape[1]), np.float32)
    deltas[:, list(x.columns).index(feature)] = np.tile([1, -1], 10)
    moved = Perturbations(np.arange(20), deltas)
    assert subject_columns(x, moved) == [c for c in x.columns if c != feature]
    assert subject_columns(x, None) == list(x.columns)
    blind, = shortcuts(frame, info, x, task, split, SETTINGS).itertuples(index=False)
    seeing, = shortcuts(frame, info, x, task, split, SETTINGS, moved).itertuples(index=False)
    assert blind.warning == "" and "image_quality_noise" in seeing.warning


@pytest.mark.parametrize(("groups", "certain"), [(4, False), (40, True)])
def test_gains_are_tested_over_groups(groups: int, certain: bool) -> None:
    """Mean 1, deviation .58 or .5 over groups: t is 3.5 of 4 groups (5.8 is wanted) and 12 of 40 (2.7), of any size."""
    gains = np.tile([.5, 1.5], groups // 2)
    assert _certain(np.repeat(gains, 10), np.repeat(np.arange(groups), 10)) == certain
    assert not _certain(-np.repeat(gains, 10), np.repeat(np.arange(groups), 10))


@pytest.mark.slow
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


@pytest.mark.slow
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
