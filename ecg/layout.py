"""Where on a page each lead is drawn: rows, columns, names, pulses."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecg.marks import Pulse, Stroke, bars_at, find_pulses, find_separators, find_strokes, measure_pen, pen_profile
from ecg.names import GAINS, LEADS, SPEEDS, Word, read_words
from ecg.page import Page
from ecg.paths import RowPath, cover, row_path
from featurize.errors import UserError
from featurize.picture import ImageError

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

_LIMB, _CHEST = LEADS[:6], LEADS[6:]
_GRID34 = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_GRID62 = tuple(zip(_LIMB, _CHEST))
# Rows from the top; a rhythm strip is a row of one lead below rows of several.
LAYOUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "3x4+1": (*_GRID34, ("II",)), "3x4": _GRID34, "3x4+2": (*_GRID34, ("II",), ("V1",)),
    "3x4+3": (*_GRID34, ("V1",), ("II",), ("V5",)), "6x2": _GRID62, "6x2+1": (*_GRID62, ("II",)),
    "12x1": tuple((lead,) for lead in LEADS), "6x1": tuple((lead,) for lead in _LIMB),
    "3x1": (("I",), ("II",), ("III",)), "2x1": (("II",), ("V1",)), "1x1": (("II",),)}


class NoTrace(ImageError):
    """A grid without a trace."""

    reason = "no_trace"


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
        Its name was read, not only concluded.
    """

    lead: str
    row: int
    start: float
    end: float
    start_s: float
    named: bool


@dataclass(frozen=True)
class Layout:
    """The plan of a page.

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
    pen_px, blur_px : float
        Width of the trace's line, and standard deviation of its blur.
    px_per_mm : float
        Along y.
    warnings : sequence of str
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
    px_per_mm: float
    warnings: Sequence[str]


def find_layout(page: Page, name: str = "auto") -> Layout:
    """Rows, leads and calibration of a page.

    Parameters
    ----------
    page : Page
    name : str
        A key of `LAYOUTS`, where a person knows it.

    Raises
    ------
    NoTrace
        Nothing that runs along the paper.
    UserError
        No layout has that name.
    """
    if name != "auto" and name not in LAYOUTS:
        raise UserError(f"no layout is called {name!r}: choose one of auto, {', '.join(LAYOUTS)}")
    sx, sy = page.px_per_mm
    pen, blur = measure_pen(page.ink)
    strokes = find_strokes(page.ink, sy)
    pulses = find_pulses(page.ink, strokes, page.px_per_mm, pen)
    separators = find_separators(strokes, pulses, sx, pen)
    words = read_words(page.ink, sy)
    peak = float(pen_profile(pen, blur)[0])
    rows = find_rows(page, pulses, peak, len(LAYOUTS[name]) if name != "auto" else 0)
    rows = [_without_pulse(row, pulses, sx) for row in rows]
    warnings: list[str] = []
    mm_per_mv = _gain(pulses, words, sy, warnings)
    mm_per_s = _speed(words, warnings)
    chosen, leads, found = _choose(rows, words, sx, name, warnings)
    rows = _aligned(rows, pulses, separators, leads, sx, mm_per_s)
    cells = [cell for r, (row, of_row) in enumerate(zip(rows, leads))
             for cell in _cells(r, row, of_row, sx, mm_per_s, found)]
    inner = [(c.start, rows[c.row].base) for c in cells if c.start_s > 0]
    separators = bars_at(page.ink, separators, inner, sx)
    return Layout(chosen, rows, cells, pulses, separators, words, mm_per_mv, mm_per_s, pen, blur, sy, warnings)


def find_rows(page: Page, pulses: Sequence[Pulse], peak: float, wanted: int = 0) -> list[RowPath]:
    """Paths of all rows from the top, found by where level ink is, and by the feet of pulses.

    Raises
    ------
    NoTrace
    """
    sx, sy = page.px_per_mm
    ink = clean(page.ink, sx)
    level = cv2.morphologyEx((ink > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, max(3, round(0.9 * sx)))))
    cell = max(1, round(2 * sx))
    width = level.shape[1] // cell * cell
    filled = level[:, :width].reshape(len(level), -1, cell).max(axis=2)
    profile = gaussian_filter1d(filled.sum(axis=1).astype(float), 0.8 * sy)
    peaks, _ = find_peaks(profile, height=max(0.12 * float(profile.max()), 0.5), distance=max(1, round(4 * sy)))
    feet = [p.base for p in pulses]
    starts = feet + [float(p) for p in peaks if all(abs(p - foot) > 3 * sy for foot in feet)]
    paths = [path for start in starts for path in [row_path(ink, start, page.px_per_mm, peak)] if path]
    rows = _distinct(paths, sx, sy)
    if wanted and len(rows) > wanted:
        rows = sorted(rows, key=lambda r: -r.support)[:wanted]
    if not rows:
        raise NoTrace("a grid, but nothing that runs along it for 25 mm: no trace was found")
    return sorted(rows, key=lambda r: r.base)


def clean(ink: Floats, px_per_mm: float) -> Floats:
    """Ink without small marks (letters, dots, dashes) and without the outermost millimetre, where frames are."""
    mask = (ink > 0.35).astype(np.uint8)
    edge = round(px_per_mm)
    mask[:edge], mask[-edge:], mask[:, :edge], mask[:, -edge:] = 0, 0, 0, 0
    joined = cv2.dilate(mask, np.ones((3, max(3, round(0.3 * px_per_mm) | 1)), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    keep = (stats[:, cv2.CC_STAT_WIDTH] > 7 * px_per_mm) | (stats[:, cv2.CC_STAT_HEIGHT] > 7 * px_per_mm)
    # Neither a scanner's edge nor a frame is a trace.
    keep &= stats[:, cv2.CC_STAT_AREA] < 0.2 * ink.size
    keep[0] = False
    out = np.where(keep[labels], ink, np.float32(0))
    out[:edge], out[-edge:], out[:, :edge], out[:, -edge:] = 0, 0, 0, 0
    return out


def _distinct(paths: list[RowPath], sx: float, sy: float) -> list[RowPath]:
    """Paths that found the same trace become one; short ones beside a full page of long ones are none."""
    out: list[RowPath] = []
    for path in sorted(paths, key=lambda p: -p.support):
        shared = [cover(path, other) for other in out]
        if all(s < 0.35 for s in shared):
            out.append(path)
    if not out:
        return out
    longest = max(p.end - p.start for p in out)
    return [p for p in out if p.end - p.start > max(25 * sx, 0.45 * longest)]


def _without_pulse(row: RowPath, pulses: Sequence[Pulse], sx: float) -> RowPath:
    """The row from where its pulse ends, or to where it begins."""
    for pulse in pulses:
        inside = int(np.clip((pulse.left + pulse.right) / 2, 0, len(row.middle) - 1))
        near = min(abs(row.base - pulse.base), abs(row.middle[inside] - pulse.top)) < 4 * sx
        # Pulses stand in one column: a row that begins or ends with another's has one that was not recognized.
        if (near and pulse.left < row.start + 12 * sx) or abs(pulse.left - row.start) < 1.5 * sx:
            row = replace(row, start=max(row.start, pulse.right))
        elif (near and pulse.right > row.end - 12 * sx) or abs(pulse.right - row.end) < 1.5 * sx:
            row = replace(row, end=min(row.end, pulse.left))
    return _on_ink(row, sx)


def _on_ink(row: RowPath, sx: float) -> RowPath:
    """Without the gap that some printers leave between pulse and trace."""
    reach = max(2, round(2 * sx))
    on = np.convolve(row.on_ink, np.ones(reach) / reach, mode="full")
    start, end = row.start, row.end
    ahead = on[reach - 1:][int(np.ceil(start)):int(np.ceil(start)) + round(15 * sx)]
    if len(ahead) and ahead[:reach].min() < 0.5 <= ahead.max():
        start = max(start, float(np.ceil(start) + np.argmax(ahead > 0.8)))
    behind = on[:len(row.on_ink)][max(0, int(end) - round(15 * sx)):int(end)][::-1]
    if len(behind) and behind[:reach].min() < 0.5 <= behind.max():
        end = min(end, float(int(end) - np.argmax(behind > 0.8)))
    return replace(row, start=start, end=end)


def _gain(pulses: Sequence[Pulse], words: Sequence[Word], sy: float, warnings: list[str]) -> float:
    """Millimetres a millivolt: of the pulses (1 mV by convention), else as printed, else 10."""
    printed = [GAINS[w.text] for w in words if w.text in GAINS]
    if pulses:
        height = float(np.median([p.base - p.top for p in pulses])) / sy
        usual = min((2.5, 5.0, 10.0, 20.0), key=lambda v: abs(np.log(v / height)))
        if abs(height / usual - 1) < 0.12:
            return usual
        warnings.append(f"the calibration pulses are {height:.1f} mm high, 5, 10 or 20 mm were expected")
    if printed:
        return float(np.median(printed))
    warnings.append("neither a calibration pulse nor a printed gain was found: 10 mm/mV is assumed")
    return 10.0


def _speed(words: Sequence[Word], warnings: list[str]) -> float:
    printed = [SPEEDS[w.text] for w in words if w.text in SPEEDS]
    if printed:
        return float(np.median(printed))
    warnings.append("no printed paper speed was found: 25 mm/s is assumed")
    return 25.0


def _choose(rows: Sequence[RowPath], words: Sequence[Word], sx: float, name: str, warnings: list[str]
            ) -> tuple[str, tuple[tuple[str, ...], ...], set[tuple[int, int]]]:
    """The layout that the names read speak for: its name, leads by row, and the cells whose name was read."""
    named = [w for w in words if w.text.lstrip("-") in LEADS]
    options = {k: v for k, v in LAYOUTS.items() if len(v) == len(rows) and name in ("auto", k)}
    if not options:
        if name != "auto":
            raise NoTrace(f"layout {name} has {len(LAYOUTS[name])} rows, {len(rows)} were found")
        options = _by_names(rows, named, sx)
    best, score, found = next(iter(options)), -1.0, set[tuple[int, int]]()
    for option, leads in options.items():
        seen = _agreement(rows, named, leads, sx)
        value = sum(seen.values()) - 0.1 * sum(map(len, leads))
        if value > score or score < 0 and value > score:
            best, score, found = option, value, set(seen)
    leads = options[best]
    if len(found) < 0.3 * sum(map(len, leads)):
        warnings.append(f"only {len(found)} lead names were read: layout {best} is a guess from {len(rows)} rows, "
                        "say it with --layout if it is another")
    return best, _rhythm_leads(rows, named, leads, sx), found


def _by_names(rows: Sequence[RowPath], named: Sequence[Word], sx: float) -> dict[str, tuple[tuple[str, ...], ...]]:
    """A layout of its own: per row the names that stand beside it, from left to right."""
    leads = []
    spare = iter([lead for lead in LEADS if lead not in {w.text for w in named}] + list(LEADS))
    for row in rows:
        near = [w for w in named if abs(w.y + w.height / 2 - row.base) < 0.5 * _spacing(rows)]
        texts = list(dict.fromkeys(w.text for w in sorted(near, key=lambda w: w.x)))
        leads.append(tuple(texts) or (next(spare),))
    return {"/".join(" ".join(r) for r in leads): tuple(leads)}


def _spacing(rows: Sequence[RowPath]) -> float:
    bases = sorted(r.base for r in rows)
    return float(np.median(np.diff(bases))) if len(bases) > 1 else 1e9


def _agreement(rows: Sequence[RowPath], named: Sequence[Word], leads: Sequence[Sequence[str]], sx: float
               ) -> dict[tuple[int, int], float]:
    """Cells whose name stands where this layout would print it, all at about the same distance from their cell."""
    places = []
    for r, of_row in enumerate(leads):
        for c, lead in enumerate(of_row):
            start = rows[r].start + (rows[r].end - rows[r].start) * c / len(of_row)
            places += [(r, c, w.score, (w.x - start) / sx, (w.y - rows[r].base) / sx)
                       for w in named if w.text == lead]
    if not places:
        return {}
    table = np.array(places)
    best: dict[tuple[int, int], float] = {}
    for _, _, _, dx, dy in places:
        if not (-22 < dx < 25 and abs(dy) < 25):
            continue
        near = (np.abs(table[:, 3] - dx) < 5) & (np.abs(table[:, 4] - dy) < 4)
        seen = {(int(r), int(c)): float(s) for r, c, s, _, _ in table[near]}
        if sum(seen.values()) > sum(best.values()):
            best = seen
    return best


def _rhythm_leads(rows: Sequence[RowPath], named: Sequence[Word], leads: tuple[tuple[str, ...], ...], sx: float
                  ) -> tuple[tuple[str, ...], ...]:
    """Rows of one lead may hold any lead: their printed name counts."""
    out = []
    for row, of_row in zip(rows, leads):
        if len(of_row) == 1 and len(leads) != 12:
            beside = [w for w in named if abs(w.y + w.height / 2 - row.base) < min(0.55 * _spacing(rows), 14 * sx)
                      and w.x < row.start + 25 * sx]
            below = [w for w in beside if w.text == of_row[0]] or beside
            if below:
                of_row = (max(below, key=lambda w: w.score).text,)
        out.append(of_row)
    return tuple(out)


def _aligned(rows: Sequence[RowPath], pulses: Sequence[Pulse], separators: Sequence[Stroke],
             leads: Sequence[Sequence[str]], sx: float, mm_per_s: float) -> list[RowPath]:
    """All rows begin and end together, unless one reaches out by more than 4 mm: faint ends are lost in some.

    Pulses and separators both tell the beginning, each to half a pixel of where printers snap lines: their mean does.
    """
    start, end = float(np.median([r.start for r in rows])), float(np.median([r.end for r in rows]))
    told = np.array([(s.x - at, s.height, (s.top + s.bottom) / 2 - row.base) for row, of_row in zip(rows, leads)
                     for c in range(1, len(of_row)) for at in [c * _step(row, len(of_row), sx, mm_per_s)]
                     for s in separators if abs(s.x - at - start) < 2.5 * sx
                     and abs((s.top + s.bottom) / 2 - row.base) < 8 * sx]).reshape(-1, 3)
    # Separators stand in line, are of one height and at one place of their row; steep strokes of a beat are not.
    usual = np.median(told, axis=0) if len(told) else np.zeros(3)
    told = told[(np.abs(told - usual) < [0.35 * sx, 0.12 * usual[1], 1.5 * sx]).all(axis=1), 0]
    if len(told) >= max(2, 0.4 * sum(len(of_row) - 1 for of_row in leads)):
        start = (start + float(np.median(told))) / 2 if pulses else float(np.median(told))
    # One of many rows that seems shorter has lost a faint end; one that is longer is of another kind.
    return [replace(row, start=start if row.start > start - 4 * sx else row.start,
                    end=end if row.end < end + 4 * sx else row.end) for row in rows]


def _step(row: RowPath, count: int, sx: float, mm_per_s: float) -> float:
    """Columns from lead to lead in a row."""
    step, px_per_s = (row.end - row.start) / count, sx * mm_per_s
    # Leads last whole quarters of a second: 2.5, 5 or 10 s; then the scale, which is known better, places them.
    usual = round(step / px_per_s / 0.25) * 0.25
    return usual * px_per_s if count > 1 and abs(usual * px_per_s - step) < 2 * sx else step


def _cells(r: int, row: RowPath, leads: Sequence[str], sx: float, mm_per_s: float, found: set[tuple[int, int]]
           ) -> list[Cell]:
    """The row shared out among its leads."""
    step = _step(row, len(leads), sx, mm_per_s)
    starts = row.start + step * np.arange(len(leads) + 1)
    return [Cell(lead, r, float(starts[c]), float(starts[c + 1]), float(c * step / (sx * mm_per_s)), (r, c) in found)
            for c, lead in enumerate(leads)]
