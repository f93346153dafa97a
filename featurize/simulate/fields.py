"""Whole fields of a synthetic smear: white cells, red cells that lie alone or touch, platelets, and a box of each."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.simulate.laboratory import FINE, HOME, Laboratory, photograph
from featurize.simulate.red_cells import PLATELET_DENSITY, RED_DENSITY, biconcave
from featurize.simulate.shapes_and_dyes import blob, dye
from featurize.simulate.smears import look_of
from featurize.simulate.white_cell import nucleus_mask, white_cell

# A field of an oil-immersion lens, as in BCCD: red cells are about 88 px wide.
FIELD = replace(HOME, um_per_px=0.085, size_px=480)
_RED_RADIUS_UM = (3.75, 0.2)        # mean and standard deviation
_PLATELET_RADIUS_UM = (1.0, 1.4)    # least and most
_GAP_UM = 1.0                       # between cells that lie apart
_TOUCHING = 1.85                    # radii between the middles of two red cells that touch
_TRIES = 400


@dataclass(frozen=True)
class DrawnField:
    """A synthetic field and the truth about it.

    Parameters
    ----------
    rgb : (S, S, 3) uint8
    boxes : dict of str to list of tuple
        xmin, ymin, xmax, ymax by kind: white, red, platelet.
    """

    rgb: UInt8Array
    boxes: dict[str, list[tuple[float, float, float, float]]]


def draw_field(seed: int, *, whites: Sequence[str] = ("neutrophil",), alone: int = 7, touching: int = 2,
               platelets: int = 3, lab: Laboratory = FIELD) -> DrawnField:
    """Draw a field in which nothing is cut by the border; cells for which there is no room are left out.

    Parameters
    ----------
    seed : int
        Same seed, same picture.
    whites : sequence of str
        Kind of each white cell, see `featurize.simulate.smears.KINDS`.
    alone, touching, platelets : int
        Red cells that lie alone, pairs of them that touch, and platelets.
    lab : Laboratory
    """
    rng = np.random.default_rng([seed, 11])
    side, px_per_um = lab.size_px * FINE, FINE / lab.um_per_px
    density = np.zeros((side, side, 3), np.float32)
    boxes: dict[str, list[tuple[float, float, float, float]]] = {"white": [], "red": [], "platelet": []}
    taken: list[tuple[float, float, float]] = []
    for kind in whites:
        radius = rng.uniform(*look_of(kind).diameter_um) / 2 * px_per_um
        for place in _room(side, radius * 1.1, taken, px_per_um, rng):
            boxes["white"].append(_add_white(density, kind, place, radius, px_per_um, rng))
    for pair in [True] * touching + [False] * alone:
        radius = rng.normal(*_RED_RADIUS_UM) * px_per_um
        for place in _room(side, radius * (1 + _TOUCHING / 2 if pair else 1) * 1.05, taken, px_per_um, rng):
            turn = rng.uniform(0, np.pi)
            step = _TOUCHING / 2 * radius * np.array([np.cos(turn), np.sin(turn)])
            for middle in (place - step, place + step) if pair else (place,):
                disk = blob(side, middle, radius, rng, .02, stretch=rng.uniform(1.0, 1.06))
                density += (biconcave(disk.astype(np.uint8), radius, rng.uniform(.3, .6))[..., None] * dye(RED_DENSITY))
                boxes["red"].append(_box(disk))
    for _ in range(platelets):
        radius = rng.uniform(*_PLATELET_RADIUS_UM) * px_per_um
        for place in _room(side, radius * 1.2, taken, px_per_um, rng):
            disk = blob(side, place, radius, rng, .06, stretch=1.1)
            soft = cv2.GaussianBlur(disk.astype(np.float32), (0, 0), .12 * px_per_um)
            density += soft[..., None] * dye(PLATELET_DENSITY)
            boxes["platelet"].append(_box(disk))
    return DrawnField(photograph(density * lab.strength, lab, rng), boxes)


def _room(side: int, radius: float, taken: list[tuple[float, float, float]], px_per_um: float,
          rng: np.random.Generator) -> list[Float64Array]:
    """A free place (x, y) for a disk, which is taken from now on; none if there is no room."""
    margin = radius + _GAP_UM * px_per_um
    for _ in range(_TRIES):
        x, y = rng.uniform(margin, side - margin, 2)
        if all(np.hypot(x - a, y - b) > r + margin for a, b, r in taken):
            taken.append((x, y, radius))
            return [np.array([x, y])]
    return []


def _add_white(density: Float32Array, kind: str, place: Float64Array, radius: float, px_per_um: float,
               rng: np.random.Generator) -> tuple[float, float, float, float]:
    look = look_of(kind)
    cell = blob(len(density), place, radius, rng, look.roughness)
    lobes = int(rng.integers(look.lobes[0], look.lobes[1] + 1))
    nucleus = nucleus_mask(kind, cell, place, radius, lobes, rng.uniform(*look.nucleus_share), rng)
    x, y, w, h = cv2.boundingRect(cell.astype(np.uint8))
    window = np.s_[y:y + h, x:x + w]
    drawn = white_cell(look, cell[window], nucleus[window], px_per_um, rng)
    density[window] = np.where(cell[window][..., None], drawn, density[window])
    return _box(cell)


def _box(mask: BoolArray) -> tuple[float, float, float, float]:
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    return x / FINE, y / FINE, (x + w) / FINE, (y + h) / FINE
