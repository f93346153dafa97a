"""One page, all the way: from the file to signals."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecg.fit import Line, first_lines, fit_lines, trusted
from ecg.layout import Layout, clean, find_layout
from ecg.page import Page, read_page
from ecg.signal import Signals, signals


@dataclass(frozen=True)
class Digitized:
    """Everything that is known about a page.

    Parameters
    ----------
    page : Page
    layout : Layout
    lines : sequence of Line
        One for each cell of the layout, in px of the flat page.
    signals : Signals
    warnings : sequence of str
    """

    page: Page
    layout: Layout
    lines: Sequence[Line]
    signals: Signals
    warnings: Sequence[str]


def digitize(source: Path | bytes, *, fs_hz: float = 500, layout: str = "auto") -> Digitized:
    """Waveforms of one page.

    Parameters
    ----------
    source : Path or bytes
        An image file.
    fs_hz : float
        Samples a second of the signals.
    layout : str
        A key of `ecg.layout.LAYOUTS` where a person knows it.

    Raises
    ------
    ImageError
        Not readable, no grid, no trace.
    UserError
        No layout has that name.
    """
    page = read_page(source)
    return trace(page, find_layout(page, layout), fs_hz)


def trace(page: Page, plan: Layout, fs_hz: float) -> Digitized:
    """Waveforms of a flat page whose plan is known."""
    ink = clean(page.ink, page.px_per_mm[0])
    trust = trusted(plan, ink)
    lines = fit_lines(first_lines(plan, ink, trust), ink, trust, plan.pen_px)
    found = signals(plan, lines, page.px_per_mm, fs_hz)
    return Digitized(page, plan, lines, found, [*plan.warnings, *_doubts(found, plan)])


def _doubts(found: Signals, plan: Layout) -> list[str]:
    out = []
    poor = [c.lead for c in plan.cells if found.confidence(c.lead) < 0.6]
    if poor:
        out.append(f"leads that were seen poorly: {', '.join(dict.fromkeys(poor))}")
    if found.einthoven_residual_mv > 0.1:
        out.append(f"I + III differs from II by {found.einthoven_residual_mv:.2f} mV: leads may be exchanged, misread, "
                   "or not drawn at the same time")
    return out
