"""Whether a picture shows one whole page: not two, not a part of one."""
from collections.abc import Sequence
from itertools import combinations

from ecg.layout.catalogue import LAYOUTS
from ecg.layout.model import Layout, RowPath, TraceScale
from ecg.scale import Scale
from ecg.text.lead_names import Word
from featurize.images.picture import ImageError

# Leads whose names stand once on a page. II, V1 and V5 have rhythm strips too, and any upright stroke reads as an I.
_NAMED_ONCE = ("III", "aVR", "aVL", "aVF", "V2", "V3", "V4", "V6")
# With this many of them named twice a picture holds two pages.
_LEAST_TWICE = 3
# Two names of a lead that are nearer than this are two readings of one, mm.
_APART_MM = 20.0
# A trace that comes this near to the edge of the picture may go on beyond it, mm.
_NEAR_EDGE_MM = 1.0
# Share of the rows that do so on a page that is cut.
_CUT_SHARE = 0.5
# Pages show 10 s. Pictures that show this much of them are only cropped close to the traces, s.
_WHOLE_S = 9.0


class SeveralPages(ImageError):
    """Leads of several pages, perhaps of several patients, in one picture."""

    reason = "several_pages"


def check_one_page(words: Sequence[Word], px_per_mm: Scale) -> None:
    """Refuse a picture on which the names of leads stand twice.

    Raises
    ------
    SeveralPages
    """
    twice = [lead for lead in _NAMED_ONCE if _stand_apart([w for w in words if w.text.lstrip("-") == lead], px_per_mm)]
    if len(twice) >= _LEAST_TWICE:
        raise SeveralPages(f"{', '.join(twice)} are named twice, one page a picture was wanted: cut it into its pages, "
                           "or say with --layout that it is one")


def _stand_apart(words: Sequence[Word], px_per_mm: Scale) -> bool:
    return any(max(abs(a.x - b.x) / px_per_mm.x, abs(a.y - b.y) / px_per_mm.y) > _APART_MM
               for a, b in combinations(words, 2))


def cut_warnings(rows: Sequence[RowPath], width_px: int, traces: TraceScale) -> list[str]:
    """A warning if traces of less than 10 s run on to the left or right edge of the picture."""
    if max(row.end - row.start for row in rows) >= _WHOLE_S * traces.px_per_s:
        return []
    near = _NEAR_EDGE_MM * traces.px_per_mm.x
    at_edge = {"left": sum(row.start < near for row in rows), "right": sum(row.end > width_px - near for row in rows)}
    cut = [side for side, count in at_edge.items() if count >= _CUT_SHARE * len(rows)]
    return [f"the traces run to the {' and the '.join(cut)} edge of the picture: the page may be cut there"] if cut \
        else []


def rate_doubt(layout: Layout) -> str:
    """Why times of beats are not to be trusted on a page whose leads stand as no machine prints them; else empty.

    Leads are then missing or take the time of others, and a line between two leads is taken for a beat.
    """
    if layout.name in LAYOUTS or len({cell.lead for cell in layout.cells}) == 1:
        return ""
    return f"the leads stand as on no page that is known ({layout.name}): the page may be cut or names misread"
