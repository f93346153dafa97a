"""A page of a PDF by its paths: scale, rows, leads and lines, without a pixel of its picture."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecg.layout.calibration import find_gain, find_speed
from ecg.layout.catalogue import LeadRows, runs_on
from ecg.layout.choose import choose_layout
from ecg.layout.columns import find_cells
from ecg.layout.model import Cell, GivenScale, Layout, NoTrace, Pulse, RowPath, TraceScale
from ecg.layout.whole_page import check_one_page
from ecg.page.grid import BOX_MM, GridHomography, NoGrid
from ecg.page.read import Page, flatten, plain_page
from ecg.scale import Scale
from ecg.text.glyphs import find_components
from ecg.text.lead_names import Word, read_words
from ecg.vectors.drawing import Drawing, TooMuchDrawn, read_drawing, upright
from ecg.vectors.grid_lines import grid_scale
from ecg.vectors.line import VectorLine
from ecg.vectors.printed import lead_names, speeds_and_gains
from ecg.vectors.traces import Trace, find_traces, in_rows
from featurize.arrays import Float64Array

# Usual length of rows of several leads, s.
_ROW_S = 10.0
# The last sample of a lead stands for so much time, s, at most: 1/50 s.
_SAMPLE_S = 0.02
# Steps along x up to this, px, are those of upright strokes, and so far places are rounded.
_ROUNDED_PX = 0.05
# Quantile of the steps between corners that is the step between samples.
_SHORT_STEPS = 0.05
# Pieces of one lead's line are no farther apart than this, mm.
_PIECES_MM = 0.6
# A line that is shorter than this within a cell, px, is its neighbor's.
_LEAST_OWN_PX = 0.5
# The picture shows a trace at this share of its places, else the paths are not what is seen: clipped or covered.
_SHOWN = 0.9
# The paper's color is the median of every so many rows and columns of pixels.
_PAPER_STEP = 7
# Places of a trace that are looked at, at most. Chosen: a lead of 10 s is some 5,000 px long.
_MOST_PLACES = 100_000
# More pieces of traces, or names of leads, are no ECG; each is compared with each. Chosen: twelve leads of 10 s at
# 500 Hz in pieces of 50 samples are 1,200.
_MOST_PIECES = 3000
_MOST_NAMES = 200
# A pixel shows the pen from this share of the way from paper to the pen's color on: thin lines cover pixels partly.
_INKED = 0.3


class NoVectors(Exception):
    """The page does not draw its traces as paths, as far as can be told: its picture is to be read.

    Parameters
    ----------
    reason : str
        What stands against reading its paths; empty where no path looks like a trace.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class VectorPage:
    """A page by its paths: `lines` has one for each cell of the layout."""

    page: Page
    layout: Layout
    lines: Sequence[VectorLine]


def read_vectors(content: bytes, most_px: int, number: int | None = None, layout: str = "auto",
                 given: GivenScale = GivenScale()) -> VectorPage:
    """Scale, layout and lines of a page of a PDF whose traces are paths.

    Parameters
    ----------
    content : bytes
    most_px : int
        Pixels that its picture may have.
    number : int, optional
        Which page, from 1; without it the file must have one only.
    layout : str
        A key of `ecg.layout.catalogue.LAYOUTS`, where a person knows it.
    given : GivenScale
        Gain, speed and pixels a millimetre, where a person knows them.

    Raises
    ------
    NoVectors
    ImageError
        The PDF cannot be read at all, or shows several ECGs.
    """
    try:
        drawing = upright(read_drawing(content, most_px, number))
    except TooMuchDrawn as error:
        raise NoVectors(str(error)) from error
    rough, _ = find_traces(drawing.polylines, drawing.px_per_mm)
    if len(rough) > _MOST_PIECES:
        raise NoVectors(f"they are {len(rough):,} pieces, at most {_MOST_PIECES:,} are read")
    if not in_rows(rough, drawing.px_per_mm):
        raise NoVectors
    page, doubts = _scaled(drawing, given)
    traces, pulses = find_traces(drawing.polylines, page.px_per_mm)
    rows = in_rows(traces, page.px_per_mm) if len(traces) <= _MOST_PIECES else []
    if not rows:
        raise NoVectors("its paths are too short for rows of leads")
    _check_shown(drawing, rows)
    plan, lines = _layout(drawing, page, rows, pulses, layout, given)
    return VectorPage(page, replace(plan, warnings=[*doubts, *plan.warnings]), lines)


def _scaled(drawing: Drawing, given: GivenScale) -> tuple[Page, list[str]]:
    """The page with the scale of its grid's lines, else of its picture's grid, else of the print at full size."""
    scale, doubts = given.px_per_mm or grid_scale(drawing), []
    if scale is None:
        try:
            picture = flatten(drawing.rgb)
            moved = picture.to_source.displacement is not None or (picture.to_source.after != np.eye(3)).any()
            scale = None if moved else picture.px_per_mm
        except NoGrid:
            pass
    if scale is None:
        kinds = {printed.kind for printed in speeds_and_gains(drawing.text)}
        if ("speed" not in kinds and given.mm_per_s is None) or ("gain" not in kinds and given.mm_per_mv is None):
            raise NoVectors("it has no grid of straight lines, and speed and gain are not both printed")
        scale = drawing.px_per_mm
        doubts.append("no grid was found: a millimetre is that of the page printed at full size")
    height, width = drawing.rgb.shape[:2]
    matrix = np.diag([1 / (BOX_MM * scale.x), 1 / (BOX_MM * scale.y), 1.0])
    return plain_page(drawing.rgb, scale, GridHomography(matrix, 0.0, 1.0), drawing.rotation_deg), doubts


def _check_shown(drawing: Drawing, rows: Sequence[Sequence[Trace]]) -> None:
    """Refuse paths that the picture does not show.

    Raises
    ------
    NoVectors
    """
    rgb = drawing.rgb
    paper = np.median(rgb[::_PAPER_STEP, ::_PAPER_STEP].reshape(-1, 3), axis=0).astype(np.float32)
    height, width = rgb.shape[:2]
    for row in rows:
        for trace in row:
            x, y = _every_px(trace.xy)
            inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
            column, line = np.round(x[inside]).astype(int), np.round(y[inside]).astype(int)
            pen = np.array(trace.color, np.float32) - paper
            if (pen ** 2).sum() < 1:
                raise NoVectors("a trace has the color of the paper")
            shown = np.max([(rgb[line + dy, column + dx] - paper) @ pen / (pen ** 2).sum()
                            for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=0) if inside.any() else np.zeros(0)
            if (shown > _INKED).sum() < _SHOWN * len(x):
                raise NoVectors("what its paths draw is not what the page shows: a trace is cut off or covered")


def _every_px(xy: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Places along a polyline, a px apart or more."""
    at = np.r_[0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    steps = np.linspace(0, at[-1], min(int(at[-1]) + 1, _MOST_PLACES))
    return np.interp(steps, at, xy[:, 0]), np.interp(steps, at, xy[:, 1])


def _layout(drawing: Drawing, page: Page, rows: Sequence[Sequence[Trace]], pulses: Sequence[Pulse], layout: str,
            given: GivenScale) -> tuple[Layout, list[VectorLine]]:
    scale = page.px_per_mm
    words, printed = lead_names(drawing.words), speeds_and_gains(drawing.text)
    if len(words) > _MOST_NAMES:
        raise NoVectors(f"{len(words):,} names of leads are printed, at most {_MOST_NAMES} are read")
    words = words or _words_of_picture(page)
    if layout == "auto":
        check_one_page(words, scale)
    mm_per_s, speed_doubts = find_speed(pulses, printed, scale, given.mm_per_s)
    pen = float(np.median([trace.width_px for row in rows for trace in row]))
    traces = TraceScale(scale, mm_per_s, pen)
    rows = [_without_feet(row, traces) for row in rows]
    paths = [_row_path(row, pulses, drawing.rgb.shape[1], scale) for row in rows]
    try:
        chosen = choose_layout(paths, words, (), scale, layout)
    except NoTrace as error:
        raise NoVectors(str(error)) from error
    cells = _cells(rows, paths, chosen.leads, chosen.named, traces)
    gain = find_gain(pulses, printed, paths, cells, scale, given.mm_per_mv)
    plan = Layout(chosen.name, paths, cells, pulses, (), words, gain.limb, mm_per_s, pen, 0.0, scale,
                  [*speed_doubts, *chosen.warnings, *gain.warnings], gain.chest)
    return plan, [_line(rows[cell.row], cell) for cell in cells]


def _words_of_picture(page: Page) -> list[Word]:
    """Lead names that are drawn as outlines: read from the picture, if it is one that needs no flattening."""
    try:
        picture = flatten(page.rgb)
    except NoGrid:
        return []
    if picture.rgb.shape != page.rgb.shape:
        return []
    return read_words(find_components(picture.ink, picture.px_per_mm))


def _without_feet(row: Sequence[Trace], scale: TraceScale) -> list[Trace]:
    """Traces without the feet of pulses: so that the row lasts 10 s if it may, else without all that is level there."""
    first, last = row[0], row[-1]
    begin, end = first.foot_before, len(last.xy) - 1 - last.foot_after
    starts, ends = first.xy[:, 0], last.xy[:, 0]
    # From the first sample to the last is one step less than all of them last.
    step = _sample_step(np.concatenate([trace.xy[:, 0] for trace in row]))
    usual, near = _ROW_S * scale.px_per_s - step, step / 2 + _ROUNDED_PX
    if begin:
        fitting = np.flatnonzero(np.abs(ends[end] - starts[:begin + 1] - usual) < near)
        begin = int(fitting[-1]) if len(fitting) else begin
    if last.foot_after:
        fitting = end + np.flatnonzero(np.abs(ends[end:] - starts[begin] - usual) < near)
        end = int(fitting[0]) if len(fitting) else end
    if len(row) == 1:
        return [replace(first, xy=first.xy[begin:end + 1])]
    return [replace(first, xy=first.xy[begin:]), *row[1:-1], replace(last, xy=last.xy[:end + 1])]


def _sample_step(x: Float64Array) -> float:
    """Columns from sample to sample; programs leave out corners on straight lines, so that most steps may be longer."""
    steps = np.diff(x)
    steps = steps[steps > _ROUNDED_PX]
    return float(np.quantile(steps, _SHORT_STEPS)) if len(steps) else 0.0


def _row_path(row: Sequence[Trace], pulses: Sequence[Pulse], width: int, scale: Scale) -> RowPath:
    """The row in the form in which rows of pictures are found."""
    columns = np.arange(width)
    xy = np.concatenate([trace.xy for trace in row])
    left, right = (np.interp(columns + shift, xy[:, 0], xy[:, 1]) for shift in (-0.5, 0.5))
    on = np.zeros(width, bool)
    for trace in row:
        on |= (columns > trace.start - 0.5) & (columns < trace.end + 0.5)
    base = float(np.median(((left + right) / 2)[on]))
    return RowPath(base, row[0].start, row[-1].end, np.round(left).astype(np.int32), np.round(right).astype(np.int32),
                   on, int(on.sum()))


def _cells(rows: Sequence[Sequence[Trace]], paths: Sequence[RowPath], leads: LeadRows, named: set[tuple[int, int]],
           scale: TraceScale) -> list[Cell]:
    """Leads in their rows: each where its own polyline begins and ends, else by shares of a row drawn in one."""
    if runs_on(leads):
        return find_cells(paths, leads, (), named, scale)
    out: list[Cell] = []
    for r, (row, path, of_row) in enumerate(zip(rows, paths, leads)):
        gaps: list[tuple[float, float]] = []
        if len(row) == len(of_row):
            gaps = [(a.end, b.start) for a, b in zip(row, row[1:])]
        elif any(b.start - a.end > _PIECES_MM * scale.px_per_mm.x for a, b in zip(row, row[1:])):
            raise NoVectors(f"row {r + 1} is drawn in {len(row)} pieces with gaps between, for {len(of_row)} leads")
        found = find_cells([path], (of_row,), gaps, {(0, c) for k, c in named if k == r}, scale)
        out += [replace(cell, row=r) for cell in found]
    return _with_last_samples(out, scale)


def _with_last_samples(cells: Sequence[Cell], scale: TraceScale) -> list[Cell]:
    """Cells as long as they last: the last corner of a lead is its last sample, which stands for a time of its own."""
    out = []
    for cell in cells:
        seconds = (cell.end - cell.start) / scale.px_per_s
        usual = round(2 * seconds) / 2
        out.append(replace(cell, end=cell.start + usual * scale.px_per_s) if 0 < usual - seconds < _SAMPLE_S else cell)
    return out


def _line(row: Sequence[Trace], cell: Cell) -> VectorLine:
    """The corners of a row that belong to a cell."""
    # Where the next lead's own line begins at the end of a cell it is none of the cell's.
    own = [trace for trace in row if min(trace.end, cell.end) - max(trace.start, cell.start) > _LEAST_OWN_PX]
    xy = np.concatenate([trace.xy for trace in own])
    return VectorLine(xy[:, 0], xy[:, 1], np.ones(len(xy)))
