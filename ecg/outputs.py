"""What is written for one page or record, as bytes: signals, beats, and the overlay of a page."""
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from ecg.beats.delineate import Beats
from ecg.digitize import Digitized
from ecg.layout.model import Cell
from ecg.lead_table import LEADS
from ecg.signals.millivolts import DOUBT, Signals
from ecg.signals.records import Record
from ecg.trace.line import DrawnLine
from featurize.arrays import BoolArray, Float64Array, UInt8Array, runs_of_true

# RGB colors of the lines of leads, in turn: far from red grids and black ink.
_LEAD_COLORS = ((0, 90, 255), (0, 150, 60), (150, 0, 200), (0, 150, 170))
# RGB color of doubtful spans.
_DOUBT_COLOR = (255, 120, 0)
_LEAD_WIDTH_PX = 1
_DOUBT_WIDTH_PX = 2
# OpenCV takes points of polylines in sixteenths of a pixel.
_SUBPIXEL_BITS = 4
# A lead's name stands this far to the right of its start and above its middle level, and below the upper border.
_NAME_RIGHT_PX = 4
_NAME_ABOVE_PX = 40
_NAME_LEAST_Y_PX = 20
# Font size of a lead's name as a factor of OpenCV's own.
_NAME_SIZE = 0.7
# cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP: OpenCV before 4.11 lacks these names and ignores the parameter.
_PNG_FILTER = 19
_PNG_FILTER_UP = 32
# Packed fast: rows as differences to the row above, instead of the best of all filters for each row.
_PNG_PARAMETERS = (cv2.IMWRITE_PNG_COMPRESSION, 1, _PNG_FILTER, _PNG_FILTER_UP)


def signals_csv(found: Signals) -> bytes:
    """CSV of the 12 leads in mV, one row a sample, empty outside the window of a lead."""
    return csv_of(found.mv).encode()


def csv_of(mv: Float64Array) -> str:
    """Text of (12, n) mV: a column a lead with four decimals, empty where NaN; pandas takes twice the time."""
    columns = [["" if value != value else f"{value:.4f}" for value in row] for row in mv.tolist()]
    return "\n".join([",".join(LEADS), *map(",".join, zip(*columns)), ""])


def record_csv(record: Record) -> bytes:
    """CSV of a digital record in the same 12 columns, empty where a lead was not recorded."""
    return in_twelve_columns(record).to_csv(index=False, float_format="%.4f").encode()


def in_twelve_columns(record: Record) -> pd.DataFrame:
    """A column a lead, mV; NaN where a lead was not recorded."""
    mv, leads = record.mv, record.leads
    return pd.DataFrame({lead: mv[leads.index(lead)] if lead in leads else pd.Series([float("nan")] * mv.shape[1])
                         for lead in LEADS})


def overlay(found: Digitized) -> UInt8Array:
    """(H, W, 3) the flat page, paled, with every lead drawn over it and named; doubtful spans in orange."""
    image = np.asarray((found.page.rgb >> 1) + np.uint8(128))
    for cell, line in zip(found.layout.cells, found.lines):
        _draw(image, cell, line)
    return image


def _draw(image: UInt8Array, cell: Cell, line: DrawnLine) -> None:
    color = _LEAD_COLORS[LEADS.index(cell.lead.lstrip("-")) % len(_LEAD_COLORS)]
    points = np.round((1 << _SUBPIXEL_BITS) * np.c_[line.x, line.y]).astype(np.int32)
    cv2.polylines(image, [points[:, None]], False, color, _LEAD_WIDTH_PX, cv2.LINE_AA, _SUBPIXEL_BITS)
    for part in _spans(line.seen < DOUBT):
        cv2.polylines(image, [points[part][:, None]], False, _DOUBT_COLOR, _DOUBT_WIDTH_PX, cv2.LINE_AA, _SUBPIXEL_BITS)
    above = round(float(np.median(line.y))) - _NAME_ABOVE_PX
    corner = (round(cell.start) + _NAME_RIGHT_PX, max(_NAME_LEAST_Y_PX, above))
    cv2.putText(image, cell.lead, corner, cv2.FONT_HERSHEY_SIMPLEX, _NAME_SIZE, color, 2, cv2.LINE_AA)


def _spans(flags: BoolArray) -> Sequence[slice]:
    """Stretches of True, each with the sample before it, so that a line is drawn to where it begins."""
    return [slice(max(0, a - 1), b + 1) for a, b in zip(*runs_of_true(flags))]


def overlay_png(image: UInt8Array) -> bytes:
    """An overlay (H, W, 3) as PNG."""
    ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _PNG_PARAMETERS)
    if not ok:
        raise OSError(f"OpenCV could not pack an overlay of {image.shape[1]} x {image.shape[0]} px")
    return data.tobytes()


def beats_csv(beats: Beats) -> bytes:
    """CSV with a row a lead and beat, empty where a wave is absent; leads in the usual order."""
    table = beats.table()
    order = table["lead"].map({lead: k for k, lead in enumerate(LEADS)})
    table = table.assign(order=order).sort_values(["order", "beat"], kind="stable").drop(columns="order")
    return table.to_csv(index=False).encode()
