"""Parts of a picture shown alone."""
import numpy as np
import pytest

from featurize.images.picture import Picture
from featurize.images.read import from_array
from featurize.parts import BACKGROUND, ENTIRE, PARTS, RIM, SUBJECT, part_of, subject_of
from featurize.pipeline import sample_of
from featurize.presets.load import load_preset
from featurize.simulate.smears import draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue


@pytest.fixture(scope="module")
def cell() -> tuple[Picture, np.ndarray]:
    drawn = draw_cell("neutrophil", seed=1)
    return from_array(drawn.rgb), np.asarray(drawn.cell)


def test_the_subject_covers_the_drawn_cell(cell: tuple[Picture, np.ndarray]) -> None:
    picture, truth = cell
    found = subject_of(picture, load_preset("cell"))
    assert found[truth].mean() > .98 and found.sum() < 1.6 * truth.sum()


def test_nothing_of_the_cell_is_left_in_the_background(cell: tuple[Picture, np.ndarray]) -> None:
    picture, _ = cell
    subject = subject_of(picture, load_preset("cell"))
    other = picture.rgb.copy()
    other[subject] = 0
    shown = part_of(picture, BACKGROUND, load_preset("cell")).rgb
    assert np.array_equal(shown[~_near(subject)], picture.rgb[~_near(subject)])
    # The darkest of the cell is its nucleus.
    assert shown[subject].min() > picture.rgb[subject].min() + 50


def _near(mask: np.ndarray) -> np.ndarray:
    import cv2
    return cv2.dilate(mask.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0


def test_around_the_subject_alone_all_is_one_gray(cell: tuple[Picture, np.ndarray]) -> None:
    picture, _ = cell
    subject = subject_of(picture, load_preset("cell"))
    shown = part_of(picture, SUBJECT, load_preset("cell")).rgb
    assert (shown[~subject] == 128).all() and np.array_equal(shown[subject], picture.rgb[subject])


def test_the_rim_is_the_outermost_tenth() -> None:
    rgb = np.random.default_rng(0).integers(0, 100, (50, 80, 3)).astype(np.uint8)
    shown = part_of(from_array(rgb), RIM, load_preset("whole")).rgb
    assert (shown[5:45, 8:72] == 128).all() and not (shown[:5] == 128).all(axis=2).any()
    # Without a segmenter the middle is the subject: its soft border, of 1.5 px, ends before the outermost rows.
    assert np.abs(shown[:2].astype(int) - rgb[:2]).max() <= 2


def test_the_entire_picture_stays_and_an_unknown_part_is_refused(cell: tuple[Picture, np.ndarray]) -> None:
    picture, _ = cell
    assert part_of(picture, ENTIRE, load_preset("cell")) is picture
    with pytest.raises(ValueError, match="the part 'corner' was given, one of entire picture, subject alone"):
        part_of(picture, "corner", load_preset("cell"))


def test_nuclei_are_taken_with_one_radius_around_them_and_lungs_with_the_heart() -> None:
    tissue, film = draw_tissue(seed=1).rgb, np.repeat(draw_film(seed=1).gray[..., None], 3, axis=2)
    preset = load_preset("tissue")
    found = subject_of(from_array(tissue), preset)
    nuclei = sample_of(from_array(tissue), preset).regions["nuclei"]
    assert found.sum() > 2 * nuclei.sum() * found.size / nuclei.size
    chest = subject_of(from_array(film), load_preset("xray"))
    # The middle of the drawn film lies between the lungs.
    assert chest[125, 128] and not chest[5, 128]


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (28, 28)])
def test_tiny_and_empty_pictures_have_parts(shape: tuple[int, int]) -> None:
    picture = from_array(np.full((*shape, 3), 240, np.uint8))
    for name in ("cell", "tissue", "xray", "whole"):
        for part in PARTS:
            assert part_of(picture, part, load_preset(name)).rgb.shape == (*shape, 3)
