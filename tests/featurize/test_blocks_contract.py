"""What every feature family promises, tried on every one that is registered, under every preset that uses it.

Run as a script it prints the measurements of small samples as JSON: so they are made once more without compilation.
"""
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from featurize.arrays import UInt8Array
from featurize.families import blocks, measure, scale_columns
from featurize.images.read import Picture
from featurize.pipeline import measure_picture, sample_of
from featurize.presets.load import load_preset, preset_names
from featurize.sample import Sample
from featurize.simulate.smears import HOME, draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue

PRESETS = {name: load_preset(name) for name in preset_names()}
PAIRS = [(preset, family) for preset in PRESETS for family in PRESETS[preset].blocks]
SHAPES = ("empty", "one_pixel", "row", "column", "whole", "scattered")


def picture(rgb: UInt8Array) -> Picture:
    return Picture(rgb=rgb, width_px=rgb.shape[1], height_px=rgb.shape[0], mode="RGB", bit_depth=8, mm_per_px=None)


def drawn(preset: str) -> UInt8Array:
    if preset == "tissue":
        return draw_tissue(1).rgb
    if preset == "xray":
        return np.dstack([draw_film(1, opacities=2).gray] * 3)
    return draw_cell("monocyte", 1, replace(HOME, size_px=160)).rgb


@pytest.fixture(scope="session")
def samples() -> dict[str, Sample]:
    return {name: sample_of(picture(drawn(name)), PRESETS[name], None) for name in PRESETS}


def settings_of(preset: str, family: str) -> Mapping[str, Mapping[str, Any]]:
    return {family: PRESETS[preset].blocks[family]}


class Rows:
    """The measurements of one family of one preset, made when they are first asked for and kept for all tests.

    What is kept cannot be changed: a test that writes into it fails.
    """

    def __init__(self, samples: Mapping[str, Sample]) -> None:
        self._samples = samples
        self._kept: dict[tuple[str, ...], Mapping[str, float]] = {}

    def usual(self, preset: str, family: str) -> Mapping[str, float]:
        """Of the drawn picture."""
        return self._keep((preset, family), self._samples[preset])

    def odd(self, preset: str, family: str, shape: str, *, flat: bool) -> Mapping[str, float]:
        """Of a small sample whose regions all have the shape."""
        return self._keep((preset, family, shape, str(flat)), shaped(self._samples[preset], shape, flat=flat))

    def _keep(self, key: tuple[str, ...], sample: Sample) -> Mapping[str, float]:
        if key not in self._kept:
            self._kept[key] = MappingProxyType(measure(sample, settings_of(key[0], key[1])))
        return self._kept[key]


@pytest.fixture(scope="session")
def rows(samples: dict[str, Sample]) -> Rows:
    return Rows(samples)


@pytest.fixture(scope="session")
def columns_of_preset() -> dict[str, frozenset[str]]:
    """The columns of the drawn picture, all families together, from the picture on."""
    return {name: frozenset(measure_picture(picture(drawn(name)), preset)) for name, preset in PRESETS.items()}


def shaped(like: Sample, shape: str, side: int = 24, flat: bool = False) -> Sample:
    """A small sample with every region of `like` in one odd shape."""
    rng = np.random.default_rng(3)
    rgb = np.full((side, side, 3), (180, 90, 140), np.uint8) if flat \
        else rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
    mask = np.zeros((side, side), bool)
    if shape == "one_pixel":
        mask[7, 9] = True
    elif shape == "row":
        mask[5, 3:20] = True
    elif shape == "column":
        mask[3:20, 5] = True
    elif shape == "whole":
        mask[:] = True
    elif shape == "scattered":
        mask[::5, ::5] = True
    objects = np.zeros((side, side), np.int32) if shape == "empty" else np.cumsum(mask).reshape(side, side) * mask
    return Sample(rgb, rgb, {name: mask.copy() for name in like.regions}, objects.astype(np.int32), None, like.facts)


def finite_or_nan(row: Mapping[str, float]) -> bool:
    return not any(np.isinf(value) for value in row.values())


@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_columns_are_named_by_region_family_and_feature(preset: str, family: str, samples: dict[str, Sample],
                                                        rows: Rows) -> None:
    regions = {*samples[preset].regions, "whole", "objects", "image"}
    for column in rows.usual(preset, family):
        region, found, feature = column.partition(f"_{family}_")
        assert found and feature and region in regions, column


@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_every_column_is_described(preset: str, family: str, rows: Rows) -> None:
    block = blocks()[family]
    nameless = [c for c in rows.usual(preset, family) if block.describe(c) is None]
    assert not nameless


@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_lengths_in_pixels_are_declared(preset: str, family: str, rows: Rows) -> None:
    """The table's choice of features asks the declaration, people read the name: both say the same."""
    described = {c: blocks()[family].describe(c) for c in rows.usual(preset, family)}
    assert {c for c, feature in described.items() if feature and feature.in_pixels} == {
        c for c in described if c.endswith("_px")}


def test_columns_that_tell_the_scale_are_unknown_without_one(samples: dict[str, Sample]) -> None:
    sample, settings = samples["cell"], PRESETS["cell"].blocks
    scaled = scale_columns(list(measure(sample, settings)))
    assert scaled == [f"{region}_morphology_diameter_{unit}"
                      for region in ("nucleus", "cell") for unit in ("um", "red")]
    known = measure(replace(sample, mm_per_px=1e-4, facts={**sample.facts, "red_diameter": 40.0}), settings)
    unknown = measure(replace(sample, mm_per_px=None, facts={**sample.facts, "red_diameter": np.nan}), settings)
    assert np.isfinite([known[c] for c in scaled]).all() and np.isnan([unknown[c] for c in scaled]).all()


@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_a_drawn_image_gives_numbers(preset: str, family: str, rows: Rows) -> None:
    row = rows.usual(preset, family)
    assert row and finite_or_nan(row)
    assert np.mean([np.isfinite(v) for v in row.values()]) > .5
    assert all(isinstance(v, float) for v in row.values())


@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_same_input_gives_the_same_bits(preset: str, family: str, samples: dict[str, Sample], rows: Rows) -> None:
    first = rows.usual(preset, family)
    second = measure(replace(samples[preset]), settings_of(preset, family))
    assert np.array_equal(list(first.values()), list(second.values()), equal_nan=True)


@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_the_sample_is_left_as_it_was(preset: str, family: str, samples: dict[str, Sample]) -> None:
    """Arrays that cannot be written: a block that tries raises."""
    sample = samples[preset]
    locked = Sample(sample.rgb.copy(), sample.raw.copy(), {n: m.copy() for n, m in sample.regions.items()},
                    sample.objects.copy(), sample.mm_per_px, dict(sample.facts))
    for array in (locked.rgb, locked.raw, locked.objects, *locked.regions.values(), locked.gray, locked.hsv, locked.lab,
                  locked.hed):
        array.flags.writeable = False
    measure(locked, settings_of(preset, family))
    assert dict(locked.facts) == dict(sample.facts)


@pytest.mark.parametrize("flat", [False, True], ids=["noise", "constant"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("preset", "family"), PAIRS)
def test_odd_regions_give_the_same_columns(preset: str, family: str, shape: str, flat: bool, rows: Rows) -> None:
    odd = rows.odd(preset, family, shape, flat=flat)
    assert set(odd) == set(rows.usual(preset, family))
    assert finite_or_nan(odd)


@pytest.mark.parametrize(("preset", "family"), [p for p in PAIRS if not blocks()[p[1]].nuisance])
def test_an_empty_region_is_unknown_and_not_zero(preset: str, family: str, rows: Rows) -> None:
    """Counts may be zero; nothing else is known of a region that was not found."""
    row = rows.odd(preset, family, "empty", flat=False)
    block = blocks()[family]
    known = {c: v for c, v in row.items() if not np.isnan(v) and not c.startswith(("whole_", "image_"))}
    claimed = {c: v for c, v in known.items() if not (v == 0 and _counts(block.describe(c)))}
    assert not claimed


def _counts(feature: Any) -> bool:
    return any(word in feature.unit for word in ("count", "share", "per"))


@pytest.mark.parametrize("family", sorted(blocks()))
def test_a_misspelt_setting_is_refused(family: str, samples: dict[str, Sample]) -> None:
    with pytest.raises(ValueError, match=f"block '{family}' has no setting 'binz'"):
        measure(samples["whole"], {family: {"binz": 3}})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_blank_picture_has_the_same_columns(preset: str, columns_of_preset: dict[str, frozenset[str]]) -> None:
    """No cell, no lung, no nucleus: the row is there and says so."""
    for level in (0, 128, 255):
        blank = measure_picture(picture(np.full((64, 48, 3), level, np.uint8)), PRESETS[preset], None)
        assert set(blank) == columns_of_preset[preset]
        assert finite_or_nan(blank)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 3), (28, 28)], ids=str)
def test_tiny_pictures_have_the_same_columns(preset: str, size: tuple[int, int],
                                             columns_of_preset: dict[str, frozenset[str]]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert set(measure_picture(picture(rgb), PRESETS[preset], None)) == columns_of_preset[preset]


def small_measurements(like: Mapping[str, Sample]) -> dict[str, dict[str, float]]:
    """All families of all presets on small odd samples with the regions of `like`."""
    return {f"{preset} {shape}": measure(shaped(sample, shape, side=16), PRESETS[preset].blocks)
            for preset, sample in like.items() for shape in ("whole", "scattered")}


@pytest.mark.slow
def test_values_are_the_same_without_compilation(samples: dict[str, Sample]) -> None:
    """Compiled loops may round a multiply and an add once instead of twice: a few units in the last place."""
    plain = {name: {"regions": list(s.regions), "facts": dict(s.facts)} for name, s in samples.items()}
    done = subprocess.run([sys.executable, __file__], input=json.dumps(plain), stdout=subprocess.PIPE, text=True,
                          check=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1",
                                           "PYTHONPATH": os.pathsep.join(sys.path)})
    interpreted = json.loads(done.stdout)
    for name, row in small_measurements(samples).items():
        assert list(row) == list(interpreted[name])
        np.testing.assert_allclose(list(interpreted[name].values()), list(row.values()), rtol=1e-5, atol=1e-6,
                                   err_msg=name)


def _bare(regions: list[str], facts: dict[str, float]) -> Sample:
    nothing = np.zeros((1, 1), bool)
    blank = np.zeros((1, 1, 3), np.uint8)
    return Sample(blank, blank, dict.fromkeys(regions, nothing), nothing.astype(np.int32), None, facts)


if __name__ == "__main__":
    print(json.dumps(small_measurements({name: _bare(**s) for name, s in json.load(sys.stdin).items()})))
