"""What a run costs against the number of images: processor time, memory, size of table and report.

python -m benchmarks.scale [--images 100 1000 10000] [--few 1000 10000 100000] [--cells 100 1000] [--jobs 1 2] [--wall]
       [--keep FOLDER] [-o FILE.json]

Images are drawn: of 28 px with all families of preset whole (--images), the same with quality, color and lbp alone
(--few), and cells of 200 px with preset cell (--cells). The largest table of few families is given to `classify`, whose
report.html is weighed. Seconds are those of the processor, user and system, of a command and all its processes, which
other programs on the machine change little; `--wall` adds what the clock says, for a machine that does nothing else.
Linux only.
"""
import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.process_tree import Watched
from benchmarks.record import RESULTS, write
from featurize.arrays import UInt8Array
from featurize.simulate.smears import KINDS, draw_cell

SEED = 0
SMALL_PX = 28
# Standard deviation of the noise of a small image, and how much brighter the second class is, of 255.
NOISE, BRIGHTER = 40, 15
# Cells that are drawn; further ones are these with another noise of so many levels, as drawing takes long.
DRAWN_CELLS, CELL_NOISE = 100, 6
# Images of a patient.
A_PATIENT = 20
BYTES_PER_MB, MB_PER_TB = 1e6, 1e6
# Families of preset whole that --few leaves out.
LEFT_OUT = ("haralick", "wavelet", "hog", "gabor", "zernike", "fractal", "granulometry", "entropy", "radiomics")
# For the cost on paper: images, and dollars for an hour of one core (assumed, of the order of what clouds ask for).
MANY, DOLLARS_CORE_HOUR = 100_000_000, .04


@dataclass(frozen=True)
class Kind:
    """Images of one kind and how they are measured.

    Parameters
    ----------
    name : str
    preset : str
    classes : int
    drawn : callable
        The number of an image to (H, W, 3) uint8.
    counts : sequence of int
        Sizes of its folders.
    settings : str
        TOML that replaces keys of the preset; "" = none.
    """

    name: str
    preset: str
    classes: int
    drawn: Callable[[int], UInt8Array]
    counts: Sequence[int]
    settings: str = ""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of the processor and of the clock, and memory of all its processes."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def cost_of(*command: object) -> Cost:
    """Run a command of cli.py to its end.

    Raises
    ------
    SystemExit
        It failed.
    """
    start, before = time.perf_counter(), _waited_for_s()
    with tempfile.TemporaryFile("w+") as told, subprocess.Popen([sys.executable, "cli.py", *map(str, command)],
                                                                stdout=told, stderr=subprocess.STDOUT) as process:
        watched = Watched(process.pid)
        watched.start()
        code, seconds = process.wait(), time.perf_counter() - start
        watched.stop()
        if code:
            told.seek(0)
            raise SystemExit(f"{' '.join(map(str, command))} ended {code}: {told.read()[-500:]}")
    # One lacks processes that nobody waited for, the other the last moment of each.
    return Cost(max(_waited_for_s() - before, watched.cpu_s), seconds, watched.peak_mb)


def _waited_for_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def small_image(number: int) -> UInt8Array:
    """(28, 28, 3): noise, brighter in every second image."""
    rng = np.random.default_rng([SEED, number])
    level = 120 + BRIGHTER * (number % 2) + rng.normal(0, BRIGHTER)
    return rng.normal(level, NOISE, (SMALL_PX, SMALL_PX, 3)).clip(0, 255).astype(np.uint8)


def cell_images() -> Callable[[int], UInt8Array]:
    """A function of the number of a cell that gives (200, 200, 3)."""
    cells = [draw_cell(KINDS[number % len(KINDS)], number, patient=number // len(KINDS)).rgb
             for number in range(DRAWN_CELLS)]

    def changed(number: int) -> UInt8Array:
        rgb = cells[number % DRAWN_CELLS].astype(np.int16)
        noise = np.random.default_rng([SEED, number]).integers(-CELL_NOISE, CELL_NOISE + 1, rgb.shape)
        return (rgb + noise).clip(0, 255).astype(np.uint8)
    return changed


def draw_folder(folder: Path, count: int, kind: Kind) -> Path:
    """`folder/<class>/p<patient>_<number>.png`; patients have every class."""
    for number in range(count):
        place = folder / f"class_{number % kind.classes}" / f"p{number // A_PATIENT:05d}_{number:06d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(kind.drawn(number)).save(place, compress_level=1)
    return folder


def row(part: str, cost: Cost, images: int | None = None, result: Path | None = None) -> dict[str, Any]:
    """One line of the result."""
    told = {"part": part, "images": images, "processor s": round(cost.cpu_s, 2),
            "ms an image": round(1000 * cost.cpu_s / images, 2) if images and images > 1 else None,
            "peak MB": round(cost.peak_mb),
            "result MB": round(result.stat().st_size / BYTES_PER_MB, 2) if result else None,
            "clock s": round(cost.wall_s, 2), "images per s": round(images / cost.wall_s, 1) if images else None}
    print(told, flush=True)
    return told


def measured(folder: Path, kind: Kind, count: int, jobs: Sequence[int]) -> list[dict[str, Any]]:
    """`featurize` of a folder; the table and the images stay."""
    images, table = draw_folder(images_of(folder, kind, count), count, kind), table_of(folder, kind, count)
    (folder / "settings.toml").write_text(kind.settings)
    return [row(f"featurize {kind.name}, --jobs {n}",
                cost_of("featurize", images, "-o", table, "--preset", kind.preset, "--fresh", "--jobs", n, "--settings",
                        folder / "settings.toml", "--group-regex", r"/(p\d+)_"), count, table) for n in jobs]


def images_of(folder: Path, kind: Kind, count: int) -> Path:
    return folder / f"{kind.name} {count}"


def table_of(folder: Path, kind: Kind, count: int) -> Path:
    return folder / f"{kind.name} {count}.parquet"


def rows_of(kinds: Sequence[Kind], jobs: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """Startup, `featurize` by number and processes, `classify` of the largest table of the first kind."""
    first, largest = kinds[0], max(kinds[0].counts)
    for kind in kinds:
        # Loops are compiled once an installation.
        print("not counted, as loops may be compiled:", end=" ")
        measured(folder, kind, 1, [1])
    rows = [row("--help", cost_of("--help"))]
    for kind in kinds:
        for count in sorted({1, *kind.counts}):
            rows += measured(folder, kind, count, jobs if count > 1 else [1])
            if (kind, count) != (first, largest):
                shutil.rmtree(images_of(folder, kind, count))
    run = folder / "run"
    cost = cost_of("classify", table_of(folder, first, largest), "-o", run)
    return [*rows, row("classify, with report.html", cost, largest, run / "report.html")]


def on_paper(rows: Sequence[dict[str, Any]], kinds: Sequence[Kind]) -> str:
    """What 100 million images cost at the measured rates."""
    told = []
    for kind in kinds:
        largest = max((r for r in rows if r["part"].startswith(f"featurize {kind.name}, ")),
                      key=lambda r: (r["images"], -r["processor s"]))
        hours = MANY * largest["ms an image"] / 1000 / 3600
        size = MANY * largest["result MB"] / largest["images"] / MB_PER_TB
        told.append(f"{kind.name} {hours:,.0f} core hours (${hours * DOLLARS_CORE_HOUR:,.0f} at "
                    f"${DOLLARS_CORE_HOUR:g} a core hour) and {size:.2g} TB of tables")
    return f"100 million images on paper, at the rate of the largest folder: {'; '.join(told)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", nargs="+", type=int, default=[100, 1000, 10_000])
    parser.add_argument("--few", nargs="+", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--cells", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--jobs", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--wall", action="store_true", help="Keep what the clock says.")
    parser.add_argument("--keep", type=Path, help="Where tables and the run stay.")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "scale.json")
    given = parser.parse_args()
    few = "[blocks]\n" + "".join(f"{family} = false\n" for family in LEFT_OUT)
    kinds = [Kind("few families, 28 px", "whole", 2, small_image, given.few, few),
             Kind("28 px", "whole", 2, small_image, given.images),
             Kind("cells, 200 px", "cell", len(KINDS), cell_images(), given.cells)]
    with tempfile.TemporaryDirectory() as made:
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        rows = rows_of(kinds, given.jobs, folder)
    kept = rows if given.wall else [{k: v for k, v in r.items() if k not in ("clock s", "images per s")} for r in rows]
    write(given.out, "Cost against the number of images",
          f"Drawn images, seed {SEED}: {SMALL_PX} px with all families of preset whole, or with quality, color and lbp "
          "alone; cells with preset cell. One in ten is measured a second time, changed. Processor time, user and "
          "system, and the largest resident memory of all processes of a command together (shared pages count for "
          f"each). The result is the table, or report.html. {on_paper(rows, kinds)}", kept)


if __name__ == "__main__":
    main()
