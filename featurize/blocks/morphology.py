"""Shape: size against the red cells, nucleus against cell, roundness, lobes, outline, thickness."""
from collections.abc import Sequence

import cv2
import numpy as np

from featurize.arrays import BoolArray, Int32Array, UInt8Array
from featurize.kernels.radiomics.runs import lobes
from featurize.registry import Feature, block
from featurize.sample import Sample

_FOURIER = 8                # harmonics of the outline that have a column each
_POINTS = 128               # points of equal arc length at which the outline is read
_EROSIONS = np.array([0.0, 0.25, 0.4, 0.55, 0.7, 0.8])    # depths at which lobes are counted, shares of the largest
_LOBE_SHARE = 0.02          # of the region, less what the erosion takes: smallest lobe
_PART_SHARE = 0.03          # of the region: smallest part that counts
_NOTCH_DIAMETERS = 0.06     # depth of a gap in the hull that counts as a notch
_OPENING_SHARE = 0.6        # of the largest depth: radius of the opening that cuts necks
_LEAST_PIXELS = 5           # smaller regions have no shape
_LARGEST_CONVEXITY = 1.1    # a smoothed outline can be shorter than its hull, but not by more
_HU_SCALE = 1e7             # brings the invariants into the range in which log10(1 + x) separates them
_DESCRIBES = {
    "diameter_px": Feature("px of the file", "sqrt(4 area / pi)", in_pixels=True),
    "diameter_um": Feature("um", "sqrt(4 area / pi), if the size of a pixel is known", tells_scale=True),
    "diameter_red": Feature("red cell diameters", "sqrt(4 area / pi) / diameter of the red cells around",
                            tells_scale=True),
    "density_red": Feature("1", "optical density of the nucleus / of the red cells around"),
    "nc_ratio": Feature("1", "area of the nucleus / area of the cell"),
    "offset": Feature("cell radii", "distance between the centroids of nucleus and cell"),
    "rim_share": Feature("1", "share of the nucleus's outline that lies on the cell's outline"),
    "share": Feature("1", "area / area of the image"),
    "circularity": Feature("1", "4 pi area / perimeter^2 of the largest part"),
    "solidity": Feature("1", "area / area of the convex hull of all parts"),
    "convexity": Feature("1", "perimeter of the convex hull / perimeter"),
    "eccentricity": Feature("1", "sqrt(1 - minor^2 / major^2), second moments"),
    "aspect": Feature("1", "short / long side of the smallest rectangle"),
    "extent": Feature("1", "area / area of the smallest rectangle"),
    "notch": Feature("diameters", "deepest distance from the convex hull to the outline / equivalent diameter"),
    "notches": Feature("count", "hull gaps deeper than 6 % of the diameter"),
    "parts": Feature("count", "connected parts larger than 3 % of the region"),
    "lobes": Feature("count", "most parts that any erosion leaves, each above 2 % of the region"),
    "holes": Feature("1", "area enclosed but not filled / area"),
    "largest_part": Feature("1", "area of the largest part / area"),
    "thickness": Feature("1", "mean depth / depth of a disk of the same area"),
    "thickness_max": Feature("1", "largest depth / radius of a disk of the same area"),
    "thickness_spread": Feature("1", "standard deviation of the depth / its mean"),
    "necking": Feature("1", "area lost by an opening with .6 of the largest depth / area"),
    "hu[1-7]": Feature("1", "sign(h) log10(1 + 1e7 |h|) of Hu's invariant"),
    "fourier[0-9]*": Feature("1", "|F(k)| + |F(-k)| of the outline over |F(1)|"),
    "fourier_rest": Feature("1", "sqrt of the energy of all other harmonics over |F(1)|"),
}


@block("morphology", version=3, needs=("regions", "facts"), describes=_DESCRIBES,
       source="Hu 1962, 10.1109/TIT.1962.1057692; Fourier: Kuhl & Giardina 1982, 10.1016/0146-664X(82)90034-X")
def morphology(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cell")) -> dict[str, float]:
    """Shape of every region; of nucleus and cell also their sizes and how they lie to each other."""
    row: dict[str, float] = {}
    for name in regions:
        row |= {f"{name}_morphology_{k}": v for k, v in _shape(sample.regions[name]).items()}
        row |= {f"{name}_morphology_{k}": v for k, v in _size(sample, sample.regions[name]).items()}
    if "nucleus" in regions and "cell" in regions:
        row |= {f"nucleus_morphology_{k}": v for k, v in _relation(sample).items()}
    return row


def _size(sample: Sample, mask: BoolArray) -> dict[str, float]:
    """Sizes in file pixels, micrometres and red cell diameters, each NaN where its unit isn't known."""
    if not mask.any():
        return dict.fromkeys(("diameter_px", "diameter_um", "diameter_red"), np.nan)
    here = float(np.sqrt(4 / np.pi * mask.sum()))
    of_file = here / sample.facts.get("px_per_raw_px", np.nan)
    search = sample.facts.get("diameter_search_px", np.nan) / sample.facts.get("diameter_raw_px", np.nan)
    return {"diameter_px": of_file, "diameter_um": here * sample.mm_per_px * 1000 if sample.mm_per_px else np.nan,
            "diameter_red": of_file * search / sample.facts.get("red_diameter", np.nan)}


def _relation(sample: Sample) -> dict[str, float]:
    nucleus, cell = sample.regions["nucleus"], sample.regions["cell"]
    if not nucleus.any() or not cell.any():
        return dict.fromkeys(("nc_ratio", "offset", "rim_share", "density_red"), np.nan)
    inner, whole = (cv2.moments(m.astype(np.uint8), binaryImage=True) for m in (nucleus, cell))
    x, y = (inner[k] / inner["m00"] - whole[k] / whole["m00"] for k in ("m10", "m01"))
    radius = np.sqrt(whole["m00"] / np.pi)
    edge = nucleus & ~cv2.erode(nucleus.astype(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    core = cv2.erode(cell.astype(np.uint8), np.ones((5, 5), np.uint8)).view(bool)
    density = sum(sample.facts.get(f"nucleus_density_{c}", np.nan) for c in "rgb")
    return {"nc_ratio": float(inner["m00"] / whole["m00"]), "offset": float(np.hypot(y, x) / radius),
            "rim_share": float(np.count_nonzero(edge & ~core) / (np.count_nonzero(edge) or 1)),
            "density_red": float(density / sample.facts.get("red_density", np.nan))}


def _shape(mask: BoolArray) -> dict[str, float]:
    bits = mask.astype(np.uint8)
    outlines, _ = cv2.findContours(bits, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    names = [k for k in _DESCRIBES if "[" not in k and k not in _RELATIONS]
    names += [f"hu{k}" for k in range(1, 8)] + [f"fourier{k}" for k in range(2, _FOURIER + 2)]
    area = float(np.count_nonzero(bits))
    if area < _LEAST_PIXELS:
        return dict.fromkeys(names, np.nan)
    longest = max(outlines, key=cv2.contourArea)
    hull = cv2.convexHull(np.concatenate(outlines))
    moments = cv2.moments(bits, binaryImage=True)
    row = {"share": area / mask.size} | _hull(longest, hull, bits, area) | _ellipse(moments)
    row |= _parts(bits, outlines, area)
    row |= _depth(bits, area) | _fourier(longest)
    hu = cv2.HuMoments(moments).ravel()
    return row | {f"hu{k + 1}": float(np.sign(h) * np.log10(1 + _HU_SCALE * abs(h))) for k, h in enumerate(hu)}


_RELATIONS = ("diameter_px", "diameter_um", "diameter_red", "density_red", "nc_ratio", "offset", "rim_share")


def _perimeter(outline: Int32Array) -> float:
    """Length of the outline smoothed over five pixels: a staircase is longer than the curve it stands for."""
    points = outline[:, 0].astype(np.float64)
    n = len(points)
    around = points[np.arange(-2, n + 3) % n]
    smooth = (around[:-4] + around[1:-3] + around[2:-2] + around[3:-1] + around[4:]) / 5
    return float(np.hypot(*np.diff(smooth, axis=0).T).sum())


def _hull(longest: Int32Array, hull: Int32Array, bits: UInt8Array,
          area: float) -> dict[str, float]:
    """Features of the convex hull; half a pixel all around makes areas of pixels of polygons through their centres."""
    perimeter = max(_perimeter(longest), 1.0)
    own = cv2.contourArea(longest) + perimeter / 2
    hull_perimeter = float(cv2.arcLength(hull, True))
    hull_area = cv2.contourArea(hull) + hull_perimeter / 2 + 1
    (_, (a, b), _) = cv2.minAreaRect(hull)
    short, long = sorted([a + 1, b + 1])
    return {"circularity": float(min(4 * np.pi * own / perimeter ** 2, 1.0)),
            "solidity": float(min(area / hull_area, 1.0)),
            "convexity": float(min(cv2.arcLength(cv2.convexHull(longest), True) / perimeter, _LARGEST_CONVEXITY)),
            "aspect": short / long, "extent": area / (short * long),
            **_notches(bits, hull, area)}


def _notches(bits: UInt8Array, hull: Int32Array, area: float) -> dict[str, float]:
    """How deep the gaps between region and convex hull reach below the hull, in equivalent diameters.

    Measured on masks: OpenCV's convexityDefects refuses outlines that touch themselves, as those of lobes do.
    """
    filled = cv2.fillConvexPoly(np.zeros_like(bits), hull, 1)
    framed = cv2.copyMakeBorder(filled, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1] * (1 - bits) / np.sqrt(4 / np.pi * area)
    count, _ = cv2.connectedComponents((depth > _NOTCH_DIAMETERS).astype(np.uint8), connectivity=8)
    return {"notch": float(depth.max()), "notches": float(count - 1)}


def _ellipse(moments: dict[str, float]) -> dict[str, float]:
    xx, yy, xy = (moments[k] / moments["m00"] for k in ("mu20", "mu02", "mu11"))
    middle, swing = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return {"eccentricity": float(np.sqrt(max(1 - (middle - swing) / max(middle + swing, 1e-9), 0)))}


def _parts(bits: UInt8Array, outlines: Sequence[Int32Array], area: float) -> dict[str, float]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(bits, connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    filled = cv2.drawContours(np.zeros_like(bits), outlines, -1, 1, cv2.FILLED)
    return {"parts": float(np.count_nonzero(sizes > _PART_SHARE * area)), "largest_part": float(sizes.max() / area),
            "holes": float((np.count_nonzero(filled) - area) / area)}


def _depth(bits: UInt8Array, area: float) -> dict[str, float]:
    """Thickness and lobes from the distance to the outline."""
    depth = cv2.distanceTransform(cv2.copyMakeBorder(bits, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 5)[1:-1, 1:-1]
    inside = depth[bits > 0]
    radius, deepest = np.sqrt(area / np.pi), float(inside.max())
    count = max(1, lobes(depth, (_EROSIONS * deepest).astype(np.float32), _LOBE_SHARE * area * (1 - _EROSIONS)))
    core = (depth > _OPENING_SHARE * deepest).astype(np.uint8)
    reach = _OPENING_SHARE * deepest
    grown = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5) <= reach if core.any() else core.astype(bool)
    mean = float(inside.mean())
    return {"thickness": mean / max(radius / 3, 1e-6), "thickness_max": deepest / radius, "lobes": float(count),
            "thickness_spread": float(inside.std()) / max(mean, 1e-6),
            "necking": np.count_nonzero(~grown[bits > 0]) / len(inside)}


def _fourier(outline: Int32Array) -> dict[str, float]:
    """Harmonics of the outline at 128 points of equal arc length: unchanged by shift, turn, size and start."""
    points = outline[:, 0].astype(np.float64)
    closed = np.concatenate([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.arange(_POINTS) * along[-1] / _POINTS
    z = np.interp(at, along, closed[:, 0]) + 1j * np.interp(at, along, closed[:, 1])
    power = np.abs(np.fft.fft(z))
    first = max(float(power[1]), float(power[-1]), 1e-9)
    low = {f"fourier{k}": float((power[k] + power[-k]) / first) for k in range(2, _FOURIER + 2)}
    rest = power[_FOURIER + 2: -_FOURIER - 1]
    return low | {"fourier_rest": float(np.sqrt((rest ** 2).sum()) / first)}
