"""Presets are checked before anything is measured; every mistake is one line."""
from pathlib import Path

import pytest

from featurize.errors import UserError
from featurize.families import blocks
from featurize.presets.load import load_preset, preset_from_dict, preset_names

README = Path(__file__).parents[2] / "README.md"


def toml(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_four_presets_come_with_the_package() -> None:
    assert preset_names() == ["cell", "smear", "tissue", "whole", "xray"]


@pytest.mark.parametrize("name", ["cell", "smear", "tissue", "whole", "xray"])
def test_a_preset_uses_its_segmenter_and_measures_quality(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.segment == {"smear": "tissue"}.get(name, name)
    assert "quality" in preset.blocks and len(preset.blocks) > 2


def test_a_preset_comes_back_from_plain_data() -> None:
    preset = load_preset("cell")
    assert preset_from_dict(preset.to_dict()) == preset


def test_lists_become_tuples_as_the_defaults_are() -> None:
    assert isinstance(load_preset("whole").blocks["color"]["regions"], tuple)


def test_the_file_of_the_user_replaces_key_by_key(tmp_path: Path) -> None:
    plain = load_preset("whole")
    mine = load_preset("whole", toml(tmp_path, 'normalize = "background"\n[blocks.hog]\nrows = 2\n'))
    assert mine.normalize == "background" and mine.segment == plain.segment
    assert mine.blocks["hog"] == {**plain.blocks["hog"], "rows": 2}
    assert {k: v for k, v in mine.blocks.items() if k != "hog"} == {k: v for k, v in plain.blocks.items() if k != "hog"}


def test_a_family_can_be_left_out_and_another_added(tmp_path: Path) -> None:
    mine = load_preset("cell", toml(tmp_path, '[blocks]\nlbp = false\n[blocks.hog]\nregions = ["cell"]\n'))
    assert "lbp" not in mine.blocks and mine.blocks["hog"] == {"regions": ("cell",)}


@pytest.mark.parametrize(("text", "words"), [
    ("[blocks.colour]\n", r"blocks has no 'colour'; known: .*color"),
    ("[blocks.color]\nbinz = 3\n", r"block 'color' has no setting 'binz'; it has: .*regions"),
    ('[blocks.hog]\nrows = "four"\n', r"blocks.hog.rows is 'four', a whole number such as \d+ was wanted"),
    ("[blocks.hog]\nrows = true\n", r"a whole number such as"),
    ("[blocks.color]\nregions = 3\n", r"blocks.color.regions is 3, a list such as"),
    ("[blocks.color]\nregions = [3]\n", r"blocks.color.regions is \[3\], a list such as"),
    ("[blocks]\ncolor = 3\n", r"blocks.color is 3, a table of settings or false was wanted"),
    ('normalize = "bright"\n', r"normalize has no 'bright'; known: none"),
    ('segment = "cells"\n', r"segment has no 'cells'; known: cell, tissue"),
    ("normalise = 1\n", r"no setting 'normalise'; known: normalize"),
    ("= 3\n", r"mine.toml is not TOML"),
])
def test_a_mistake_in_the_file_is_one_line_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        load_preset("cell", toml(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match="no preset is called 'cells': choose auto, cell, smear, tissue, whole, xray"):
        load_preset("cells")


def test_a_missing_file_of_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the settings .*none.toml"):
        load_preset("cell", tmp_path / "none.toml")


def test_every_family_is_in_a_preset() -> None:
    """A family that no preset measures is found by nobody, unless README says how to measure it."""
    used = {family for name in preset_names() for family in load_preset(name).blocks}
    told = {family for family in blocks() if f"[blocks.{family}]" in README.read_text(encoding="utf-8")}
    assert used | told == set(blocks()) and "words" in told
