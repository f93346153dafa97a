"""The data of a layout: strokes, pulses, cells, row paths, scales, the layout itself."""
from collections.abc import Sequence
from dataclasses import dataclass

from ecg.scale import Scale
from ecg.text.lead_names import Word
from featurize.arrays import BoolArray, Float64Array, Int32Array
from featurize.images.picture import ImageError


@dataclass(frozen=True)
class GivenScale:
    """What a person says of a page; None where it is to be read.

    Parameters
    ----------
    mm_per_mv, mm_per_s : float or None
        Gain of all leads, and paper speed.
    px_per_mm : Scale or None
        Of the flat page.
    """

    mm_per_mv: float | None = None
    mm_per_s: float | None = None
    px_per_mm: Scale | None = None


@dataclass(frozen=True)
class Stroke:
    """An upright straight stroke; px, edges included."""

    left: int
    right: int
    top: int
    bottom: int

    @property
    def x(self) -> float:
        return (self.left + self.right) / 2

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def height(self) -> int:
        return self.bottom - self.top + 1


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse.

    Parameters
    ----------
    left, right : float
        Columns of the middle of its two upright strokes.
    top, base : float
        Rows of the middle of its roof and of its foot.
    step : float or None
        Row of its lower roof, where it has two (`ecg.layout.step_pulses`).
    """

    left: float
    right: float
    top: float
    base: float
    step: float | None = None


@dataclass(frozen=True)
class Cell:
    """One lead in one row.

    Parameters
    ----------
    lead : str
    row : int
    start, end : float
        Columns in px, subpixel: its time 0 and its end.
    start_s : float
        Time of its start from the beginning of the row.
    named : bool
        Its name was read on the page.
    """

    lead: str
    row: int
    start: float
    end: float
    start_s: float
    named: bool


@dataclass(frozen=True)
class RowPath:
    """A trace from left to right.

    Parameters
    ----------
    base : float
        Row of its base line, px.
    start, end : float
        Columns between which it is drawn.
    first, last : (W,) int32
        Rows at which the path enters and leaves each column.
    on_ink : (W,) bool
        Whether there is ink on the path.
    support : int
        Number of columns on ink.
    """

    base: float
    start: float
    end: float
    first: Int32Array
    last: Int32Array
    on_ink: BoolArray
    support: int

    @property
    def middle(self) -> Float64Array:
        """(W,) row halfway between entering and leaving."""
        return (self.first + self.last) / 2


@dataclass(frozen=True)
class TraceScale:
    """How large the traces of a page are drawn.

    Parameters
    ----------
    px_per_mm : Scale
    mm_per_s : float
        Paper speed.
    pen_px : float
        Width of the line.
    """

    px_per_mm: Scale
    mm_per_s: float
    pen_px: float

    @property
    def px_per_s(self) -> float:
        return self.px_per_mm.x * self.mm_per_s


@dataclass(frozen=True)
class Layout:
    """Where on a page each lead is drawn, and how large.

    Parameters
    ----------
    name : str
        A key of `LAYOUTS`, or rows joined by "/" where the names say something else.
    rows : sequence of RowPath
    cells : sequence of Cell
    pulses : sequence of Pulse
    separators : sequence of Stroke
    words : sequence of Word
    mm_per_mv, mm_per_s : float
        Of all leads, or of the limb leads.
    pen_px, blur_px : float
        Width of the trace's line, and standard deviation of its blur.
    px_per_mm : Scale
    warnings : sequence of str
    chest_mm_per_mv : float or None
        Of V1 to V6, where it is another.
    scale_mended : bool
        The scale is that of the calibration pulses, which contradict the grid.
    """

    name: str
    rows: Sequence[RowPath]
    cells: Sequence[Cell]
    pulses: Sequence[Pulse]
    separators: Sequence[Stroke]
    words: Sequence[Word]
    mm_per_mv: float
    mm_per_s: float
    pen_px: float
    blur_px: float
    px_per_mm: Scale
    warnings: Sequence[str]
    chest_mm_per_mv: float | None = None
    scale_mended: bool = False

    def gain(self, lead: str) -> float:
        """Millimetres a millivolt of a lead."""
        return self.chest_mm_per_mv or self.mm_per_mv if lead.startswith("V") else self.mm_per_mv


class NoTrace(ImageError):
    """A grid without a trace."""

    reason = "no_trace"


class NoLayout(NoTrace):
    """Rows that no known layout has and whose leads are not named."""

    reason = "no_layout"
