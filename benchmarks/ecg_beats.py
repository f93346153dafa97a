"""Delineation against the marks of cardiologists: sensitivity, P+, error of every wave, beside NeuroKit2's methods.

python -m benchmarks.ecg_beats LUDB [--lead II] [-o benchmarks/results/ecg_beats.json]

LUDB is a folder of WFDB records with one annotation a lead (Kalyakulina et al. 2020, 10.1109/ACCESS.2020.3029211). A
wave counts as found within 150 ms; found waves count from .1 s before the first mark to .1 s behind the last, and, for
"F1 between marks", from the first mark of the same wave to its last.
"""
import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from benchmarks.record import RESULTS, write
from ecg.beats.delineate import WAVES, find_beats
from ecg.signals.records import read_record
from featurize.arrays import Float64Array

Times = dict[str, Float64Array]
NAMES = {"p": "P", "r": "R", "t": "T"}
METHODS = ("prominence", "dwt", "peak")
_THEIRS = {"p_onset": "P_Onsets", "p_peak": "P_Peaks", "p_offset": "P_Offsets", "qrs_onset": "R_Onsets",
           "qrs_offset": "R_Offsets", "t_onset": "T_Onsets", "t_peak": "T_Peaks", "t_offset": "T_Offsets"}
# Every second record by number helped to set the constants; the others did not.
PARTS = {"tuned on": 0, "held out": 1}


def marks(path: Path, lead: str) -> tuple[Times, tuple[float, float]] | None:
    """Seconds of every wave of a lead, and of the first and last mark."""
    annotation = wfdb.rdann(str(path.with_suffix("")), lead.lower())
    if not len(annotation.symbol):
        return None
    at, found = annotation.sample / annotation.fs, {wave: list[float]() for wave in WAVES}
    for k, symbol in enumerate(annotation.symbol):
        wave = {"p": "p", "N": "r", "t": "t"}.get(symbol)
        if not wave:
            continue
        found[f"{wave}_peak"].append(at[k])
        edge = "qrs" if wave == "r" else wave
        if k and annotation.symbol[k - 1] == "(":
            found[f"{edge}_onset"].append(at[k - 1])
        if k + 1 < len(at) and annotation.symbol[k + 1] == ")":
            found[f"{edge}_offset"].append(at[k + 1])
    return {wave: np.array(v) for wave, v in found.items()}, (float(at.min()), float(at.max()))


def ours(path: Path, lead: str, delineator: str) -> Times:
    """Waves of a lead by a delineator of `pellucid ecg`, which is given all leads."""
    record = read_record(path, 500)
    beats = find_beats(record.mv, record.leads, record.fs_hz, delineator)
    row = record.leads.index(lead)
    return {wave: beats.times[wave][row] for wave in WAVES}


def neurokit(path: Path, lead: str, method: str) -> Times:
    """NeuroKit2's waves of the lead alone; nothing where it raises."""
    import neurokit2
    record = read_record(path, 500)
    signal = record.mv[record.leads.index(lead)]
    found = {wave: np.zeros(0) for wave in WAVES}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cleaned = neurokit2.ecg_clean(signal, int(record.fs_hz))
            _, peaks = neurokit2.ecg_peaks(cleaned, int(record.fs_hz))
            r = peaks["ECG_R_Peaks"]
            _, waves = neurokit2.ecg_delineate(cleaned, r, int(record.fs_hz), method=method)
    except (ValueError, IndexError, ZeroDivisionError, KeyError, TypeError):
        return found
    found["r_peak"] = np.asarray(r) / record.fs_hz
    found |= {wave: np.array(waves.get(f"ECG_{name}", []), float) / record.fs_hz for wave, name in _THEIRS.items()}
    return found


def matched(known: Float64Array, seen: Float64Array) -> list[float]:
    """Errors in ms of the known times that have a seen one of their own within 150 ms."""
    used: set[int] = set()
    errors = []
    for t in known:
        free = [j for j in range(len(seen)) if j not in used and abs(seen[j] - t) <= 0.15]
        if free:
            best = min(free, key=lambda j: abs(seen[j] - t))
            used.add(best)
            errors.append(1000 * float(seen[best] - t))
    return errors


def rows_of(name: str, part: str, found: list[tuple[Times, Times, tuple[float, float]]],
            ms: float) -> list[dict[str, Any]]:
    """A row a wave."""
    rows = []
    for wave in WAVES:
        errors, known, seen, between = list[float](), 0, 0, 0
        for times, truth, (first, last) in found:
            inside = times[wave][np.isfinite(times[wave])]
            inside = inside[(inside >= first - 0.1) & (inside <= last + 0.1)]
            errors += matched(truth[wave], inside)
            known, seen = known + len(truth[wave]), seen + len(inside)
            between += _between(inside, truth[wave])
        if not seen:
            continue
        hit = len(errors)
        rows.append({"method": name, "records": part, "wave": wave, "Se %": round(100 * hit / known, 2),
                     "P+ %": round(100 * hit / seen, 2), "F1": round(2 * hit / (known + seen), 4),
                     "F1 between marks": round(2 * hit / (known + between), 4),
                     "mean ms": round(float(np.mean(errors)), 1), "sd ms": round(float(np.std(errors)), 1),
                     "ms a record": round(ms, 1)})
    return rows


def _between(seen: Float64Array, marked: Float64Array) -> int:
    """How many found waves lie between the first and the last mark of this wave, where there is any.

    The cardiologists' marks begin at the QRS of the first beat: its P is not marked, though it is there.
    """
    if not len(marked):
        return len(seen)
    return int(((seen >= marked[0] - 0.15) & (seen <= marked[-1] + 0.15)).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ludb", type=Path)
    parser.add_argument("--lead", default="II")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_beats.json")
    given = parser.parse_args()
    paths = sorted(given.ludb.rglob("*.hea"), key=lambda p: int(p.stem))
    rows: list[dict[str, Any]] = []
    for name in ("Pellucid, all leads", "--delineator neurokit2", *(f"NeuroKit2 {m}, one lead" for m in METHODS)):
        for part, start in PARTS.items():
            found, spent = [], 0.0
            for path in paths[start::2]:
                truth = marks(path, given.lead)
                if truth is None:
                    continue
                begin = time.perf_counter()
                method = name.split()[1].rstrip(",")
                delineator = "neurokit2" if name.startswith("--") else "pellucid"
                times = (neurokit(path, given.lead, method) if name.startswith("NeuroKit2")
                         else ours(path, given.lead, delineator))
                spent += time.perf_counter() - begin
                found.append((times, *truth))
            rows += rows_of(name, part, found, 1000 * spent / max(len(found), 1))
    about = (f"{len(paths)} records of {given.ludb.name}, lead {given.lead}, waves within 150 ms of the cardiologists' "
             "marks. The constants of ours were set on every second record; time includes reading.")
    write(given.out, "ECG beats", about, rows)


if __name__ == "__main__":
    main()
