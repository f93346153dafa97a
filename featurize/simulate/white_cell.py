"""One white cell: its nucleus, its cytoplasm, its granules."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array
from featurize.simulate.laboratory import FINE
from featurize.simulate.shapes_and_dyes import SUBPIXEL_BITS, SUBPIXELS, blob, dye, texture


@dataclass(frozen=True)
class CellLook:
    """How one kind of white cell looks. Pairs are the least and the most; colors are optical densities of R, G, B.

    Parameters
    ----------
    diameter_um : tuple of 2 float
        Of the cell.
    nucleus_share : tuple of 2 float
        Area of the nucleus over the area of the cell.
    lobes : tuple of 2 int
        Of the nucleus.
    roughness : float
        Of the outline, see `featurize.simulate.shapes_and_dyes.blob`.
    cytoplasm, nucleus : tuple of 3 float
        Their colors.
    chromatin : float
        How much the density of the nucleus varies from place to place, as a share.
    granule_um, granules_per_um2 : float
        Radius of a granule of the cytoplasm, and how many there are.
    granule : tuple of 3 float
        Color that a granule adds.
    """

    diameter_um: tuple[float, float]
    nucleus_share: tuple[float, float]
    lobes: tuple[int, int]
    roughness: float
    cytoplasm: tuple[float, float, float]
    nucleus: tuple[float, float, float]
    chromatin: float
    granule_um: float
    granules_per_um2: float
    granule: tuple[float, float, float]


def nucleus_mask(kind: str, cell: BoolArray, middle: Float64Array, radius: float, lobes: int, share: float,
                 rng: np.random.Generator) -> BoolArray:
    """A round, a kidney-shaped or a lobed nucleus inside its cell.

    Parameters
    ----------
    kind : str
        Lymphocytes have round nuclei, monocytes kidney-shaped ones, granulocytes lobed ones.
    cell : (S, S) bool
    middle : (2,) float64
        x, y of the middle of the cell, pixels.
    radius : float
        Of the cell, pixels.
    lobes : int
        Of a lobed nucleus.
    share : float
        About this share of the cell is nucleus.
    rng : numpy Generator

    Returns
    -------
    (S, S) bool
    """
    side, reach = len(cell), radius * np.sqrt(share)
    turn = rng.uniform(0, 2 * np.pi)
    inner = cv2.erode(cell.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=FINE).astype(bool)
    if kind == "lymphocyte":
        shift = (radius - reach) * rng.uniform(.2, .7) * np.array([np.cos(turn), np.sin(turn)])
        return blob(side, middle + shift, reach, rng, .025) & inner
    if kind == "monocyte":
        body = blob(side, middle, reach * 1.17, rng, .05, stretch=1.12)
        notch = middle + reach * 1.15 * np.array([np.cos(turn), np.sin(turn)])
        return body & ~blob(side, notch, reach * rng.uniform(.55, .75), rng, .05) & inner
    return _lobed(side, middle, radius, reach / np.sqrt(lobes), lobes, turn, rng) & inner


def _lobed(side: int, middle: Float64Array, radius: float, reach: float, lobes: int, turn: float,
           rng: np.random.Generator) -> BoolArray:
    """Lobes on an arc, a little apart, with thin bridges: what makes a segmented nucleus countable."""
    ring = max(.55 * radius, reach * 1.3)
    step = 2 * np.arcsin(min(1.25 * reach / ring, 1.0))
    angles = turn + step * np.arange(lobes)
    places = middle + ring * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    canvas = np.zeros((side, side), bool)
    for place in places:
        canvas |= blob(side, place, reach, rng, .08, stretch=rng.uniform(1.0, 1.16))
    bridge = np.zeros((side, side), np.uint8)
    cv2.polylines(bridge, [np.round(places).astype(np.int32)], False, 1, max(2, round(reach * .25)))
    return np.asarray(canvas | bridge.astype(bool))


def white_cell(look: CellLook, cell: BoolArray, nucleus: BoolArray, px_per_um: float,
               rng: np.random.Generator) -> Float32Array:
    """Optical density of the whole cell.

    Parameters
    ----------
    look : CellLook
    cell, nucleus : (h, w) bool
        Cut to the bounding box of the cell.
    px_per_um : float
    rng : numpy Generator

    Returns
    -------
    (h, w, 3) float32
        To be used inside `cell`.
    """
    cloud = 1 + .10 * texture(cell.shape, 1.2 * px_per_um, rng) + .05 * texture(cell.shape, .3 * px_per_um, rng)
    density = cloud[..., None] * dye(look.cytoplasm)
    density += _granules(look, cell, px_per_um, rng)[..., None] * dye(look.granule)
    # A cell is a lens: its border is thin.
    depth = cv2.distanceTransform(cell.astype(np.uint8), cv2.DIST_L2, 3)
    density *= np.clip(.45 + depth / (.9 * px_per_um), 0, 1)[..., None]
    clumps = .7 * texture(cell.shape, .9 * px_per_um, rng) + .5 * texture(cell.shape, .35 * px_per_um, rng)
    inside = np.clip(1 + look.chromatin * clumps, .45, 1.6)[..., None] * dye(look.nucleus)
    soft = cv2.GaussianBlur(nucleus.astype(np.float32), (0, 0), .06 * px_per_um)[..., None]
    return np.asarray(density * (1 - soft) + inside * soft, dtype=np.float32)


def _granules(look: CellLook, cell: BoolArray, px_per_um: float, rng: np.random.Generator) -> Float32Array:
    """Disks strewn over the cell, 0..about 1.5 where they overlap."""
    rows, columns = np.nonzero(cell)
    count = rng.poisson(look.granules_per_um2 * len(rows) / px_per_um ** 2)
    chosen = rng.integers(0, len(rows), count)
    canvas = np.zeros(cell.shape, np.float32)
    for row, column, size in zip(rows[chosen], columns[chosen], rng.uniform(.7, 1.3, count)):
        cv2.circle(canvas, (int(column * SUBPIXELS), int(row * SUBPIXELS)),
                   round(look.granule_um * size * px_per_um * SUBPIXELS), float(rng.uniform(.6, 1.4)), -1,
                   shift=SUBPIXEL_BITS)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), .1 * px_per_um), dtype=np.float32)
