"""The commands of docs/recipes.md run as they stand there, on small drawn folders of the same layout."""
import re
import shlex
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG
from PIL import Image

import classify.settings
import cli
from classify.settings import TrainSettings
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from featurize.simulate.smears import HOME, KINDS, draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue

PAGE = Path(__file__).parent.parent / "docs/recipes.md"
CELL_PX = 72


def recipes() -> dict[int, list[str]]:
    """Number of each recipe to its commands."""
    parts = re.split(r"^## (\d+)\. ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {int(number): "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)).splitlines()
            for number, text in zip(parts[::2], parts[1::2])}


def draw_white_cell(path: Path, kind: int, seed: int, patient: int = 0) -> None:
    lab = replace(HOME, size_px=CELL_PX, um_per_px=HOME.um_per_px * 200 / CELL_PX)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_cell(KINDS[kind % len(KINDS)], seed, lab, patient).rgb).save(path)


def draw_window(path: Path, kind: int, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_tissue(seed, nuclei=6 + 3 * kind, radius_px=6 + kind, size_px=96).rgb).save(path)


def breast() -> None:
    for number in range(24):
        label, patient = ("benign", "malignant")[number % 2], number // 4
        draw_window(Path(f"breast/{label}/p{patient:02d}_{number:03d}.jpg"), 3 * (number % 2), number)


def leukemia() -> None:
    for number in range(24):
        draw_window(Path(f"leukemia/{('Benign', 'Early', 'Pre', 'Pro')[number % 4]}/{number}.jpg"), number % 4, number)


def blasts() -> None:
    for number in range(18):
        draw_white_cell(Path(f"cells/{('lymphoblast', 'lymphocyte', 'myeloblast')[number % 3]}/{number}.png"),
                        number % 3, number)


def pages() -> None:
    """Ten pages of three leads, five of each rhythm."""
    Path("pages").mkdir()
    rows = []
    for seed in range(10):
        rgb, _ = draw_page(heartbeats(seed), Style(layout="3x1", px_per_mm=4))
        Path(f"pages/page{seed}.png").write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
        rows.append((f"page{seed}.png", ("sinus", "other")[seed % 2]))
    pd.DataFrame(rows, columns=["file", "rhythm"]).to_csv("rhythms.csv", index=False)


def marrow() -> None:
    for at, part in enumerate(("train", "test", "validation")):
        for kind, label in enumerate(("BLA", "EOS", "LYT", "MON", "NGS", "NIF", "PMO")):
            for number in range(4 if part == "train" else 2):
                draw_white_cell(Path(f"marrow/{part}/{label}/{number}.jpg"), kind, 100 * at + 10 * number + kind)


def cnmc() -> None:
    for number in range(24):
        label, subject = ("all", "hem")[number % 2], number // 4
        name = f"UID_{'H' * (number % 2)}{subject + 1}_{number}_1_{label}.bmp"
        draw_white_cell(Path(f"cnmc/{label}/{name}"), number % 2, number, subject)


def archives() -> None:
    """The second archive lacks one class of the first and has one of its own."""
    for name, labels in (("Acevedo_20", ("eosinophil", "lymphocyte", "monocyte")),
                         ("Matek_19", ("eosinophil", "lymphocyte", "neutrophil"))):
        with zipfile.ZipFile(f"{name}.zip", "w") as archive:
            for number in range(15):
                label = labels[number % 3]
                path = Path(f"drawn/{name}/{label}/{number}.png")
                draw_white_cell(path, KINDS.index(label), number + (500 if name == "Matek_19" else 0))
                archive.write(path, f"{label}/{number}.png")


def films() -> None:
    """Sixty films of thirty patients; a patch in the lungs is called an effusion."""
    Path("films").mkdir()
    rng, rows = np.random.default_rng(0), []
    for number in range(60):
        effusion, heart = int(rng.random() < .5), int(rng.random() < .5)
        gray = draw_film(number, opacities=3 * effusion, size_px=96).gray
        # Drawn lungs are all alike: without clothes and bones of their own, films would pass for copies of each other.
        own = cv2.resize(rng.normal(0, 25, (6, 6)), gray.shape[::-1], interpolation=cv2.INTER_CUBIC)
        Image.fromarray(np.clip(gray + own, 0, 255).astype(np.uint8)).save(f"films/{number}.png")
        rows.append((f"{number}.png", number // 2, effusion, heart))
    pd.DataFrame(rows, columns=["file", "patient", "Effusion", "Cardiomegaly"]).to_csv("films.csv", index=False)


def white() -> None:
    for number in range(24):
        path = Path(f"white/{KINDS[number % 4]}/p{number // 4}_{number % 4}.png")
        draw_white_cell(path, number % 4, number, number // 4)


# Of each recipe: what draws its folder, and the files that its commands leave.
MADE: dict[int, tuple[Callable[[], None], tuple[str, ...]]] = {
    1: (breast, ("breast.html", "breast_run/report.html", "breast_run/suspects.csv")),
    2: (leukemia, ("leukemia.html", "leukemia_run/report.html")),
    3: (blasts, ("cells_run/report.html", "cells_predictions.csv")),
    4: (pages, ("ecg_out/report.html", "ecg_run/report.html")),
    5: (marrow, ("marrow_run/report.html",)),
    6: (cnmc, ("cnmc_run/report.html",)),
    7: (archives, ("both_run/report.html", "matek_audit.html")),
    8: (films, ("films_run/report.html", "films_run/findings")),
    9: (white, ("white.html", "white_logistic/report.html", "white_trees/report.html", "similar.html"))}


def test_there_are_nine_recipes_and_all_are_drawn() -> None:
    assert recipes().keys() == MADE.keys() == set(range(1, 10))
    assert all(line.startswith("pellucid ") for lines in recipes().values() for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted(MADE))
def test_recipe(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                capsys: pytest.CaptureFixture[str]) -> None:
    """With few boosting rounds and empty charts: what models and charts say is tested elsewhere."""
    monkeypatch.setattr(FigureCanvasSVG, "print_svg", lambda _, file, **__: file.write(b"<svg><defs></defs></svg>"))
    monkeypatch.setattr(classify.settings, "TrainSettings", partial(TrainSettings, rounds=5, resamples=10))
    monkeypatch.chdir(tmp_path)
    draw, files = MADE[number]
    draw()
    for line in recipes()[number]:
        jobs = ["--jobs", "1"] if line.split()[1] in ("featurize", "predict", "ecg") else []
        monkeypatch.setattr(sys, "argv", [*shlex.split(line), *jobs])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err
        assert not ended.value.code, f"{line}: {said}"
    for name in files:
        assert Path(name).exists(), name
