"""Make tests/golden/filters_v1.npz: what pyradiomics makes of two small planes. Needs pyradiomics, SimpleITK, pywt.

    PYTHONPATH=. python tests/featurize/make_filters_golden.py
"""
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import Float64Array

GOLDEN = Path(__file__).parents[1] / "golden" / "filters_v1.npz"
SIGMAS, WAVELET = (1.0, 3.0), "coif1"


def planes() -> dict[str, NDArray[Any]]:
    """Bytes with a flat corner, 24 x 20; signed numbers with odd sides, 9 x 7."""
    y, x = np.mgrid[:24, :20]
    waves = 120 + 60 * np.sin(x / 2.0) + 40 * np.cos(y * x / 30.0) + (7 * x * y) % 23
    waves[:8, :9] = 200
    v, u = np.mgrid[:9, :7]
    return {"bytes": waves.astype(np.uint8), "signed": 3.5 * np.sin(1.7 * u + 0.3 * v * v) - u * v / 8.0}


def reference(plane: NDArray[Any], sigmas: tuple[float, ...], wavelet: str) -> dict[str, Float64Array]:
    """Every filtered image that pyradiomics makes of a 2-D image, under our keys."""
    import SimpleITK
    from radiomics import imageoperations as ops

    image = SimpleITK.GetImageFromArray(plane)
    made: dict[str, Float64Array] = {}
    with warnings.catch_warnings():
        # It divides by zero on black planes and LBP of floats is advised against.
        warnings.simplefilter("ignore")
        for kind in ("Original", "LoG", "Wavelet", "Gradient", "Square", "SquareRoot", "Logarithm", "Exponential",
                     "LBP2D"):
            call = getattr(ops, f"get{kind}Image")
            for result, name, _ in call(image, None, sigma=list(sigmas), wavelet=wavelet, force2D=False):
                made[_key(name)] = SimpleITK.GetArrayFromImage(result).astype(np.float64)
    return made


def _key(name: str) -> str:
    if name.startswith("log-sigma"):
        return name.removesuffix("-mm-3D").removesuffix("-0").replace("-", "_")
    return name.lower().replace("-", "_")


def main() -> None:
    """Write all images of both planes as float64."""
    found = {f"{title}.{key}": image for title, plane in planes().items()
             for key, image in reference(plane, SIGMAS, WAVELET).items()}
    np.savez_compressed(GOLDEN, allow_pickle=False, **found)


if __name__ == "__main__":
    main()
