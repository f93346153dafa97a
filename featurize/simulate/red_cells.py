"""What lies around the white cell of a smear: red cells and platelets."""
import cv2
import numpy as np

from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.simulate.laboratory import Laboratory
from featurize.simulate.shapes_and_dyes import blob, dye, texture

# Optical densities of R, G, B.
RED_DENSITY = (.20, .36, .26)
PLATELET_DENSITY = (.45, .62, .18)
# Mean and standard deviation of the radius of a red cell.
_RED_RADIUS_UM = (3.75, .25)
# Share of the red cells that may lie over a neighbor; the others lie apart.
_OVERLAPPING_SHARE = .2
# Mean number of platelets in a picture.
_PLATELETS = 1.0


def red_cells(side: int, middle: Float64Array, keep_out: float, px_per_um: float, lab: Laboratory,
              rng: np.random.Generator) -> Float32Array:
    """Optical density of red cells around the white one; where they overlap the densities add.

    Parameters
    ----------
    side : int
        Of the square picture, pixels.
    middle : (2,) float64
        x, y of the middle of the white cell, pixels.
    keep_out : float
        Radius around that middle in which no red cell lies, pixels.
    px_per_um : float
    lab : Laboratory
    rng : numpy Generator

    Returns
    -------
    (side, side, 3) float32
    """
    density = np.zeros((side, side), np.float32)
    places: list[Float64Array] = []
    for _ in range(rng.poisson(lab.crowd * (side / px_per_um) ** 2 / 100)):
        place, radius = rng.uniform(-.05, 1.05, 2) * side, rng.normal(*_RED_RADIUS_UM) * px_per_um
        if np.hypot(*(place - middle)) < keep_out + radius * 1.08:
            continue
        crowded = any(np.hypot(*(place - other)) < 1.9 * radius for other in places)
        if crowded and rng.random() > _OVERLAPPING_SHARE:
            continue
        places.append(place)
        disk = blob(side, place, radius, rng, .025, stretch=rng.uniform(1.0, 1.12)).astype(np.uint8)
        density += biconcave(disk, radius, rng.uniform(.35, .85))
    return np.asarray(density[..., None] * dye(RED_DENSITY), dtype=np.float32)


def biconcave(disk: UInt8Array, radius: float, pallor: float) -> Float32Array:
    """Thickness of a red cell, 0..1: a thick rim and a thin centre."""
    x, y, w, h = cv2.boundingRect(disk)
    thickness = np.zeros(disk.shape, np.float32)
    box = np.pad(disk[y:y + h, x:x + w], 1)
    depth = cv2.distanceTransform(box, cv2.DIST_L2, 3)[1:-1, 1:-1] / radius
    edge = np.clip(depth / .10, 0, 1)
    thickness[y:y + h, x:x + w] = edge * (1 - pallor / (1 + np.exp(-(depth - .52) / .09)))
    return thickness


def platelets(side: int, middle: Float64Array, keep_out: float, px_per_um: float,
              rng: np.random.Generator) -> Float32Array:
    """(side, side, 3) optical density of platelets around the white cell; parameters as of `red_cells`."""
    density = np.zeros((side, side), np.float32)
    for _ in range(rng.poisson(_PLATELETS)):
        place = rng.uniform(.05, .95, 2) * side
        if np.hypot(*(place - middle)) > keep_out + 2.5 * px_per_um:
            density += blob(side, place, rng.uniform(.9, 1.4) * px_per_um, rng, .10, stretch=1.1)
    grainy = density * (1 + .35 * texture(density.shape, .4 * px_per_um, rng))
    soft = cv2.GaussianBlur(grainy, (0, 0), .12 * px_per_um)
    return np.asarray(soft[..., None] * dye(PLATELET_DENSITY), dtype=np.float32)
