"""Each site left out once: what a model of the other sites makes of it."""
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.data.dataset import Dataset, prepare
from classify.evaluate.left_out_sites import LEAST_ROWS, MOST_SITES, WARN_LOSS, shared_rows, worst_loss
from classify.report.performance import site_table
from classify.settings import TrainSettings
from classify.train import train

SETTINGS = TrainSettings(folds=3, resamples=10, jobs=1)


def table(sites: tuple[str, ...] = ("north", "south"), counts: tuple[int, ...] = (60, 60)) -> pd.DataFrame:
    """Groups of two rows stand at one site each, in turn."""
    frame, _ = made_table(counts, features=4, spread=.5)
    number = frame["group"].str[3:].astype(int).to_numpy()
    return frame.assign(site=np.array(sites)[number % len(sites)])


def dataset(frame: pd.DataFrame) -> Dataset:
    return prepare(frame, made_table((60, 60), features=4)[1], SETTINGS)[0]


def test_a_site_that_measures_otherwise_is_named_with_its_loss(tmp_path: Path) -> None:
    frame = table()
    shifted = frame["site"] == "south"
    names = [c for c in frame.columns if "_feature" in c]
    # The scanner of the south turns all measurements round: home's folds learn it, a model of the north cannot.
    frame.loc[shifted, names] = -frame.loc[shifted, names] + 3
    frame["whole_color_scanner"] = shifted.astype(np.float32)
    _, info = made_table((60, 60), features=4)
    info.features.append("whole_color_scanner")
    run = train(frame, info, tmp_path / "run", SETTINGS)
    found = {one["site"]: one for one in run.scores.metrics["left_out_sites"]}
    assert set(found) == {"north", "south"} and found["south"]["n"] == int(shifted.sum())
    for one in found.values():
        assert one["balanced_accuracy"] < one["home_balanced_accuracy"] - WARN_LOSS
        assert one["n_home"] == one["n"] and one["classes"] == ["ant", "bee"]
    assert any("did not learn from site" in text for text in run.warnings)
    assert "Site left out" in (tmp_path / "run" / "report.html").read_text()


def test_rows_that_tell_nothing_of_a_site_are_not_used() -> None:
    frame = table(counts=(60, 60, 60))
    # A class of one site only, and a patient of both.
    frame.loc[(frame["label"] == "cat"), "site"] = "north"
    both = frame.index[frame["label"] == "ant"][:2]
    frame.loc[both, "group"], frame.loc[both, "site"] = "traveller", ["north", "south"]
    data = dataset(frame)
    rows = shared_rows(data)
    assert rows is not None and [data.task.classes[c] for c in rows.classes] == ["ant", "bee"]
    assert (rows.site[both] == -1).all() and (rows.site[(frame["label"] == "cat").to_numpy()] == -1).all()
    assert set(rows.names) == {"north", "south"}
    used = rows.site >= 0
    np.testing.assert_array_equal(np.array(rows.names)[rows.site[used]], frame["site"][used])


@pytest.mark.parametrize("case", ["no site", "one site", "few rows", "no class in common"])
def test_nothing_is_told_where_sites_share_too_little(case: str) -> None:
    frame = table()
    if case in ("no site", "one site"):
        frame["site"] = "north" if case == "one site" else None
    elif case == "few rows":
        frame["site"] = np.where(np.arange(len(frame)) < LEAST_ROWS - 1, "south", "north")
        frame["group"] = None
    else:
        frame["site"] = np.where(frame["label"] == "ant", "north", "south")
    assert shared_rows(dataset(frame)) is None
    assert site_table([]) is None and worst_loss([]) == ""


def test_a_site_whose_class_the_others_show_once_is_not_left_out(tmp_path: Path) -> None:
    frame = table()
    frame["group"] = None
    ants = frame.index[frame["label"] == "ant"]
    frame.loc[ants, "site"] = ["south"] + ["north"] * (len(ants) - 1)
    run = train(frame, made_table((60, 60), features=4)[1], tmp_path / "run", SETTINGS)
    assert [one["site"] for one in run.scores.metrics["left_out_sites"]] == ["south"]


def test_the_largest_sites_are_left_out() -> None:
    frame = table(counts=(400, 400))
    frame["group"] = None
    frame["site"] = np.repeat([f"s{k}" for k in range(8)], [30, 40, 50, 60, 70, 80, 90, 380])
    rows = shared_rows(dataset(frame))
    assert rows is not None and rows.names == ("s7", "s6", "s5", "s4", "s3")[:MOST_SITES]


def test_the_warning_is_of_the_worst_site() -> None:
    sites: list[dict[str, Any]] = [
        {"site": "a", "balanced_accuracy": .9, "home_balanced_accuracy": .92},
        {"site": "b", "balanced_accuracy": .6, "home_balanced_accuracy": .95},
        {"site": "c", "balanced_accuracy": .2, "home_balanced_accuracy": None}]
    assert "'b'" in worst_loss(sites) and "0.600" in worst_loss(sites)
    assert worst_loss(sites[:1]) == "" and worst_loss(sites[2:]) == ""
