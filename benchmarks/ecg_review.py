"""Does `review` find the pages that were read wrong? Pages drawn from records, in many styles, degraded in many ways.

python -m benchmarks.ecg_review RECORDS.npz [--first 0] [--pages 200] [--jobs 2] [--drawn FOLDER]... [--table PAGES.csv]

RECORDS.npz holds `sig_uv` (records, samples, 12), microvolt, and `fs`. Each page is another record: those of even
number set the constants of ecg.review, those of odd number are reported. --drawn: folders of <name>.png with
<name>.csv, the true signals, drawn by other programs; never used to set anything. --table keeps a row a page, written
as the pages are read; pages that it holds are not read again.
"""
import argparse
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from ecg.digitize import digitize
from ecg.job import VERSION
from ecg.lead_table import LEADS
from ecg.signals.residual import limb_disagreement
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.score import page_ratio
from featurize.arrays import Float64Array, UInt8Array
from featurize.images.picture import ImageError

FS_HZ = 500.0
# A page below the first is read wrong, above the second right, dB: the goal's.
WRONG_DB = 10.0
RIGHT_DB = 18.0
# Distinguishes this random generator from those of other modules with the same seed.
_STREAM = 83
_GRIDS = (((255, 0, 0), (255, 220, 216)), ((235, 140, 150), (250, 215, 220)), ((110, 190, 130), (200, 232, 206)),
          ((120, 150, 220), (200, 215, 245)), ((150, 150, 150), (215, 215, 215)), ((150, 100, 60), (205, 170, 140)),
          ((70, 70, 70), (150, 150, 150)))
_LAYOUTS = (("3x4+1", 36.0), ("3x4+1", 30.0), ("3x4", 34.0), ("6x2", 26.0), ("6x2+1", 24.0), ("12x1", 17.0),
            ("12x1+1", 15.0), ("3x4+3", 26.0))
Change = Callable[[UInt8Array, np.random.Generator], UInt8Array]


def _rotated(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.choice([-1, 1]) * rng.uniform(4, 14), 1)
    return np.asarray(cv2.warpAffine(rgb, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=(250, 250, 250)))


def _blurred(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    soft = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(1, 3.5))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 50))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", soft, quality)[1], cv2.IMREAD_COLOR))


def _coarse(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    share = rng.uniform(50, 110) / 200
    return np.asarray(cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))


def _written_on(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    out, (height, width) = rgb.copy(), rgb.shape[:2]
    color = [(20, 20, 20), (30, 40, 150), (200, 30, 30)][int(rng.integers(3))]
    for _ in range(int(rng.integers(2, 7))):
        steps = rng.normal(0, height / 60, (60, 2)) + [width / 250, 0]
        points = np.cumsum(steps, axis=0) + rng.uniform(0.1, 0.8, 2) * [width, height]
        cv2.polylines(out, [np.round(points).astype(np.int32)[:, None]], False, color, int(rng.integers(2, 6)),
                      cv2.LINE_AA)
    return out


def _cropped(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    height, width = rgb.shape[:2]
    left, right, top, bottom = rng.uniform(0, 0.12, 4)
    return np.ascontiguousarray(rgb[round(top * height):round((1 - bottom) * height),
                                    round(left * width):round((1 - right) * width)])


def _all_at_once(rgb: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return _blurred(_written_on(degrade(rgb, "photo", int(rng.integers(1 << 30))), rng), rng)


def _of_package(kind: str) -> Change:
    return lambda rgb, rng: degrade(rgb, kind, int(rng.integers(1 << 30)))


CHANGES: Mapping[str, Change] = {
    "clean": lambda rgb, rng: rgb, "rotation": _rotated, "blur and JPEG": _blurred, "low dpi": _coarse,
    "handwriting": _written_on, "crop": _cropped, "everything at once": _all_at_once,
    **{kind: _of_package(kind) for kind in ("photo", "screen", "scan", "black_and_white", "curl", "folds", "stains")}}


def make_page(mv: Float64Array, number: int) -> tuple[str, bytes, pd.DataFrame]:
    """Kind of change, PNG, and true signals of page `number`: the style is drawn from the same seed."""
    rng = np.random.default_rng([number, _STREAM])
    layout, row_mm = _LAYOUTS[int(rng.integers(len(_LAYOUTS)))]
    major, minor = _GRIDS[int(rng.integers(len(_GRIDS)))]
    style = Style(layout=layout, row_mm=row_mm * rng.uniform(0.9, 1.1), major=major, minor=minor,
                  ink=[(23, 23, 23), (0, 0, 0), (30, 40, 140), (70, 70, 70)][int(rng.integers(4))],
                  pen_mm=rng.uniform(0.2, 0.55), px_per_mm=rng.uniform(5.5, 8.5),
                  pulse=str(rng.choice(["left", "right", "none", "first"])),
                  separators=str(rng.choice(["bar", "tick", "none"])),
                  names=str(rng.choice(["below", "above", "beside", "none"], p=[.35, .35, .2, .1])),
                  words=bool(rng.random() < 0.8), gap_mm=float(rng.choice([0, 0, 2])))
    rgb, truth = draw_page(mv, style)
    kind = list(CHANGES)[number // 2 % len(CHANGES)]
    return kind, cv2.imencode(".png", CHANGES[kind](rgb, rng)[..., ::-1])[1].tobytes(), truth


def _measured(data: bytes, truth: pd.DataFrame) -> dict[str, Any]:
    """dB, review reasons, layout and what speaks for them of one page; why, where it was refused."""
    try:
        found = digitize(data, fs_hz=FS_HZ)
    except ImageError as error:
        return {"refused": error.reason}
    frame = pd.DataFrame(dict(zip(LEADS, found.signals.mv)))
    return {"db": 10 * math.log10(max(page_ratio(truth, frame, FS_HZ), 1e-9)), "review": "|".join(found.review),
            "layout": found.layout.name, "limb_disagreement": limb_disagreement(found.signals.mv),
            "least_confidence": min(found.signals.confidence(cell.lead) for cell in found.layout.cells)}


def _page(given: tuple[Float64Array, int]) -> dict[str, Any]:
    cv2.setNumThreads(1)
    kind, data, truth = make_page(*given)
    return {"number": given[1], "kind": kind, "version": VERSION, **_measured(data, truth)}


def _drawn(page: Path) -> dict[str, Any]:
    cv2.setNumThreads(1)
    return {"number": 1, "kind": page.parent.name, "page": page.stem, "version": VERSION,
            **_measured(page.read_bytes(), pd.read_csv(page.with_suffix(".csv")))}


def summary(rows: pd.DataFrame, name: str) -> dict[str, Any]:
    """Of pages that gave signals: how many are wrong and right, and the share of each that is flagged.

    Parameters
    ----------
    rows : DataFrame
        Columns db (NaN where a page was refused) and review.
    """
    read = rows[rows["db"].notna()]
    wrong, right = read[read["db"] < WRONG_DB], read[read["db"] > RIGHT_DB]
    flagged = [int((part["review"] != "").sum()) for part in (wrong, right)]
    return {"pages": name, "n": len(rows), "refused": len(rows) - len(read), "under 10 dB": len(wrong),
            "of those flagged": flagged[0], "over 18 dB": len(right), "of these flagged": flagged[1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    parser.add_argument("--first", type=int, default=0, help="the first record")
    parser.add_argument("--pages", type=int, default=200, help="pages at most, a record each")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--drawn", type=Path, action="append", default=[])
    parser.add_argument("--table", type=Path, help="csv of a row a page")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ecg_review.json")
    given = parser.parse_args()
    with np.load(given.records) as records:
        mv = records["sig_uv"][given.first:given.first + given.pages].transpose(0, 2, 1) / 1000.0
    drawn = [page for folder in given.drawn for page in sorted(folder.glob("*.png"))]
    found: list[dict[str, Any]] = []
    if given.table and given.table.exists():
        found = [{str(name): value for name, value in row.items()}
                 for row in pd.read_csv(given.table).to_dict("records")]
    drawn = [page for page in drawn if page.stem not in {row.get("page") for row in found}]
    numbers = {row["number"] for row in found if not isinstance(row.get("page"), str)}
    records_left = [(record, number) for number, record in enumerate(mv, given.first) if number not in numbers]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        others = pool.map(_drawn, drawn)
        pages = pool.map(_page, records_left)
        for row in chain(others, pages):
            found.append(row)
            if given.table:
                pd.DataFrame(found).to_csv(given.table, index=False)
    table = pd.DataFrame(found)
    table["review"] = table["review"].fillna("")
    made = table[~table["kind"].isin([folder.name for folder in given.drawn])]
    halves = [(made["number"] % 2 == 0, "even records, open to setting constants"),
              (made["number"] % 2 == 1, "odd records, kept aside")]
    rows = [summary(made[half], name) for half, name in halves]
    aside = made[made["number"] % 2 == 1]
    rows += [summary(aside[aside["kind"] == kind], f"odd records: {kind}") for kind in CHANGES]
    rows += [summary(table[table["kind"] == folder.name], folder.name) for folder in given.drawn]
    versions = ", ".join(str(version) for version in sorted(set(table["version"])))
    write(given.out, "ECG pages for review", f"Read by ecg.job.VERSION {versions}. Pages of records of PTB-XL (10 s, "
          "12 leads), a record a page, drawn by ecg.simulate.draw in styles at random and changed; seeds are the "
          "records' numbers. dB as in ECG pages. A refused page has no signals and counts in neither column. The "
          "constants of ecg.review were set on even records below 36.", rows)


if __name__ == "__main__":
    main()
