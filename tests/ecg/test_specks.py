"""Faxes of which the grid's lines left only specks."""
import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import digitize
from ecg.lead_table import LEADS
from ecg.page.grid import BOX_MM
from ecg.page.specks import grid_of_specks
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import page_ratio

BOX_PX = 33.4


def specks(seed: int, on_lines: bool) -> np.ndarray:
    """A page (900, 1200) of 150 black pixels, on lines that are turned by half a degree, or anywhere."""
    rng = np.random.default_rng(seed)
    at = rng.uniform([40, 40], [1160, 860], (150, 2))
    if on_lines:
        level = rng.random(150) < 0.5
        at[level, 1] = np.round(at[level, 1] / BOX_PX) * BOX_PX
        at[~level, 0] = np.round(at[~level, 0] / BOX_PX) * BOX_PX
    turn = np.radians(0.5)
    at = at @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    out = np.zeros((900, 1200), np.float32)
    x, y = np.round(at).astype(int).T
    out[np.clip(y, 0, 899), np.clip(x, 0, 1199)] = 1
    return out


@pytest.mark.parametrize("seed", [0, 1])
def test_specks_on_lines_tell_their_grid(seed: int) -> None:
    grid = grid_of_specks(specks(seed, on_lines=True))
    assert grid is not None and grid.strength > 0.9
    scale = grid.px_per_mm((900, 1200))
    assert (scale.x, scale.y) == pytest.approx((BOX_PX / BOX_MM, BOX_PX / BOX_MM), rel=1e-3)
    assert abs(abs(grid.rotation_deg((900, 1200))) - 0.5) < 0.05


@pytest.mark.parametrize("seed", [0, 1])
def test_specks_anywhere_and_few_specks_tell_none(seed: int) -> None:
    assert grid_of_specks(specks(seed, on_lines=False)) is None
    few = specks(seed, on_lines=True)
    few[:, 150:] = 0
    assert grid_of_specks(few) is None


def test_a_fax_of_specks_is_read_and_keeps_its_base_lines() -> None:
    rgb, truth = draw_page(heartbeats(1), Style(major=(150, 150, 150), minor=(215, 215, 215)))
    fax = degrade(rgb, "black_and_white", 1)
    found = digitize(cv2.imencode(".png", fax[..., ::-1])[1].tobytes())
    assert found.page.px_per_mm.x == pytest.approx(Style().px_per_mm, rel=2e-3)
    ratio = page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), 500.0)
    assert 10 * np.log10(ratio) > 18
