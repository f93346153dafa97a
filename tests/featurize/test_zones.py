"""Lung zones tell where a drawn film is white, which side, and how the frame of the thorax stands."""
import cv2
import numpy as np
import pytest

from featurize.arrays import BoolArray, UInt8Array
from featurize.blocks.zones import zones
from featurize.sample import Sample
from featurize.simulate.tissue_and_film import draw_film

LUNGS = {"right_lung": (64, 128), "left_lung": (192, 128)}


def lungs(axes: tuple[int, int] = (40, 90)) -> dict[str, BoolArray]:
    """Two upright ellipses, 64 px left and right of the middle of a 256 px film."""
    out = {}
    for name, place in LUNGS.items():
        canvas = np.zeros((256, 256), np.uint8)
        cv2.ellipse(canvas, place, axes, 0, 0, 360, 1, -1)
        out[name] = canvas > 0
    return out


def film(regions: dict[str, BoolArray], seed: int = 0) -> UInt8Array:
    gray = np.full((256, 256), 180.0)
    gray[regions["right_lung"] | regions["left_lung"]] = 60
    gray += np.random.default_rng(seed).normal(0, 2, gray.shape)
    return np.clip(cv2.GaussianBlur(gray, (0, 0), 1.5), 0, 255).astype(np.uint8)


def measured(gray: UInt8Array, regions: dict[str, BoolArray]) -> dict[str, float]:
    rgb = np.dstack([gray] * 3)
    both = regions["right_lung"] | regions["left_lung"]
    return zones(Sample(rgb, rgb, {**regions, "lung": both, "whole": np.ones_like(both)},
                        np.zeros(gray.shape, np.int32), None, {"lung_trust": 0.9}))


def clouded(side: str, row: int) -> dict[str, float]:
    """A white patch in one zone of one lung."""
    regions = lungs()
    gray = film(regions)
    cv2.circle(gray, (LUNGS[side][0], row), 22, 150, -1)
    return measured(gray, regions)


@pytest.mark.parametrize("side", list(LUNGS))
@pytest.mark.parametrize(("zone", "row"), [("upper", 68), ("middle", 128), ("lower", 188)])
def test_a_cloud_brightens_its_own_zone_most(side: str, zone: str, row: int) -> None:
    found = clouded(side, row)
    levels = {(s, z): found[f"{s}_zones_{z}_level"] for s in LUNGS for z in ("upper", "middle", "lower")}
    assert max(levels, key=lambda k: levels[k]) == (side, zone)
    sign = 1 if side == "right_lung" else -1
    assert sign * found[f"lung_zones_{zone}_level_asymmetry"] > 0.2
    assert found[f"lung_zones_{zone}_level_difference"] == pytest.approx(
        abs(found[f"lung_zones_{zone}_level_asymmetry"]))


def test_an_even_pair_of_lungs_is_dark_and_symmetric() -> None:
    regions = lungs()
    found = measured(film(regions), regions)
    for zone in ("upper", "middle", "lower"):
        assert abs(found[f"lung_zones_{zone}_level_asymmetry"]) < 0.03
        assert 0 <= found[f"right_lung_zones_{zone}_level"] < 0.2


def test_exposure_and_contrast_change_nothing() -> None:
    """The film's own reference takes a linear change of gray levels away."""
    regions = lungs()
    gray = film(regions)
    cv2.circle(gray, (64, 128), 22, 150, -1)
    one = measured(gray, regions)
    two = measured(np.clip(gray * 0.7 + 40, 0, 255).astype(np.uint8), regions)
    levels = [k for k in one if "level" in k or "p10" in k or "grid" in k]
    assert len(levels) > 50
    np.testing.assert_allclose([one[k] for k in levels], [two[k] for k in levels], atol=0.06)


def test_the_frame_is_that_of_the_drawn_ellipses() -> None:
    """Thorax 24..232 = 209 px wide; gap at mid height 105..151 = 47 px, at the bases wider."""
    found = measured(film(lungs()), lungs())
    assert found["right_lung_zones_width"] == pytest.approx(81 / 209, abs=0.01)
    assert found["right_lung_zones_height"] == found["left_lung_zones_height"] == 1
    assert found["lung_zones_base_difference"] == 0
    assert found["lung_zones_mediastinum_shift"] == pytest.approx(0, abs=0.01)
    assert found["lung_zones_heart_width"] > 47 / 209
    assert found["right_lung_zones_area"] == pytest.approx(np.pi * 40 * 90 / (209 * 181), rel=0.03)


def test_a_heart_widens_the_gap() -> None:
    regions = lungs()
    heart = np.zeros((256, 256), np.uint8)
    cv2.ellipse(heart, (150, 165), (45, 40), 0, 0, 360, 1, -1)
    small = measured(film(regions), regions)
    cut = {k: v & (heart == 0) for k, v in regions.items()}
    large = measured(film(cut), cut)
    middle = {k: v["lung_zones_mediastinum_shift"] for k, v in (("small", small), ("large", large))}
    assert middle["large"] > middle["small"] + 0.01
    assert large["left_lung_zones_area"] < 0.9 * small["left_lung_zones_area"]


def test_a_filled_corner_is_blunt() -> None:
    """A sharp corner keeps little lung in a disk around its tip; cut straight across, it keeps half of one."""
    sharp, blunt = np.zeros((256, 256), np.uint8), np.zeros((256, 256), np.uint8)
    cv2.fillPoly(sharp, [np.array([[64, 40], [100, 170], [20, 220]], np.int32)], 1)
    cv2.fillPoly(blunt, [np.array([[64, 40], [100, 190], [30, 190]], np.int32)], 1)
    angles = []
    for mask in (sharp, blunt):
        regions = {"right_lung": mask > 0, "left_lung": lungs()["left_lung"]}
        angles.append(measured(film(regions), regions)["right_lung_zones_corner_angle"])
    # By hand: between (64,40)-(20,220) and (100,170)-(20,220) lie 44 degrees, in the other triangle 77.
    assert angles[0] == pytest.approx(44, abs=8)
    assert angles[1] == pytest.approx(77, abs=10)


def test_ribs_have_upright_gradients() -> None:
    """Horizontal stripes: all gradient in direction 3 of 6, 90 degrees."""
    regions = lungs()
    gray = np.repeat((np.sin(np.arange(256) / 4) * 30 + 90).astype(np.uint8)[:, None], 256, axis=1)
    found = measured(gray, regions)
    assert found["right_lung_zones_middle_edges3"] > 0.95
    assert found["right_lung_zones_middle_coherence"] > 0.95
    turned = measured(np.ascontiguousarray(gray.T), regions)
    assert turned["right_lung_zones_middle_edges0"] > 0.95


def test_a_missing_lung_is_unknown() -> None:
    regions = {**lungs(), "left_lung": np.zeros((256, 256), bool)}
    usual, found = measured(film(lungs()), lungs()), measured(film(lungs()), regions)
    assert list(found) == list(usual)
    assert np.isfinite(found["right_lung_zones_upper_level"])
    assert np.isnan(found["left_lung_zones_upper_level"]) and np.isnan(found["lung_zones_upper_level_asymmetry"])


def test_more_opacities_are_brighter() -> None:
    levels = []
    for opacities in (0, 2, 6):
        drawn = draw_film(3, opacities=opacities)
        right = drawn.lungs & (np.arange(256) < 128)
        found = measured(drawn.gray, {"right_lung": right, "left_lung": drawn.lungs & ~right})
        levels.append(found["right_lung_zones_level"] + found["left_lung_zones_level"])
    assert levels[0] < levels[1] < levels[2]
