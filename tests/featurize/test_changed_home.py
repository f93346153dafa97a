"""The changes of benchmarks.changed_home do what their names say."""
import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.changed_home")


def test_hue_turns_and_gray_stays(bench: ModuleType) -> None:
    colors = np.array([[[255, 0, 0], [120, 120, 120]]], np.uint8)
    # Red turned by 12 degrees on the circle of hues: a fifth of the way from red (0) to yellow (60).
    assert bench.turned_hue(colors, 12).tolist() == [[[255, 51, 0], [120, 120, 120]]]
    assert bench.turned_hue(colors, -12).tolist() == [[[255, 0, 51], [120, 120, 120]]]


def test_contrast_shrinks_about_the_mean_and_scale_changes_the_size(bench: ModuleType) -> None:
    rgb = np.zeros((40, 20, 3), np.uint8)
    rgb[:20] = 200
    assert np.unique(bench.CHANGES["contrast x .7"](rgb)).tolist() == [30, 170]
    assert np.unique(bench.CHANGES["brightness x .7"](rgb)).tolist() == [0, 140]
    assert bench.CHANGES["scale x .5"](rgb).shape == (20, 10, 3)
    assert bench.CHANGES["scale x 1.5"](rgb).shape == (60, 30, 3)
