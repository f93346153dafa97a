"""Whether rows obey the Einthoven constraints: a check of which lead stands where that needs no lead name.

All six limb leads are sums of I and II (Einthoven 1912; Goldberger 1942, doi:10.1016/S0002-8703(42)90821-4). Of three
or more that are drawn at the same time, the part of the signal that no I and II explain speaks against a layout.
"""
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ecg.layout.model import RowPath
from ecg.lead_table import LIMB
from ecg.scale import Scale

# This near to where leads meet paths are not compared: a beat that is cut in two leads them astray.
_MARGIN_MM = 2.0
# Length of the windows in which paths are compared, about one beat: a path that is wrong in one counts only there.
_WINDOW_MM = 20.0
# Fewer windows tell nothing.
_LEAST_WINDOWS = 2
# Slope, px a column, up to which the slope of a path counts.
_MOST_SLOPE = 3.0
# Standard deviation of the filter over slopes: beats in two rows that are this near stand below each other.
_BEAT_SHIFT_MM = 1.5


def misfit(rows: Sequence[RowPath], leads: Sequence[Sequence[str]], px_per_mm: Scale) -> float | None:
    """How far the limb leads of a layout are from the Einthoven constraints.

    Parameters
    ----------
    rows : sequence of RowPath
    leads : sequence of sequence of str
        Names in each row from left to right.
    px_per_mm : Scale

    Returns
    -------
    float or None
        0 where every window obeys, about 1 for unrelated signals; None where the layout has no three different limb
        leads at the same time.
    """
    groups: dict[tuple[int, int], list[tuple[str, RowPath]]] = {}
    for row, of_row in zip(rows, leads):
        for c, lead in enumerate(of_row):
            if lead in LIMB:
                groups.setdefault((c, len(of_row)), []).append((lead, row))
    shares = [share for (c, count), group in groups.items() for share in _unexplained(group, c, count, px_per_mm)]
    return float(np.median(shares)) if len(shares) >= _LEAST_WINDOWS else None


def _unexplained(group: Sequence[tuple[str, RowPath]], column: int, count: int, px_per_mm: Scale) -> list[float]:
    """Share of each window's variance that no I and II explain, over what it is for unrelated signals."""
    names = [lead.lstrip("-") for lead, _ in group]
    if len(set(names)) < max(3, len(names)):
        return []
    factors = np.array([LIMB[lead] for lead, _ in group])
    start, end = (float(np.median([getattr(row, side) for _, row in group])) for side in ("start", "end"))
    wide = (end - start) / count
    margin = _MARGIN_MM * px_per_mm.x
    first, last = start + column * wide + margin, start + (column + 1) * wide - margin
    if last <= first:
        return []
    edges = np.linspace(first, last, 1 + max(1, int((last - first) / (_WINDOW_MM * px_per_mm.x))))
    outside = np.eye(len(group)) - factors @ np.linalg.pinv(factors)
    out = []
    for a, b in zip(edges, edges[1:]):
        part = slice(max(0, int(a)), int(b))
        y = np.stack([row.middle[part] for _, row in group])
        y = y - y.mean(axis=1, keepdims=True)
        power = float((y ** 2).sum())
        out.append(float(((outside @ y) ** 2).sum()) / max(power, 1e-9) * len(group) / (len(group) - 2))
    return out


def beat_correlation(rows: Sequence[RowPath], px_per_mm: Scale) -> float:
    """Whether beats stand below each other, -1 to 1.

    Those of leads drawn at the same time do; those of one lead that runs on line after line do by chance only. It is
    the correlation of the slopes of two neighboring rows, and the median over all neighbors.
    """
    start, end = max(int(row.start) for row in rows), min(int(row.end) for row in rows)
    if len(rows) < 2 or end - start < _WINDOW_MM * px_per_mm.x:
        return 0.0
    steep = [np.minimum(np.abs(np.diff(row.middle[max(0, start):end])), _MOST_SLOPE) for row in rows]
    steep = [gaussian_filter1d(slopes, _BEAT_SHIFT_MM * px_per_mm.x) for slopes in steep]
    return float(np.median([np.corrcoef(a, b)[0, 1] if a.std() * b.std() > 0 else 0.0
                            for a, b in zip(steep, steep[1:])]))
