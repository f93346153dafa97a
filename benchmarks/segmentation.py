"""Dice of nucleus and cell against masks drawn by people.

python -m benchmarks.segmentation IMAGES MASKS [-o benchmarks/results/segmentation.json] [--sheet worst.png]

IMAGES holds class folders, MASKS a PNG of the same file name for each: 255 nucleus, 128 cytoplasm, 0 neither.
"""
import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.record import RESULTS, write
from featurize.arrays import BoolArray, UInt8Array
from featurize.images.read import read_image
from featurize.segment.cell import find_cell, search_image

ANCHOR = "nucleus .968 (Tavakoli et al. 2021, PMC8484470, on its own data)"


def dice(found: BoolArray, drawn: BoolArray) -> float:
    """2 |A and B| / (|A| + |B|)."""
    return float(2 * (found & drawn).sum() / max(found.sum() + drawn.sum(), 1))


def measured(image: Path, masks: Path) -> dict[str, Any]:
    """Dice values and milliseconds of one image, masks compared at the size they were drawn in."""
    rgb = read_image(image).rgb
    drawn = read_image(masks / image.name).rgb[..., 0]
    start = time.process_time()
    found = find_cell(search_image(rgb))
    spent = 1000 * (time.process_time() - start)

    def enlarged(mask: BoolArray) -> BoolArray:
        size = (drawn.shape[1], drawn.shape[0])
        return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5)
    return {"path": image, "label": image.parent.name, "nucleus": dice(enlarged(found.nucleus), drawn == 255),
            "cell": dice(enlarged(found.cell), drawn > 0), "ms": spent}


def sheet(images: list[Path], path: Path) -> None:
    """Contours on the images given, ten in a row: cell green, nucleus yellow."""
    tiles: list[UInt8Array] = []
    for image in images:
        small = search_image(read_image(image).rgb).copy()
        found = find_cell(small)
        for mask, color in ((found.cell, (0, 200, 0)), (found.nucleus, (255, 220, 0))):
            outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(small, outlines, -1, color, 1)
        tiles.append(cv2.copyMakeBorder(small, 0, 256 - small.shape[0], 0, 256 - small.shape[1], cv2.BORDER_CONSTANT))
    rows = [np.hstack(tiles[k:k + 10]) for k in range(0, len(tiles) // 10 * 10, 10)]
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))[1].tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "segmentation.json")
    parser.add_argument("--sheet", type=Path, help="write the 30 worst as a picture")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    images = sorted(p for p in given.images.glob("*/*.png") if not p.parent.name.startswith("_"))
    rows = [measured(image, given.masks) for image in images]
    table = []
    for label in [*sorted({r["label"] for r in rows}), "all"]:
        own = [r for r in rows if label in (r["label"], "all")]
        table.append({"class": label, "n": len(own)} | {
            f"{part} {name}": round(float(f([r[part] for r in own])), 4) for part in ("nucleus", "cell")
            for name, f in (("mean", np.mean), ("median", np.median), ("worst", np.min))}
            | {"ms (CPU)": round(float(np.median([r["ms"] for r in own])), 1)})
    write(given.out, "Segmentation of cells", f"Dice of {len(rows)} images of {given.images.name} against masks drawn "
          f"by people. The rules were developed while looking at these images, so this is no held-out figure. "
          f"Anchor: {ANCHOR}.", table)
    if given.sheet:
        rows.sort(key=lambda r: min(r["nucleus"], r["cell"]))
        sheet([r["path"] for r in rows[:30]], given.sheet)


if __name__ == "__main__":
    main()
