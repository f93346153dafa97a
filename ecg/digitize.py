"""One page, all the way: from the file to signals."""
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ecg.layout.find import count_names, find_layout
from ecg.layout.model import GivenScale, Layout, NoTrace
from ecg.layout.pulse_scale import scale_of_pulses
from ecg.layout.rows import clean
from ecg.page.corners import Corners
from ecg.page.grid import NoGrid
from ecg.page.pen import as_line
from ecg.page.pdf import is_pdf
from ecg.page.read import LIMITS, MOST_PX, Page, page_of_scale, read_page, turned
from ecg.scale import Scale
from ecg.review import Traced, review_reasons, unusual_length_s
from ecg.signals.millivolts import Signals, sample_signals, with_rhythm_strips_named
from ecg.trace.beat_swaps import undo_beat_swaps
from ecg.trace.corrections import Point, with_leads_renamed
from ecg.trace.crossing_swaps import undo_crossing_swaps
from ecg.trace.fit import first_lines, fit_lines
from ecg.trace.left_ink import left_ink_mm
from ecg.trace.line import DrawnLine, Line, bridged
from ecg.trace.overlap.resolve import find_complexes, resolve_overlaps
from ecg.trace.pale_strokes import bare_columns, with_pale_strokes
from ecg.trace.repair import repair_lines
from ecg.trace.retrace import corrections_of_cell, retrace_rows
from ecg.trace.shared_trace import shared_mm
from ecg.trace.subtract_marks import extrapolate_hidden_ends, without_printed_marks
from ecg.trace.way_around import PageInk
from ecg.trace.work_limit import WorkLimit
from ecg.vectors.read import NoVectors, VectorPage, read_vectors
from featurize.images.read import read_bytes

# Mean likelihood below which a warning names a lead.
_POORLY_SEEN = 0.6
# Share of the page that the grid must fit, else a warning says that scales may be wrong.
_LEAST_GRID_SHARE = 0.6
# Root mean square of I + III - II above which a warning says that leads may be exchanged, mV.
_LARGE_RESIDUAL_MV = 0.1
# Names that must be read before a page counts as turned: noise reads as an I now and then.
_LEAST_NAMES = 3
# Rounds of the fit after lines were repaired.
_LAST_ROUNDS = 4
# What signals were read from.
PICTURE = "picture"
VECTORS = "vectors"
# Work of repairs that a page may take, pixels of windows. 46 drawn pages and photographs that are read take 1.2 million
# at most, which is 4 s; grid lines taken for rows took 12 million, 27 s.
_MOST_REPAIR_WORK = 1.8e6
# Work of the search in QRS overlaps that a page may take, pairs of candidates times pixels. A drawn page of 12 rows
# takes 790 million, 4 s; rows of grid lines took 7,100 million, 37 s.
_MOST_OVERLAP_WORK = 0.9e9
# Work of offering paths from overlap to overlap that a page may take, paths times pixels.
_MOST_OFFER_WORK = 1e9
_WORK_SPENT = ("the page takes more work than one page may: from there on leads that run through each other, and "
               "places where the trace is not clear, were read plainly")


@dataclass(frozen=True)
class Digitized:
    """Everything that is known about a page.

    Parameters
    ----------
    page : Page
    layout : Layout
    lines : sequence of DrawnLine
        One for each cell of the layout, in px of the flat page.
    signals : Signals
    warnings : sequence of str
    review : sequence of str
        Why a person should look at it, see `ecg.review`.
    read_from : str
        picture, or vectors: the paths of a PDF.
    """

    page: Page
    layout: Layout
    lines: Sequence[DrawnLine]
    signals: Signals
    warnings: Sequence[str]
    review: Sequence[str]
    read_from: str = PICTURE


def digitize(source: Path | bytes, *, fs_hz: float = 500, layout: str = "auto", points: Sequence[Point] = (),
             given: GivenScale = GivenScale(), corners: Corners = (), number: int | None = None) -> Digitized:
    """Waveforms of one page.

    Parameters
    ----------
    source : Path or bytes
        An image file, or a PDF. Traces that a PDF draws as paths are read from the paths, unless corners or pins are
        given: these are placed on pictures.
    fs_hz : float
        Samples a second of the signals.
    layout : str
        A key of `ecg.layout.catalogue.LAYOUTS` where a person knows it.
    points : sequence of Point
        Corrections by hand.
    given : GivenScale
        Gain, speed and pixels a millimetre where a person knows them.
    corners : sequence of (x, y)
        Of the paper, px of the file, where a person knows them.
    number : int, optional
        Which page of a PDF with several, from 1.

    Raises
    ------
    ImageError
        Not readable, no grid, no trace.
    UserError
        No layout has that name.

    Examples
    --------
    >>> import cv2
    >>> from ecg.simulate.draw import Style, draw_page
    >>> from ecg.simulate.heart import heartbeats
    >>> rgb, truth = draw_page(heartbeats(seed=3), Style(px_per_mm=5))
    >>> found = digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    >>> found.layout.name, found.signals.mv.shape
    ('3x4+1', (12, 5000))
    >>> bool(np.nanmean(np.abs(found.signals.mv[1] - truth["II"])) < 0.02)  # mV
    True
    """
    # Its matrices are small: threads of a linear algebra library would mostly wait for each other.
    with threadpool_limits(1):
        content = source if isinstance(source, bytes) else read_bytes(source, LIMITS)
        doubts: list[str] = []
        if is_pdf(content) and not corners and not any(point.action == "pin" for point in points):
            try:
                return _of_vectors(read_vectors(content, MOST_PX, number, layout, given), fs_hz, points)
            except NoVectors as error:
                doubts += [f"its traces are drawn as paths, but {error.reason}: its picture was read"] \
                    if error.reason else []
        if given.px_per_mm is None:
            page, plan = _by_pulses(*_upright(read_page(content, corners, number), layout, given), layout, given)
        else:
            page, plan = _in_given_scale(content, corners, number, layout, given, given.px_per_mm)
        found = trace(page, plan, fs_hz, points)
        return replace(found, warnings=[*doubts, *found.warnings]) if doubts else found


def _of_vectors(found: VectorPage, fs_hz: float, points: Sequence[Point]) -> Digitized:
    """Waveforms of a page whose lines are known exactly."""
    plan, lines = with_leads_renamed(found.layout, points), list(found.lines)
    for k, cell in enumerate(plan.cells):
        for begin, end in corrections_of_cell(points, cell)[1]:
            lines[k] = lines[k].without(begin, end)
    plan = with_rhythm_strips_named(plan, lines, found.page.px_per_mm)
    signals = sample_signals(plan, lines, found.page.px_per_mm, fs_hz)
    return Digitized(found.page, plan, lines, signals, [*plan.warnings, *_doubts(signals, plan, found.page)],
                     review_reasons(found.page, plan, signals, Traced()), VECTORS)


def _in_given_scale(content: bytes, corners: Corners, number: int | None, layout: str, given: GivenScale,
                    scale: Scale) -> tuple[Page, Layout]:
    """The page in the scale that a person gave: of the flat page, or of the file where no grid is found."""
    try:
        page = read_page(content, corners, number)
    except NoGrid:
        page = page_of_scale(content, scale, corners, number)
        return _upright(page, layout, given)
    try:
        page, _ = _upright(page, layout, given)
    except NoTrace:
        pass  # by its own grid it had no rows; it may have them in the given scale
    page = replace(page, px_per_mm=scale)
    return page, find_layout(page, layout, given)


def _by_pulses(page: Page, plan: Layout, layout: str, given: GivenScale) -> tuple[Page, Layout]:
    """The page in the scale of its calibration pulses, where these agree and contradict the grid."""
    scale = scale_of_pulses(plan)
    if scale is None:
        return page, plan
    scaled = replace(page, px_per_mm=scale)
    try:
        other = find_layout(scaled, layout, given)
    except NoTrace:
        return page, plan
    told = (f"the calibration pulses of several rows are {scale.y / page.px_per_mm.y:.2f} times as high and wide as "
            f"the grid says: {scale.y:.2f} px a mm is taken in place of {page.px_per_mm.y:.2f}")
    return scaled, replace(other, warnings=[*other.warnings, told], scale_mended=True)


def _upright(page: Page, layout: str, given: GivenScale) -> tuple[Page, Layout]:
    """The page and its plan, turned by quarters where that is how its lead names can be read."""
    fault: NoTrace | None = None
    try:
        plan = find_layout(page, layout, given)
        if any(cell.named for cell in plan.cells):
            return page, plan
        best, most = (page, plan), 0
    except NoTrace as error:
        fault, most = error, 0
    for quarters in (1, 2, 3):
        other = turned(page, quarters)
        # To read the names takes a third of the time of the whole layout.
        if count_names(other) < max(most + 1, _LEAST_NAMES):
            continue
        try:
            plan = find_layout(other, layout, given)
        except NoTrace:
            continue
        named = sum(cell.named for cell in plan.cells)
        if named > max(most, _LEAST_NAMES - 1):
            best, most, fault = (other, plan), named, None
    if fault:
        raise fault
    return best


def trace(page: Page, plan: Layout, fs_hz: float, points: Sequence[Point] = ()) -> Digitized:
    """Waveforms of a flat page whose layout is known.

    Parameters
    ----------
    page : Page
    plan : Layout
    fs_hz : float
        Samples a second of the signals.
    points : sequence of Point
        Corrections by hand.
    """
    plan = with_leads_renamed(plan, points)
    line, peak = as_line(page.ink, plan.pen_px, plan.blur_px)
    marks, line = line, clean(line, page.px_per_mm)
    plan = retrace_rows(plan, line, points, page.px_per_mm, peak)
    ink = np.where(line > 0, page.ink, np.float32(0))
    evidence = without_printed_marks(ink, plan)
    evidence = replace(evidence, confidence=np.where(page.written, np.float32(0), evidence.confidence))
    lines = fit_lines(first_lines(plan, line, evidence.confidence), evidence)
    lines = undo_crossing_swaps(lines, plan.pen_px, plan.px_per_mm)
    px_per_s = page.px_per_mm.x * plan.mm_per_s
    lines = undo_beat_swaps(lines, plan, find_complexes(evidence.ink, px_per_s), px_per_s)
    repairs, overlaps, offers = (WorkLimit(most) for most in (_MOST_REPAIR_WORK, _MOST_OVERLAP_WORK, _MOST_OFFER_WORK))
    lines = repair_lines(lines, plan, evidence, repairs)
    lines = resolve_overlaps(lines, plan, evidence, px_per_s, overlaps, offers)
    lines, evidence = with_pale_strokes(lines, plan, PageInk(marks, line, peak), evidence, points)
    lines = fit_lines(lines, evidence, _LAST_ROUNDS)
    lines = [extrapolate_hidden_ends(line, evidence.confidence, plan.px_per_mm) for line in lines]
    lines = [_cut(line, corrections_of_cell(points, cell)[1]) for cell, line in zip(plan.cells, lines)]
    plan = with_rhythm_strips_named(plan, lines, page.px_per_mm)
    found = sample_signals(plan, lines, page.px_per_mm, fs_hz)
    spent = repairs.spent or overlaps.spent or offers.spent
    warnings = [*plan.warnings, *([_WORK_SPENT] if spent else []), *_doubts(found, plan, page)]
    bridges_px = [b - a for each in lines
                  for a, b in bare_columns(each, line, evidence.confidence, points, page.px_per_mm)]
    traced = Traced(spent, bridges_px, left_ink_mm(page.ink, lines, plan), shared_mm(lines, page.px_per_mm))
    return Digitized(page, plan, lines, found, warnings, review_reasons(page, plan, found, traced))


def _cut(line: Line, spans: Sequence[tuple[float, float]]) -> Line:
    """The line with spans that a person does not believe bridged."""
    keep = np.ones(len(line.y), bool)
    for begin, end in spans:
        keep &= (line.x < begin) | (line.x > end)
    return line if keep.all() else Line(line.x0, bridged(line.y, keep), line.seen * keep)


def _doubts(found: Signals, plan: Layout, page: Page) -> list[str]:
    out = []
    poor = [c.lead for c in plan.cells if found.confidence(c.lead) < _POORLY_SEEN]
    if poor:
        out.append(f"leads that were seen poorly: {', '.join(dict.fromkeys(poor))}")
    if found.disagreeing:
        out.append(f"{', '.join(found.disagreeing)}: drawn twice at one time, and the drawings differ: one of them may "
                   "be another lead; the longest was taken")
    if page.grid.strength < _LEAST_GRID_SHARE:
        out.append(f"the grid fits {page.grid.strength:.0%} of the page only: time and voltage may be stretched; a "
                   "photo from straight above, of paper that lies flat, would be better")
    seconds = unusual_length_s(plan)
    if seconds is not None:
        out.append(f"rows of several leads last {seconds:.1f} s, 10 s were expected: the page may be cut, or leads "
                   "begin elsewhere")
    if found.einthoven_residual_mv > _LARGE_RESIDUAL_MV:
        out.append(f"I + III differs from II by {found.einthoven_residual_mv:.2f} mV: leads may be exchanged, misread, "
                   "or not drawn at the same time")
    return out
