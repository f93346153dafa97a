"""Shared by all tests: small folders of synthetic images."""
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

# As cli.py does: threads of linear algebra on small matrices wait for each other. Read when numpy is loaded.
for library in ("OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# Two workers of pytest-xdist share the cores: a thread of OpenMP that has nothing to do sleeps.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# A worker keeps to one core: commands then start no processes of their own, which would only wait for each other.
if (worker := os.environ.get("PYTEST_XDIST_WORKER", "")[2:]).isdigit() and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})

from PIL import Image  # noqa: E402

from featurize.simulate.smears import HOME, KINDS, draw_cell  # noqa: E402


def write_cells(folder: Path, count: int, patients: int = 5, size_px: int = 120) -> Path:
    """`folder/<kind>/p<patient>_<number>.png`, kinds and patients in turn."""
    lab = replace(HOME, size_px=size_px, um_per_px=HOME.um_per_px * 200 / size_px)
    for number in range(count):
        kind, patient = KINDS[number % 4], number // 4 % patients
        place = folder / kind / f"p{patient}_{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_cell(kind, number, lab, patient).rgb).save(place)
    return folder


@pytest.fixture(scope="session")
def cell_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 cells of 4 kinds and 5 patients. Tests read it and write elsewhere."""
    return write_cells(tmp_path_factory.mktemp("cells"), 24)


# Fixtures that train a model for many tests: whoever asks for one is slow.
TRAINED = {"run_folder", "findings_run", "stages_run"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark tests by the fixtures that they ask for, directly or through another."""
    if isinstance(item, pytest.Function) and TRAINED & set(item.fixturenames):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, closed with the module: an open one keeps a loop of asyncio running, and others cannot start theirs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'pellucid[pages]'")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
