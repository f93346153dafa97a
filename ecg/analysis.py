"""From signals to what is written of a record's beats: the table of waves, and the row of its rhythm."""
import math
from pathlib import Path
from typing import Any

import pandas as pd

from ecg.beats import Beats, find_beats
from ecg.leads import Array
from ecg.names import LEADS
from ecg.residual import einthoven_residual_mv
from ecg.rhythm import rhythm_row
from featurize.files import replacing


def analyze(mv: Array, leads: tuple[str, ...], fs_hz: float) -> tuple[Beats, dict[str, float | None]]:
    """Beats and rhythm of signals.

    Parameters
    ----------
    mv : (leads, n) float64
        NaN where a lead is not drawn.
    leads : tuple of str
    fs_hz : float

    Returns
    -------
    beats : Beats
    row : dict
        Plain numbers for JSON, None where a record cannot tell.
    """
    beats = find_beats(mv, leads, fs_hz)
    row = rhythm_row(mv, beats)
    return beats, {name: float(f"{value:.7g}") if math.isfinite(value) else None for name, value in row.items()}


def write_beats(beats: Beats, path: Path) -> None:
    """CSV with a row a lead and beat, empty where a wave is absent; leads in the usual order."""
    table = beats.table()
    order = table["lead"].map({lead: k for k, lead in enumerate(LEADS)})
    table = table.assign(order=order).sort_values(["order", "beat"], kind="stable").drop(columns="order")
    with replacing(path, durable=False) as part:
        table.to_csv(part, index=False)


def twelve(mv: Array, leads: tuple[str, ...]) -> pd.DataFrame:
    """The 12 columns in mV, empty where a lead was not recorded."""
    return pd.DataFrame({lead: mv[leads.index(lead)] if lead in leads else pd.Series([float("nan")] * mv.shape[1])
                         for lead in LEADS})


def said_of_beats(beats: Beats) -> list[str]:
    """What a reader must know of them, as sentences."""
    if not beats.times["r_peak"].size:
        return ["no beat was found"]
    out: list[str] = []
    if beats.times["r_peak"].shape[1] < 4:
        out.append("fewer than four beats: rhythm and absence of P waves are not certain")
    return out


def facts_of_record(mv: Array, leads: tuple[str, ...], fs_hz: float) -> dict[str, Any]:
    """What `<stem>.json` of a digital record holds; what only a page has is null."""
    return {"fs_hz": fs_hz, "px_per_mm": None, "mm_per_mv": None, "chest_mm_per_mv": None, "mm_per_s": None,
            "layout": "record", "rotation_deg": None,
            "leads": {lead: {"confidence": 1.0, "gaps": []} for lead in LEADS if lead in leads},
            "einthoven_residual_mv": _residual(mv, leads), "heart_rate_bpm": None, "warnings": []}


def _residual(mv: Array, leads: tuple[str, ...]) -> float | None:
    if not {"I", "II", "III"} <= set(leads):
        return None
    residual = einthoven_residual_mv(*(mv[leads.index(lead)] for lead in ("I", "II", "III")))
    return round(residual, 4) if math.isfinite(residual) else None
