"""Lung zones of a chest film: brightness, texture and edges of each, right against left, corners, mediastinum.

Every lung is cut into an upper, middle and lower third of its height. Brightness is given on the film's own scale, 0 at
the darkest lung and 1 at the mediastinum, because exposure, view and scanner move all gray levels together.
"""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array, UInt8Array
from featurize.registry import Feature, block
from featurize.sample import Sample

_ZONES = ("upper", "middle", "lower")
_SIDES = ("right_lung", "left_lung")
_SIGMAS = (1.0, 2.0, 4.0, 8.0)    # px of a film of 256 px
_DARK_PERCENT = 5                 # percentile of the lungs that is 0 on the film's scale
_LEAST_SPAN = 8.0                 # gray levels between 0 and 1 of that scale: noise must not become findings
_GRADIENT_SIGMA_PX = 1.0          # Gaussian blur before gradients are taken
_SPOTS = 2                        # index of the difference of Gaussians whose skewness counts spots
_CORNER_HEIGHTS = 0.15            # radius of the disk around the lower outer corner, in heights of the lung
_LEAST_SPREAD = 1e-4              # film scale; a region of less spread has no skewness
_LEAST_SQUARE = 1e-8              # the same, squared, for spots and coherence
_LEAST_WEIGHT = 1e-6              # summed gradient below which no direction has a share
_LEAST_GRID_SPREAD = 1e-3         # film scale; a grid of less spread is even
_SCALE = "film scale: 0 = 5th percentile of the lungs, 1 = median of the mediastinum"
_PER_ZONE = {
    "level": Feature(_SCALE, "mean"), "spread": Feature(_SCALE, "standard deviation"),
    "skewness": Feature("1", "m3 / m2^1.5"), "p10": Feature(_SCALE, "10th percentile"),
    "p90": Feature(_SCALE, "90th percentile"),
    "medial": Feature(_SCALE, "mean of the half next to the spine - mean of the outer half"),
    **{f"scale{k + 1}": Feature(_SCALE, f"mean |difference of Gaussians of {s:g} and {2 * s:g} px|, film 256 px")
       for k, s in enumerate(_SIGMAS)},
    "spots": Feature("1", "mean d^3 / (mean d^2)^1.5 of the third difference of Gaussians: bright or dark spots"),
    "coherence": Feature("1", "(l1 - l2) / (l1 + l2) of the structure tensor"),
}
_DESCRIBES = {
    **{f"{zone}_{key}": value for zone in _ZONES for key, value in _PER_ZONE.items()},
    **{f"{key}": value for key, value in _PER_ZONE.items()},
    "*_asymmetry": Feature("as the measurement", "right - left of that zone"),
    "*_difference": Feature("as the measurement", "|right - left| of that zone"),
    "*_gradient": Feature(_SCALE, "level of the lower - level of the upper zone"),
    "*_edges*": Feature("1", "share of the gradient magnitude in that of 6 directions, 0 = horizontal gradient"),
    "corner_angle": Feature("degree", "360 x share of a disk around the lower outer corner that is lung; the "
                            "costophrenic angle"),
    "corner_level": Feature(_SCALE, "mean of the lung in that disk"),
    "height": Feature("1", "height of the lung / height of the taller lung"),
    "width": Feature("1", "largest width of the lung / width of the thorax"),
    "area": Feature("1", "area of the lung / (width x height of the thorax)"),
    "heart_width": Feature("1", "largest gap between the lungs in the lower half / width of the thorax"),
    "waist_width": Feature("1", "mean gap between the lungs in the upper third / width of the thorax"),
    "base_difference": Feature("1", "row of the right base - row of the left base, over the height of the thorax"),
    "mediastinum_shift": Feature("1", "middle of the gap - middle of the thorax, over the width of the thorax"),
    "trust": Feature("1", "share of the lung mask that the film itself supports as dark"),
    "grid_r*_c*": Feature("standard deviations", "mean of that cell of a grid over the thorax - mean of all"),
}


@block("zones", version=1, needs=("gray", "regions", "facts"), describes=_DESCRIBES,
       source="Zones and cardiothoracic ratio as read by radiologists; gradients after Dalal & Triggs 2005")
def zones(sample: Sample, *, directions: int = 6, grid: tuple[int, ...] = (6, 8)) -> dict[str, float]:
    """Measurements of the six lung zones of a frontal film; NaN where a lung is missing.

    Parameters
    ----------
    sample : Sample
        With regions right_lung and left_lung.
    directions : int
        Bins of the gradient directions over half a turn.
    grid : (rows, columns)
        Cells over the box around both lungs.
    """
    lungs = {side: sample.regions[side] for side in _SIDES}
    film = _film(sample.gray, lungs)
    details = _details(film)
    row: dict[str, float] = {}
    for side, lung in lungs.items():
        row |= _lung(side, lung, film, details, directions)
    row |= _asymmetry(row)
    row |= _frame(lungs)
    row["lung_zones_trust"] = float(sample.facts.get("lung_trust", np.nan)) if _both(lungs) else np.nan
    return row | _grid(film, lungs, grid[0], grid[1])


def _both(lungs: dict[str, BoolArray]) -> bool:
    return all(bool(lung.any()) for lung in lungs.values())


def _film(gray: UInt8Array, lungs: dict[str, BoolArray]) -> Float32Array:
    """(H, W) gray on the film's own scale; an even film is 0 everywhere."""
    inside = gray[lungs["right_lung"] | lungs["left_lung"]]
    if not inside.size:
        return np.zeros(gray.shape, np.float32)
    dark, gap = float(np.percentile(inside, _DARK_PERCENT)), between_lungs(lungs)
    bright = float(np.median(gray[gap])) if gap.any() else 255.0
    span = max(bright - dark, float(inside.std()), _LEAST_SPAN)
    return np.asarray((gray.astype(np.float32) - dark) / span, dtype=np.float32)


def between_lungs(lungs: dict[str, BoolArray]) -> BoolArray:
    """Between the lungs, row by row: the mediastinum."""
    right, left = lungs["right_lung"], lungs["left_lung"]
    after = np.asarray(np.cumsum(right, axis=1) == right.sum(axis=1, keepdims=True))
    before = np.asarray(np.cumsum(left, axis=1) == 0)
    rows = np.asarray(right.any(axis=1) & left.any(axis=1))
    return np.asarray(after & before & ~right & rows[:, None], dtype=np.bool_)


def _details(film: Float32Array) -> Float32Array:
    """(scales, H, W) differences of Gaussians."""
    smooth = [cv2.GaussianBlur(film, (0, 0), s) for s in (*_SIGMAS, 2 * _SIGMAS[-1])]
    return np.stack([a - b for a, b in zip(smooth, smooth[1:])])


def thirds(lung: BoolArray) -> list[BoolArray]:
    """Upper, middle and lower third of the lung's height."""
    rows = np.flatnonzero(lung.any(axis=1))
    if not len(rows):
        return [lung] * 3
    third = np.clip((np.arange(len(lung)) - rows[0]) * 3 // (rows[-1] - rows[0] + 1), 0, 2)
    return [lung & (third == k)[:, None] for k in range(3)]


def _lung(side: str, lung: BoolArray, film: Float32Array, details: Float32Array, directions: int) -> dict[str, float]:
    smooth = cv2.GaussianBlur(film, (0, 0), _GRADIENT_SIGMA_PX)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    parts = dict(zip(_ZONES, thirds(lung)))
    row: dict[str, float] = {}
    for zone, part in parts.items():
        row |= {f"{side}_zones_{zone}_{k}": v for k, v in _zone(part, film, details, dy, dx).items()}
        row[f"{side}_zones_{zone}_medial"] = _medial(part, film, side == "right_lung")
        shares = _directions(dy[part], dx[part], directions)
        row |= {f"{side}_zones_{zone}_edges{k}": float(v) for k, v in enumerate(shares)}
    row |= {f"{side}_zones_{k}": v for k, v in _zone(lung, film, details, dy, dx).items()}
    row[f"{side}_zones_level_gradient"] = row[f"{side}_zones_lower_level"] - row[f"{side}_zones_upper_level"]
    return row | {f"{side}_zones_{k}": v for k, v in _corner(lung, film, side == "right_lung").items()}


def _zone(part: BoolArray, film: Float32Array, details: Float32Array, dy: Float32Array,
          dx: Float32Array) -> dict[str, float]:
    names = [k for k in _PER_ZONE if k != "medial"]
    if not part.any():
        return dict.fromkeys(names, np.nan)
    values = film[part].astype(np.float64)
    mean, std = float(values.mean()), float(values.std())
    d = details[:, part].astype(np.float64)
    square = float((d[_SPOTS] ** 2).mean())
    yy, xx, xy = (float((a[part] * b[part]).mean(dtype=np.float64)) for a, b in ((dy, dy), (dx, dx), (dy, dx)))
    p10, p90 = np.percentile(values, [10, 90])
    return {"level": mean, "spread": std,
            "skewness": float(((values - mean) ** 3).mean() / std ** 3) if std > _LEAST_SPREAD else 0.0,
            "p10": float(p10), "p90": float(p90),
            **{f"scale{k + 1}": float(v) for k, v in enumerate(np.abs(d).mean(axis=1))},
            "spots": float((d[_SPOTS] ** 3).mean() / square ** 1.5) if square > _LEAST_SQUARE else 0.0,
            "coherence": float(np.hypot(yy - xx, 2 * xy) / (yy + xx)) if yy + xx > _LEAST_SQUARE else 0.0}


def _medial(part: BoolArray, film: Float32Array, spine_is_right: bool) -> float:
    """Hilum and vessels against the periphery."""
    columns = np.flatnonzero(part.any(axis=0))
    if len(columns) < 2:
        return np.nan
    first = np.arange(part.shape[1]) < (columns[0] + columns[-1] + 1) / 2
    inner = part & (~first if spine_is_right else first)[None, :]
    outer = part & ~inner
    return float(film[inner].mean() - film[outer].mean()) if inner.any() and outer.any() else np.nan


def _directions(dy: Float32Array, dx: Float32Array, directions: int) -> Float64Array:
    if not dy.size:
        return np.full(directions, np.nan)
    turn = np.mod(np.arctan2(dy, dx), np.pi) / np.pi
    # Bin centres at 0, 30, ... degrees: a rib's edge that wavers about the horizontal stays in one bin.
    bins = np.floor(turn * directions + 0.5).astype(int) % directions
    weight = np.bincount(bins, np.hypot(dy, dx).astype(np.float64), directions)
    total = float(weight.sum())
    return weight / total if total > _LEAST_WEIGHT else np.zeros(directions)


def _corner(lung: BoolArray, film: Float32Array, outward_is_left: bool) -> dict[str, float]:
    """Angle and brightness at the lower outer corner: an effusion fills and blunts it."""
    if not lung.any():
        return {"corner_angle": np.nan, "corner_level": np.nan}
    disk, radius = lower_corner(lung, outward_is_left)
    here = disk & lung
    return {"corner_angle": float(360 * here.sum() / (np.pi * max(radius, 1.0) ** 2)),
            "corner_level": float(film[here].mean())}


def lower_corner(lung: BoolArray, outward_is_left: bool) -> tuple[BoolArray, float]:
    """The disk around the lower outer corner of a lung that is there, and its radius in pixels."""
    y, x = np.nonzero(lung)
    far = y + (-x if outward_is_left else x)
    at = int(far.argmax())
    radius = _CORNER_HEIGHTS * (int(y.max()) - int(y.min()) + 1)
    rows, columns = np.ogrid[0:lung.shape[0], 0:lung.shape[1]]
    return np.asarray((rows - y[at]) ** 2 + (columns - x[at]) ** 2 <= radius ** 2), radius


def _asymmetry(row: dict[str, float]) -> dict[str, float]:
    out: dict[str, float] = {}
    for name in [k.removeprefix("right_lung_zones_") for k in row if k.startswith("right_lung_zones_")]:
        if "edges" in name:
            continue
        right, left = row[f"right_lung_zones_{name}"], row[f"left_lung_zones_{name}"]
        out |= {f"lung_zones_{name}_asymmetry": right - left, f"lung_zones_{name}_difference": abs(right - left)}
    return out


def _frame(lungs: dict[str, BoolArray]) -> dict[str, float]:
    """Widths and heights of lungs, mediastinum and thorax."""
    found = _both(lungs)
    both = lungs["right_lung"] | lungs["left_lung"]
    rows, columns = np.flatnonzero(both.any(axis=1)), np.flatnonzero(both.any(axis=0))
    wide, high = (float(columns[-1] - columns[0] + 1), float(rows[-1] - rows[0] + 1)) if found else (np.nan, np.nan)
    row: dict[str, float] = {}
    for side, lung in lungs.items():
        row |= {f"{side}_zones_height": float(lung.any(axis=1).sum()) / high,
                f"{side}_zones_width": float(lung.sum(axis=1).max()) / wide,
                f"{side}_zones_area": float(lung.sum()) / (wide * high)}
    names = ("heart_width", "waist_width", "base_difference", "mediastinum_shift")
    between = _mediastinum(lungs, rows, columns, wide, high) if found else dict.fromkeys(names, np.nan)
    return row | {f"lung_zones_{k}": between[k] for k in names}


def _mediastinum(lungs: dict[str, BoolArray], rows: Int64Array, columns: Int64Array, wide: float,
                 high: float) -> dict[str, float]:
    gap = between_lungs(lungs)
    width, shared = gap.sum(axis=1), np.flatnonzero(gap.any(axis=1))
    lower, upper = shared[shared > rows[0] + high / 2], shared[shared < rows[0] + high / 3]
    right, left = (int(np.flatnonzero(lung.any(axis=1))[-1]) for lung in lungs.values())
    middle = float(np.nonzero(gap)[1].mean()) if len(shared) else np.nan
    return {"heart_width": float(width[lower].max()) / wide if len(lower) else np.nan,
            "waist_width": float(width[upper].mean()) / wide if len(upper) else np.nan,
            "base_difference": (right - left) / high,
            "mediastinum_shift": (middle - float(columns[0] + columns[-1]) / 2) / wide}


def _grid(film: Float32Array, lungs: dict[str, BoolArray], rows: int, columns: int) -> dict[str, float]:
    """Brightness over the box around both lungs: every film in the same frame, whatever its field."""
    names = [f"lung_zones_grid_r{i}_c{j}" for i in range(rows) for j in range(columns)]
    both = lungs["right_lung"] | lungs["left_lung"]
    if not both.any():
        return dict.fromkeys(names, np.nan)
    y, x = np.flatnonzero(both.any(axis=1)), np.flatnonzero(both.any(axis=0))
    box = film[y[0]: y[-1] + 1, x[0]: x[-1] + 1]
    cells = cv2.resize(box, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float64)
    spread = float(cells.std())
    away = (cells - cells.mean()) / spread if spread > _LEAST_GRID_SPREAD else 0 * cells
    return dict(zip(names, away.ravel().tolist()))
