"""Our feature families beside those of others, in turn in one run on one core, and the whole `featurize` run.

python -m benchmarks.features [--quick] [--image CELL] [--images FOLDER] [-o benchmarks/results/features.json]

The region is a disc over 40 % of the image, 32 gray levels. Every call starts from the byte plane and the mask. Ours
and the peers take turns; a figure is the median of its rounds. Peers that are not installed are named and left out.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import peers
from benchmarks.record import RESULTS, write
from featurize.arrays import BoolArray, Float64Array, Int32Array, UInt8Array
from featurize.descriptors.shape import object_shapes
from featurize.descriptors.texture import hog, local_binary_pattern
from featurize.descriptors.zernike import zernike_moments
from featurize.images.read import read_image
from featurize.radiomics import engine
from featurize.radiomics.settings import RadiomicsSettings
from featurize.simulate.smears import HOME, KINDS, draw_cell

SETTINGS = RadiomicsSettings(bin_count=peers.LEVELS)
BATCH = 100
Job = tuple[str, Callable[[], Any]]


def picture(image: Path | None, kind: str, side: int) -> UInt8Array:
    """A real or drawn cell, or noise, (side, side)."""
    if kind == "noise":
        return np.random.default_rng(0).integers(0, 256, (side, side)).astype(np.uint8)
    rgb = read_image(image).rgb if image else draw_cell("monocyte", 1, HOME).rgb
    short = min(rgb.shape[:2])
    return np.asarray(cv2.resize(cv2.cvtColor(rgb[:short, :short], cv2.COLOR_RGB2GRAY), (side, side),
                                 interpolation=cv2.INTER_AREA), np.uint8)


def disc(side: int) -> BoolArray:
    """40 % of a square."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(y ** 2 + x ** 2 < 0.4 / np.pi * side ** 2)


def objects(side: int) -> Int32Array:
    """A hundred ellipses, labelled."""
    labels, rng = np.zeros((side, side), np.int32), np.random.default_rng(0)
    step = side / 10
    for k in range(100):
        center = (int((k % 10 + 0.5) * step), int((k // 10 + 0.5) * step))
        axes = tuple(int(v) for v in rng.uniform(0.2, 0.42, 2) * step)
        cv2.ellipse(labels, center, axes, float(rng.uniform(0, 180)), 0, 360, k + 1, cv2.FILLED)
    return labels


def race(jobs: list[Job], rounds: int) -> list[float]:
    """Median milliseconds of every job; each round runs them all in turn, the first round isn't counted."""
    spent: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds + 1):
        for k, (_, job) in enumerate(jobs):
            start = time.perf_counter()
            job()
            spent[k].append(1000 * (time.perf_counter() - start))
    return [float(np.median(s[1:])) for s in spent]


def difference(ours: Float64Array, theirs: Float64Array) -> float:
    """Largest relative difference of numbers that are finite in both and above rounding."""
    both = np.isfinite(ours) & np.isfinite(theirs) & (np.abs(theirs) > 1e-9)
    return float((np.abs(ours - theirs)[both] / np.abs(theirs[both])).max()) if both.any() else 0.0


def rows_of(family: str, size: str, ours: Callable[[], Any], others: list[Job], rounds: int, scale: int = 1,
            equal_to: str = "pyradiomics") -> list[dict[str, Any]]:
    """A row for each peer."""
    times = race([("ours", ours), *others], rounds)
    rows = []
    for (name, job), spent in zip(others, times[1:]):
        apart: Any = "-"
        if name == equal_to:
            apart = float(f"{difference(np.ravel(ours()), np.ravel(job())):.1e}")
        rows.append({"family": family, "size": size, "ours_ms": _short(times[0] / scale), "peer": name,
                     "peer_ms": _short(spent / scale), "ratio": _short(spent / times[0]),
                     "max_relative_difference": apart})
    return rows


def radiomics_rows(plane: UInt8Array, kind: str, here: dict[str, bool], rounds: int) -> list[dict[str, Any]]:
    """Every family, then all seven in one call."""
    side, mask = len(plane), disc(len(plane))
    rows = []
    extra = ("gldzm", "ngldm")
    for families in [*((f,) for f in (*engine.STANDARD, *extra)), engine.STANDARD]:
        others: list[Job] = []
        if here["pyradiomics"] and families[0] not in extra:
            peer = peers.pyradiomics(families)
            others.append(("pyradiomics", lambda peer=peer: peer(plane, mask)))
        if here["nyxus"]:
            whole = peers.nyxus(families)
            others.append(("nyxus", lambda whole=whole: whole(plane, mask)))
        if here["mahotas"] and families == ("glcm",):
            others.append(("mahotas", lambda: peers.mahotas_haralick(plane, mask)))
        name = families[0] if len(families) == 1 else "all seven"
        rows += rows_of(name, f"{side} {kind}", lambda f=families: engine.measure_region(plane, mask, f, SETTINGS),
                        others, rounds)
    return rows


def batch_rows(plane: UInt8Array, kind: str, here: dict[str, bool], rounds: int) -> list[dict[str, Any]]:
    """A hundred small regions in one call; times a region."""
    planes, masks = np.repeat(plane[None], BATCH, axis=0), np.repeat(disc(len(plane))[None], BATCH, axis=0)
    others: list[Job] = []
    if here["nyxus"]:
        whole = peers.nyxus(engine.STANDARD, BATCH)
        others.append(("nyxus", lambda: whole(plane, masks[0])))
    return rows_of("all seven, batch of 100", f"{len(plane)} {kind}",
                   lambda: engine.measure(planes, masks, settings=SETTINGS), others, rounds, BATCH)


def texture_rows(plane: UInt8Array, kind: str, here: dict[str, bool], rounds: int) -> list[dict[str, Any]]:
    """Local binary patterns, oriented gradients, Zernike moments, a hundred objects."""
    size, mask, labels = f"{len(plane)} {kind}", disc(len(plane)), objects(len(plane))
    rows = []
    if here["scikit-image"]:
        rows += rows_of("lbp 8,1", size, lambda: local_binary_pattern(plane, 8, 1.0, "uniform"),
                        [("scikit-image", lambda: peers.skimage_lbp(plane, mask))], rounds, equal_to="scikit-image")
        rows += rows_of("hog", size, lambda: hog(plane, block_norm="L2-Hys"),
                        [("scikit-image", lambda: peers.skimage_hog(plane, mask))], rounds, equal_to="scikit-image")
        rows += rows_of("100 objects", size, lambda: _columns(object_shapes(labels)),
                        [("scikit-image", lambda: _columns(peers.skimage_objects(labels)))], rounds,
                        equal_to="scikit-image")
    if here["mahotas"]:
        rows += rows_of("zernike", size, lambda: zernike_moments(np.where(mask, plane, 0), len(plane) / 2),
                        [("mahotas", lambda: peers.mahotas_zernike(plane, mask))], rounds, equal_to="mahotas")
    return rows


def _columns(table: dict[str, NDArray[Any]]) -> Float64Array:
    return np.concatenate([np.asarray(table[name], np.float64) for name in peers.SHAPES])


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def first_call() -> float:
    """Seconds from a fresh interpreter to the features of one region, numba's cache warm."""
    code = ("import numpy as np; from featurize.radiomics.engine import measure; "
            "measure([np.arange(784).astype('uint8').reshape(28, 28)], [np.ones((28, 28), bool)])")
    subprocess.run([sys.executable, "-c", code], check=True)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def draw(folder: Path, count: int, side: int = 360) -> None:
    """Drawn cells, `folder/<kind>/<number>.jpg`."""
    lab = replace(HOME, size_px=side, um_per_px=HOME.um_per_px * HOME.size_px / side)
    for number in range(count):
        place = folder / KINDS[number % len(KINDS)] / f"{number:04d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_cell(KINDS[number % len(KINDS)], number, lab).rgb).save(place, quality=92)


def run_rows(folder: Path, count: int, presets: tuple[str, ...]) -> list[dict[str, Any]]:
    """Images a second and peak memory of `cli.py featurize`, by preset and jobs; the second of two runs."""
    rows = []
    for preset in presets:
        for jobs in (1, 2):
            for _ in range(2):
                with tempfile.TemporaryDirectory() as place:
                    start = time.perf_counter()
                    subprocess.run([sys.executable, "cli.py", "featurize", str(folder), "-o", f"{place}/t.parquet",
                                    "--preset", preset, "--jobs", str(jobs)], check=True, capture_output=True)
                    seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            rows.append({"preset": preset, "jobs": jobs, "images": count, "images/s": _short(count / seconds),
                         "largest process so far, MiB": round(peak)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds, 256 and 28 px only, few images")
    parser.add_argument("--image", type=Path, help="a picture of a cell; drawn if none is given")
    parser.add_argument("--images", type=Path, help="class folders for the whole run; drawn if none are given")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "features.json")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    here = peers.installed()
    missing = [name for name, found in here.items() if not found]
    print("left out, not installed:", ", ".join(missing) or "none", file=sys.stderr)
    rows: list[dict[str, Any]] = []
    for kind in ("cell", "noise"):
        for side in (256, 28) if given.quick else (512, 256, 28):
            plane, rounds = picture(given.image, kind, side), 5 if given.quick else 15
            rows += radiomics_rows(plane, kind, here, rounds)
            rows += batch_rows(plane, kind, here, rounds) if side == 28 else texture_rows(plane, kind, here, rounds)
    write(given.out, "Feature families", "Milliseconds a region, medians of rounds in turn, one core; 32 gray levels, "
          f"a disc over 40 % of {'a real cell image' if given.image else 'a drawn cell'} and of noise. Peers left out: "
          f"{', '.join(missing) or 'none'}. A fresh interpreter has its first features after {first_call():.2f} s "
          "(numba's cache warm).", rows)
    presets = ("cell",) if given.quick else ("cell", "tissue", "xray", "whole")
    with tempfile.TemporaryDirectory() as place:
        folder = given.images or Path(place)
        if not given.images:
            draw(folder, 40 if given.quick else 300)
        count = sum(1 for p in folder.glob("*/*") if p.suffix in (".jpg", ".png"))
        write(given.out.with_name(f"{given.out.stem}_run.json"), "The whole run of featurize",
              f"{count} images of {given.images.name if given.images else '360 px, drawn'}, from the command line, "
              "start of Python and second measurements included; every preset on the same images.",
              run_rows(folder, count, presets))


if __name__ == "__main__":
    main()
