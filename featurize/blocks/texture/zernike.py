"""Zernike moments: form of a region and of its gray levels, unchanged by a turn."""
import numpy as np

from featurize.descriptors.texture import bounding_box
from featurize.descriptors.zernike import zernike_moments, zernike_orders
from featurize.registry import Feature, block
from featurize.sample import Sample

_DESCRIBES = {
    "shape_n*_l*": Feature("1", "|A_nl| of the region, in the smallest disk around its centroid"),
    "gray_n*_l*": Feature("1", "|A_nl| of the gray levels + 1 in the region over their sum, in the same disk"),
}


@block("zernike", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Teague 1980, 10.1364/JOSA.70.000920; Khotanzad & Hong 1990, 10.1109/34.55109")
def zernike(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
            degree: int = 8) -> dict[str, float]:
    """Magnitudes of the moments of every region up to `degree`.

    A_00 is always 1 / pi and A_11 of the region itself always 0: they are left out. Gray levels are raised by 1, so
    that a black pixel has a weight and a black region the moments of its shape.
    """
    orders = zernike_orders(degree)[1:]
    row: dict[str, float] = {}
    for name in regions:
        top, left, height, width = bounding_box(sample.regions[name])
        box = np.s_[top: top + height, left: left + width]
        mask = sample.regions[name][box]
        shape = gray = np.full(len(orders) + 1, np.nan)
        if mask.size:
            y, x = np.nonzero(mask)
            center = float(y.mean()), float(x.mean())
            # Half a pixel more: the disk holds pixels, not only their centers.
            radius = float(np.sqrt(((y - center[0]) ** 2 + (x - center[1]) ** 2).max())) + 0.5
            shape = zernike_moments(mask.view(np.uint8), radius, degree, center)
            gray = zernike_moments((sample.gray[box] + np.uint16(1)) * mask, radius, degree, center)
        row |= {f"{name}_zernike_shape_n{n}_l{k}": float(v) for (n, k), v in zip(orders, shape[1:]) if (n, k) != (1, 1)}
        row |= {f"{name}_zernike_gray_n{n}_l{k}": float(v) for (n, k), v in zip(orders, gray[1:])}
    return row
