"""Masks of radiomics users: any integer label a region; arrays and NIfTI slices."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurize.batch.mask_files import WrongMask, read_mask
from featurize.errors import UserError
from featurize.images.read import ImageError, from_array
from featurize.index.build import build_index
from featurize.pipeline import measure_picture
from featurize.presets.load import Preset, load_preset, preset_from_dict
from featurize.run import featurize
from featurize.table import read_table

SIDE = 96


@pytest.fixture(scope="module")
def preset() -> Preset:
    return preset_from_dict({"name": "whole", "normalize": "none", "segment": "whole", "blocks": {
        "quality": {"segmenter": False}, "color": {"regions": ["whole"]},
        "radiomics": {"regions": ["whole"], "families": ["firstorder"]}}})


def label_image(first: int = 7, second: int = 300) -> np.ndarray:
    """Two squares: 24 px and 12 px a side."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[10:34, 10:34], labels[60:72, 50:62] = first, second
    return labels


@pytest.fixture()
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    labels = label_image()
    for k, name in enumerate(("a", "b")):
        rgb = np.random.default_rng(k).integers(0, 40, (SIDE, SIDE, 3))
        rgb[labels == 7] += (200, 20, 20)
        rgb[labels == 300] += (20, 150, 20)
        Image.fromarray(rgb.astype(np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture()
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(label_image().astype(np.uint16)).save(folder / f"{name}.png")
    return folder


def table_of(images: Path, preset: Preset, masks: Path) -> pd.DataFrame:
    featurize(build_index([images]), preset, images.parent / "t.parquet", jobs=1, masks=masks)
    return read_table(images.parent / "t.parquet")[0]


def test_every_label_is_a_region_with_its_own_measurements(images: Path, masks: Path, preset: Preset) -> None:
    table = table_of(images, preset, masks)
    first, second = (table[f"label_{k}_color_red_mean"] for k in (7, 300))
    assert (first > 190).all() and (second < 80).all()
    assert not [name for name in table if str(name).startswith("whole_")]
    # The smaller square has a quarter of the area, in pixels of the work image (256 px instead of 96).
    areas = [table[f"label_{k}_radiomics_shape2d_pixel_surface"].to_numpy() for k in (7, 300)]
    np.testing.assert_allclose(areas[0] / areas[1], 4, rtol=.08)
    np.testing.assert_allclose(areas[0], (24 * 256 / 96) ** 2, rtol=.05)


def test_names_of_labels_are_names_of_regions(images: Path, masks: Path, preset: Preset) -> None:
    (masks / "labels.csv").write_text("label,name\n7,tumor\n300,edema\n")
    table = table_of(images, preset, masks)
    assert {"tumor_color_red_mean", "edema_color_red_mean"} <= set(table)
    for wrong, words in (("7,Tumor!\n", "no name of a region"), ("7,color\n", "no name of a region"),
                         ("7,x\n300,x\n", "one name to several labels"), ("seven,x\n", "cannot be read")):
        (masks / "labels.csv").write_text("label,name\n" + wrong)
        with pytest.raises(UserError, match=words):
            table_of(images, preset, masks)


def test_a_label_that_an_image_lacks_is_not_measured_there(images: Path, masks: Path, preset: Preset) -> None:
    Image.fromarray(np.where(label_image() == 7, 7, 0).astype(np.uint8)).save(masks / "b.png")
    table = table_of(images, preset, masks).set_index("path")
    assert np.isnan(table.loc["b.png", "label_300_color_red_mean"]) and table["label_7_color_red_mean"].notna().all()


def test_arrays_are_masks(images: Path, masks: Path, preset: Preset) -> None:
    before = table_of(images, preset, masks)
    for name in ("a", "b"):
        (masks / f"{name}.png").unlink()
        np.save(masks / f"{name}.npy", label_image())
    after = table_of(images, preset, masks)
    pd.testing.assert_frame_equal(before.drop(columns="mask"), after.drop(columns="mask"))


def test_nifti_slices_are_masks_with_x_to_the_right(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = label_image()[:80]
    for name, data in (("a.nii", labels.T[..., None]), ("b.nii.gz", labels.T.astype(np.float32))):
        nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / name)
        np.testing.assert_array_equal(read_mask(tmp_path / name), labels)
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 3), np.int16), np.eye(4)), tmp_path / "c.nii")
    with pytest.raises(WrongMask, match=r"has the shape \(3, 4, 4\); one plane was wanted"):
        read_mask(tmp_path / "c.nii")


def test_what_is_no_label_image_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "half.npy", np.full((3, 3), .5))
    with pytest.raises(WrongMask, match="holds numbers with decimals"):
        read_mask(tmp_path / "half.npy")
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(ImageError):
        read_mask(tmp_path / "objects.npy")
    np.save(tmp_path / "negative.npy", np.array([[-3, 2]]))
    assert read_mask(tmp_path / "negative.npy").tolist() == [[0, 2]]


def test_many_labels_are_objects_and_no_regions(images: Path, masks: Path, preset: Preset) -> None:
    np.save(masks / "a.npy", np.arange(SIDE * SIDE).reshape(SIDE, SIDE))
    (masks / "a.png").unlink()
    with pytest.raises(UserError, match="each would be a region of its own.*give --preset tissue"):
        table_of(images, preset, masks)


def test_new_images_cannot_be_measured_without_masks(images: Path, masks: Path, preset: Preset) -> None:
    table_of(images, preset, masks)
    made = preset_from_dict(read_table(images.parent / "t.parquet")[1].preset)
    with pytest.raises(ImageError, match="regions of this table were given by masks"):
        measure_picture(from_array(np.zeros((32, 32, 3), np.uint8)), made)


def test_the_preset_of_whole_images_takes_labels(images: Path, masks: Path) -> None:
    table = table_of(images, load_preset("whole"), masks)
    assert {"label_7_radiomics_shape2d_sphericity", "label_300_lbp_r2_pattern2"} <= set(table) and len(table) == 2
