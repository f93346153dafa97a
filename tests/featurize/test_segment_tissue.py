"""Nuclei of drawn tissue and drawn smear fields are found, and what is no nucleus is not."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from featurize.arrays import Int32Array, UInt8Array
from featurize.segment.segmenters import segment
from featurize.segment.tissue import _measure, _separate, find_nuclei
from featurize.simulate.tissue_and_film import Tissue, draw_tissue

DATA = Path(__file__).parents[3] / "shared/data"

# Optical densities (log10, R G B) measured on real images: leukemia_all4 nuclei and red cells, hematoxylin and DAB of
# tissue_hpylori.
PURPLE, BLUISH_RED_CELL, BLUE, BROWN = (.29, .33, .01), (.20, .17, .06), (.17, .11, .06), (.35, .50, .62)


def field(spots: list[tuple[int, int, int, tuple[float, float, float]]], size: int = 224, seed: int = 0) -> UInt8Array:
    """Disks (x, y, radius, density) on a white slide, softened and with noise."""
    density = np.zeros((size, size, 3), np.float32)
    for x, y, radius, color in spots:
        cv2.circle(density, (x, y), radius, color, -1, cv2.LINE_AA)
    density = cv2.GaussianBlur(density, (0, 0), 1.0)
    light = 245 * 10 ** -density + np.random.default_rng(seed).normal(0, 1.5, density.shape)
    return np.clip(light, 0, 255).astype(np.uint8)


def matches(found: Int32Array, drawn: Int32Array) -> int:
    """Drawn objects that share more than half of their union with one found object."""
    hits = 0
    for k in range(1, int(drawn.max()) + 1):
        best = np.bincount(found[drawn == k]).argmax()
        union = ((found == best) | (drawn == k)).sum()
        hits += bool(best and ((found == best) & (drawn == k)).sum() > 0.5 * union)
    return hits


def at_work_size(tissue: Tissue) -> tuple[Int32Array, Int32Array]:
    sample = segment("tissue", tissue.rgb, "none")
    drawn = cv2.resize(tissue.objects.astype(np.uint16), sample.objects.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return sample.objects, drawn.astype(np.int32)


@pytest.mark.parametrize(("radius", "size"), [(9.0, 192), (7.0, 256), (14.0, 512), (22.0, 512)], ids=str)
def test_nearly_every_drawn_nucleus_is_found_and_little_else(radius: float, size: int) -> None:
    found, drawn = at_work_size(draw_tissue(3, radius_px=radius, size_px=size, nuclei=30))
    count = int(drawn.max())
    assert matches(found, drawn) >= 0.93 * count
    assert found.max() <= 1.07 * count


def test_the_typical_radius_is_the_drawn_one() -> None:
    tissue = draw_tissue(5, radius_px=11.0, size_px=256)
    _, _, facts = find_nuclei(tissue.rgb)
    drawn = np.sqrt(np.median(np.bincount(tissue.objects.ravel())[1:]) / np.pi)
    assert facts["nuclear_radius"] == pytest.approx(drawn, rel=0.1)


def test_a_small_patch_is_enlarged_and_its_nuclei_found() -> None:
    """50 px patches of 10x scans: nuclei of 5 px."""
    tissue = draw_tissue(2, radius_px=10.0, size_px=200, nuclei=20)
    small = cv2.resize(tissue.rgb, (50, 50), interpolation=cv2.INTER_AREA)
    sample = segment("tissue", np.asarray(small, dtype=np.uint8), "none")
    assert sample.objects.shape == (200, 200)
    assert matches(sample.objects, tissue.objects) >= 0.85 * tissue.objects.max()


def test_lamp_and_strength_of_stain_do_not_change_the_count() -> None:
    tissue = draw_tissue(7, size_px=256, nuclei=25)
    counts = []
    for lamp, strength in ((1.0, 1.0), (0.8, 1.0), (1.0, 0.6), (0.9, 1.3)):
        light = ((tissue.rgb + 1.0) / 244) ** strength * 244 * lamp - 1
        counts.append(int(find_nuclei(np.clip(light, 0, 255).astype(np.uint8))[0].max()))
    assert max(counts) - min(counts) <= 1


def test_touching_nuclei_are_told_apart() -> None:
    pairs = [(40 + 60 * k + shift, 50 + 55 * j, 11, PURPLE) for k in range(3) for j in range(3) for shift in (0, 19)]
    found, _, _ = find_nuclei(field(pairs))
    assert found.max() == 18


def test_red_cells_amid_purple_nuclei_are_no_nuclei() -> None:
    """Under a bluish lamp red cells absorb red light most, nuclei green light."""
    nuclei = [(40, 60, 13, PURPLE), (120, 150, 12, PURPLE), (180, 60, 13, PURPLE)]
    red = [(30 + 40 * k, y, 11, BLUISH_RED_CELL) for k in range(5) for y in (110, 195)]
    found, _, facts = find_nuclei(field(nuclei + red))
    assert found.max() == 3 and facts["smear"] == 1
    assert all(found[y, x] for x, y, _, _ in nuclei)


def test_brown_stain_is_no_nucleus() -> None:
    blue = [(50, 50, 12, BLUE), (150, 60, 12, BLUE), (100, 160, 12, BLUE)]
    found, stained, _ = find_nuclei(field([*blue, (170, 170, 18, BROWN), (40, 150, 10, BROWN)]))
    assert found.max() == 3
    assert not found[170, 170] and stained[170, 170]


def test_a_scale_bar_is_no_nucleus() -> None:
    picture = field([(60, 60, 13, PURPLE), (140, 90, 13, PURPLE)])
    picture[195:224, 170:224] = 255
    picture[214:218, 175:220] = 0
    cv2.putText(picture, "200 px", (176, 208), cv2.FONT_HERSHEY_SIMPLEX, .35, (0, 0, 0), 1)
    assert find_nuclei(picture)[0].max() == 2


def test_stroma_that_fills_the_picture_is_not_taken_for_empty_slide() -> None:
    """Drawn tissue has no hole: all of it is stained. With a hole, the hole isn't."""
    rgb = draw_tissue(1, size_px=256).rgb
    assert find_nuclei(rgb)[1].mean() > 0.98
    torn = rgb.copy()
    torn[:80] = 243
    assert find_nuclei(torn)[1][:76].mean() < 0.02
    assert find_nuclei(torn)[1][84:].mean() > 0.95


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_has_no_nuclei(level: int) -> None:
    found, _, facts = find_nuclei(np.full((80, 90, 3), level, np.uint8))
    assert not found.any() and np.isnan(facts["nuclear_radius"])


def test_a_fibre_that_vanishes_with_smoothing_keeps_its_place_in_the_count() -> None:
    """A fibre one pixel thin behind a disk: the smoothing of outlines takes it, and its row of measures stays."""
    labels = np.zeros((64, 64), np.int32)
    cv2.circle(labels, (20, 20), 9, 1, -1)
    cv2.line(labels, (30, 40), (60, 62), 2, 1, cv2.LINE_4)
    parts, origin = _separate(labels)
    assert parts.max() == 1 and origin.tolist() == [0, 1, 2]
    found = _measure(parts, len(origin), np.full((64, 64, 3), 0.2, np.float32), np.ones((64, 64), np.float32))
    assert found.area.tolist() == [0, (parts == 1).sum(), 0]


def test_labels_are_counted_without_gaps_and_twice_the_same() -> None:
    picture = draw_tissue(9, size_px=512, radius_px=16).rgb
    first, second = find_nuclei(picture)[0], find_nuclei(picture.copy())[0]
    assert np.array_equal(first, second)
    assert np.array_equal(np.unique(first), np.arange(first.max() + 1))


@pytest.mark.skipif(not (DATA / "fields_bccd").exists(), reason="needs the data set fields_bccd")
def test_white_cells_of_real_fields_hold_a_nucleus() -> None:
    """Boxes of white cells drawn by others (Shenggan/BCCD_Dataset): at least 15 of 16 hold a found nucleus."""
    import xml.etree.ElementTree as tree
    hit = seen = 0
    for page in sorted((DATA / "fields_bccd/Annotations").glob("*.xml"))[:16]:
        picture = np.array(Image.open(DATA / "fields_bccd/JPEGImages" / f"{page.stem}.jpg").convert("RGB"))
        found = segment("tissue", picture, "none")
        scale = found.objects.shape[1] / picture.shape[1]
        for item in tree.parse(page).iter("object"):
            if item.findtext("name") == "WBC":
                x0, y0, x1, y1 = (int(item.findtext(f"bndbox/{k}") or 0) for k in ("xmin", "ymin", "xmax", "ymax"))
                box = found.objects[round(y0 * scale): round(y1 * scale), round(x0 * scale): round(x1 * scale)]
                seen += 1
                hit += bool((box > 0).mean() > 0.15)
    assert seen >= 12 and hit >= seen - 1
