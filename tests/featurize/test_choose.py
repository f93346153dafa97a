"""Every kind of picture gets its preset."""
from collections.abc import Callable

import numpy as np
import pytest

from featurize.arrays import UInt8Array
from featurize.errors import UserError
from featurize.presets.choose import choose_preset, vote
from featurize.simulate.smears import ABROAD, HOME, KINDS, draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue


def film(seed: int) -> UInt8Array:
    return np.dstack([draw_film(seed).gray] * 3)


def cut_out(seed: int) -> UInt8Array:
    """A cell on black, as C-NMC hands it over."""
    drawn = draw_cell("lymphocyte", seed)
    return np.where(drawn.cell[..., None], drawn.rgb, 0).astype(np.uint8)


def retina(seed: int) -> UInt8Array:
    """An orange disk on black."""
    row, column = np.mgrid[-1:1:96j, -1:1:96j]
    disk = np.hypot(row, column) < .95
    noise = np.random.default_rng(seed).normal(0, 8, (96, 96, 1))
    return np.clip(np.where(disk[..., None], np.array([190, 90, 40]) + noise, 0), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("draw", "preset"), [
    (lambda seed: draw_cell(KINDS[seed % 4], seed, HOME).rgb, "cell"),
    (lambda seed: draw_cell(KINDS[seed % 4], seed, ABROAD).rgb, "cell"), (cut_out, "cell"),
    (lambda seed: draw_tissue(seed, nuclei=20 + 40 * (seed % 2)).rgb, "tissue"), (film, "xray"), (retina, "whole")],
    ids=["home", "abroad", "cut out", "tissue", "film", "retina"])
def test_drawn_pictures_get_their_preset(draw: Callable[[int], UInt8Array], preset: str) -> None:
    chosen, reason = choose_preset([draw(seed) for seed in range(8)])
    assert chosen == preset
    assert reason.startswith("8 of 8 pictures") or reason.startswith("7 of 8 pictures")


def blue_nuclei(rgb: UInt8Array) -> UInt8Array:
    """Drawn tissue whose nuclei let blue through, as azure does."""
    density = -np.log((rgb.astype(float) + 1) / 256)
    density[..., 2] *= np.where(density[..., 1] > np.quantile(density[..., 1], .8), .2, 1)
    return np.clip(256 * np.exp(-density) - 1, 0, 255).astype(np.uint8)


def test_nuclei_in_azure_make_a_smear() -> None:
    assert choose_preset([blue_nuclei(draw_tissue(seed).rgb) for seed in range(8)])[0] == "smear"


def test_size_does_not_change_the_vote() -> None:
    rgb = draw_cell("neutrophil", 1).rgb
    assert vote(rgb) == vote(np.repeat(np.repeat(rgb, 4, 0), 4, 1)) == vote(rgb[::8, ::8]) == "cell"


def test_empty_windows_have_no_say() -> None:
    blank = np.full((50, 50, 3), 240, np.uint8)
    assert choose_preset([blank] * 5 + [draw_tissue(1).rgb])[0] == "tissue"
    assert choose_preset([blank])[0] == "whole"


def test_no_picture_at_all_is_refused() -> None:
    with pytest.raises(UserError, match="name one with --preset"):
        choose_preset([])
