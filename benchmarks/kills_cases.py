"""Every command that writes, on small drawn inputs: what `benchmarks.kills` ends and begins again."""
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from featurize.simulate.fields import draw_field
from featurize.simulate.smears import HOME, KINDS, draw_cell

# What a run of the program takes: arguments as after `pellucid`, relative to a folder beside `inputs`.
Run = Callable[[list[str], Path], None]
# Drawn images: so many of so many pixels; the patients of each kind or class.
_CELLS, _CELL_PX, _PATIENTS = 24, 120, 6
_DOTS, _DOT_PX = 60, 24
# More images than are measured in one process (`featurize.batch.workers.FEW_IMAGES`), in several chunks.
_MANY_DOTS = 96
_PAGE = Style(layout="3x4", px_per_mm=4.0, pen_mm=0.5)


@dataclass(frozen=True)
class Case:
    """A command.

    Parameters
    ----------
    name : str
    command : str
        Arguments, parted by blanks; inputs lie in ``../inputs``, results in the working folder.
    earlier : str
        The same command with other settings, whose finished result is there before.
    folders : tuple of str
        Folders among the results, into which a file of somebody else is put.
    """

    name: str
    command: str
    earlier: str
    folders: tuple[str, ...] = ()


_OF_CELLS = "../inputs/cells --preset cell --jobs 1"
CASES = (
    Case("featurize", "featurize ../inputs/dots -o t.parquet --preset whole --jobs 1",
         "featurize ../inputs/dots -o t.parquet --preset whole --jobs 1 --mm-per-px 0.01"),
    Case("featurize --augment, 2 processes",
         "featurize ../inputs/many -o t.csv --preset whole --augment 1 --jobs 2",
         "featurize ../inputs/many -o t.csv --preset whole --jobs 2"),
    Case("classify", "classify ../inputs/dots.parquet -o run --folds 2",
         "classify ../inputs/dots.parquet -o run --folds 2 --model logistic", ("run", "run/model")),
    Case("predict", "predict ../inputs/run ../inputs/other -o p.csv --explain --jobs 1",
         "predict ../inputs/run ../inputs/other.parquet -o p.csv"),
    Case("predict --detect", "predict ../inputs/cell_run ../inputs/fields -o named --detect --jobs 1",
         "predict ../inputs/cell_run ../inputs/fields/0.png -o named --detect --jobs 1", ("named", "named/crops")),
    Case("audit", "audit ../inputs/run ../inputs/other.parquet -o a.html --baseline b.json --supplement s.csv",
         "audit ../inputs/run ../inputs/dots.parquet -o a.html --baseline b.json --supplement s.csv"),
    Case("audit --sweep", "audit ../inputs/run ../inputs/other.parquet -o a.html --sweep ../inputs/other "
         "--sweep-images 2 --jobs 1", "audit ../inputs/run ../inputs/other.parquet -o a.html"),
    Case("audit --maps", "audit ../inputs/run ../inputs/other.parquet -o a.json --maps ../inputs/other --maps-n 2 "
         "--jobs 1", "audit ../inputs/run ../inputs/other.parquet -o a.json"),
    Case("detect", "detect ../inputs/fields -o cells --jobs 1", "detect ../inputs/fields/0.png -o cells --jobs 1",
         ("cells", "cells/crops")),
    Case("segment", f"segment {_OF_CELLS} -o masks", "segment ../inputs/dark --preset cell --jobs 1 -o masks",
         ("masks",)),
    Case("similar --map", "similar ../inputs/dots.parquet ../inputs/other -o s.json --map m.html",
         "similar ../inputs/dots.parquet ../inputs/other -o s.json -k 2 --map m.html"),
    Case("similar --index", "similar ../inputs/dots.parquet ../inputs/other -o s.html --index index",
         "similar ../inputs/dots.parquet ../inputs/other -o s.html --by color --index index", ("index",)),
    Case("explore", "explore ../inputs/dots -o e.html", "explore ../inputs/other -o e.html"),
    Case("export", "export ../inputs/run -o m.onnx", "export ../inputs/cell_run -o m.onnx"),
    Case("ecg", "ecg ../inputs/ecg -o out --jobs 1 --to wfdb,edf,npz", "ecg ../inputs/ecg -o out --jobs 1 --fs 250",
         ("out", "out/to_npz")))


def draw_inputs(folder: Path, seed: int) -> None:
    """Images, fields and ECG."""
    lab = replace(HOME, size_px=_CELL_PX, um_per_px=HOME.um_per_px * HOME.size_px / _CELL_PX)
    for number in range(_CELLS):
        kind, patient = KINDS[number % len(KINDS)], number // len(KINDS) % _PATIENTS
        drawn = draw_cell(kind, seed + number, lab, patient).rgb
        _write(drawn, folder / "cells" / kind / f"p{patient}_{number:02d}.png")
        if number < len(KINDS):
            _write(drawn, folder / "dark" / kind / f"p{patient}_{number:02d}.png")
    for name, count, shift in (("dots", _DOTS, 0), ("many", _MANY_DOTS, 0), ("other", _CELLS, 8)):
        _draw_dots(folder / name, count, shift, seed)
    for number in range(2):
        _write(draw_field(seed + number, whites=("neutrophil", "lymphocyte")).rgb, folder / "fields" / f"{number}.png")
    _draw_ecg(folder / "ecg", seed)


def run_first(beside: Path, run: Run) -> None:
    """The tables and models that the commands read, by runs in a folder beside the inputs."""
    beside.mkdir()
    for name in ("dots", "other"):
        run(["featurize", f"../inputs/{name}", "-o", f"../inputs/{name}.parquet", "--preset", "whole", "--jobs", "1"],
            beside)
    run(["featurize", *_OF_CELLS.split(), "-o", "../inputs/cells.parquet"], beside)
    run(["classify", "../inputs/dots.parquet", "-o", "../inputs/run", "--folds", "2"], beside)
    run(["classify", "../inputs/cells.parquet", "-o", "../inputs/cell_run", "--folds", "2"], beside)


def _draw_dots(folder: Path, count: int, shift: int, seed: int) -> None:
    """Noise around two levels of gray, a class each."""
    for number in range(count):
        label = number % 2
        drawn = np.random.default_rng([seed, shift, number]).normal(100 + shift + 25 * label, 40, (_DOT_PX, _DOT_PX, 3))
        _write(drawn.clip(0, 255).astype(np.uint8),
               folder / ("dark", "light")[label] / f"p{number // 2 % _PATIENTS}_{number:02d}.png")


def _draw_ecg(folder: Path, seed: int) -> None:
    """A page, and two records as csv."""
    page, truth = draw_page(heartbeats(seed), _PAGE)
    _write(page, folder / "page.png")
    for name in ("a", "b"):
        truth.to_csv(folder / f"{name}.csv", index=False, float_format="%.3f")


def _write(rgb: "np.typing.NDArray[np.uint8]", path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path)
    # Tables hold no times, but a run may look whether a file was changed while it was read.
    os.utime(path, (0, 0))
