"""The examples of docs/python.md run as they stand there."""
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ecg.lead_table import LEADS
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parent.parent / "docs/python.md"
SEED, FS_HZ = 3, 500


@pytest.fixture(scope="module")
def ran(cell_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every name that the blocks, run one after the other in a folder with drawn data, leave behind."""
    folder = tmp_path_factory.mktemp("python_page")
    shutil.copytree(cell_folder, folder / "cells")
    rgb, _ = draw_page(heartbeats(SEED), Style(px_per_mm=5))
    (folder / "page.png").write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 5
    left: dict[str, Any] = {}
    # As the command line does: threads of linear algebra that wait for each other take most of the time.
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.chdir(folder)
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), left)
    return left


def test_a_cell_becomes_a_series_of_named_numbers(ran: dict[str, Any]) -> None:
    assert ran["cell"]["nucleus_morphology_lobes"] >= 2
    assert 8 < ran["cell"]["cell_morphology_diameter_um"] < 20


def test_a_folder_becomes_a_table_and_a_model(ran: dict[str, Any]) -> None:
    assert len(ran["frame"]) == len(ran["predicted"]) == len(ran["run"].predictions) == 24
    assert ran["run"].metrics["n"] == 24
    assert ran["predicted"]["because_1"].str.contains("=").all()


def test_the_pipeline_guesses_cells_of_patients_that_it_has_not_seen(ran: dict[str, Any]) -> None:
    right = (ran["guessed"] == np.array(ran["kinds"])).mean()
    assert right >= 0.5, "chance is 0.25"
    assert (np.array(ran["pipeline"]["trees"].predict_set(ran["measured"])).sum(axis=1) >= 1).all()


def test_the_page_becomes_the_millivolts_that_were_drawn(ran: dict[str, Any]) -> None:
    found, truth = ran["millivolts"], heartbeats(SEED)
    assert list(found) == list(LEADS) and found.index[1] == 1 / FS_HZ
    error = found["II"].to_numpy() - truth[1, :len(found)]
    # A pen is 0.027 mV wide; the level of a lead is free.
    assert np.nanstd(error) < 0.03
    assert 40 < ran["row"]["heart_rr_rate_bpm"] < 120
