"""Which columns a model is offered: what families declare, and not how their columns happen to be called."""
from dataclasses import replace
from pathlib import Path

import pytest

from featurize import registry
from featurize.families import block_of, nuisance_columns
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.registry import Block, Feature
from featurize.run import measure_index
from featurize.sample import Sample

PX = ["cell_morphology_diameter_px", "nucleus_morphology_diameter_px"]


def odd(sample: Sample) -> dict[str, float]:
    """Named to mislead: a feature called like a family, a length in pixels without `px`, a scale without `um`."""
    return {"whole_odd_quality_mean": 1.0, "whole_odd_reach": 3.0, "whole_odd_ruler": 2.0, "whole_odd_share_px": 0.5}


@pytest.fixture
def odd_block(monkeypatch: pytest.MonkeyPatch) -> None:
    describes = {"quality_mean": Feature("1", ""), "reach": Feature("px", "", in_pixels=True),
                 "ruler": Feature("um", "", tells_scale=True), "share_px": Feature("1", "")}
    monkeypatch.setitem(registry.REGISTRY, "odd", Block("odd", 1, (), "", describes, False, odd))


def test_features_and_nuisances_are_what_the_family_declares(cell_folder: Path, odd_block: None) -> None:
    preset = replace(load_preset("whole"), blocks={"odd": {}})
    _, info, _ = measure_index(build_index([cell_folder]), preset, jobs=1)
    assert info.nuisance == ["whole_odd_reach"]
    assert info.features == ["whole_odd_quality_mean", "whole_odd_ruler", "whole_odd_share_px"]


def test_a_feature_named_like_another_family_belongs_to_its_own() -> None:
    found = [block_of(c) for c in ("whole_color_quality_mean", "image_quality_color_mean", "label_odd")]
    assert [f.name if f else None for f in found] == ["color", "quality", None]


def test_lengths_in_pixels_are_nuisances_only_where_the_scale_is_known() -> None:
    columns = [*PX, "image_quality_focus", "image_quality_width_px", "nucleus_morphology_solidity"]
    assert nuisance_columns(columns, scale_known=False) == ["image_quality_focus", "image_quality_width_px"]
    assert nuisance_columns(columns, scale_known=True) == ["image_quality_focus", "image_quality_width_px", *PX]
