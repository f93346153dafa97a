"""The contest's score of digitized pages: real pages with truth, synthetic layouts and degradations.

python -m benchmarks.ecg_pages [PAGES] [--seeds 3] [--peer FOLDER]... [-o benchmarks/results/ecg_pages.json]

PAGES holds <name>.png beside <name>.csv, the true signals. --peer scores the CSV files (<name>.csv, columns named by
their leads, in mV, the truth's rows) that another digitizer made of the same pages; it may be given more than once.
"""
import argparse
import resource
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from ecg.beats.delineate import find_beats
from ecg.digitize import digitize
from ecg.lead_table import LEADS
from ecg.simulate.degrade import KINDS, degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from featurize.images.picture import ImageError

FS_HZ = 500.0
# R waves of page and truth that lie this close together are the same.
_SAME_S = 0.02
# A page that was refused, or that a peer lacks.
_NOTHING = 1e-9
STYLES = {
    "3x4+1": Style(), "3x4, no separators": Style(layout="3x4", separators="none"),
    "6x2, names above": Style(layout="6x2", row_mm=26, separators="tick", names="above"),
    "6x2+1, green grid": Style(layout="6x2+1", row_mm=25, major=(110, 190, 130), minor=(200, 232, 206)),
    "12x1": Style(layout="12x1", row_mm=18, separators="none"), "3x1": Style(layout="3x1"),
    "3x4+3": Style(layout="3x4+3", row_mm=26),
    "pulse at the right, pink, 150 dpi": Style(pulse="right", major=(235, 140, 150), minor=(250, 215, 220),
                                               paper=(255, 246, 240), names="above", px_per_mm=5.9),
    "blue grid": Style(major=(120, 150, 220), minor=(200, 215, 245), ink=(0, 0, 0)),
    "gray grid": Style(major=(150, 150, 150), minor=(215, 215, 215)),
    "blue ink": Style(ink=(30, 40, 140), major=(240, 130, 130), minor=(250, 205, 205)),
    "no pulse, no words": Style(pulse="none", words=False, separators="none", names="above"),
    "100 dpi": Style(px_per_mm=4.0, pen_mm=.35), "300 dpi": Style(px_per_mm=11.8),
    "50 mm/s, 5 mm/mV": Style(layout="3x1", mm_per_s=50, mm_per_mv=5),
    "6x2 in Cabrera's order, gaps": Style(layout="6x2 cabrera", row_mm=26, separators="none", names="above", gap_mm=4,
                                          pulse="first"),
    "12x1, rows 10 mm apart": Style(layout="12x1", row_mm=10, separators="none", names="above"),
    "gray pen, gray grid, 150 dpi": Style(major=(150, 150, 150), minor=(215, 215, 215), ink=(60, 60, 60),
                                          px_per_mm=5.9),
    "chest leads 5 mm/mV": Style(chest_mm_per_mv=5)}


class Peaks(NamedTuple):
    """R waves of one page or more: in the true signals, of those found on the page, and found beside those."""

    known: int = 0
    met: int = 0
    more: int = 0

    def __str__(self) -> str:
        return f"{self.met} of {self.known}" + (f", {self.more} more" if self.more else "")


def total(peaks: Iterable[Peaks]) -> Peaks:
    """The sum over pages."""
    every = list(peaks)
    return Peaks(*(sum(column) for column in zip(*every))) if every else Peaks()


def in_windows(truth: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """`found` in the truth's rows and columns, NaN where the truth has none."""
    return found.reindex(index=truth.index, columns=truth.columns).where(truth.notna())


def r_waves(truth: pd.DataFrame, found: pd.DataFrame) -> dict[str, Peaks]:
    """R waves of each lead, sought by `find_beats` in both, the windows being the truth's."""
    leads = [lead for lead in LEADS if lead in truth]
    true, seen = (find_beats(frame[leads].to_numpy(float).T, leads, FS_HZ).times["r_peak"]
                  for frame in (truth, in_windows(truth, found)))
    return {lead: _matched(a[np.isfinite(a)], b[np.isfinite(b)]) for lead, a, b in zip(leads, true, seen)}


def _matched(true: np.ndarray, seen: np.ndarray) -> Peaks:
    # Beats are a quarter of a second apart at least: no peak can meet two.
    near = np.abs(true[:, None] - seen[None]) < _SAME_S + 1e-6
    return Peaks(len(true), int(near.any(axis=1).sum()), int((~near.any(axis=0)).sum()))


def _score(rgb: np.ndarray, truth: pd.DataFrame) -> tuple[float, float, Peaks]:
    """Ratio, seconds of processor time, R waves; ratio 0 where the page was refused."""
    data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    start = time.process_time()
    try:
        found = pd.DataFrame(dict(zip(LEADS, digitize(data, fs_hz=FS_HZ).signals.mv)))
        ratio, spent = page_ratio(truth, found, FS_HZ), time.process_time() - start
    except ImageError as error:
        print(f"refused: {error}")
        found, ratio, spent = truth.iloc[:0], _NOTHING, time.process_time() - start
    return ratio, spent, total(r_waves(truth, found).values())


def _pages(folder: Path) -> Iterator[tuple[Path, pd.DataFrame]]:
    for page in sorted(folder.glob("*.png")):
        if page.with_suffix(".csv").exists():
            yield page, pd.read_csv(page.with_suffix(".csv"))


def _row(name: str, ratios: list[float], spent: list[float], peaks: Iterable[Peaks]) -> dict[str, Any]:
    """`spent` is empty where others made the signals: neither time nor memory is known."""
    row = {"pages": name, "n": len(ratios), "mean dB": round(decibels(ratios), 2),
           "worst dB": round(decibels([min(ratios)]), 2), "R within 20 ms": str(total(peaks)),
           "s a page (CPU)": round(float(np.median(spent)), 2) if spent else None,
           "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 if spent else None}
    print(row, flush=True)
    return row


def _real(folder: Path) -> list[dict[str, Any]]:
    """One row for all leads, and one for each."""
    every, spent, leads, peaks = [], [], dict[str, list[float]](), dict[str, list[Peaks]]()
    for page, truth in _pages(folder):
        start = time.process_time()
        found = digitize(page, fs_hz=FS_HZ)
        spent.append(time.process_time() - start)
        frame = pd.DataFrame(dict(zip(LEADS, found.signals.mv)))
        every.append(page_ratio(truth, frame, FS_HZ))
        for lead, waves in r_waves(truth, frame).items():
            leads.setdefault(lead, []).append(page_ratio(truth[[lead]], frame, FS_HZ))
            peaks.setdefault(lead, []).append(waves)
    return [_row(f"{folder.name}, all leads", every, spent, sum(peaks.values(), []))] + [
        _row(f"{folder.name}, {lead}", values, spent, peaks[lead]) for lead, values in leads.items()]


def peer_row(folder: Path, peer: Path) -> dict[str, Any]:
    """Another digitizer's CSV files of the pages in `folder`; a page that it lacks counts as 0, and the row says so."""
    ratios, peaks, lacking = [], [], 0
    for page, truth in _pages(folder):
        place = peer / f"{page.stem}.csv"
        lacking += not place.exists()
        found = in_windows(truth, pd.read_csv(place) if place.exists() else truth.iloc[:0])
        ratios.append(page_ratio(truth, found, FS_HZ) if place.exists() else _NOTHING)
        peaks += r_waves(truth, found).values()
    said = f" (lacks {lacking} of {len(ratios)}, counted as 0)" if lacking else ""
    return _row(f"{folder.name}, peer {peer.name}{said}", ratios, [], peaks)


def _made(seeds: int) -> list[dict[str, Any]]:
    """Synthetic pages: every layout, and every degradation of the contest's layout."""
    rows: list[dict[str, Any]] = []
    for name, style in STYLES.items():
        scored = [_score(*draw_page(heartbeats(seed), style)) for seed in range(seeds)]
        rows.append(_row(f"synthetic: {name}", *map(list, zip(*scored))))
    for kind in KINDS:
        drawn = [draw_page(heartbeats(100 + seed), Style()) for seed in range(seeds)]
        scored = [_score(degrade(rgb, kind, seed), truth) for seed, (rgb, truth) in enumerate(drawn)]
        rows.append(_row(f"synthetic 3x4+1: {kind}", *map(list, zip(*scored))))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="?")
    parser.add_argument("--peer", type=Path, action="append", default=[],
                        help="folder of <name>.csv that another digitizer wrote; may be repeated")
    parser.add_argument("--seeds", type=int, default=3, help="synthetic pages of each kind; 0 = none")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_pages.json")
    given = parser.parse_args()
    wrong = [str(folder) for folder in (given.pages, *given.peer) if folder and not folder.is_dir()]
    if wrong or (given.peer and not given.pages):
        parser.error(f"not a folder: {', '.join(wrong)}" if wrong else "--peer was given without PAGES")
    if not given.pages and not given.seeds:
        parser.error("nothing to score: PAGES, or --seeds above 0, is wanted")
    cv2.setNumThreads(1)
    rows = _real(given.pages) if given.pages else []
    rows += [peer_row(given.pages, peer) for peer in given.peer]
    rows += _made(given.seeds) if given.seeds else []
    write(given.out, "ECG pages", "Signal to error power in dB as the contest defines it (each lead shifted by at most "
          "0.2 s, offset removed, a page at most 25.84 dB; the mean is taken over ratios). Synthetic pages are drawn "
          "by ecg.simulate.draw and degraded by ecg.simulate.degrade, seeds from 0; the digitizer was developed while "
          "looking at such pages and at the real ones, so no figure here is held out. R waves are sought by "
          "ecg.beats.delineate in the true and in the digitized signals, all leads; 'more' are those found on pages "
          "alone. Peers are scored by the files that they wrote.", rows)


if __name__ == "__main__":
    main()
