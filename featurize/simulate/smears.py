"""Synthetic blood smears: one white cell amid red cells, with everything known that was drawn.

They are the oracle of the tests (area, N/C ratio, lobes are compared with what was drawn) and the data of the demo.
The picture is made as a microscope makes one: dyes absorb (optical densities add where things overlap), the lamp is
uneven, the lens blurs, the sensor adds noise. Sizes follow the usual micrometres: red cell 7.5, small lymphocyte 9,
granulocytes 13, monocyte 17.
"""
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, UInt8Array

KINDS = ("eosinophil", "lymphocyte", "monocyte", "neutrophil")
_FINE = 2  # drawn at twice the size, then averaged down: smooth edges without a special renderer


@dataclass(frozen=True)
class Laboratory:
    """Stain, microscope and camera: what differs between places and must not change a diagnosis.

    Parameters
    ----------
    um_per_px : float
        Magnification.
    size_px : int
        Side of the square picture.
    background : tuple of 3 float
        Red, green, blue of bare glass.
    strength : float
        Concentration of the dyes; 1 is usual.
    tint : tuple of 3 float
        Factors on the optical density of red, green, blue: eosin-heavy or azure-heavy stains.
    blur_px, noise : float
        Standard deviations of the lens' blur, and of the sensor's noise in gray levels.
    shading : float
        Fall of the illumination over the picture, as a share.
    crowd : float
        Red cells per 100 square micrometres.
    """

    um_per_px: float = 0.16
    size_px: int = 240
    background: tuple[float, float, float] = (253.0, 231.0, 206.0)
    strength: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_px: float = 0.6
    noise: float = 2.0
    shading: float = 0.06
    crowd: float = 1.3


HOME = Laboratory()
ABROAD = Laboratory(um_per_px=0.115, background=(226.0, 228.0, 232.0), strength=1.2, tint=(1.0, 0.9, 1.15), blur_px=1.1,
                    noise=3.5, shading=0.14, crowd=0.9)


@dataclass(frozen=True)
class Drawn:
    """A synthetic picture and the truth about it.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    nucleus, cell : (H, W) bool
        The cell holds the nucleus.
    lobes : int
        Parts of the nucleus, joined by thin bridges.
    kind : str
        One of `KINDS`.
    """

    rgb: UInt8Array
    nucleus: BoolArray
    cell: BoolArray
    lobes: int
    kind: str

    @property
    def nc_ratio(self) -> float:
        """Area of the nucleus over the area of the cell."""
        return float(self.nucleus.sum() / self.cell.sum())


@dataclass(frozen=True)
class _Look:
    """How one kind of white cell looks: micrometres, shares of the cell's area, optical densities of R, G, B."""

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


_LOOKS = {
    "eosinophil": _Look((12.5, 15.0), (.30, .40), (2, 2), .04, (.20, .32, .18), (1.05, 1.40, .55), .18, .30, 4.0,
                        (.14, .34, .24)),
    "lymphocyte": _Look((8.5, 11.0), (.68, .82), (1, 1), .03, (.46, .34, .08), (1.25, 1.60, .62), .12, .15, .02,
                        (.45, .60, .20)),
    "monocyte": _Look((15.5, 19.0), (.40, .52), (1, 1), .09, (.36, .33, .14), (.85, 1.18, .45), .26, .15, .35,
                      (.16, .24, .10)),
    "neutrophil": _Look((12.0, 14.5), (.26, .36), (3, 4), .06, (.11, .19, .09), (1.10, 1.45, .58), .18, .16, 1.4,
                        (.13, .20, .08)),
}
_MISTAKEN_FOR = {"eosinophil": "neutrophil", "lymphocyte": "monocyte", "monocyte": "lymphocyte",
                 "neutrophil": "eosinophil"}
_RED_CELL = (.20, .36, .26)
_PLATELET = (.45, .62, .18)


def draw_cell(kind: str, seed: int, lab: Laboratory = HOME, patient: int = 0, doubt: float = 0.0) -> Drawn:
    """Draw one white cell in the middle of a smear.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        Same seed, same picture.
    lab : Laboratory
    patient : int
        Cells of one patient share a strength of the stain and a size of the cells.
    doubt : float
        0 is a cell as in an atlas; towards 1 it takes size, color and granules of the kind it is mistaken for.

    Returns
    -------
    Drawn
    """
    look = _mixed(_LOOKS[kind], _LOOKS[_MISTAKEN_FOR[kind]], doubt)
    rng = np.random.default_rng([seed, patient, KINDS.index(kind)])
    traits = np.random.default_rng([patient, 77])
    strength, growth = lab.strength * traits.uniform(.85, 1.15), traits.uniform(.94, 1.06)
    side, px = lab.size_px * _FINE, _FINE / lab.um_per_px
    radius = rng.uniform(*look.diameter_um) / 2 * growth * px
    middle = side / 2 + rng.uniform(-.04, .04, 2) * side
    lobes = int(rng.integers(look.lobes[0], look.lobes[1] + 1))
    cell = _blob(side, middle, radius, rng, look.roughness)
    nucleus = _nucleus(kind, cell, middle, radius, lobes, rng.uniform(*look.nucleus_share), rng)
    density = _red_cells(side, middle, radius, px, lab, rng) + _platelets(side, middle, radius, px, rng)
    x, y, w, h = cv2.boundingRect(cell.astype(np.uint8))
    box = np.s_[y:y + h, x:x + w]
    density[box] = np.where(cell[box][..., None], _white_cell(look, cell[box], nucleus[box], px, rng), density[box])
    rgb = _photograph(density * strength, lab, rng)
    return Drawn(rgb, _shrink(nucleus), _shrink(cell), lobes, kind)


def _mixed(look: _Look, other: _Look, share: float) -> _Look:
    """Every number of a look moved by `share` of the way to another look."""
    moved = {name: ((1 - share) * np.array(value) + share * np.array(getattr(other, name))).tolist()
             for name, value in asdict(look).items()}
    least, most = moved.pop("lobes")
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in moved.items()}
    return _Look(lobes=(round(least), round(most)), **plain)


def _curve(middle: Float64Array, radius: float, rng: np.random.Generator, roughness: float,
           stretch: float = 1.0) -> Int32Array:
    """A closed curve around `middle`: a circle with random low Fourier terms, at 1/16 pixel."""
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    waves = [rng.normal(0, roughness / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in range(2, 8)]
    reach = radius * (1 + np.sum(waves, axis=0))
    turn = rng.uniform(0, np.pi)
    along, across = reach * np.cos(angle) * stretch, reach * np.sin(angle) / stretch
    x = middle[0] + along * np.cos(turn) - across * np.sin(turn)
    y = middle[1] + along * np.sin(turn) + across * np.cos(turn)
    return np.asarray(np.round(np.stack([x, y], axis=1) * 16), dtype=np.int32)


def _blob(side: int, middle: Float64Array, radius: float, rng: np.random.Generator, roughness: float,
          stretch: float = 1.0) -> BoolArray:
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [_curve(middle, radius, rng, roughness, stretch)], 1, shift=4)
    return canvas.astype(bool)


def _nucleus(kind: str, cell: BoolArray, middle: Float64Array, radius: float, lobes: int, share: float,
             rng: np.random.Generator) -> BoolArray:
    """A round, a kidney-shaped or a lobed nucleus that fills about `share` of the cell, always inside it."""
    side, reach = len(cell), radius * np.sqrt(share)
    turn = rng.uniform(0, 2 * np.pi)
    inner = cv2.erode(cell.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=_FINE).astype(bool)
    if kind == "lymphocyte":
        shift = (radius - reach) * rng.uniform(.2, .7) * np.array([np.cos(turn), np.sin(turn)])
        return _blob(side, middle + shift, reach, rng, .025) & inner
    if kind == "monocyte":
        body = _blob(side, middle, reach * 1.17, rng, .05, stretch=1.12)
        notch = middle + reach * 1.15 * np.array([np.cos(turn), np.sin(turn)])
        return body & ~_blob(side, notch, reach * rng.uniform(.55, .75), rng, .05) & inner
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
        canvas |= _blob(side, place, reach, rng, .08, stretch=rng.uniform(1.0, 1.16))
    bridge = np.zeros((side, side), np.uint8)
    cv2.polylines(bridge, [np.round(places).astype(np.int32)], False, 1, max(2, round(reach * .25)))
    return np.asarray(canvas | bridge.astype(bool))


def _dye(color: tuple[float, float, float]) -> Float32Array:
    return np.array(color, dtype=np.float32)


def _texture(shape: tuple[int, ...], grain_px: float, rng: np.random.Generator) -> Float32Array:
    """Smooth noise of mean 0 and standard deviation 1 with grains of about `grain_px`."""
    small = [max(4, round(side / max(grain_px, 1))) for side in shape]
    noise = rng.standard_normal(small, dtype=np.float32)
    grown = cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray((grown - grown.mean()) / grown.std(), dtype=np.float32)


def _white_cell(look: _Look, cell: BoolArray, nucleus: BoolArray, px: float, rng: np.random.Generator) -> Float32Array:
    """(h, w, 3) optical density of the whole cell, to be used inside `cell`; both masks cut to its box."""
    cloud = 1 + .10 * _texture(cell.shape, 1.2 * px, rng) + .05 * _texture(cell.shape, .3 * px, rng)
    density = cloud[..., None] * _dye(look.cytoplasm)
    density += _granules(look, cell, px, rng)[..., None] * _dye(look.granule)
    # A cell is a lens: its border is thin.
    depth = cv2.distanceTransform(cell.astype(np.uint8), cv2.DIST_L2, 3)
    density *= np.clip(.45 + depth / (.9 * px), 0, 1)[..., None]
    clumps = 1 + look.chromatin * (.7 * _texture(cell.shape, .9 * px, rng) + .5 * _texture(cell.shape, .35 * px, rng))
    inside = np.clip(clumps, .45, 1.6)[..., None] * _dye(look.nucleus)
    soft = cv2.GaussianBlur(nucleus.astype(np.float32), (0, 0), .06 * px)[..., None]
    return np.asarray(density * (1 - soft) + inside * soft, dtype=np.float32)


def _granules(look: _Look, cell: BoolArray, px: float, rng: np.random.Generator) -> Float32Array:
    """Disks strewn over the cell, 0..about 1.5 where they overlap."""
    rows, columns = np.nonzero(cell)
    count = rng.poisson(look.granules_per_um2 * len(rows) / px ** 2)
    chosen = rng.integers(0, len(rows), count)
    canvas = np.zeros(cell.shape, np.float32)
    for row, column, size in zip(rows[chosen], columns[chosen], rng.uniform(.7, 1.3, count)):
        cv2.circle(canvas, (int(column * 16), int(row * 16)), round(look.granule_um * size * px * 16),
                   float(rng.uniform(.6, 1.4)), -1, shift=4)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), .1 * px), dtype=np.float32)


def _red_cells(side: int, middle: Float64Array, keep_out: float, px: float, lab: Laboratory,
               rng: np.random.Generator) -> Float32Array:
    """Optical density of red cells around the white one; where they overlap the densities add."""
    density = np.zeros((side, side), np.float32)
    places: list[Float64Array] = []
    for _ in range(rng.poisson(lab.crowd * (side / px) ** 2 / 100)):
        place, radius = rng.uniform(-.05, 1.05, 2) * side, rng.normal(3.75, .25) * px
        if np.hypot(*(place - middle)) < keep_out + radius * 1.08:
            continue
        # Most red cells lie apart; one in five is let fall on a neighbour.
        crowded = any(np.hypot(*(place - other)) < 1.9 * radius for other in places)
        if crowded and rng.random() > .2:
            continue
        places.append(place)
        disk = _blob(side, place, radius, rng, .025, stretch=rng.uniform(1.0, 1.12)).astype(np.uint8)
        density += _biconcave(disk, radius, rng.uniform(.35, .85))
    return np.asarray(density[..., None] * _dye(_RED_CELL), dtype=np.float32)


def _biconcave(disk: UInt8Array, radius: float, pallor: float) -> Float32Array:
    """Thickness of a red cell, 0..1: a thick rim and a thin centre."""
    x, y, w, h = cv2.boundingRect(disk)
    thickness = np.zeros(disk.shape, np.float32)
    box = np.pad(disk[y:y + h, x:x + w], 1)
    depth = cv2.distanceTransform(box, cv2.DIST_L2, 3)[1:-1, 1:-1] / radius
    edge = np.clip(depth / .10, 0, 1)
    thickness[y:y + h, x:x + w] = edge * (1 - pallor / (1 + np.exp(-(depth - .52) / .09)))
    return thickness


def _platelets(side: int, middle: Float64Array, keep_out: float, px: float, rng: np.random.Generator) -> Float32Array:
    density = np.zeros((side, side), np.float32)
    for _ in range(rng.poisson(1.0)):
        place = rng.uniform(.05, .95, 2) * side
        if np.hypot(*(place - middle)) > keep_out + 2.5 * px:
            density += _blob(side, place, rng.uniform(.9, 1.4) * px, rng, .10, stretch=1.1)
    grainy = density * (1 + .35 * _texture(density.shape, .4 * px, rng))
    return np.asarray(cv2.GaussianBlur(grainy, (0, 0), .12 * px)[..., None] * _dye(_PLATELET), dtype=np.float32)


def _photograph(density: Float32Array, lab: Laboratory, rng: np.random.Generator) -> UInt8Array:
    """Light through the smear (Beer and Lambert), the lens, the sensor."""
    side = len(density)
    light = np.exp(-density * _dye(lab.tint))
    slope, turn = np.linspace(-.5, .5, side, dtype=np.float32), rng.uniform(0, 2 * np.pi)
    lamp = 1 - lab.shading * (.5 + slope[None] * np.cos(turn) + slope[:, None] * np.sin(turn))
    seen = light * lamp[..., None].astype(np.float32) * _dye(lab.background)
    seen = cv2.GaussianBlur(seen, (0, 0), lab.blur_px * _FINE)
    seen = cv2.resize(seen, (lab.size_px, lab.size_px), interpolation=cv2.INTER_AREA)
    seen += lab.noise * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.asarray(np.clip(np.round(seen), 0, 255), dtype=np.uint8)


def _shrink(mask: BoolArray) -> BoolArray:
    """At least half of the fine pixels."""
    side = len(mask) // _FINE
    return np.asarray(cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) >= .5)
