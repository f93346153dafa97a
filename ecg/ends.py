"""Ends of leads that a steep stroke leaves: a shortest path would rather end where it is than follow it.

Where two leads meet inside a QRS complex, ink stands above or below the path that no path has explained. It belongs to
the lead on whose side it lies, if it hangs together with that lead's trace (a separator in between hides, it does not
part).
"""
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

# Columns around a meeting in which a stroke is looked for, mm; and how far it may reach, mm.
_BESIDE_MM, _REACH_MM = 0.9, 20.0
_LEAST_MM = 0.6
# What hides a stroke, a pulse at most, is no longer than this.
_HIDDEN_MM = 11.0


@dataclass(frozen=True)
class Stroke:
    """A stroke that ends a lead: from (x, y) on the path to (tip_x, tip_y)."""

    x: float
    tip_x: float
    tip_y: float


def end_stroke(ink: Floats, trust: Floats, claimed: NDArray[np.int8], edge: float, level: float, side: int,
               px_per_mm: float, pen_px: float) -> Stroke | None:
    """The unexplained stroke at one end of a lead.

    Parameters
    ----------
    ink, trust : (H, W) float32
    claimed : (H, W) int8
        Pixels near some path, see `ecg.kernels.mark_path`.
    edge : float
        Column where the lead begins or ends.
    level : float
        Row of its path there.
    side : int
        1 at its beginning (the lead lies right of the edge), -1 at its end.
    px_per_mm, pen_px : float
    """
    beside, reach = round(_BESIDE_MM * px_per_mm), round(_REACH_MM * px_per_mm)
    low, high = round(edge) - beside, round(edge) + beside + 1
    if low < 0 or high > ink.shape[1]:
        return None
    best: Stroke | None = None
    for down in (-1, 1):
        rows = np.arange(round(level), round(level) + down * reach, down)
        rows = rows[(rows >= 0) & (rows < len(ink))]
        dark = ink[rows, low:high] > 0.4
        hidden = trust[rows, low:high] == 0
        free = dark & ~hidden & (claimed[rows, low:high] == 0)
        # It hangs together as long as every row has ink or is hidden.
        broken = np.flatnonzero(~(dark | hidden).any(axis=1))
        length = int(broken[0]) if len(broken) else len(rows)
        unseen = np.cumsum(~dark.any(axis=1) | (hidden & dark).any(axis=1) & ~free.any(axis=1))
        length = min(length, int(np.searchsorted(unseen, _HIDDEN_MM * px_per_mm)))
        own, total = _shares(free[:length], low, edge, side)
        if len(own) < max(_LEAST_MM * px_per_mm, pen_px) or len(own) < 0.35 * total:
            continue
        tip = own[-1]
        if abs(tip[1] - edge) > 0.5 * px_per_mm + pen_px / 2:
            continue
        x = np.array([c for _, c in own])
        y = rows[np.array([r for r, _ in own])].astype(float)
        lean = np.polyfit(y, x, 1) if len(own) > 5 else np.array([0.0, float(x.mean())])
        join = float(np.polyval(lean, level))
        tip_y = float(rows[tip[0]]) - down * (pen_px / 2 - 0.5)
        if best is None or abs(tip_y - level) > abs(best.tip_y - level):
            inner = np.clip(side * (join - edge), 0.5, 2 * beside) * side + edge
            best = Stroke(float(inner), float(np.clip(np.polyval(lean, tip_y), edge - 1, edge + 1)), tip_y)
    return best


def _shares(free: NDArray[np.bool_], low: int, edge: float, side: int) -> tuple[list[tuple[int, float]], int]:
    """(row number, mean column) of free ink on the lead's side of the edge, and the number of rows with any."""
    own, total = [], 0
    columns = low + np.arange(free.shape[1])
    on_side = side * (columns - edge) > -0.8
    for r, row in enumerate(free):
        if not row.any():
            continue
        total += 1
        # A stroke at the other side of the edge is the neighbour's.
        if side * (float(columns[row].mean()) - edge) > -0.8 or (row & (side * (columns - edge) > 1)).any():
            own.append((r, float(columns[row & on_side].mean()) if (row & on_side).any() else edge))
    return own, total


def bent(x: Reals, y: Reals, stroke: Stroke, edge: float, side: int) -> Reals:
    """The line y(x) of a lead, with its end replaced by the stroke."""
    outer = side * (x - stroke.x) < 0
    share = np.clip((x - stroke.x) / (edge - stroke.x), 0, 1) if edge != stroke.x else np.ones_like(x)
    start = float(np.interp(stroke.x, x, y))
    return np.where(outer, start + share * (stroke.tip_y - start), y)
