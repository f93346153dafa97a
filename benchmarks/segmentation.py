"""Dice of nucleus and cell against masks drawn by people.

python -m benchmarks.segmentation IMAGES MASKS [--fields FIELDS] [-o benchmarks/results/segmentation.json]
                                  [--sheet worst.png]

IMAGES holds class folders, MASKS a PNG of the same file name for each: 255 nucleus, 128 cytoplasm, 0 neither. FIELDS
holds whole fields with boxes of white cells (see `benchmarks.detect`): cells are cut out of them as `detect` does, and
the box of the outlined cell is compared with the box that people drew.
"""
import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.detect import LEAST_IOU, labelled
from benchmarks.record import RESULTS, write
from featurize.arrays import BoolArray, Float64Array, UInt8Array
from featurize.detect.draw import crop_place
from featurize.detect.field import detect
from featurize.detect.result import WHITE
from featurize.detect.score import overlaps
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


def on_crops(fields: Path) -> list[dict[str, Any]]:
    """How the boxes of cells that are segmented on crops of whole fields agree with drawn ones.

    Cells that `detect` missed are not among them.
    """
    cut, whole = [], []
    for path in sorted((fields / "JPEGImages").glob("*.jpg")):
        rgb = read_image(path).rgb
        truth = labelled(fields / "Annotations" / f"{path.stem}.xml")[WHITE]
        field = detect(rgb)
        for cell in field.found:
            if cell.kind != WHITE or not len(truth):
                continue
            # Cells that people boxed as well.
            agreement = overlaps(np.array(cell.box, dtype=np.float64), truth)
            if agreement.max() >= LEAST_IOU:
                box = _box_on_crop(rgb, crop_place(rgb.shape, cell, field.red_diameter_px))
                cut.append(float(overlaps(box, truth[[agreement.argmax()]])[0]))
                whole.append(float(agreement.max()))
    return [{"class": f"{name}: IoU of boxes", "n": len(ious), "nucleus mean": "", "nucleus median": "",
             "nucleus worst": "", "cell mean": round(float(np.mean(ious)), 4),
             "cell median": round(float(np.median(ious)), 4), "cell worst": round(min(ious), 4), "ms (CPU)": ""}
            for name, ious in (("cells cut from fields", cut), ("the same in the whole field", whole))]


def _box_on_crop(rgb: UInt8Array, place: tuple[int, int, int, int]) -> Float64Array:
    """xmin, ymin, xmax, ymax in the field, of the cell that is outlined on a crop; zeros if there is none."""
    crop = rgb[place[1]:place[3], place[0]:place[2]]
    small = search_image(crop)
    y, x = np.nonzero(find_cell(small).cell)
    if not len(x):
        return np.zeros(4)
    box = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) * (crop.shape[1] / small.shape[1])
    return np.asarray(box + np.tile(place[:2], 2), dtype=np.float64)


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
    parser.add_argument("--fields", type=Path, help="whole fields with drawn boxes, as BCCD has them")
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
    about = (f"Dice of {len(rows)} images of {given.images.name} against masks drawn by people. The rules were "
             f"developed while looking at these images, so this is no held-out figure. Anchor: {ANCHOR}.")
    if given.fields:
        table += on_crops(given.fields)
        about += (f" Last rows: {given.fields.name}, white cells that `detect` found and people boxed; the box of the "
                  "cell outlined on its crop, and that of `detect`, against the drawn box. That set has no masks.")
    write(given.out, "Segmentation of cells", about, table)
    if given.sheet:
        rows.sort(key=lambda r: min(r["nucleus"], r["cell"]))
        sheet([r["path"] for r in rows[:30]], given.sheet)


if __name__ == "__main__":
    main()
