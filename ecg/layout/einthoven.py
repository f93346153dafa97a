"""Whether rows obey the laws of the limb leads: a check of which lead stands where that needs no name.

All six limb leads are sums of I and II (Einthoven 1912; Goldberger 1942, doi:10.1016/S0002-8703(42)90821-4). Of three
or more that are drawn at the same time, the part that no I and II explain is what speaks against a layout.
"""
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ecg.layout.model import RowPath
from ecg.lead_table import LIMB
from ecg.scale import Scale

Reals = NDArray[np.float64]

# Where leads meet, a beat that is cut in two leads paths astray, mm.
_MARGIN_MM = 2.0
# Paths are compared in windows, so that one misled by a neighbour counts only there; about a beat long, mm.
_WINDOW_MM = 20.0
_LEAST_WINDOWS = 2
# How steep a path is counts up to this, px a column; beats in two rows are one moment within this, mm.
_STEEP = 3.0
_MOMENT_MM = 1.5


def misfit(rows: Sequence[RowPath], leads: Sequence[Sequence[str]], px_per_mm: Scale) -> float | None:
    """How far limb leads are from obeying their laws as a layout has them.

    Parameters
    ----------
    rows : sequence of RowPath
    leads : sequence of sequence of str
        Names in each row from left to right, as in a `Plan`.
    px_per_mm : Scale

    Returns
    -------
    float or None
        0 where every window obeys, about 1 for unrelated signals; None where the layout shows no three different limb
        leads at one time.
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


def in_step(rows: Sequence[RowPath], px_per_mm: Scale) -> float:
    """Whether beats stand below each other, -1 to 1: leads drawn at one time do, lines of one lead do by chance only.

    The correlation of how steep two neighbouring rows are, the middle one of all neighbours.
    """
    start, end = max(int(row.start) for row in rows), min(int(row.end) for row in rows)
    if len(rows) < 2 or end - start < _WINDOW_MM * px_per_mm.x:
        return 0.0
    steep = [np.minimum(np.abs(np.diff(row.middle[max(0, start):end])), _STEEP) for row in rows]
    steep = [gaussian_filter1d(one, _MOMENT_MM * px_per_mm.x) for one in steep]
    return float(np.median([np.corrcoef(a, b)[0, 1] if a.std() * b.std() > 0 else 0.0
                            for a, b in zip(steep, steep[1:])]))
