"""`python -m build`: the wheel holds what the checkout holds, and runs where there is no checkout."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("build", reason="needs the extra test")

ROOT = Path(__file__).parent.parent
PACKAGES = ("featurize", "classify", "ecg")
# The least setuptools that reads setup.cfg and pyproject.toml as they are (pyproject.toml, [build-system]).
LEAST_SETUPTOOLS = 77
pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    int(version("setuptools").split(".")[0]) < LEAST_SETUPTOOLS, reason="needs setuptools 77, of the extra test")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as people do, by way of the source archive, from a copy: building leaves folders behind."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("cli.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(source / "made"), str(source)],
                   check=True, capture_output=True)
    return next((source / "made").glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not re.match(r"pellucid-[^/]*\.dist-info/", name)}
    there = {path.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}
    assert held == there | {"cli.py"}


def test_the_wheel_draws_measures_and_reports_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    """The dependencies are those of this environment; the package is that of the wheel."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target",
                    str(tmp_path / "installed"), str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    place = subprocess.run([sys.executable, "-c", "import featurize; print(featurize.__file__)"], cwd=tmp_path,
                           env=environment, capture_output=True, text=True, check=True).stdout
    assert place.startswith(str(tmp_path)), "an editable installation would hide what the wheel lacks"
    done = subprocess.run([sys.executable, "-m", "cli", "demo", "images", "-o", "demo"], cwd=tmp_path, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"explore.html", "home.parquet", "predictions.csv", "audit.html", "run"} <= set(
        os.listdir(tmp_path / "demo"))
