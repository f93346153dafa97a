"""Local binary patterns, rotation-invariant and uniform, at several radii."""
import numpy as np

from featurize.arrays import Float32Array, Int64Array
from featurize.kernels.radiomics.counting import binary_patterns
from featurize.registry import Feature, block
from featurize.sample import Sample

_DESCRIBES = {"r*_pattern*": Feature("1", "share of pixels with k of 8 neighbours brighter, in one run; 9 = other")}


@block("lbp", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Ojala, Pietikainen & Maenpaa 2002, 10.1109/TPAMI.2002.1017623, eq. 9 (riu2, P = 8)")
def lbp(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"), radii: tuple[int, ...] = (1, 2, 4),
        tolerance: int = 2) -> dict[str, float]:
    """Shares of the ten patterns in every region.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    radii : tuple of int
        Of the circles, in px.
    tolerance : int
        Gray levels from which a neighbor counts as brighter, so that noise on even ground is no pattern.
    """
    masks = np.stack([sample.regions[name] for name in regions])
    gray = sample.gray.astype(np.float32)
    row: dict[str, float] = {}
    for radius in radii:
        counts = np.zeros((len(regions), 10), np.int64)
        binary_patterns(gray, masks, *_circle(float(radius)), np.float32(tolerance), counts)
        for name, count in zip(regions, counts):
            n = count.sum()
            row |= {f"{name}_lbp_r{radius}_pattern{k}": float(v / n) if n else np.nan for k, v in enumerate(count)}
    return row


def _circle(radius: float) -> tuple[Int64Array, Float32Array]:
    """The four pixels around each of eight points of a circle, and their bilinear weights."""
    offsets, weights = np.zeros((8, 4, 2), np.int64), np.zeros((8, 4), np.float32)
    for p in range(8):
        y, x = (round(v, 9) for v in (-radius * np.sin(2 * np.pi * p / 8), radius * np.cos(2 * np.pi * p / 8)))
        top, left = int(np.floor(y)), int(np.floor(x))
        fy, fx = y - top, x - left
        for q, (dy, dx) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            weight = (fy if dy else 1 - fy) * (fx if dx else 1 - fx)
            weights[p, q] = weight
            offsets[p, q] = (top + dy, left + dx) if weight else (top, left)
    return offsets, weights
