"""What parts of pictures tell: a shortcut planted in the rim, and its twin without one."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classify.audit.shortcuts.inside_classes import less_explained, permuted_inside
from classify.audit.shortcuts.parts_evidence import IMAGES, PartScore, part_scores
from classify.audit.shortcuts.parts_section import section, sentence
from classify.sweep.choose import Remeasure
from featurize.index.build import Index, build_index
from featurize.parts import BACKGROUND, ENTIRE, PARTS, RIM, SUBJECT
from featurize.presets.load import Preset
from featurize.run import measure_index
from featurize.table import TableInfo

# What the planted set and its twin are measured with: the parts have a preset of their own.
PRESET = Preset("whole", "none", "whole", {"color": {"regions": ("whole",)}})
N = 60


def made(folder: Path, planted: bool) -> tuple[Index, pd.DataFrame, TableInfo]:
    """Noise with a bright square in the middle of class 1; planted: also a dark bar at the lower edge."""
    rng, y = np.random.default_rng(0), np.arange(N) % 2
    coarse = rng.integers(60, 160, (N, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    images = coarse.astype(np.uint8)
    images[y == 1, 24:40, 24:40] = 230
    images[(y if planted else rng.permutation(y)) == 1, 60:63, 10:40] = 0
    np.savez(folder / "set.npz", train_images=images, train_labels=y[:, None])
    index = build_index([folder / "set.npz"])
    frame, info, _ = measure_index(index, PRESET, jobs=1)
    return index, frame.assign(split=None), info


@pytest.mark.parametrize("planted", [True, False])
def test_a_bar_at_the_edge_is_found_in_the_rim_and_its_twin_tells_nothing(tmp_path: Path, planted: bool) -> None:
    index, frame, info = made(tmp_path, planted)
    found, shards = part_scores(frame, info, frame["label"].astype(int).to_numpy(), Remeasure(index, IMAGES),
                                tmp_path / "a.html")
    scores = {part.part: part for part in found}
    assert tuple(scores) == PARTS and {part.n for part in found} == {N}
    assert scores[ENTIRE].auroc > .95 and scores[SUBJECT].auroc > .95, "the square is in both"
    for part in (RIM, BACKGROUND):
        assert (scores[part].auroc > .9) == planted and scores[part].tells == planted
    assert not scores[ENTIRE].tells and shards is not None and shards.folder.name == "a.html.parts.shards"
    assert ("The label is told without the subject" in sentence(found)) == planted
    assert ("may tell the label rightly" in sentence(found, "tissue")) == planted


def test_too_few_images_say_nothing(tmp_path: Path) -> None:
    index, frame, info = made(tmp_path, True)
    y = np.where(np.arange(N) < 12, np.arange(N) % 2, -1)
    assert part_scores(frame, info, y, Remeasure(index, IMAGES), tmp_path / "a.html") == ((), None)


def test_the_table_marks_parts_that_tell() -> None:
    own = PartScore(RIM, 100, 500, .8, .7, (.7, .9), True)
    rows = section([replace(own, part=ENTIRE, tells=False), own])["table"]["rows"]
    assert [row[1]["tone"] for row in rows] == ["", "bad"] and rows[1][1]["text"] == ".800 (.700–.900)"


def test_labels_change_places_only_where_the_properties_say_the_same() -> None:
    rng = np.random.default_rng(0)
    y, group = rng.integers(0, 2, 300), np.repeat([0, 1], 150)
    p = np.where((group == 1)[:, None], [.2, .8], [.7, .3])
    new = permuted_inside(y, p, 0)
    for part in (0, 1):
        assert new[group == part].sum() == y[group == part].sum()
    # Of equal shares about half of the labels are new: 135 to 165 of 300 is three standard deviations.
    assert 100 < (new != y).sum() < 200
    assert np.array_equal(new, permuted_inside(y, p, 0)) and not np.array_equal(new, permuted_inside(y, p, 1))


def test_what_a_property_explains_is_gone_and_the_rest_stays() -> None:
    rng = np.random.default_rng(0)
    light, own = rng.normal(size=(2, 400))
    x = pd.DataFrame({"bright": light + .1 * rng.normal(size=400), "own": own}, dtype=np.float32)
    rest = less_explained(x, pd.DataFrame({"light": light}))
    assert abs(np.corrcoef(rest["bright"], light)[0, 1]) < .01 and rest["bright"].std() < .1 * x["bright"].rank(
        pct=True).std() * 4
    assert np.corrcoef(rest["own"], own)[0, 1] > .95
