"""Label images and outlines of what was segmented."""
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurize.errors import UserError
from featurize.index.build import build_index
from featurize.masks.imagej import roi_zip
from featurize.masks.labels import labels_of
from featurize.masks.outlines import polygons
from featurize.masks.output_folder import ROIS, WRITTEN
from featurize.masks.run import ERRORS, LIST, segment_images
from featurize.presets.load import load_preset
from featurize.runtime.lock import held_folder
from featurize.segment.segmenters import segment
from featurize.simulate.smears import draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cell, another of the same stem, a bare slide and no image."""
    folder = tmp_path_factory.mktemp("images")
    Image.fromarray(draw_cell("monocyte", seed=3).rgb).save(folder / "a.png")
    Image.fromarray(draw_cell("lymphocyte", seed=1).rgb).save(folder / "a.tif")
    Image.fromarray(np.full((90, 120, 3), 230, np.uint8)).save(folder / "bare.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def masks(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "masks"
    summary = segment_images(build_index([images]), load_preset("cell"), out, jobs=1)
    assert (summary.images, summary.empty, summary.errors) == (3, 1, 1)
    return out


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def _listed(masks: Path, column: str) -> dict[str, str]:
    """A column of masks.csv by the path of the image."""
    table = pd.read_csv(masks / LIST)
    return dict(zip(table["path"].tolist(), table[column].tolist()))


def test_label_image_lies_on_the_cell(masks: Path) -> None:
    drawn = draw_cell("monocyte", seed=3)
    found = np.asarray(Image.open(masks / _listed(masks, "mask")["a.png"]))
    assert found.shape == drawn.cell.shape
    assert _dice(found == 1, drawn.nucleus) > .95
    assert _dice(found > 0, drawn.cell) > .95
    assert _listed(masks, "regions")["a.png"] == "cytoplasm|nucleus"


def test_every_image_has_files_of_its_own(masks: Path) -> None:
    table = pd.read_csv(masks / LIST)
    assert table["path"].tolist() == ["a.png", "a.tif", "bare.png"] and table["mask"].nunique() == 3
    assert not np.asarray(Image.open(masks / "bare.png")).any()
    assert pd.read_csv(masks / ERRORS)["path"].tolist() == ["broken.png"]


def test_outlines_hold_the_labelled_pixels(masks: Path) -> None:
    mask = np.asarray(Image.open(masks / _listed(masks, "mask")["a.png"]))
    content = json.loads((masks / _listed(masks, "outlines")["a.png"]).read_text())
    assert [f["properties"]["classification"]["name"] for f in content["features"]] == ["nucleus", "cytoplasm"]
    for number, feature in enumerate(content["features"], 1):
        again = np.zeros(mask.shape, np.uint8)
        for rings in feature["geometry"]["coordinates"]:
            # Pixels are counted whose middle, at half a pixel, lies inside.
            corners = [np.rint((np.array(ring) - .5) * 16).astype(np.int32) for ring in rings]
            cv2.fillPoly(again, corners, 1, shift=4)
        assert _dice(again > 0, mask == number) > .97


def test_a_hole_is_a_ring_of_its_own() -> None:
    mask = np.ones((9, 9), bool)
    mask[3:6, 3:6] = False
    (outer, hole), = polygons(np.pad(mask, 4))
    assert outer[0] == outer[-1] and hole[0] == hole[-1]
    np.testing.assert_allclose([np.min(outer, axis=0), np.max(outer, axis=0)], [[4, 4], [13, 13]], atol=.25)
    np.testing.assert_allclose([np.min(hole, axis=0), np.max(hole, axis=0)], [[7, 7], [10, 10]], atol=.3)
    assert polygons(np.zeros((4, 4), bool)) == []


def test_nuclei_of_tissue_and_lungs_of_films_are_labelled() -> None:
    tissue = labels_of(segment("tissue", draw_tissue(1, nuclei=20).rgb, "none"), "tissue")
    assert 15 <= len(tissue.names) <= 25 and set(tissue.names.values()) == {"nucleus"}
    film = draw_film(1)
    lungs = labels_of(segment("xray", np.repeat(film.gray[..., None], 3, axis=2), "none"), "xray")
    assert lungs.names == {1: "right_lung", 2: "left_lung"}
    assert _dice(lungs.image > 0, film.lungs) > .85


def test_places_of_others_are_refused(images: Path, masks: Path, tmp_path: Path) -> None:
    index, cell = build_index([images]), load_preset("cell")
    for out in (images, images.parent, images / "masks"):
        with pytest.raises(UserError, match="masks would be read as images"):
            segment_images(index, cell, out, jobs=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/note.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files that `segment` did not write"):
        segment_images(index, cell, tmp_path / "mine", jobs=1)
    with held_folder(masks, "taken"), pytest.raises(UserError, match="another run of `segment`"):
        segment_images(index, cell, masks, jobs=1)
    with pytest.raises(UserError, match="preset whole takes images as a whole and finds no regions"):
        segment_images(index, load_preset("whole"), tmp_path / "new", jobs=1)


def test_a_second_run_gives_the_same_files_and_spares_a_users(images: Path, masks: Path) -> None:
    before = {path.name: path.read_bytes() for path in masks.iterdir()}
    segment_images(build_index([images]), load_preset("cell"), masks, jobs=1)
    assert {path.name: path.read_bytes() for path in masks.iterdir()} == before


def test_masks_that_were_changed_by_hand_are_kept_and_told(images: Path, tmp_path: Path) -> None:
    index, cell, out = build_index([images / "a.png", images / "bare.png"]), load_preset("cell"), tmp_path / "masks"
    segment_images(index, cell, out, jobs=1)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "a.png").write_bytes(b"my mask")
    summary = segment_images(index, cell, out, jobs=1)
    assert summary.warnings == ["a.png was changed after it was written: your version is kept as a.changed.png"]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {**before, "a.changed.png": b"my mask"}
    # A run that was killed has written its own masks, and not noted them.
    (out / "a.changed.png").unlink()
    noted = (out / WRITTEN).read_bytes()
    segment_images(index, load_preset("smear"), out, jobs=1)
    assert (out / WRITTEN).read_bytes() != noted
    (out / WRITTEN).write_bytes(noted)
    assert segment_images(index, load_preset("smear"), out, jobs=1).warnings == []
    (out / "bare.geojson").write_bytes(b"mine")
    # Another image into the same folder: the files of the others are left as they are.
    assert segment_images(build_index([images / "a.png"]), cell, out, jobs=1).warnings == []
    assert segment_images(index, cell, out, jobs=1).warnings == [
        "bare.geojson was changed after it was written: your version is kept as bare.changed.geojson"]


def test_regions_of_imagej_hold_the_labelled_pixels(images: Path, tmp_path: Path) -> None:
    roifile = pytest.importorskip("roifile")
    out = tmp_path / "masks"
    segment_images(build_index([images]), load_preset("cell"), out, jobs=1, imagej=True)
    masks = _listed(out, "mask")
    for path in ("a.png", "a.tif"):
        mask = np.asarray(Image.open(out / masks[path]))
        regions = roifile.roiread(out / (masks[path].removesuffix(".png") + ROIS))
        assert [region.name for region in regions] == ["nucleus 1", "cytoplasm 2"]
        for number, region in enumerate(regions, 1):
            rings = region.coordinates(multi=True) if region.composite else [region.coordinates()]
            # The cytoplasm has a hole where the nucleus lies.
            assert region.composite == (len(rings) > 1) and (number == 1 or region.composite)
            again = np.zeros(mask.shape, np.uint8)
            cv2.fillPoly(again, [np.rint((ring - .5) * 16).astype(np.int32) for ring in rings], 1, shift=4)
            assert _dice(again > 0, mask == number) > .97
    assert roifile.roiread(out / (masks["bare.png"].removesuffix(".png") + ROIS)) == []


def test_the_same_outlines_give_the_same_bytes() -> None:
    pytest.importorskip("roifile")
    labels = labels_of(segment("cell", draw_cell("monocyte", seed=3).rgb, "none"), "cell")
    assert roi_zip(labels) == roi_zip(labels)
