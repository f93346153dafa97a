"""What is written for one page: signals, facts, overlay."""
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from ecg.beats.delineate import Beats
from ecg.digitize import Digitized
from ecg.layout.model import Cell
from ecg.lead_table import LEADS
from ecg.signals.millivolts import DOUBT, Signals
from ecg.signals.residual import einthoven_residual_mv
from ecg.trace.line import Line
from featurize.arrays import BoolArray, Float64Array, UInt8Array, runs_of_true
from featurize.runtime.files import replacing, write_text

# Line colors of leads in turn, and of doubtful spans, RGB: far from red grids and black ink.
_COLORS = ((0, 90, 255), (0, 150, 60), (150, 0, 200), (0, 150, 170))
_DOUBTFUL = (255, 120, 0)
# cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP: OpenCV before 4.11 has no such names and passes over them.
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, 19, 32)


def write_signals(found: Signals, path: Path) -> None:
    """CSV of the 12 leads in mV, one row a sample, empty outside the window of a lead."""
    with replacing(path, durable=False) as part:
        part.write_text(csv_of(found.mv), encoding="utf-8")


def csv_of(mv: Float64Array) -> str:
    """Text of (12, n) mV: a column a lead with four decimals, empty where NaN; pandas takes twice the time."""
    columns = [["" if value != value else f"{value:.4f}" for value in row] for row in mv.tolist()]
    return "\n".join([",".join(LEADS), *map(",".join, zip(*columns)), ""])


def facts(found: Digitized) -> dict[str, Any]:
    """What `<stem>.json` holds; the heart rate comes from the beats (ecg.run)."""
    page, plan, signals = found.page, found.layout, found.signals
    on_page = [lead for lead in LEADS if signals.confidence(lead) > 0]
    return {"fs_hz": signals.fs_hz, "px_per_mm": [round(page.px_per_mm.x, 4), round(page.px_per_mm.y, 4)],
            "mm_per_mv": plan.mm_per_mv, "chest_mm_per_mv": plan.gain("V1"), "mm_per_s": plan.mm_per_s,
            "layout": plan.name, "rotation_deg": round(page.rotation_deg, 3) + 0.0,
            "leads": {lead: {"confidence": round(signals.confidence(lead), 3), "gaps": signals.gaps(lead)}
                      for lead in on_page},
            "einthoven_residual_mv": _number(signals.einthoven_residual_mv, 4),
            "heart_rate_bpm": None, "warnings": list(found.warnings)}


def _number(value: float, digits: int) -> float | None:
    """JSON knows no NaN."""
    return round(value, digits) if math.isfinite(value) else None


def write_facts(content: dict[str, Any], path: Path) -> None:
    """JSON, keys in their order."""
    write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", path)


def overlay(found: Digitized) -> UInt8Array:
    """(H, W, 3) the flat page, paled, with every lead drawn over it and named; doubtful spans in orange."""
    image = np.asarray((found.page.rgb >> 1) + np.uint8(128))
    for cell, line in zip(found.layout.cells, found.lines):
        _draw(image, cell, line)
    return image


def _draw(image: UInt8Array, cell: Cell, line: Line) -> None:
    color = _COLORS[LEADS.index(cell.lead.lstrip("-")) % len(_COLORS)]
    # Sixteenths of a pixel, as OpenCV wants them.
    points = np.round(16 * np.c_[line.x, line.y]).astype(np.int32)
    cv2.polylines(image, [points[:, None]], False, color, 1, cv2.LINE_AA, 4)
    for part in _spans(line.seen < DOUBT):
        cv2.polylines(image, [points[part][:, None]], False, _DOUBTFUL, 2, cv2.LINE_AA, 4)
    at = (round(cell.start) + 4, max(20, round(float(np.median(line.y))) - 40))
    cv2.putText(image, cell.lead, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, color, 2, cv2.LINE_AA)


def _spans(flags: BoolArray) -> Sequence[slice]:
    return [slice(max(0, a - 1), b + 1) for a, b in zip(*runs_of_true(flags))]


def write_overlay(image: UInt8Array, path: Path) -> None:
    """PNG, packed fast: rows as differences to the row above, instead of a choice among all filters for each."""
    ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _PNG)
    if not ok:
        raise OSError(f"OpenCV could not pack {path.name}")
    with replacing(path, durable=False) as part:
        part.write_bytes(data.tobytes())


def write_beats(beats: Beats, path: Path) -> None:
    """CSV with a row a lead and beat, empty where a wave is absent; leads in the usual order."""
    table = beats.table()
    order = table["lead"].map({lead: k for k, lead in enumerate(LEADS)})
    table = table.assign(order=order).sort_values(["order", "beat"], kind="stable").drop(columns="order")
    with replacing(path, durable=False) as part:
        table.to_csv(part, index=False)


def twelve(mv: Float64Array, leads: tuple[str, ...]) -> pd.DataFrame:
    """The 12 columns in mV, empty where a lead was not recorded."""
    return pd.DataFrame({lead: mv[leads.index(lead)] if lead in leads else pd.Series([float("nan")] * mv.shape[1])
                         for lead in LEADS})


def facts_of_record(mv: Float64Array, leads: tuple[str, ...], fs_hz: float) -> dict[str, Any]:
    """What `<stem>.json` of a digital record holds; what only a page has is null."""
    return {"fs_hz": fs_hz, "px_per_mm": None, "mm_per_mv": None, "chest_mm_per_mv": None, "mm_per_s": None,
            "layout": "record", "rotation_deg": None,
            "leads": {lead: {"confidence": 1.0, "gaps": []} for lead in LEADS if lead in leads},
            "einthoven_residual_mv": _residual(mv, leads), "heart_rate_bpm": None, "warnings": []}


def _residual(mv: Float64Array, leads: tuple[str, ...]) -> float | None:
    if not {"I", "II", "III"} <= set(leads):
        return None
    residual = einthoven_residual_mv(*(mv[leads.index(lead)] for lead in ("I", "II", "III")))
    return round(residual, 4) if math.isfinite(residual) else None
