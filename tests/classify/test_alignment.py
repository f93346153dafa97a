"""Measurements of another laboratory are shifted to those of home."""
import numpy as np
import pandas as pd
import pytest

from classify.elsewhere.alignment import LEAST_IMAGES, HomeMeans, aligned, home_means
from featurize.errors import UserError

COLUMNS = ["cell_color_red", "cell_color_blue", "cell_color_missing"]
CENTERS = np.array([[0, 0], [6, 0], [0, 6]], np.float32)


def measured(counts: list[int], shift: tuple[float, float] = (0, 0), seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of three classes; the third column is never measured."""
    y = np.repeat(np.arange(3), counts)
    x = CENTERS[y] + np.random.default_rng(seed).normal(size=(len(y), 2)) + np.array(shift)
    return pd.DataFrame(np.column_stack([x, np.full(len(y), np.nan)]).astype(np.float32), columns=COLUMNS), y


@pytest.fixture(scope="module")
def home() -> HomeMeans:
    x, y = measured([100, 100, 100])
    return home_means(np.zeros(3), np.full(3, 2.0), x.to_numpy(), y, 3)


def probabilities(x: pd.DataFrame) -> np.ndarray:
    distance = ((x.to_numpy()[:, None, :2] - CENTERS) ** 2).sum(axis=2)
    p = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / 2)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def accuracy(x: pd.DataFrame, y: np.ndarray) -> float:
    return float((probabilities(x).argmax(axis=1) == y).mean())


@pytest.mark.parametrize("counts", [[60, 60, 60], [160, 15, 5], [0, 0, 120]], ids=["as home", "other mix", "one class"])
def test_a_shift_of_all_measurements_is_found_whatever_the_mix_of_classes(home: HomeMeans, counts: list[int]) -> None:
    moved, y = measured(counts, shift=(2.5, -2.0), seed=1)
    plain, _ = measured(counts, seed=1)
    found = aligned(home, moved, pd.Series(["there"] * len(y)), probabilities)
    assert accuracy(found, y) > .97 > accuracy(moved, y)
    assert np.abs((found - plain).to_numpy()[:, :2]).max() < .4
    assert found["cell_color_missing"].isna().all() and moved.equals(measured(counts, (2.5, -2.0), 1)[0])


def test_images_of_home_with_another_mix_of_classes_stay_where_they_are(home: HomeMeans) -> None:
    x, y = measured([160, 10, 10], seed=2)
    found = aligned(home, x, pd.Series([None] * len(y), dtype=object), probabilities)
    assert np.abs((found - x).to_numpy()[:, :2]).max() < .3 and accuracy(found, y) >= accuracy(x, y) - .01


def test_every_site_is_shifted_by_itself(home: HomeMeans) -> None:
    (a, ya), (b, yb) = measured([60, 60, 60], (2.5, 0), 3), measured([60, 60, 60], (-2.5, 0), 4)
    both = pd.concat([a, b], ignore_index=True)
    found = aligned(home, both, pd.Series(["a"] * len(a) + ["b"] * len(b)), probabilities)
    assert accuracy(found, np.concatenate([ya, yb])) > .97 > accuracy(both, np.concatenate([ya, yb]))


def test_too_few_images_of_a_site_are_refused_by_name(home: HomeMeans) -> None:
    x, y = measured([LEAST_IMAGES, 10, 0])
    with pytest.raises(UserError, match=f"10 images of 'clinic', at least {LEAST_IMAGES}"):
        aligned(home, x, pd.Series(["here"] * LEAST_IMAGES + ["clinic"] * 10), probabilities)
    with pytest.raises(UserError, match=f"was given 12 images, at least {LEAST_IMAGES}"):
        aligned(home, x.iloc[:12], pd.Series([None] * 12, dtype=object), probabilities)
