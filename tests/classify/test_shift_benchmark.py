"""What the models of benchmarks.shift learn from and are tested on, and what it costs."""
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

COUNTS = (60, 60, 60)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.shift")


@pytest.fixture
def frame() -> pd.DataFrame:
    """Groups of two rows, at two sites in turn; of the third class one site only."""
    frame, _ = made_table(COUNTS, features=4, spread=.5)
    number = frame["group"].str[3:].astype(int).to_numpy()
    frame["site"] = np.array(["north", "south"])[number % 2]
    frame.loc[frame["label"] == "cat", "site"] = "north"
    return frame


def copies_of(frame: pd.DataFrame, features: list[str], numbers: tuple[int, ...]) -> pd.DataFrame:
    each = [frame[["image_id"]].assign(copy=k).join(frame[features] + k) for k in numbers]
    return pd.concat(each, ignore_index=True)


def place(bench: ModuleType, frame: pd.DataFrame, numbers: tuple[int, ...] = (1, 2)) -> Any:
    info = made_table(COUNTS, features=4)[1]
    return bench.Place("home", frame, info, copies_of(frame, info.features, numbers))


def test_nothing_of_a_site_is_learned_from_when_it_is_left_out(bench: ModuleType, frame: pd.DataFrame) -> None:
    trials = list(bench.left_out(place(bench, frame)))
    assert {name for trial in trials for name in trial.tested} == {"north, left out", "south, left out"}
    for trial in trials:
        (name, tested), = trial.tested.items()
        learned = frame[trial.used]
        assert set(tested["site"]) == {name.partition(",")[0]} and set(tested["site"]).isdisjoint(learned["site"])
        assert set(tested["group"]).isdisjoint(learned["group"])
        # A class of one site only cannot be learned at the other.
        assert set(tested["label"]) == set(learned["label"]) == {"ant", "bee"}
        assert trial.elsewhere == {name}


def test_a_class_that_the_other_sites_hardly_show_is_not_asked_for(bench: ModuleType, frame: pd.DataFrame) -> None:
    # Cats of the south: one group of two images.
    frame.loc[frame["group"] == frame["group"][frame["label"] == "cat"].iloc[-1], "site"] = "south"
    asked = {name: set(tested["label"]) for trial in bench.left_out(place(bench, frame))
             for name, tested in trial.tested.items()}
    assert asked == {"north, left out": {"ant", "bee"}, "south, left out": {"ant", "bee", "cat"}}


def test_one_site_is_not_left_out(bench: ModuleType, frame: pd.DataFrame) -> None:
    home = place(bench, frame.assign(site=None))
    assert not list(bench.left_out(home)) and len(list(bench.trials_of(home, []))) == bench.FOLDS


def test_each_site_is_tested_and_adapted_to_where_all_are_large(bench: ModuleType, frame: pd.DataFrame) -> None:
    trial = next(bench.trials_of(place(bench, frame), []))
    own = frame[~trial.used]
    assert list(trial.tested) == ["home", "home, changed", "home, north", "home, south"]
    assert trial.tested["home, south"].equals(own[own["site"] == "south"])
    assert bench.adaptable(frame) and not bench.adaptable(frame[:bench.LEAST_IMAGES - 1])
    few = frame.assign(site=np.where(np.arange(len(frame)) < bench.LEAST_IMAGES - 1, "north", "south"))
    assert not bench.adaptable(few)


def test_all_copies_are_a_variant_where_there_are_more_than_by_default(bench: ModuleType, frame: pd.DataFrame) -> None:
    few = bench.images_to_perturb(frame["image_id"].tolist())
    assert bench.variants(place(bench, frame)) == list(bench.COPIES)
    home = place(bench, frame, (1,))
    default = bench.Place("home", frame, home.info, home.copies[home.copies["image_id"].isin(few)])
    assert bench.variants(default) == list(bench.COPIES[:2])


def test_measuring_counts_the_images_that_are_learned_from_and_copies(bench: ModuleType, frame: pd.DataFrame) -> None:
    home, used = place(bench, frame), np.arange(len(frame)) < 50
    a_picture = bench.PictureSeconds(image=2.0, copy=3.0)
    assert bench.measuring(home, used, "no copies", a_picture) == {"measure s": 2.0 * 50}
    assert bench.measuring(home, used, "all copies", a_picture) == {"measure s": 2.0 * 50 + 3.0 * 2 * 50}
    assert bench.measuring(home, used, "all copies", None) == {}


def test_pictures_that_are_gone_are_not_timed(bench: ModuleType, frame: pd.DataFrame, tmp_path: Path) -> None:
    info = made_table(COUNTS, features=4)[1]
    info.sources[:] = [{"site": "", "kind": "folder", "root": str(tmp_path / "gone")}]
    assert bench.picture_seconds(frame, info) is None
