"""The contest's score of digitized pages: real pages with truth, synthetic layouts and degradations.

python -m benchmarks.ecg_pages [PAGES] [--seeds 3] [--peer FOLDER] [-o benchmarks/results/ecg_pages.json]

PAGES holds <name>.png beside <name>.csv, the true signals. --peer scores the CSV files that another digitizer made of
the same pages.
"""
import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from ecg.degrade import KINDS, degrade
from ecg.digitize import Digitized, digitize
from ecg.names import LEADS
from ecg.score import decibels, page_ratio
from ecg.synth import Style, draw_page, heartbeats
from featurize.picture import ImageError

FS_HZ = 500.0
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
    "50 mm/s, 5 mm/mV": Style(layout="3x1", mm_per_s=50, mm_per_mv=5)}


def _score(rgb: np.ndarray, truth: pd.DataFrame) -> tuple[float, float, Digitized | None]:
    """Ratio, seconds of processor time, and what was found; 0 where the page was refused."""
    data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    start = time.process_time()
    try:
        found = digitize(data, fs_hz=FS_HZ)
    except ImageError as error:
        print(f"refused: {error}")
        return 1e-9, time.process_time() - start, None
    spent = time.process_time() - start
    return page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), FS_HZ), spent, found


def _pages(folder: Path) -> Iterator[tuple[Path, pd.DataFrame]]:
    for page in sorted(folder.glob("*.png")):
        if page.with_suffix(".csv").exists():
            yield page, pd.read_csv(page.with_suffix(".csv"))


def _row(name: str, ratios: list[float], spent: list[float]) -> dict[str, Any]:
    row = {"pages": name, "n": len(ratios), "mean dB": round(decibels(ratios), 2),
           "worst dB": round(decibels([min(ratios)]), 2), "s a page (CPU)": round(float(np.median(spent)), 2),
           "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    print(row, flush=True)
    return row


def _real(folder: Path) -> list[dict[str, Any]]:
    """One row a page and lead group, and one for all."""
    every, spent, leads = [], [], dict[str, list[float]]()
    for page, truth in _pages(folder):
        start = time.process_time()
        found = digitize(page, fs_hz=FS_HZ)
        spent.append(time.process_time() - start)
        frame = pd.DataFrame(dict(zip(LEADS, found.signals.mv)))
        every.append(page_ratio(truth, frame, FS_HZ))
        for lead in LEADS:
            leads.setdefault(lead, []).append(page_ratio(truth[[lead]], frame, FS_HZ))
    return [_row(f"{folder.name}, all leads", every, spent)] + [
        _row(f"{folder.name}, {lead}", values, spent) for lead, values in leads.items()]


def _peer(folder: Path, peer: Path) -> list[dict[str, Any]]:
    ratios = [page_ratio(truth, pd.read_csv(peer / f"{page.stem}.csv"), FS_HZ)
              if (peer / f"{page.stem}.csv").exists() else 1e-9 for page, truth in _pages(folder)]
    return [_row(f"{folder.name}, peer {peer.name}", ratios, [float("nan")])]


def _made(seeds: int) -> list[dict[str, Any]]:
    """Synthetic pages: every layout, and every degradation of the contest's layout."""
    rows = []
    for name, style in STYLES.items():
        scored = [_score(*draw_page(heartbeats(seed), style)) for seed in range(seeds)]
        rows.append(_row(f"synthetic: {name}", [s[0] for s in scored], [s[1] for s in scored]))
    for kind in KINDS:
        ratios, spent = [], []
        for seed in range(seeds):
            rgb, truth = draw_page(heartbeats(100 + seed), Style())
            ratio, seconds, _ = _score(degrade(rgb, kind, seed), truth)
            ratios.append(ratio)
            spent.append(seconds)
        rows.append(_row(f"synthetic 3x4+1: {kind}", ratios, spent))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="?")
    parser.add_argument("--peer", type=Path, help="folder of <name>.csv that another digitizer wrote")
    parser.add_argument("--seeds", type=int, default=3, help="synthetic pages of each kind; 0 = none")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_pages.json")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    rows = _real(given.pages) if given.pages else []
    if given.pages and given.peer:
        rows += _peer(given.pages, given.peer)
    rows += _made(given.seeds)
    write(given.out, "ECG pages", "Signal to error power in dB as the contest defines it (each lead shifted by at most "
          "0.2 s, offset removed, a page at most 25.84 dB; the mean is taken over ratios). Synthetic pages are drawn "
          "by ecg.synth and degraded by ecg.degrade, seeds from 0; the digitizer was developed while looking at such "
          "pages and at the real ones, so no figure here is held out.", rows)


if __name__ == "__main__":
    main()
