"""PR, QRS and QT of whole records against the medians of cardiologists' marks.

python -m benchmarks.ecg_intervals LUDB [-o benchmarks/results/ecg_intervals.json]

LUDB is a folder of WFDB records with one annotation a lead (Kalyakulina et al. 2020, 10.1109/ACCESS.2020.3029211). Of
the marks as of the found waves, an edge of a beat is the median over the leads, an interval the median over the beats.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from benchmarks.ecg_beats import PARTS
from benchmarks.record import RESULTS, write
from ecg.beats import DELINEATORS
from ecg.beats.delineate import find_beats
from ecg.beats.preprocess import median_over_leads
from ecg.lead_table import LEADS
from ecg.rhythm.morphology import intervals
from ecg.signals.records import read_record
from featurize.arrays import Float64Array

Times = dict[str, Float64Array]
# Marks of one QRS in several leads lie within this time, s.
_ONE_BEAT_S = 0.15
_KINDS = {"p": "p", "N": "qrs", "t": "t"}
_EDGES = ("p_onset", "qrs_onset", "qrs_offset", "t_offset")


def marked(path: Path) -> Times:
    """(12, beats) times of the marks, s; NaN where a wave is not marked in a lead."""
    by_lead = [_waves(path, lead) for lead in LEADS]
    beats: list[float] = []
    for waves in by_lead:
        for _, _, peak, _ in (wave for wave in waves if wave[0] == "qrs"):
            if not any(abs(peak - known) < _ONE_BEAT_S for known in beats):
                beats.append(peak)
    beats.sort()
    times = {edge: np.full((len(LEADS), len(beats)), np.nan) for edge in _EDGES}
    for row, waves in enumerate(by_lead):
        for k, (kind, onset, peak, offset) in enumerate(waves):
            # P belongs to the QRS that follows it, T to the one before.
            of = {"p": k + 1, "qrs": k, "t": k - 1}[kind]
            if not 0 <= of < len(waves) or waves[of][0] != "qrs":
                continue
            beat = int(np.argmin(np.abs(np.array(beats) - waves[of][2])))
            for edge, value in ((f"{kind}_onset", onset), (f"{kind}_offset", offset)):
                if edge in times:
                    times[edge][row, beat] = value
    return times


def _waves(path: Path, lead: str) -> list[tuple[str, float, float, float]]:
    """Kind, onset, peak and offset of each wave of a lead, s, in their order."""
    annotation = wfdb.rdann(str(path.with_suffix("")), lead.lower())
    at, symbols, found = annotation.sample / annotation.fs, annotation.symbol, []
    for k, symbol in enumerate(symbols):
        if symbol in _KINDS:
            onset = at[k - 1] if k and symbols[k - 1] == "(" else np.nan
            offset = at[k + 1] if k + 1 < len(at) and symbols[k + 1] == ")" else np.nan
            found.append((_KINDS[symbol], float(onset), float(at[k]), float(offset)))
    return found


def found(path: Path, delineator: str) -> Times:
    """(leads, beats) times of the waves that are found, s."""
    record = read_record(path, 500)
    return find_beats(record.mv, record.leads, record.fs_hz, delineator).times


def of_record(times: Times) -> dict[str, float]:
    """PR, QRS and QT, ms; NaN where there is none."""
    ventricles = intervals(times, {})
    pr = median_over_leads(times["qrs_onset"]) - median_over_leads(times["p_onset"])
    return {"PR": 1000 * float(np.nanmedian(pr)) if np.isfinite(pr).any() else np.nan,
            "QRS": 1000 * ventricles["qrs_s"], "QT": 1000 * ventricles["qt_s"]}


def rows_of(name: str, part: str, pairs: list[tuple[dict[str, float], dict[str, float]]]) -> list[dict[str, Any]]:
    """A row an interval."""
    rows = []
    for interval in ("PR", "QRS", "QT"):
        ours, truth = (np.array([pair[k][interval] for pair in pairs]) for k in (0, 1))
        error = (ours - truth)[np.isfinite(ours - truth)]
        rows.append({"method": name, "records": part, "interval": interval, "marked": int(np.isfinite(truth).sum()),
                     "of them found": len(error), "found, not marked": int((np.isfinite(ours) & np.isnan(truth)).sum()),
                     "mean ms": round(float(error.mean()), 1), "sd ms": round(float(error.std()), 1),
                     "median of the absolute error, ms": round(float(np.median(np.abs(error))), 1),
                     "within 10 ms": round(float((np.abs(error) <= 10).mean()), 3),
                     "within 20 ms": round(float((np.abs(error) <= 20).mean()), 3)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ludb", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_intervals.json")
    given = parser.parse_args()
    paths = sorted(given.ludb.rglob("*.hea"), key=lambda p: int(p.stem))
    truth = {path: of_record(marked(path)) for path in paths}
    rows: list[dict[str, Any]] = []
    for delineator in DELINEATORS:
        for part, start in PARTS.items():
            rows += rows_of(delineator, part, [(of_record(found(path, delineator)), truth[path])
                                               for path in paths[start::2]])
    about = (f"{len(paths)} records of {given.ludb.name}: intervals against those of the cardiologists' marks. "
             "Of both, an edge of a beat is the median over the leads, an interval the median over the beats. The "
             "constants of ours were set on every second record.")
    write(given.out, "ECG intervals", about, rows)


if __name__ == "__main__":
    main()
