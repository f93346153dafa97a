"""Writes tests/golden/radiomics_v1.json: features of small planes as pyradiomics computes them.

python tests/featurize/make_radiomics_golden.py          needs the extra radiomics

The planes are made by formulas, so that the file holds numbers only and no image of anybody.
"""
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray
from featurize.radiomics import reference
from featurize.radiomics.engine import STANDARD, names
from featurize.radiomics.settings import RadiomicsSettings

GOLDEN = Path(__file__).parents[1] / "golden/radiomics_v1.json"


def planes() -> dict[str, tuple[NDArray[Any], BoolArray]]:
    """Plane and mask by name."""
    y, x = np.mgrid[:40, :44]
    disc = (y - 19) ** 2 + (x - 22) ** 2 < 17 ** 2
    # A sum of waves with a dark spot: smooth as a cell, no two rows alike.
    spot = (y - 15) ** 2 + (x - 18) ** 2 < 60
    cell = 120 + 60 * np.sin(x / 5) * np.cos(y / 7) + 30 * np.sin((x * y) / 40) - 50 * spot
    noise = np.random.default_rng(20261121).integers(0, 256, (40, 44))
    holes = (7 * y + 5 * x) % 11 > 2
    return {"cell": (cell.astype(np.uint8), disc), "noise": (noise.astype(np.uint8), holes),
            "ramp": ((5 * x).astype(np.uint8), np.ones(x.shape, bool)),
            "constant": (np.full(x.shape, 77, np.uint8), disc),
            "two levels": (np.where((x // 3 + y // 4) % 2, 200, 20).astype(np.uint8), disc),
            "16 bit": (noise.astype(np.uint16) * 250 + 3, disc), "float": (np.sin(cell) * 3.0, holes),
            "row": (noise[:1, :].astype(np.uint8), np.ones((1, 44), bool)),
            "column": (noise[:, :1].astype(np.uint8), np.ones((40, 1), bool))}


def cases() -> Iterator[tuple[str, str, RadiomicsSettings]]:
    """Name of the case, plane, settings."""
    width = {"16 bit": 2500.0, "float": 0.5}
    for name in planes():
        yield f"{name}, default", name, RadiomicsSettings(bin_width=width.get(name, 25.0))
        yield f"{name}, 32 levels", name, RadiomicsSettings(bin_count=32)
    for name in ("cell", "noise"):
        yield f"{name}, width 7.3", name, RadiomicsSettings(bin_width=7.3)
        yield f"{name}, every gray value", name, RadiomicsSettings(bin_width=1)
        yield f"{name}, distances 1 and 3", name, RadiomicsSettings(distances=(1, 3))
        yield f"{name}, not symmetrical", name, RadiomicsSettings(symmetrical_glcm=False)
        yield f"{name}, alpha 1", name, RadiomicsSettings(gldm_a=1)
        yield f"{name}, pixels of .5 x .8", name, RadiomicsSettings(spacing=(0.5, 0.8), voxel_array_shift=100)
        for norm in ("no_weighting", "infinity", "euclidean", "manhattan"):
            yield f"{name}, {norm}", name, RadiomicsSettings(weighting_norm=norm, distances=(1, 2), spacing=(1.0, 1.3))


def main() -> None:
    table = planes()
    found = {case: [None if np.isnan(v) else float(v)
                    for v in reference.measure_region(*table[name], STANDARD, settings)]
             for case, name, settings in cases()}
    GOLDEN.write_text(json.dumps({"origin": "pyradiomics-bhklab 3.1.4, force2D=False", "names": names(STANDARD),
                                  "values": found}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
