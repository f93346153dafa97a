"""The scikit-learn transformer and the functions under it: the numbers of a table, in the forms scikit-learn wants."""
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks as checks

from featurize.batch.workers import FEW_IMAGES
from featurize.errors import UserError
from featurize.estimator import ImageFeatures
from featurize.images.picture import ImageError, NotAFile
from featurize.images.read import read_image
from featurize.in_memory import measure_image, measure_images, segment_image
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import measure_index
from featurize.simulate.tissue_and_film import draw_film


@pytest.fixture(scope="module")
def paths(cell_folder: Path) -> list[str]:
    return [str(path) for path in sorted(cell_folder.rglob("*.png"))[::3]]


@pytest.fixture(scope="module")
def arrays(paths: list[str]) -> list[np.ndarray]:
    return [read_image(Path(path)).rgb for path in paths]


def test_check_estimator_passes_what_it_runs_on_images() -> None:
    """scikit-learn 1.9 checks cloning and tags, and says that it can't test what wants no table; see the next test."""
    with pytest.warns(SkipTestWarning, match="Can't test estimator ImageFeatures which requires input"):
        results = checks.check_estimator(ImageFeatures(), on_fail="raise")
    assert [result["status"] for result in results] == ["passed"] * len(results) and results


@pytest.mark.parametrize("check", [
    checks.check_estimator_cloneable, checks.check_estimator_tags_renamed, checks.check_valid_tag_types,
    checks.check_estimator_repr, checks.check_no_attributes_set_in_init, checks.check_mixin_order,
    checks.check_do_not_raise_errors_in_init_or_set_params, checks.check_get_params_invariance,
    checks.check_set_params, checks.check_parameters_default_constructible], ids=lambda check: check.__name__)
def test_checks_that_need_no_table_pass(check: Any) -> None:
    check("ImageFeatures", ImageFeatures(preset="whole"))


@pytest.mark.slow
def test_features_are_those_of_a_table_bit_for_bit(cell_folder: Path) -> None:
    frame, info, _ = measure_index(build_index(cell_folder), load_preset("cell"), jobs=1)
    found = ImageFeatures(preset="cell").fit_transform([cell_folder / path for path in frame["path"]])
    assert list(found) == info.features
    pd.testing.assert_frame_equal(found, frame[info.features], check_exact=True)


@pytest.mark.slow
def test_fit_transform_is_fit_and_transform_and_leaves_the_input_alone(arrays: list[np.ndarray]) -> None:
    before = [array.copy() for array in arrays]
    features = ImageFeatures()
    assert features.fit(arrays) is features
    pd.testing.assert_frame_equal(features.transform(arrays), clone(features).fit_transform(arrays), check_exact=True)
    assert features.get_params() == ImageFeatures().get_params()
    assert all((a == b).all() for a, b in zip(before, arrays))


@pytest.mark.slow
def test_rows_do_not_depend_on_their_neighbours_or_their_order(arrays: list[np.ndarray]) -> None:
    features = ImageFeatures().fit(arrays)
    whole, part = features.transform(arrays), features.transform(arrays[5:2:-1])
    np.testing.assert_array_equal(whole.to_numpy()[5:2:-1], part.to_numpy())


def test_it_can_be_pickled(arrays: list[np.ndarray]) -> None:
    features = ImageFeatures().fit(arrays[:3])
    again = pickle.loads(pickle.dumps(features))
    pd.testing.assert_frame_equal(again.transform(arrays[:2]), features.transform(arrays[:2]))


def test_it_must_be_fitted_before(arrays: list[np.ndarray]) -> None:
    for call in (lambda f: f.transform(arrays), lambda f: f.get_feature_names_out()):
        with pytest.raises(NotFittedError):
            call(ImageFeatures())


@pytest.mark.slow
def test_all_forms_of_x_give_the_same_numbers(paths: list[str], arrays: list[np.ndarray]) -> None:
    column = pd.Series(paths, index=[f"row {i}" for i in range(len(paths))])
    features = ImageFeatures().fit(paths)
    want = features.transform(paths).to_numpy()
    for x in (arrays, np.stack(arrays), np.array(paths, dtype=object), np.array(paths)[:, None], column,
              column.to_frame("path"), tuple(Path(path) for path in paths)):
        np.testing.assert_array_equal(features.transform(x).to_numpy(), want)
    assert list(features.transform(column).index) == list(column.index)


def test_set_output_pandas_keeps_names_and_rows(paths: list[str]) -> None:
    column = pd.DataFrame({"path": paths[:3]}, index=["a", "b", "c"])
    features = ImageFeatures().set_output(transform="pandas").fit(column)
    found = features.transform(column)
    assert list(found) == list(features.get_feature_names_out()) and list(found.index) == ["a", "b", "c"]
    assert (found.dtypes == np.float32).all()


@pytest.mark.parametrize(("x", "words"), [
    (np.zeros((20, 30, 3), np.uint8), "a sequence of images"), (np.zeros((5, 4)), "a sequence of images"),
    ("cell.png", "'cell.png' came"), (7, "7 came"), ([], "no image came")],
    ids=["one image", "table", "one path", "number", "nothing"])
def test_what_is_no_sequence_of_images_is_refused(x: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ImageFeatures(preset="whole").fit(x)


def test_a_file_that_cannot_be_read_is_named(paths: list[str], tmp_path: Path) -> None:
    with pytest.raises(NotAFile, match="none.png: there is no such file"):
        ImageFeatures().fit([paths[0], tmp_path / "none.png"])
    with pytest.raises(ImageError, match="image 1: an array of shape"):
        measure_images([np.zeros((9, 9)), np.zeros((9, 9, 2))], preset="whole")


def test_an_unknown_preset_is_refused_by_fit(arrays: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match="no preset is called 'cells'"):
        ImageFeatures(preset="cells").fit(arrays)


def test_auto_looks_at_the_images(arrays: list[np.ndarray]) -> None:
    film = draw_film(1).gray
    assert ImageFeatures(preset="auto").fit(arrays).preset_.name == "cell"
    assert set(segment_image(film).regions) == {"lung", "right_lung", "left_lung", "whole"}


@pytest.mark.slow
def test_lengths_in_pixels_are_features_only_where_nothing_tells_the_scale(arrays: list[np.ndarray]) -> None:
    measured = measure_images(arrays, preset="cell")
    pixels = [name for name in measured if name.endswith("_px")]
    assert pixels and not set(pixels) & set(ImageFeatures().fit(arrays).features_)
    # Cells cut out on black: no red cell is left to tell the scale.
    cut_out = [np.where(segment_mask(array)[..., None], array, np.uint8(0)) for array in arrays]
    assert set(pixels) & set(ImageFeatures().fit(cut_out).features_)


def segment_mask(rgb: np.ndarray) -> np.ndarray:
    """A disk in the middle that holds the cell."""
    row, column = np.mgrid[:rgb.shape[0], :rgb.shape[1]] - (rgb.shape[0] - 1) / 2
    return np.asarray(np.hypot(row, column) < 0.25 * rgb.shape[0])


@pytest.mark.slow
def test_two_processes_measure_the_same(arrays: list[np.ndarray], paths: list[str]) -> None:
    many = paths * 8
    assert len(many) >= FEW_IMAGES
    pd.testing.assert_frame_equal(measure_images(many, "cell", jobs=2), measure_images(many, "cell"), check_exact=True)


def test_one_image_is_a_series_and_several_are_rows(paths: list[str]) -> None:
    one, table = measure_image(paths[1], "cell"), measure_images(paths[:2], "cell")
    assert list(table.index) == paths[:2] and one.name == paths[1]
    pd.testing.assert_series_equal(one, table.iloc[1], check_exact=True)


def test_a_size_by_hand_scales_lengths(arrays: list[np.ndarray]) -> None:
    fine, coarse = (measure_image(arrays[0], "cell", mm_per_px=size) for size in (1e-4, 2e-4))
    micrometres = [name for name in fine.index if name.endswith("diameter_um") and np.isfinite(fine[name])]
    assert micrometres
    np.testing.assert_allclose(coarse[micrometres], 2 * fine[micrometres])


@pytest.mark.slow
def test_it_works_in_a_pipeline_and_in_cross_val_predict(cell_folder: Path) -> None:
    files = sorted(cell_folder.rglob("*.png"))
    pipeline = make_pipeline(ImageFeatures(), RandomForestClassifier(20, random_state=0))
    kinds = [path.parent.name for path in files]
    right = (cross_val_predict(pipeline, files, kinds, cv=3) == kinds).mean()
    # Chance is 0.25 of 24 cells of 4 kinds; twice that has a probability below 0.01 by chance.
    assert right >= 0.5
