"""ECG pages drawn as vectors by two programs that know nothing of this project: matplotlib and ReportLab."""
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecg.layout.catalogue import LAYOUTS
from ecg.lead_table import LEADS

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH


@dataclass(frozen=True)
class Sheet:
    """How a page is drawn; lengths in mm.

    Parameters
    ----------
    grid : str
        lines, image or none.
    pieces : str
        leads: a path each; rows: a path for each row, with its pulse; segments: a path from sample to sample.
    covered_mm : float
        A white box hides so much of every row's beginning (ReportLab only).
    """

    layout: str = "3x4+1"
    fs_hz: float = 500.0
    mm_per_s: float = 25.0
    mm_per_mv: float = 10.0
    row_mm: float = 30.0
    width_mm: float = 297.0
    height_mm: float = 210.0
    left_mm: float = 25.0
    top_mm: float = 40.0
    grid: str = "lines"
    pieces: str = "leads"
    pulse: bool = True
    text: str = "25 mm/s   10 mm/mV"
    names: bool = True
    covered_mm: float = 0.0


def leads_of(mv: np.ndarray, sheet: Sheet) -> list[list[tuple[str, np.ndarray, np.ndarray]]]:
    """Of each row the leads with x and y in mm, y up from the base line of the row."""
    rows = []
    for of_row in LAYOUTS[sheet.layout]:
        n = mv.shape[1] // len(of_row)
        row = []
        for c, lead in enumerate(of_row):
            t = (np.arange(n) + c * n) / sheet.fs_hz
            row.append((lead, sheet.left_mm + t * sheet.mm_per_s, mv[LEADS.index(lead), c * n:(c + 1) * n]
                        * sheet.mm_per_mv))
        rows.append(row)
    return rows


def truth_of(mv: np.ndarray, layout: str) -> np.ndarray:
    """(12, n) with NaN where a lead is not drawn."""
    out = np.full(mv.shape, np.nan)
    for of_row in LAYOUTS[layout]:
        n = mv.shape[1] // len(of_row)
        for c, lead in enumerate(of_row):
            k = LEADS.index(lead)
            out[k, c * n:(c + 1) * n] = mv[k, c * n:(c + 1) * n]
    return out


def pulse_mm(sheet: Sheet, base: float) -> tuple[np.ndarray, np.ndarray]:
    """A pulse of 0.2 s and 1 mV with a foot of 2 mm before it; it ends 1 mm before the row begins."""
    wide, end = 0.2 * sheet.mm_per_s, sheet.left_mm - 1
    x = end - wide + np.array([-2, 0, 0, wide, wide])
    return x, base + sheet.mm_per_mv * np.array([0, 0, 1, 1, 0])


def strokes(mv: np.ndarray, sheet: Sheet) -> list[tuple[np.ndarray, np.ndarray]]:
    """All traces, x and y in mm from the lower left corner."""
    out: list[tuple[np.ndarray, np.ndarray]] = []
    for r, row in enumerate(leads_of(mv, sheet)):
        base = sheet.height_mm - sheet.top_mm - r * sheet.row_mm
        own = [(x, base + y) for _, x, y in row]
        if sheet.pulse:
            own.insert(0, pulse_mm(sheet, base))
        if sheet.pieces == "rows":
            own = [(np.concatenate([x for x, _ in own]), np.concatenate([y for _, y in own]))]
        out += own
    if sheet.pieces == "segments":
        return [(x[k:k + 2], y[k:k + 2]) for x, y in out for k in range(len(x) - 1)]
    return out


def names(mv: np.ndarray, sheet: Sheet) -> list[tuple[str, float, float]]:
    """Lead names with the left end of their base line, mm."""
    return [(lead, float(x[0]) + 2, sheet.height_mm - sheet.top_mm - r * sheet.row_mm + 7)
            for r, row in enumerate(leads_of(mv, sheet)) for lead, x, _ in row]


def by_reportlab(mv: np.ndarray, sheet: Sheet, turn: bool = False, page_rotation: int = 0,
                 scaled: float = 1.0) -> bytes:
    """The page by ReportLab; `turn` draws it sideways on upright paper, `scaled` smaller than full size."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas
    k = POINTS_PER_MM * scaled
    size = (sheet.width_mm * k, sheet.height_mm * k)
    held = io.BytesIO()
    # Where a page is turned ReportLab turns its box as well.
    canvas = Canvas(held, pagesize=size[::-1] if turn and not page_rotation else size, pageCompression=0)
    if page_rotation:
        canvas.setPageRotation(page_rotation)
    if turn:
        canvas.translate(size[1], 0)
        canvas.rotate(90)
    if sheet.grid == "lines":
        for step, color, width in ((1, (1, .85, .85), .1), (5, (1, .6, .6), .25)):
            canvas.setStrokeColorRGB(*color)
            canvas.setLineWidth(width * k)
            path = canvas.beginPath()
            for x in np.arange(0, sheet.width_mm + .1, step):
                path.moveTo(x * k, 0)
                path.lineTo(x * k, size[1])
            for y in np.arange(0, sheet.height_mm + .1, step):
                path.moveTo(0, y * k)
                path.lineTo(size[0], y * k)
            canvas.drawPath(path, stroke=1, fill=0)
    elif sheet.grid == "image":
        canvas.drawImage(ImageReader(grid_image(sheet)), 0, 0, *size)
    canvas.setStrokeColorRGB(0, 0, 0)
    canvas.setLineWidth(.25 * k)
    for x, y in strokes(mv, sheet):
        path = canvas.beginPath()
        path.moveTo(x[0] * k, y[0] * k)
        for px, py in zip((x[1:] * k).tolist(), (y[1:] * k).tolist()):
            path.lineTo(px, py)
        canvas.drawPath(path, stroke=1, fill=0)
    if sheet.covered_mm:
        canvas.setFillColorRGB(1, 1, 1)
        canvas.rect(sheet.left_mm * k, 0, sheet.covered_mm * k, size[1], stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 0)
    canvas.setFont("Helvetica", 3.5 * k)
    for lead, x, y in names(mv, sheet) if sheet.names else []:
        canvas.drawString(x * k, y * k, lead)
    canvas.drawString(10 * k, 8 * k, sheet.text)
    canvas.drawString(10 * k, (sheet.height_mm - 12) * k, "Made-up Person, 12-lead ECG, V. I. Nobody")
    canvas.save()
    return held.getvalue()


def by_cairo(mv: np.ndarray, sheet: Sheet, outlines: bool = False) -> bytes:
    """The page by cairo (needs its library): all traces in one path, y down; letters as their outlines if asked for."""
    import cairocffi
    held, k = io.BytesIO(), POINTS_PER_MM
    surface = cairocffi.PDFSurface(held, sheet.width_mm * k, sheet.height_mm * k)
    pen = cairocffi.Context(surface)
    pen.scale(k, k)
    for step, color, width in ((1, (1, .85, .85), .1), (5, (1, .6, .6), .25)):
        pen.set_source_rgb(*color)
        pen.set_line_width(width)
        for x in np.arange(0, sheet.width_mm + .1, step):
            pen.move_to(x, 0)
            pen.line_to(x, sheet.height_mm)
        for y in np.arange(0, sheet.height_mm + .1, step):
            pen.move_to(0, y)
            pen.line_to(sheet.width_mm, y)
        pen.stroke()
    pen.set_source_rgb(0, 0, .4)
    pen.set_line_width(.3)
    for x, y in strokes(mv, sheet):
        for n, at in enumerate(zip(x.tolist(), (sheet.height_mm - y).tolist())):
            (pen.line_to if n else pen.move_to)(*at)
    pen.stroke()
    pen.set_font_size(4)
    for text, x, y in [*names(mv, sheet), (sheet.text, 10, 8)]:
        pen.move_to(x, sheet.height_mm - y)
        if outlines:
            pen.text_path(text)
            pen.fill()
        else:
            pen.show_text(text)
    surface.finish()
    return held.getvalue()


def grid_image(sheet: Sheet) -> Any:
    """The grid as pixels, 10 a mm."""
    from PIL import Image
    rgb = np.full((round(10 * sheet.height_mm), round(10 * sheet.width_mm), 3), 255, np.uint8)
    for step, wide, color in ((10, 1, (255, 215, 215)), (50, 2, (255, 150, 150))):
        for shift in range(wide):
            rgb[shift::step], rgb[:, shift::step] = color, color
    return Image.fromarray(rgb)


def by_matplotlib(mv: np.ndarray, sheet: Sheet, simplified: bool = False) -> bytes:
    """The page by matplotlib's PDF backend, as a script that plots an ECG would do it.

    By default matplotlib leaves out corners that are off a straight line by up to a ninth of a point: `simplified`.
    """
    import matplotlib
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    figure = Figure(figsize=(sheet.width_mm / MM_PER_INCH, sheet.height_mm / MM_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, sheet.width_mm)
    axes.set_ylim(0, sheet.height_mm)
    axes.set_xticks(np.arange(0, sheet.width_mm, 5))
    axes.set_yticks(np.arange(0, sheet.height_mm, 5))
    axes.set_xticks(np.arange(0, sheet.width_mm, 1), minor=True)
    axes.set_yticks(np.arange(0, sheet.height_mm, 1), minor=True)
    axes.grid(which="major", color="#f0a0a0", linewidth=.6)
    axes.grid(which="minor", color="#f6d5d5", linewidth=.3)
    axes.set_axisbelow(True)
    for x, y in strokes(mv, sheet):
        axes.plot(x, y, color="black", linewidth=.7)
    for lead, x, y in names(mv, sheet) if sheet.names else []:
        axes.text(x, y, lead, fontsize=9)
    axes.text(10, 8, sheet.text, fontsize=9)
    held = io.BytesIO()
    with matplotlib.rc_context({"path.simplify": simplified}):
        FigureCanvasPdf(figure).print_pdf(held)
    return held.getvalue()


def decibels(mv: np.ndarray, truth: np.ndarray) -> float:
    """Power of the true signals to that of the errors, each lead without its mean error; samples lost count as zero."""
    power = error = 0.0
    for found, known in zip(mv[:, :truth.shape[1]], truth):
        drawn = np.isfinite(known)
        if drawn.any():
            off = np.where(np.isfinite(found), found, 0)[drawn] - known[drawn]
            off = off - np.mean(off[np.isfinite(found[drawn])])
            power, error = power + float((known[drawn] ** 2).sum()), error + float((off ** 2).sum())
    return float(10 * np.log10(power / max(error, 1e-12)))
