"""Which cell a picture is about, where another one lies beside it."""
import cv2
import numpy as np
import pytest

from featurize.segment.cell import find_cell, find_cells

SIDE = 256
SLIDE = (240, 228, 210)
CYTOPLASM = (180, 150, 190)
NUCLEUS = (80, 40, 130)
# As much dye as a platelet beside a white cell: its nuclear level leaves hardly a pixel of it.
PLATELET = (150, 105, 170)
RED_CELL = (205, 170, 160)


def picture(*discs: tuple[int, int, int, tuple[int, int, int]]) -> np.ndarray:
    """Discs (x, y, radius, color) on a slide, with the noise of a camera."""
    canvas = np.full((SIDE, SIDE, 3), SLIDE, np.uint8)
    for x, y, radius, color in discs:
        cv2.circle(canvas, (x, y), radius, color, cv2.FILLED, cv2.LINE_AA)
    noise = np.random.default_rng(0).normal(0, 2, canvas.shape)
    return np.asarray(np.clip(canvas + noise, 0, 255), dtype=np.uint8)


def white_cell(x: int, y: int, radius: int = 40) -> tuple[tuple[int, int, int, tuple[int, int, int]], ...]:
    return (x, y, radius, CYTOPLASM), (x, y, round(.9 * radius), NUCLEUS)


def middle_of(mask: np.ndarray) -> np.ndarray:
    y, x = np.nonzero(mask)
    return np.array([x.mean(), y.mean()])


def test_a_pale_cell_in_the_middle_comes_before_a_darker_one_beside() -> None:
    found = find_cells(picture(*white_cell(60, 60), (128, 128, 16, PLATELET)))
    assert np.abs(middle_of(found[0].cell) - 128).max() < 3
    assert np.count_nonzero(found[0].nucleus) > .6 * np.pi * 16 ** 2
    assert found[0].facts["other_nuclei"] == 1
    # The other one follows, once.
    assert len(found) == 2 and np.abs(middle_of(found[1].nucleus) - 60).max() < 3


@pytest.mark.parametrize("around", [((128, 128, 24, RED_CELL),), ((128, 128, 3, NUCLEUS),), ()])
def test_red_cells_and_specks_in_the_middle_are_not_what_a_picture_is_about(around: tuple) -> None:
    found = find_cell(picture(*white_cell(60, 60), *around))
    assert np.abs(middle_of(found.nucleus) - 60).max() < 3


@pytest.mark.parametrize("gap", [2, 6])
def test_the_nucleus_of_a_touching_cell_is_no_lobe(gap: int) -> None:
    found = find_cell(picture(*white_cell(128, 128), *white_cell(128 + 80 + gap, 128)))
    assert np.abs(middle_of(found.nucleus) - 128).max() < 3
    assert np.count_nonzero(found.nucleus) < 1.2 * np.pi * 36 ** 2


def test_lobes_at_both_sides_of_the_middle_stay_one_nucleus() -> None:
    lobes = [(x, 128, 20, NUCLEUS) for x in (84, 128, 172)]
    found = find_cell(picture((128, 128, 80, CYTOPLASM), *lobes))
    assert np.abs(middle_of(found.nucleus) - 128).max() < 3
    assert np.count_nonzero(found.nucleus) > 2.6 * np.pi * 20 ** 2


def test_two_lobes_at_one_side_stay_one_nucleus() -> None:
    lobes = [(x, 128, 24, NUCLEUS) for x in (128, 179)]
    found = find_cell(picture((150, 128, 70, CYTOPLASM), *lobes))
    assert np.count_nonzero(found.nucleus) > 1.8 * np.pi * 24 ** 2
