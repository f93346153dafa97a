"""ECG pages drawn from known signals: for tests, the demo and the benchmark."""
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pandas as pd

from ecg.layout.catalogue import LAYOUTS
from ecg.lead_table import LEADS
from featurize.arrays import Float32Array, Float64Array, UInt8Array


@dataclass(frozen=True)
class Style:
    """How a page is drawn.

    Parameters
    ----------
    layout : str
        A key of `ecg.layout.catalogue.LAYOUTS`.
    px_per_mm : float
    mm_per_mv, mm_per_s : float
    size_mm : (float, float) or None
        Width and height; None fits the leads.
    paper, major, minor, ink : RGB
    pen_mm : float
    pulse : str
        left, right, first (at the left of the first row) or none.
    separators : str
        bar, tick or none.
    names : str
        below, above, beside (at the left of the trace, of the first column) or none.
    row_mm : float
        From row to row.
    words : bool
        Header, speed and gain in print.
    gap_mm : float
        Paper left free between leads.
    dots : bool
        Dots at every millimetre instead of lines.
    same_time : bool
        Leads side by side show the same time; else each begins when the one before it ends.
    line_s : float
        If not 0, a layout of one row is continued on further rows of this length until all samples are drawn; only the
        first row has a name.
    blank_s : float
        Time at the end of each lead that is not drawn though the paper runs.
    fs_hz : float
        Samples a second of the signals.
    chest_mm_per_mv : float or None
        Of V1 to V6, if it differs.
    steps : bool
        Calibration pulses have two steps: the gain of the limb leads, then that of the chest leads.
    pulse_gap_mm : float
        Paper left free between a pulse at the left and the leads.
    """

    layout: str = "3x4+1"
    px_per_mm: float = 7.874
    mm_per_mv: float = 10.0
    mm_per_s: float = 25.0
    size_mm: tuple[float, float] | None = None
    paper: tuple[int, int, int] = (255, 255, 255)
    major: tuple[int, int, int] = (255, 0, 0)
    minor: tuple[int, int, int] = (255, 220, 216)
    ink: tuple[int, int, int] = (23, 23, 23)
    pen_mm: float = 0.27
    pulse: str = "left"
    separators: str = "bar"
    names: str = "below"
    row_mm: float = 36.0
    words: bool = True
    gap_mm: float = 0.0
    dots: bool = False
    same_time: bool = False
    line_s: float = 0.0
    blank_s: float = 0.0
    fs_hz: float = field(default=500.0, kw_only=True)
    chest_mm_per_mv: float | None = field(default=None, kw_only=True)
    steps: bool = field(default=False, kw_only=True)
    pulse_gap_mm: float = field(default=0.0, kw_only=True)

    @property
    def gains(self) -> tuple[float, float]:
        """Millimetres a millivolt of limb and of chest leads."""
        return self.mm_per_mv, self.chest_mm_per_mv or self.mm_per_mv


def draw_page(mv: Float64Array, style: Style = Style(),
              title: str = "ID: synthetic") -> tuple[UInt8Array, pd.DataFrame]:
    """A page and the signals that are drawn on it.

    Parameters
    ----------
    mv : (12, n) float64
        In the order of `ecg.lead_table.LEADS`.
    style : Style
    title : str
        Printed at the top, if the style prints words.

    Returns
    -------
    rgb : (H, W, 3) uint8
    truth : DataFrame
        12 columns in mV, NaN outside the window of a lead.
    """
    rows, samples = LAYOUTS[style.layout], mv.shape[1]
    columns, row_samples = max(map(len, rows)), round((style.line_s or samples / style.fs_hz) * style.fs_hz)
    rows *= -(-samples // row_samples)
    # Margins in mm: room for a pulse and for names at the left, for the title at the top.
    left = 15.0 if style.pulse in ("left", "first") else 8.0
    left += 12 if style.names == "beside" else 0
    row_mm = row_samples / style.fs_hz * style.mm_per_s
    long = row_mm * (columns if style.same_time else 1) + style.gap_mm * (columns - 1)
    top = 35.0 if style.words else 22.0
    width, height = style.size_mm or (left + long + 20, top + style.row_mm * len(rows) + 12)
    k = style.px_per_mm
    image = _grid(round(width * k), round(height * k), style)
    pen = _Pen(image.shape[:2])
    truth = np.full(mv.shape, np.nan)
    for r, leads in enumerate(rows):
        base, gaps = (top + style.row_mm * (r + 0.5)) * k, style.gap_mm * (len(leads) - 1)
        for c, lead in enumerate(leads):
            part = _part(r, c, len(leads), samples, row_samples, style)
            x = (left + c * ((long - gaps) / len(leads) + style.gap_mm)) * k
            index = LEADS.index(lead.lstrip("-"))
            _draw_lead(pen, mv[index, part] * (-1 if lead.startswith("-") else 1), x, base, style, lead)
            truth[index, part] = mv[index, part]
            if not (style.line_s and r):
                _draw_name_and_separator(pen, lead, x, base, c, style)
        if style.pulse in ("left", "right") or style.pulse == "first" and r == 0:
            _draw_pulse(pen, left + long + 8 if style.pulse == "right" else left - style.pulse_gap_mm, base, style)
    if style.words:
        pen.text(title, 6 * k, 10 * k, 3.2 * k)
        limb, chest = style.gains
        gain = f"{limb:g}mm/mV" if limb == chest else f"Limb: {limb:g} mm/mV  Chest: {chest:g} mm/mV"
        pen.text(f"{style.mm_per_s:g}mm/s    {gain}", 40 * k, (height - 4) * k, 3.0 * k)
    cover = pen.cover()[..., None]
    page = image * (1 - cover) + np.array(style.ink, np.float32) * cover
    return np.round(page).astype(np.uint8), pd.DataFrame(dict(zip(LEADS, truth)))


def _part(row: int, column: int, columns: int, samples: int, row_samples: int, style: Style) -> slice:
    """The samples that one lead of a row shows."""
    if style.line_s:
        return slice(row * row_samples, min((row + 1) * row_samples, samples))
    if style.same_time:
        return slice(0, samples)
    blank = round(style.blank_s * style.fs_hz) if column < columns - 1 else 0
    return slice(column * samples // columns, (column + 1) * samples // columns - blank)


def _grid(width: int, height: int, style: Style) -> Float32Array:
    """(height, width, 3) paper with lines every 1 mm, .13 mm wide, and every 5 mm, .2 mm wide; or dots."""
    image = np.empty((height, width, 3), np.float32)
    image[:] = style.paper
    fine = (style.major, 0.22) if style.dots else (style.minor, 0.13)
    for step, (color, thick) in ((1.0, fine), (5.0, (style.major, 0.2))):
        covers = [_lines(length, step * style.px_per_mm, max(thick * style.px_per_mm, 0.6))
                  for length in (height, width)]
        if style.dots and step > 1:
            continue
        cover = (np.minimum if style.dots else np.maximum)(covers[0][:, None], covers[1][None, :])[..., None]
        image = image * (1 - cover) + np.array(color, np.float32) * cover
    return np.asarray(image, np.float32)


def _lines(length: int, step: float, thick: float) -> Float32Array:
    """(length,) share of each pixel that lines every `step` px cover, anti-aliased.

    The first line stands .13 steps from the edge: lines do not fall on whole pixels.
    """
    off = np.abs((np.arange(length) + step / 2 + 0.37 * step) % step - step / 2)
    return np.clip(thick / 2 + 0.5 - off, 0, 1).astype(np.float32)


class _Pen:
    """Ink on a canvas three times as fine as the page."""

    FINE = 3

    def __init__(self, shape: tuple[int, int]) -> None:
        self.canvas = np.zeros((shape[0] * self.FINE, shape[1] * self.FINE), np.uint8)

    def line(self, x: Float64Array | Sequence[float], y: Float64Array | Sequence[float], width: float) -> None:
        """A polyline through pixel centers (x, y) of the page."""
        points = np.round(16 * (self.FINE * (np.c_[x, y] + 0.5) - 0.5)).astype(np.int32)
        cv2.polylines(self.canvas, [points[:, None]], False, 255, max(1, round(width * self.FINE)), cv2.LINE_AA, 4)

    def text(self, words: str, x: float, y: float, height: float) -> None:
        """Words whose capitals are `height` px high, from (x, y) on the base line."""
        size = height * self.FINE / 22
        cv2.putText(self.canvas, words, (round(x * self.FINE), round(y * self.FINE)), cv2.FONT_HERSHEY_SIMPLEX, size,
                    255, max(1, round(2.4 * size)), cv2.LINE_AA)

    def cover(self) -> Float32Array:
        """Share of each pixel of the page that is inked."""
        size = (self.canvas.shape[1] // self.FINE, self.canvas.shape[0] // self.FINE)
        return np.asarray(cv2.resize(self.canvas, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def _draw_lead(pen: _Pen, mv: Float64Array, x: float, base: float, style: Style, lead: str) -> None:
    k, gain = style.px_per_mm, style.gains[lead.startswith("V")]
    along = x + np.arange(len(mv)) / style.fs_hz * style.mm_per_s * k
    pen.line(along, base - mv * gain * k, style.pen_mm * k)


def _draw_name_and_separator(pen: _Pen, lead: str, x: float, base: float, column: int, style: Style
                             ) -> None:
    """The name of a lead, and the separator before it."""
    k = style.px_per_mm
    if column and style.separators == "bar":
        pen.line([x, x], [base - 3.2 * k, base + 3.2 * k], 0.7 * k)
    elif column and style.separators == "tick":
        for sign in (-1, 1):
            pen.line([x, x], [base + sign * 4 * k, base + sign * 7 * k], style.pen_mm * k)
    if style.names == "below":
        pen.text(lead, x + 0.5 * k, base + 8.5 * k, 2.8 * k)
    elif style.names == "above" or style.names == "beside" and column:
        pen.text(lead, x + 2 * k, base - 12 * k, 2.8 * k)
    elif style.names == "beside":
        pen.text(lead, x - (17 if style.pulse != "none" else 9) * k, base + 1.4 * k, 2.8 * k)


def _draw_pulse(pen: _Pen, left_mm: float, base: float, style: Style) -> None:
    """A calibration pulse of 1 mV for 0.2 s that ends where the leads begin, or stands behind them."""
    k = style.px_per_mm
    wide = 0.2 * style.mm_per_s
    start = (left_mm if style.pulse == "right" else left_mm - wide) * k
    limb, chest = style.gains
    heights = [limb, chest] if style.steps else [limb]
    edges = start + wide * k * np.linspace(0, 1, len(heights) + 1)
    pen.line(np.repeat(edges, 2), base - k * np.r_[0, np.repeat(heights, 2), 0], style.pen_mm * k)
