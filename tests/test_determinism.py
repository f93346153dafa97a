"""The same images and the same seed give the same bytes, whatever the processes, threads, hash seed and files' order.

Pages tell the date, so a run is compared with one of the same day; `timings.json` alone tells the machine.
"""
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classify.run_folder import TIMINGS

ROOT = Path(__file__).parent.parent
# More images than are measured in one process (featurize.batch.workers.FEW_IMAGES), and several chunks of them.
IMAGES, CLASSES, PATIENTS, SIZE_PX = 96, ("dark", "light"), 12, 24
SEED = 0
# A day between the times of two files, seconds.
DAY_S = 86_400


@dataclass(frozen=True)
class Machine:
    """What a result must not depend on."""

    jobs: int
    threads: int
    hash_seed: int
    reverse: bool


ONE, OTHER = Machine(1, 1, 0, False), Machine(2, 2, 4711, True)


def write_folder(folder: Path, reverse: bool) -> None:
    """The same files, written in one order or the other, which is also that of their times."""
    numbers = range(IMAGES)
    for at, number in enumerate(reversed(numbers) if reverse else numbers):
        label = number % len(CLASSES)
        drawn = np.random.default_rng([SEED, number]).normal(100 + 25 * label, 40, (SIZE_PX, SIZE_PX, 3))
        place = folder / CLASSES[label] / f"p{number // len(CLASSES) % PATIENTS:02d}_{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.clip(0, 255).astype(np.uint8)).save(place)
        os.utime(place, (DAY_S * (at + 1),) * 2)


def run_all(folder: Path, machine: Machine) -> dict[str, bytes]:
    """Table, model, report and predictions of the folder, which is made anew under the same name: pages tell it."""
    shutil.rmtree(folder, ignore_errors=True)
    write_folder(folder / "images", machine.reverse)
    threads = {f"{library}_NUM_THREADS": str(machine.threads) for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    environment = {**os.environ, **threads, "PYTHONHASHSEED": str(machine.hash_seed)}
    jobs = ["--jobs", str(machine.jobs)]
    for command in (["featurize", "images", "-o", "t.parquet", "--preset", "whole", "--group-regex", r"/(p\d+)_",
                     *jobs],
                    ["classify", "t.parquet", "-o", "run", "--folds", "3"],
                    ["predict", "run", "images", "-o", "p.csv", "--explain", *jobs]):
        done = subprocess.run([sys.executable, str(ROOT / "cli.py"), *command], cwd=folder, env=environment,
                              capture_output=True, text=True, preexec_fn=use_all_cores)
        assert done.returncode == 0, done.stderr
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != TIMINGS and "images" not in path.relative_to(folder).parts}


def use_all_cores() -> None:
    """conftest.py holds a worker of pytest to one core, on which two threads would be one.

    How many threads grow trees goes by the processors of a machine: tests/classify/test_models.py changes that.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


@pytest.mark.slow
def test_table_model_report_and_predictions_are_the_same_bytes_on_another_machine(tmp_path: Path) -> None:
    one = run_all(tmp_path / "study", ONE)
    other = run_all(tmp_path / "study", OTHER)
    assert {"t.parquet", "p.csv", "run/predictions.csv", "run/metrics.json", "run/report.html"} <= set(one)
    assert any(name.startswith("run/model/") for name in one)
    assert list(one) == list(other)
    assert [name for name in one if one[name] != other[name]] == []
