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

from featurize.arrays import BoolArray, UInt8Array
from featurize.simulate.laboratory import ABROAD, FINE, HOME, Laboratory, photograph, shrink
from featurize.simulate.red_cells import platelets, red_cells
from featurize.simulate.shapes_and_dyes import blob
from featurize.simulate.white_cell import CellLook, nucleus_mask, white_cell

__all__ = ["ABROAD", "HOME", "KINDS", "Drawn", "Laboratory", "draw_cell"]

KINDS = ("eosinophil", "lymphocyte", "monocyte", "neutrophil")


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


_LOOKS = {
    "eosinophil": CellLook(diameter_um=(12.5, 15.0), nucleus_share=(.30, .40), lobes=(2, 2), roughness=.04,
                           cytoplasm=(.20, .32, .18), nucleus=(1.05, 1.40, .55), chromatin=.18,
                           granule_um=.30, granules_per_um2=4.0, granule=(.14, .34, .24)),
    "lymphocyte": CellLook(diameter_um=(8.5, 11.0), nucleus_share=(.68, .82), lobes=(1, 1), roughness=.03,
                           cytoplasm=(.46, .34, .08), nucleus=(1.25, 1.60, .62), chromatin=.12,
                           granule_um=.15, granules_per_um2=.02, granule=(.45, .60, .20)),
    "monocyte": CellLook(diameter_um=(15.5, 19.0), nucleus_share=(.40, .52), lobes=(1, 1), roughness=.09,
                         cytoplasm=(.36, .33, .14), nucleus=(.85, 1.18, .45), chromatin=.26,
                         granule_um=.15, granules_per_um2=.35, granule=(.16, .24, .10)),
    "neutrophil": CellLook(diameter_um=(12.0, 14.5), nucleus_share=(.26, .36), lobes=(3, 4), roughness=.06,
                           cytoplasm=(.11, .19, .09), nucleus=(1.10, 1.45, .58), chromatin=.18,
                           granule_um=.16, granules_per_um2=1.4, granule=(.13, .20, .08)),
}
# The kind that a doubtful cell looks like.
_MISTAKEN_FOR = {"eosinophil": "neutrophil", "lymphocyte": "monocyte", "monocyte": "lymphocyte",
                 "neutrophil": "eosinophil"}
# Factors of a patient, least and most: on the strength of the stain, and on the diameter of the cells.
_PATIENT_STRENGTH = (.85, 1.15)
_PATIENT_SIZE = (.94, 1.06)
# The cell lies at most so far from the middle along each axis, in sides of the picture.
_OFF_CENTER = .04


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
    strength, growth = lab.strength * traits.uniform(*_PATIENT_STRENGTH), traits.uniform(*_PATIENT_SIZE)
    side, px_per_um = lab.size_px * FINE, FINE / lab.um_per_px
    radius = rng.uniform(*look.diameter_um) / 2 * growth * px_per_um
    middle = side / 2 + rng.uniform(-_OFF_CENTER, _OFF_CENTER, 2) * side
    lobes = int(rng.integers(look.lobes[0], look.lobes[1] + 1))
    cell = blob(side, middle, radius, rng, look.roughness)
    nucleus = nucleus_mask(kind, cell, middle, radius, lobes, rng.uniform(*look.nucleus_share), rng)
    density = red_cells(side, middle, radius, px_per_um, lab, rng)
    density = density + platelets(side, middle, radius, px_per_um, rng)
    x, y, w, h = cv2.boundingRect(cell.astype(np.uint8))
    box = np.s_[y:y + h, x:x + w]
    white = white_cell(look, cell[box], nucleus[box], px_per_um, rng)
    density[box] = np.where(cell[box][..., None], white, density[box])
    rgb = photograph(density * strength, lab, rng)
    return Drawn(rgb, shrink(nucleus), shrink(cell), lobes, kind)


def look_of(kind: str) -> CellLook:
    """How a kind of white cell looks in an atlas."""
    return _LOOKS[kind]


def _mixed(look: CellLook, other: CellLook, share: float) -> CellLook:
    """Every number of a look moved by `share` of the way to another look."""
    moved = {name: ((1 - share) * np.array(value) + share * np.array(getattr(other, name))).tolist()
             for name, value in asdict(look).items()}
    least, most = moved.pop("lobes")
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in moved.items()}
    return CellLook(lobes=(round(least), round(most)), **plain)
