"""Color and its spread by depth under the cell's outline, from the rim to the centre."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Int32Array
from featurize.kernels.radiomics.counting import ring_sums
from featurize.registry import Feature, block
from featurize.sample import Sample

_DESCRIBES = {"ring*_mean": Feature("byte", "mean of the channel in the ring; ring 0 is the rim"),
              "ring*_std": Feature("byte", "standard deviation in the ring"),
              "slope_*": Feature("byte", "mean of the innermost - mean of the outermost ring")}


@block("radial", version=1, needs=("lab", "regions"), describes=_DESCRIBES,
       source="Radial distribution: Carpenter et al. 2006 (CellProfiler), 10.1186/gb-2006-7-10-r100")
def radial(sample: Sample, *, regions: tuple[str, ...] = ("cell",), rings: int = 5) -> dict[str, float]:
    """Mean and spread of L, a and b in rings of equal depth, scaled to the deepest point of each region."""
    planes = np.stack(cv2.split(sample.lab))
    row: dict[str, float] = {}
    for name in regions:
        mask = sample.regions[name]
        ring = ring_of(mask, rings)
        sums = np.zeros((1, rings, 3, 3))
        ring_sums(planes, mask[None], ring, sums)
        n, s, q = (sums[0, ..., k] for k in range(3))
        n = np.where(n > 0, n, np.nan)
        mean = s / n
        std = np.sqrt(np.maximum(q / n - mean ** 2, 0))
        for c, channel in enumerate("lab"):
            row |= {f"{name}_radial_ring{k}_{channel}_mean": float(mean[k, c]) for k in range(rings)}
            row |= {f"{name}_radial_ring{k}_{channel}_std": float(std[k, c]) for k in range(rings)}
            row[f"{name}_radial_slope_{channel}"] = float(mean[-1, c] - mean[0, c])
    return row


def ring_of(mask: BoolArray, rings: int) -> Int32Array:
    """(H, W) number of the ring of each pixel of a region, by its depth under the outline; 0 is the rim."""
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    deepest = float(depth.max()) or 1.0
    return np.asarray(np.minimum(depth / deepest * rings, rings - 1).astype(np.int32))
