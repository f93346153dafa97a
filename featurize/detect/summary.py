"""The numbers of detect.html: counts and sizes of each field and of the whole run."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurize.arrays import Float64Array
from featurize.detect.job import CellFacts, FieldFacts
from featurize.detect.result import KINDS, RED, WHITE

# Upper ends of the classes of size of white cells, in red-cell diameters.
_SIZES = (1.5, 2.0, 2.5, 3.0)
# With fewer red cells the spread of their size is not told.
_LEAST_FOR_SPREAD = 5


@dataclass(frozen=True)
class FieldSummary:
    """Numbers of one field; NaN where they are not known.

    Parameters
    ----------
    path : str
    counts : dict of str to int
        By kind.
    red_diameter_px : float
    red_spread : float
        Standard deviation over mean of the diameters of red cells that the border does not cut.
    platelets_per_white : float
    """

    path: str
    counts: dict[str, int]
    red_diameter_px: float
    red_spread: float
    platelets_per_white: float


def summarize(facts: FieldFacts) -> FieldSummary:
    """The numbers of one field."""
    counts = {kind: len(facts.of(kind)) for kind in KINDS}
    sizes = diameters([facts], RED)
    spread = float(sizes.std() / sizes.mean()) if len(sizes) >= _LEAST_FOR_SPREAD else float("nan")
    ratio = counts["platelet"] / counts[WHITE] if counts[WHITE] else float("nan")
    return FieldSummary(facts.path, counts, facts.red_diameter_px, spread, ratio)


def diameters(fields: Sequence[FieldFacts], kind: str) -> Float64Array:
    """(n,) diameters in red-cell diameters of those that the border does not cut and whose size is known."""
    found = np.array([cell.diameter_red for cell in uncut(fields, kind)], dtype=np.float64)
    return found[np.isfinite(found)]


def uncut(fields: Sequence[FieldFacts], kind: str) -> list[CellFacts]:
    """Those of one kind that the border does not cut: only their sizes count."""
    return [cell for facts in fields for cell in facts.of(kind) if not is_cut(cell, facts)]


def is_cut(cell: CellFacts, facts: FieldFacts) -> bool:
    """The border of the field cuts the cell: what is seen of it is smaller than it is."""
    left, top, right, bottom = cell.box
    return left <= 0 or top <= 0 or right >= facts.width or bottom >= facts.height


@dataclass(frozen=True)
class SizeClass:
    """White cells between two diameters: their number and median share of the nucleus (NaN without any)."""

    name: str
    count: int
    nucleus_share: float


def white_by_size(fields: Sequence[FieldFacts]) -> list[SizeClass]:
    """White cells that the border does not cut by diameter, in red-cell diameters; those of unknown size last."""
    cells = uncut(fields, WHITE)
    edges = [0.0, *_SIZES, np.inf]
    classes = []
    for low, high in zip(edges[:-1], edges[1:]):
        own = [cell.nucleus_share for cell in cells if low <= cell.diameter_red < high]
        name = f"below {high:g}" if not low else f"{low:g} and more" if high == np.inf else f"{low:g} to {high:g}"
        classes.append(SizeClass(name, len(own), float(np.median(own)) if own else float("nan")))
    unknown = [cell.nucleus_share for cell in cells if not np.isfinite(cell.diameter_red)]
    if unknown:
        classes.append(SizeClass("unknown", len(unknown), float(np.median(unknown))))
    return classes
