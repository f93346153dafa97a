"""Masks that are given in place of those that the segmenter would find."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurize.errors import UserError
from featurize.index.build import build_index
from featurize.masks.run import segment_images
from featurize.presets.load import Preset, load_preset
from featurize.run import featurize
from featurize.segment.segmenters import segment_as_given
from featurize.simulate.smears import draw_cell
from featurize.simulate.tissue_and_film import draw_tissue
from featurize.table import read_table

KINDS = ("monocyte", "lymphocyte", "eosinophil")


@pytest.fixture(scope="module")
def preset() -> Preset:
    cell = load_preset("cell")
    return replace(cell, blocks={name: cell.blocks[name] for name in ("morphology", "quality")})


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for seed, kind in enumerate(KINDS):
        Image.fromarray(draw_cell(kind, seed=seed).rgb).save(folder / f"{kind}.png")
    return folder


@pytest.fixture(scope="module")
def drawn_masks(images: Path) -> Path:
    """The masks as the cells were drawn: 1 nucleus, 2 cytoplasm."""
    folder = images.parent / f"{images.name}_masks"
    folder.mkdir()
    for seed, kind in enumerate(KINDS):
        drawn = draw_cell(kind, seed=seed)
        Image.fromarray(np.where(drawn.nucleus, 1, drawn.cell * 2).astype(np.uint8)).save(folder / f"{kind}.png")
    return folder


def _table(images: Path, preset: Preset, out: Path, masks: Path | None) -> pd.DataFrame:
    featurize(build_index([images]), preset, out, jobs=1, masks=masks)
    return read_table(out)[0]


def test_a_given_cell_is_measured_and_not_another(images: Path, drawn_masks: Path, preset: Preset,
                                                  tmp_path: Path) -> None:
    table = _table(images, preset, tmp_path / "t.parquet", drawn_masks)
    assert table["mask"].tolist() == table["path"].tolist()
    for kind, diameter in zip(table["path"], table["cell_morphology_diameter_red"]):
        assert np.isfinite(diameter), kind
    # Half of the nucleus painted away: the share of the nucleus follows.
    less = tmp_path / "less"
    less.mkdir()
    for path in drawn_masks.iterdir():
        mask = np.asarray(Image.open(path)).copy()
        rows = np.flatnonzero((mask == 1).any(axis=1))
        mask[:int(np.median(rows))][mask[:int(np.median(rows))] == 1] = 2
        Image.fromarray(mask).save(less / path.name)
    changed = _table(images, preset, tmp_path / "u.parquet", less)
    ratio = next(name for name in map(str, table) if name.endswith("_nc_ratio"))
    assert (changed[ratio] < .8 * table[ratio]).all()


def test_masks_that_segment_wrote_give_nearly_the_same(images: Path, preset: Preset, tmp_path: Path) -> None:
    segment_images(build_index([images]), preset, tmp_path / "masks", jobs=1)
    own, plain = (_table(images, preset, tmp_path / name, masks) for name, masks in
                  (("a.parquet", tmp_path / "masks"), ("b.parquet", None)))
    columns = [name for name in map(str, plain) if name.endswith(("_solidity", "_nc_ratio", "_diameter_red"))]
    assert columns
    np.testing.assert_allclose(own[columns], plain[columns], rtol=.06)


def test_nothing_is_taken_from_a_table_of_other_masks(images: Path, drawn_masks: Path, preset: Preset,
                                                      tmp_path: Path) -> None:
    index, out = build_index([images]), tmp_path / "t.parquet"
    featurize(index, preset, out, jobs=1, masks=drawn_masks)
    for masks in (None, drawn_masks):
        summary = featurize(index, preset, out, jobs=1, masks=masks, reuse=out)
        assert summary.reused == 0 and "masks" in summary.not_reused


def test_wrong_masks_are_rows_of_the_errors(images: Path, drawn_masks: Path, preset: Preset, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.open(drawn_masks / "monocyte.png").save(masks / "monocyte.png")
    Image.new("L", (7, 5)).save(masks / "lymphocyte.png")
    out = tmp_path / "t.parquet"
    assert featurize(build_index([images]), preset, out, jobs=1, masks=masks).rows == 1
    errors = pd.read_csv(tmp_path / "t.errors.csv")
    assert dict(zip(errors["path"], errors["reason"])) == {"eosinophil.png": "no_mask", "lymphocyte.png": "wrong_mask"}
    Image.new("RGB", (7, 5)).save(masks / "lymphocyte.png")
    featurize(build_index([images]), preset, out, jobs=1, masks=masks)
    assert "holds colors (RGB)" in pd.read_csv(tmp_path / "t.errors.csv")["error"][1]


def test_what_does_not_go_with_masks_is_refused(images: Path, drawn_masks: Path, preset: Preset,
                                                tmp_path: Path) -> None:
    index, out = build_index([images]), tmp_path / "t.parquet"
    with pytest.raises(UserError, match="--masks and --augment were given"):
        featurize(index, preset, out, jobs=1, masks=drawn_masks, augment=2)
    with pytest.raises(UserError, match="is no folder"):
        featurize(index, preset, out, jobs=1, masks=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no mask of any of 3 images: for eosinophil.png the mask eosinophil.png"):
        featurize(index, preset, out, jobs=1, masks=tmp_path / "empty")


def test_any_numbers_may_label_nuclei_of_tissue() -> None:
    tissue = draw_tissue(1, nuclei=6)
    labels = np.where(tissue.objects > 0, tissue.objects * 1000, 0).astype(np.int32)
    sample = segment_as_given("tissue", tissue.rgb, labels, "none")
    assert np.unique(sample.objects).tolist() == list(range(7))


def test_an_empty_mask_is_a_cell_that_was_not_found() -> None:
    rgb = draw_cell("monocyte", seed=3).rgb
    sample = segment_as_given("cell", rgb, np.zeros(rgb.shape[:2], np.int32), "none")
    assert not sample.regions["cell"].any() and sample.facts["found"] == 0
