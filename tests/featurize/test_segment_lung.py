"""Lung fields of drawn films are where they were drawn; white lungs keep a field; nothing leaks to the rim."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from featurize.arrays import BoolArray
from featurize.segment.lung import find_lungs
from featurize.segment.segmenters import segment
from featurize.simulate.tissue_and_film import draw_film

DATA = Path(__file__).parents[3] / "shared/data"


def dice(a: BoolArray, b: BoolArray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("opacities", [0, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_drawn_lungs_are_found(seed: int, opacities: int) -> None:
    film = draw_film(seed, opacities=opacities)
    right, left, _ = find_lungs(film.gray)
    assert dice(right | left, film.lungs) > 0.93


def test_the_right_lung_lies_at_the_left_of_the_film() -> None:
    right, left, facts = find_lungs(draw_film(1).gray)
    assert np.nonzero(right)[1].mean() < 128 < np.nonzero(left)[1].mean()
    assert not (right & left).any()
    assert facts["spine_x"] == pytest.approx(0.5, abs=0.06)


def test_a_white_lung_keeps_most_of_its_field() -> None:
    """Consolidation as white as the trunk: what is measured there is that whiteness."""
    film = draw_film(2)
    gray = film.gray.copy()
    whole = film.lungs.copy()
    gray[:, :128][whole[:, :128]] = 175
    right, left, facts = find_lungs(cv2.GaussianBlur(gray, (0, 0), 2))
    assert dice(right, whole & (np.arange(256) < 128)) > 0.6
    assert dice(left, whole & (np.arange(256) >= 128)) > 0.9
    assert facts["lung_trust"] < find_lungs(film.gray)[2]["lung_trust"]


def test_dark_air_beside_the_patient_is_no_lung() -> None:
    gray = cv2.resize(draw_film(3).gray, (180, 220), interpolation=cv2.INTER_AREA)
    framed = np.zeros((256, 256), np.uint8)
    framed[30:250, 38:218] = gray
    right, left, _ = find_lungs(framed)
    assert not (right | left)[framed == 0].any()


def test_exposure_hardly_moves_the_outline() -> None:
    gray = draw_film(4).gray
    usual = np.logical_or(*find_lungs(gray)[:2])
    for gain, offset in ((0.7, 0), (0.8, 45), (1.2, -10)):
        other = np.clip(gray * gain + offset, 0, 255).astype(np.uint8)
        assert dice(usual, np.logical_or(*find_lungs(other)[:2])) > 0.95


def test_a_film_of_28_pixels_has_lungs_too() -> None:
    film = draw_film(5)
    tiny = cv2.resize(film.gray, (28, 28), interpolation=cv2.INTER_AREA)
    sample = segment("xray", np.dstack([tiny] * 3), "none")
    assert sample.regions["lung"].shape == (256, 256)
    assert dice(sample.regions["lung"], film.lungs) > 0.88


@pytest.mark.parametrize("level", [0, 90, 255])
def test_an_even_film_gets_the_usual_place_without_trust(level: int) -> None:
    right, left, facts = find_lungs(np.full((200, 240), level, np.uint8))
    assert right.any() and left.any() and facts["lung_trust"] == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (5, 7)], ids=str)
def test_tiny_films_do_not_fail(shape: tuple[int, int]) -> None:
    right, left, _ = find_lungs(np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape))
    assert right.shape == left.shape == shape


@pytest.mark.skipif(not (DATA / "chest_nih").exists(), reason="needs the data set chest_nih")
def test_lungs_of_real_films_are_of_lung_size_and_away_from_the_rim() -> None:
    """Every 12th film: two fields, each 3 to 22 % of the film, hardly ever on the film's rim."""
    on_rim = 0
    films = sorted((DATA / "chest_nih/images").glob("*.jpg"))[::12]
    assert films
    for path in films:
        right, left, _ = find_lungs(np.array(Image.open(path).convert("L")))
        assert 0.03 < right.mean() < 0.22 and 0.03 < left.mean() < 0.22, path.name
        both = right | left
        on_rim += bool(both[:, 0].any() or both[:, -1].any() or both[-1].any())
    assert on_rim <= 0.06 * len(films)
