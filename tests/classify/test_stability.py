"""Intra-class correlation of measurements over changed copies."""
import numpy as np
import pandas as pd
import pytest

from classify.evaluate.stability import FEWEST_IMAGES, intraclass_correlation, stability
from classify.fitting.augment import Perturbations

# Six subjects rated by four judges: table 2 of Shrout & Fleiss 1979, whose ICC(1,1) is .17.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_it_is_the_correlation_of_shrout_and_fleiss() -> None:
    twice = np.concatenate([RATINGS, RATINGS])
    found = intraclass_correlation(twice.reshape(-1, 1), np.repeat(np.arange(12), 4))
    # By hand of the doubled table: between 11 degrees, within 36.
    mean = twice.mean(axis=1)
    between, within = 4 * ((mean - mean.mean()) ** 2).sum() / 11, ((twice - mean[:, None]) ** 2).sum() / 36
    assert found["icc"][0] == pytest.approx((between - within) / (between + 3 * within))
    assert found["low"][0] < found["icc"][0] < found["high"][0]
    few = intraclass_correlation(RATINGS.reshape(-1, 1), np.repeat(np.arange(6), 4))
    assert len(RATINGS) < FEWEST_IMAGES and np.isnan(few["icc"][0])


@pytest.mark.parametrize("true", [.3, .8])
def test_a_known_correlation_lies_in_its_interval_also_with_unequal_numbers_of_copies(true: float) -> None:
    rng, inside = np.random.default_rng(0), []
    for _ in range(40):
        image = np.repeat(np.arange(60), rng.integers(1, 5, 60))
        values = np.sqrt(true) * rng.normal(size=60)[image] + np.sqrt(1 - true) * rng.normal(size=len(image))
        found = intraclass_correlation(values[:, None], image)
        inside.append(found["low"][0] <= true <= found["high"][0])
    assert np.mean(inside) > .85


def test_stable_unstable_missing_and_constant_columns() -> None:
    rng, n = np.random.default_rng(0), 40
    x = rng.normal(size=(n, 5)).astype(np.float32)
    x[:, 3] = 1
    x[:, 2] = np.nan
    moved = np.array([.05, 2, 0, 0, 0]) * rng.normal(size=(2 * n, 5))
    values = np.tile(x, (2, 1)) + moved.astype(np.float32)
    values[0, 0] = np.nan
    names = ["cell_color_a", "nucleus_color_b", "cell_color_none", "cell_color_same", "cell_morphology_area_px"]
    frame = pd.DataFrame(x, columns=names)
    copies = Perturbations(np.tile(np.arange(n), 2), np.zeros_like(values), values)
    found = stability(frame, copies, ["color", "morphology"]).set_index("feature")
    assert found.at["cell_color_a", "icc"] > .99 and found.at["nucleus_color_b", "icc"] < .5
    assert found.loc[names[2:], "icc"].isna().all() and found.at["cell_color_a", "images"] == n
    assert list(found["region"]) == ["cell", "nucleus", "cell", "cell", "cell"]
    assert stability(frame, None, []).empty
