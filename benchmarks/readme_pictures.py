"""The pictures of the README, from the demo's own output.

    python cli.py demo all -o demo && python benchmarks/readme_pictures.py demo docs

Needs Chromium (`chromium` or $CHROMIUM) to photograph the pages.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageChops

from featurize.arrays import UInt8Array
from featurize.segment.segmenters import segment
from featurize.simulate.smears import KINDS

WIDTH = 960
ONLY_TOP = "nav.contents, footer, section:not(#at-a-glance) {display: none !important}"
ONLY_CASE = ("nav.contents, footer, main > *:not(#single-images), #single-images > *:not(article.case), "
             "article.case ~ article.case {display: none !important}")
ONLY_HEART = ("nav.contents, footer, main > *:not(#beats-and-intervals), #beats-and-intervals > table ~ *, "
              "#beats-and-intervals > .scroll ~ * {display: none !important}")
OUTLINES = {"cell": (255, 214, 0), "nucleus": (0, 200, 255)}


def main(demo: Path, out: Path) -> None:
    """Write cells.png, report.png, case.png, audit.png, ecg.png and heart.png."""
    if (demo / "signals").is_dir():
        save(Image.fromarray(traced(demo)), out / "ecg.png")
        save(photograph(demo / "signals/report.html", ONLY_HEART), out / "heart.png")
    if not (demo / "run").is_dir():
        return
    save(Image.fromarray(cells(demo)), out / "cells.png")
    save(photograph(demo / "run/report.html", ONLY_TOP), out / "report.png")
    save(photograph(demo / "run/report.html", ONLY_CASE), out / "case.png")
    save(photograph(demo / "audit.html", ONLY_TOP), out / "audit.png")


def cells(demo: Path, side: int = 160) -> UInt8Array:
    """One cell of each kind from both laboratories, with what the segmenter found."""
    rows = []
    for place in ("home", "abroad"):
        files = [sorted((demo / place / kind).glob("*.jpg"))[number] for kind in KINDS for number in (2, 4)]
        rows.append(np.hstack([outlined(np.asarray(Image.open(file)), side) for file in files]))
    return np.vstack(rows)


def outlined(rgb: UInt8Array, side: int) -> UInt8Array:
    """The square in the middle with the outlines of nucleus and cell."""
    sample = segment("cell", rgb, "none")
    left, top = int(sample.facts["crop_left"]), int(sample.facts["crop_top"])
    zoom = 1 / sample.facts["px_per_raw_px"]
    large, grown = cv2.resize(rgb, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), 4
    for name, color in OUTLINES.items():
        found, _ = cv2.findContours(sample.regions[name].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        moved = [np.round(((c + .5) * zoom + (left, top)) * grown).astype(np.int32) for c in found]
        cv2.drawContours(large, moved, -1, color, 5, cv2.LINE_AA)
    middle, half = np.array(large.shape[:2]) // 2, int(.40 * len(large))
    part = large[middle[0] - half:middle[0] + half, middle[1] - half:middle[1] + half]
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def traced(demo: Path, height: int = 380) -> UInt8Array:
    """The demo's photographed page, and the same flattened with its leads drawn over it."""
    pair = [np.asarray(Image.open(place).convert("RGB")) for place in (demo / "pages/photo.png",
                                                                       demo / "signals/photo.overlay.png")]
    return np.hstack([np.asarray(cv2.resize(p, (round(p.shape[1] * height / p.shape[0]), height),
                                            interpolation=cv2.INTER_AREA)) for p in pair])


def photograph(page: Path, style: str) -> Image.Image:
    """The page in a browser under an extra style, without the empty space below it."""
    with tempfile.TemporaryDirectory() as folder:
        copy, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        copy.write_text(page.read_text(encoding="utf-8").replace("</head>", f"<style>{style}</style></head>"),
                        encoding="utf-8")
        subprocess.run([os.environ.get("CHROMIUM", "chromium"), "--headless", "--no-sandbox", "--disable-gpu",
                        "--hide-scrollbars", f"--window-size={WIDTH},2400", f"--screenshot={shot}", copy.as_uri()],
                       check=True, capture_output=True)
        image = Image.open(shot).convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((0, image.height - 1)))
    bottom = ImageChops.difference(image, empty).getbbox()
    return image.crop((0, 0, WIDTH, min(bottom[3] + 16, image.height))) if bottom else image


def save(image: Image.Image, path: Path) -> None:
    """As a small PNG of 256 colors."""
    image.quantize(256, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
