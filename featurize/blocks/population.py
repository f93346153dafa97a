"""Nuclei as a population: how many, how large, how alike, how far apart, how ordered, and the white space between them.

Distances are in units of the median nuclear radius and areas in units of the median nuclear area, so that they mean the
same at every magnification.
"""
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError, cKDTree

from featurize.arrays import BoolArray, Complex128Array, Float64Array
from featurize.descriptors.shape import moments_of_objects
from featurize.kernels.objects import object_values
from featurize.kernels.shapes import Moment
from featurize.registry import Feature, block
from featurize.sample import Sample

# px^2, of a coordinate within a pixel: a pixel is a square, not a point, so that a row of pixels has a width.
_PIXEL_VARIANCE = 1 / 12
# Sides of pixels overestimate a slanted outline; this factor is right on average over all directions.
_PERIMETER_PER_SIDE = np.pi / 4
_TOUCHING_RADII = 2.5      # distance of the nearest neighbor below which a nucleus touches it
_LINING_RADII = 2          # distance from white space up to which a nucleus lines it
_GRID = 4                  # cells along each side of the image for dispersion, emptiest and fullest
_LAST_PLACE = 0.999        # shares of the side, so that a nucleus on the last column or row is in the last cell
_LEAST_DENSITY = 0.01      # of the stain between nuclei; the stain ratio is taken to at least this
_LEAST_SPREAD = 1e-6       # of the mean; values that spread less have no skewness
_LEAST_WEIGHT = 1e-9       # keeps round nuclei from dividing 0 by 0
_WHITE_OPENING_PX = 3      # side of the square that removes threads of white
_PER_MEGAPIXEL = 1e6
_SHAPES = {"size": "area / median area", "elongation": "minor / major axis of the ellipse of inertia",
           "fill": "area / area of the ellipse of inertia", "circularity": "4 pi area / perimeter^2"}
_COLORS = {"hematoxylin": "mean optical density of hematoxylin", "l": "mean L of CIE Lab", "a": "mean a of CIE Lab",
           "b": "mean b of CIE Lab", "grain": "standard deviation of the luma inside the nucleus"}
_DISTANCES = {"nearest": "distance to the nearest nucleus", "third": "distance to the third nearest nucleus",
              "sixth": "distance to the sixth nearest nucleus", "edge": "length of the Delaunay edges"}
_NEAR = "nuclei with centroids within `near` radii of a nucleus"
_SPREADS = {"mean": "mean", "cv": "standard deviation / mean", "std": "standard deviation", "p10": "10th percentile",
            "p90": "90th percentile", "skewness": "m3 / m2^1.5"}


def _describes() -> dict[str, Feature]:
    units = {**dict.fromkeys(_SHAPES, "1"), **dict.fromkeys(_COLORS, "byte (hematoxylin: density)"),
             **dict.fromkeys(_DISTANCES, "nuclear radii")}
    spread = {f"{name}_{how}": Feature("1" if how in ("cv", "skewness") else units[name], f"{text} over nuclei: {what}")
              for name, what in (_SHAPES | _COLORS | _DISTANCES).items() for how, text in _SPREADS.items()}
    return spread | _describes_population() | _describes_white()


def _describes_population() -> dict[str, Feature]:
    return {
        "count": Feature("count", "nuclei in the image"),
        "share": Feature("share", "area of the nuclei / stained area"),
        "density": Feature("nuclei per 100 nuclear areas", "100 count x median area / stained area"),
        "radius_px": Feature("px of the work image", "sqrt(median area / pi)", in_pixels=True),
        "radius_um": Feature("um", "sqrt(median area / pi), if the size of a pixel is known"),
        "small_share": Feature("share", "nuclei smaller than half the median area"),
        "large_share": Feature("share", "nuclei larger than twice the median area"),
        "neighbours_mean": Feature("count", f"mean number of {_NEAR}"),
        "neighbours_std": Feature("count", f"standard deviation of the number of {_NEAR}"),
        "lonely": Feature("share", f"nuclei without other {_NEAR}"),
        "touching": Feature("share", "nuclei whose nearest neighbour is nearer than 2.5 radii"),
        "clark_evans": Feature("1", "2 mean nearest distance x sqrt(count / stained area)"),
        "triangle_cv": Feature("1", "standard deviation / mean of the areas of the Delaunay triangles"),
        "degree_std": Feature("count", "standard deviation of the number of Delaunay neighbours"),
        "alignment": Feature("1", "|sum w exp(2 i angle)| / sum w of the long axes, w = 1 - elongation"),
        "local_alignment": Feature("1", "sum of w1 w2 cos 2 (angle1 - angle2) / sum of w1 w2 over Delaunay edges"),
        "size_contrast": Feature("1", "mean over Delaunay edges of |log area1 / area2|"),
        "color_contrast": Feature("density", "mean over Delaunay edges of |hematoxylin1 - hematoxylin2|"),
        "clusters": Feature("clusters per nucleus", "clusters linked by less than `near` radii / count"),
        "largest_cluster": Feature("share", "nuclei in the largest cluster"),
        "dispersion": Feature("1", "variance / mean of the counts in a 4 x 4 grid"),
        "emptiest": Feature("share", "lowest share of nuclear area in a cell of a 4 x 4 grid"),
        "fullest": Feature("share", "highest share of nuclear area in a cell of a 4 x 4 grid"),
        "stain_ratio": Feature("1", "mean hematoxylin of nuclei / of the stained area between them"),
        "lining": Feature("1", "share of nuclei within 2 radii of white / share of the stained area there"),
    }


def _describes_white() -> dict[str, Feature]:
    return {
        "white_share": Feature("share", "area without stain / area of the image"),
        "white_parts": Feature("parts per megapixel", "1e6 x white parts larger than a nucleus / area of the image"),
        "white_largest": Feature("share", "area of the largest white part / area of the image"),
        "white_enclosed": Feature("share", "white area that doesn't touch the rim of the image / area of the image"),
        "white_size": Feature("nuclear areas", "median area of the white parts larger than a nucleus"),
        "white_roundness": Feature("1", "area-weighted mean of 4 pi area / perimeter^2 of the white parts"),
    }


_DESCRIBES = _describes()


@dataclass(frozen=True)
class _Nuclei:
    """One number (or point) per nucleus, in pixels of the work image."""

    area: Float64Array
    points: Float64Array
    angle: Float64Array
    weight: Float64Array
    measures: dict[str, Float64Array]

    @cached_property
    def radius(self) -> float:
        """Of a disk of the median area."""
        return float(np.sqrt(np.median(self.area) / np.pi))


@block("population", version=1, needs=("rgb", "gray", "lab", "hed", "regions", "objects"), describes=_DESCRIBES,
       source="Clark & Evans 1954, 10.2307/1931034; Delaunay statistics: Doyle et al. 2008, 10.1109/ISBI.2008.4541041")
def population(sample: Sample, *, region: str = "nuclei", near: float = 4.0) -> dict[str, float]:
    """Statistics over the instances of an image.

    Parameters
    ----------
    sample : Sample
        With instances in `objects`.
    region : str
        Name that the columns start with; the region ``matrix``, if there is one, is the stained area between instances.
    near : float
        Reach of a neighbourhood in median nuclear radii, from centroid to centroid.
    """
    stained = sample.regions.get("matrix", np.ones(sample.gray.shape, bool)) | (sample.objects > 0)
    row = dict.fromkeys((k for k in _DESCRIBES if not k.startswith("white_")), np.nan)
    nuclei = _nuclei(sample)
    row |= {"count": float(len(nuclei.area)), "share": 0.0, "density": 0.0}
    if len(nuclei.area):
        row |= _sizes(nuclei, sample, stained) | _grid(sample.objects > 0, nuclei)
        row |= {
            f"{name}_{how}": v for name, values in nuclei.measures.items() for how, v in _spread(values).items()}
        row["lining"] = _lining(nuclei, stained)
    if len(nuclei.area) > 1:
        row |= _neighbours(nuclei, near, float(stained.sum()))
    if len(nuclei.area) > 3:
        row |= _triangulation(nuclei)
    named = {f"{region}_population_{name}": float(value) for name, value in row.items()}
    return named | {f"whole_population_{k}": float(v) for k, v in _white(~stained, nuclei).items()}


def _nuclei(sample: Sample) -> _Nuclei:
    planes = np.empty((5, *sample.gray.shape), np.float32)
    planes[0], planes[4] = sample.hed[..., 0], sample.gray
    planes[1], planes[2], planes[3] = cv2.split(sample.lab)
    moments = moments_of_objects(sample.objects)
    values = np.zeros((len(moments.area), len(planes), 2))
    object_values(sample.objects, planes, values)
    found = moments.area > 0
    sums, values, sides = moments.from_corner()[found], values[found], moments.outline_sides[found]
    area = sums[:, Moment.AREA]
    x, y = sums[:, Moment.X] / area, sums[:, Moment.Y] / area
    xx = sums[:, Moment.XX] / area - x * x + _PIXEL_VARIANCE
    yy = sums[:, Moment.YY] / area - y * y + _PIXEL_VARIANCE
    xy = sums[:, Moment.YX] / area - x * y
    root = np.hypot((xx - yy) / 2, xy)
    minor, major = np.maximum((xx + yy) / 2 - root, _PIXEL_VARIANCE), (xx + yy) / 2 + root
    elongation = np.sqrt(minor / major)
    means = values[..., 0] / area[:, None]
    grain = np.sqrt(np.maximum(values[:, -1, 1] / area - means[:, -1] ** 2, 0))
    circularity = 4 * np.pi * area / (_PERIMETER_PER_SIDE * sides) ** 2
    measures = {"size": area / np.median(area) if len(area) else area, "elongation": elongation,
                "fill": area / (4 * np.pi * np.sqrt(minor * major)), "circularity": circularity,
                "hematoxylin": means[:, 0], "l": means[:, 1], "a": means[:, 2], "b": means[:, 3], "grain": grain}
    return _Nuclei(area, np.stack([x, y], axis=1), 0.5 * np.arctan2(2 * xy, xx - yy), 1 - elongation, measures)


def _spread(values: Float64Array) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(_SPREADS, np.nan)
    mean, std = float(values.mean()), float(values.std())
    third = float(((values - mean) ** 3).mean())
    p10, p90 = np.percentile(values, [10, 90])
    return {"mean": mean, "std": std, "cv": std / abs(mean) if mean else np.nan, "p10": float(p10), "p90": float(p90),
            "skewness": third / std ** 3 if std > _LEAST_SPREAD * max(abs(mean), _LEAST_SPREAD) else 0.0}


def _sizes(nuclei: _Nuclei, sample: Sample, stained: BoolArray) -> dict[str, float]:
    area, median, dye = nuclei.area, float(np.median(nuclei.area)), nuclei.measures["hematoxylin"]
    between = stained & (sample.objects == 0)
    hematoxylin = np.ascontiguousarray(sample.hed[..., 0])
    around = cv2.mean(hematoxylin, between.astype(np.uint8))[0] if between.any() else np.nan
    um = nuclei.radius * sample.mm_per_px * 1000 if sample.mm_per_px else np.nan
    total, weight = float(stained.sum()), max(float(nuclei.weight.sum()), _LEAST_WEIGHT)
    return {"share": float(area.sum()) / total, "density": 100 * len(area) * median / total, "radius_px": nuclei.radius,
            "radius_um": um, "small_share": float((area < median / 2).mean()),
            "stain_ratio": float(np.average(dye, weights=area)) / max(around, _LEAST_DENSITY),
            "large_share": float((area > 2 * median).mean()),
            "alignment": _length(nuclei.weight * np.exp(2j * nuclei.angle)) / weight}


def _length(vectors: Complex128Array) -> float:
    return float(np.abs(vectors.sum()))


def _grid(inside: BoolArray, nuclei: _Nuclei) -> dict[str, float]:
    height, width = inside.shape
    column, row = (np.minimum(nuclei.points / [width, height], _LAST_PLACE) * _GRID).astype(int).T
    counts = np.bincount(_GRID * row + column, minlength=_GRID * _GRID)
    shares = cv2.resize(inside.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    return {"dispersion": float(counts.var() / counts.mean()), "emptiest": float(shares.min()),
            "fullest": float(shares.max())}


def _neighbours(nuclei: _Nuclei, near: float, stained: float) -> dict[str, float]:
    """Distances to the nearest, the neighbourhoods, the clusters; NaN for ranks that too few nuclei have."""
    tree, count, radius = cKDTree(nuclei.points), len(nuclei.area), nuclei.radius
    distance = tree.query(nuclei.points, k=[2, 4, 7])[0] / radius
    row = {f"{name}_{how}": value for name, values in zip(("nearest", "third", "sixth"), distance.T)
           for how, value in _spread(values[np.isfinite(values)]).items()}
    pairs = tree.query_pairs(near * radius, output_type="ndarray")
    degree = np.bincount(pairs.ravel(), minlength=count)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    clusters, member = connected_components(graph, directed=False)
    return row | {"neighbours_mean": float(degree.mean()), "neighbours_std": float(degree.std()),
                  "lonely": float((degree == 0).mean()), "touching": float((distance[:, 0] < _TOUCHING_RADII).mean()),
                  "clark_evans": 2 * float(distance[:, 0].mean()) * radius * float(np.sqrt(count / stained)),
                  "clusters": clusters / count, "largest_cluster": float(np.bincount(member).max() / count)}


def _triangulation(nuclei: _Nuclei) -> dict[str, float]:
    """Statistics of the Delaunay edges; empty where all centroids lie on one line."""
    try:
        corners = Delaunay(nuclei.points).simplices
    except QhullError:
        return {}
    sides = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    edges = np.unique(np.sort(sides, axis=1), axis=0)
    first, second = edges.T
    (ax, ay), (bx, by) = ((nuclei.points[corners[:, k]] - nuclei.points[corners[:, 0]]).T for k in (1, 2))
    triangles = np.abs(ax * by - ay * bx) / 2
    away = np.hypot(*(nuclei.points[first] - nuclei.points[second]).T) / nuclei.radius
    weight = nuclei.weight[first] * nuclei.weight[second]
    turned = np.cos(2 * (nuclei.angle[first] - nuclei.angle[second]))
    aligned = float((weight * turned).mean() / max(float(weight.mean()), _LEAST_WEIGHT))
    dye = nuclei.measures["hematoxylin"]
    return {**{f"edge_{how}": value for how, value in _spread(away).items()},
            "triangle_cv": float(triangles.std() / triangles.mean()), "local_alignment": aligned,
            "degree_std": float(np.bincount(edges.ravel(), minlength=len(nuclei.area)).std()),
            "size_contrast": float(np.abs(np.log(nuclei.area[first] / nuclei.area[second])).mean()),
            "color_contrast": float(np.abs(dye[first] - dye[second]).mean())}


def _lining(nuclei: _Nuclei, stained: BoolArray) -> float:
    """How much denser nuclei lie along white space than elsewhere; NaN without white space."""
    if stained.all():
        return np.nan
    depth = cv2.distanceTransform(stained.astype(np.uint8), cv2.DIST_L2, 3)
    along = stained & (depth <= _LINING_RADII * nuclei.radius)
    x, y = np.rint(nuclei.points).astype(int).T
    return float(along[y, x].mean() / (along.sum() / stained.sum()))


def _white(white: BoolArray, nuclei: _Nuclei) -> dict[str, float]:
    """Lumens, fat, tears: the parts of the image without stain."""
    names = [k for k in _DESCRIBES if k.startswith("white_")]
    square = np.ones((_WHITE_OPENING_PX, _WHITE_OPENING_PX), np.uint8)
    smooth = cv2.morphologyEx(white.astype(np.uint8), cv2.MORPH_OPEN, square)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(smooth, connectivity=4)
    area = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    nucleus = float(np.median(nuclei.area)) if len(nuclei.area) else np.nan
    row = dict.fromkeys(names, np.nan) | {"white_share": float(white.mean())}
    row |= {"white_largest": float(area.max(initial=0) / white.size)}
    left, top = stats[1:, cv2.CC_STAT_LEFT], stats[1:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[1:, cv2.CC_STAT_WIDTH], top + stats[1:, cv2.CC_STAT_HEIGHT]
    inner = (left > 0) & (top > 0) & (right < white.shape[1]) & (bottom < white.shape[0])
    row["white_enclosed"] = float(area[inner].sum() / white.size)
    large = area > nucleus
    if large.any():
        sides = moments_of_objects(parts).outline_sides
        roundness = np.minimum(4 * np.pi * area / (_PERIMETER_PER_SIDE * sides) ** 2, 1.0)
        row |= {"white_size": float(np.median(area[large]) / nucleus),
                "white_parts": _PER_MEGAPIXEL * float(large.sum()) / white.size,
                "white_roundness": float(np.average(roundness[large], weights=area[large]))}
    return row
