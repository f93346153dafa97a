"""One file: a page digitized or a record read, its beats found, and what belongs to it written."""
import hashlib
import math
import traceback
from pathlib import Path
from typing import Any

from ecg.beats.delineate import Beats, find_beats
from ecg.digitize import digitize
from ecg.job import Done, Item, Settings, content_of, is_record, key_of
from ecg.lead_table import LEADS
from ecg.outputs import facts, facts_of_record, overlay, twelve, write_beats, write_facts, write_overlay, write_signals
from ecg.rhythm.features import rhythm_row
from ecg.signals.records import RecordError, read_record
from featurize.arrays import Float64Array
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes
from featurize.runtime.files import replacing
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS


def digitize_one(item: Item, out: Path, settings: Settings) -> Done:
    """Digitize one file and write what belongs to it; the JSON comes last, it says that the page is done.

    What an odd page provokes in the program itself is a row of errors.csv with file and line, and the rest goes on.
    """
    try:
        return _record(item, out, settings) if is_record(item) else _page(item, out, settings)
    except MEASURE_FAULTS as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = (str(error).splitlines() or [""])[0][:120]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return Done(item, None, f"{type(error).__name__} in {where}: {said}", INTERNAL)


def _page(item: Item, out: Path, settings: Settings) -> Done:
    try:
        content = read_bytes(item.file)
        found = digitize(content, fs_hz=settings.fs_hz, layout=settings.layout, points=item.points)
    except ImageError as error:
        return Done(item, None, str(error), error.reason)
    except MemoryError:
        return Done(item, None, "the memory does not suffice", "too_large")
    write_signals(found.signals, out / f"{item.stem}.csv")
    write_overlay(overlay(found), out / f"{item.stem}.overlay.png")
    told = facts(found) | {"path": item.path, "key": key_of(content, item, settings)}
    return _with_beats(item, out, told, content, found.signals.mv, LEADS, found.signals.fs_hz)


def _record(item: Item, out: Path, settings: Settings) -> Done:
    """A digital record: beats and rhythm, and its signals in the twelve columns."""
    try:
        content = content_of(item)
        found = read_record(item.file, settings.fs_hz)
    except (ImageError, RecordError) as error:
        return Done(item, None, str(error), error.reason)
    with replacing(out / f"{item.stem}.csv", durable=False) as part:
        twelve(found.mv, found.leads).to_csv(part, index=False, float_format="%.4f")
    told = facts_of_record(found.mv, found.leads, found.fs_hz)
    told |= {"path": item.path, "key": key_of(content, item, settings)}
    return _with_beats(item, out, told, content, found.mv, found.leads, found.fs_hz)


def _with_beats(item: Item, out: Path, told: dict[str, Any], content: bytes, mv: Float64Array, leads: tuple[str, ...],
                fs_hz: float) -> Done:
    beats, row = analyze(mv, leads, fs_hz)
    write_beats(beats, out / f"{item.stem}.beats.csv")
    rate = row["heart_rr_rate_bpm"]
    told |= {"heart_rate_bpm": None if rate is None else round(rate, 1),
             "warnings": [*told["warnings"], *said_of_beats(beats)], "sha256": hashlib.sha256(content).hexdigest(),
             "rhythm": row}
    write_facts(told, out / f"{item.stem}.json")
    return Done(item, told)


def analyze(mv: Float64Array, leads: tuple[str, ...], fs_hz: float) -> tuple[Beats, dict[str, float | None]]:
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


def said_of_beats(beats: Beats) -> list[str]:
    """What a reader must know of them, as sentences."""
    if not beats.times["r_peak"].size:
        return ["no beat was found"]
    out: list[str] = []
    if beats.times["r_peak"].shape[1] < 4:
        out.append("fewer than four beats: rhythm and absence of P waves are not certain")
    return out
