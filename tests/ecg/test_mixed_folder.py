"""One folder with pages, PDF, csv, WFDB and XML records, broken ones of each, and the same names in several folders."""
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made_heart import LEADS, heart
from PIL import Image
from read_pages import ReadPage

from ecg.job import DigitizeSettings
from ecg.output_folder import MARK
from ecg.run import RunSummary, digitize_pages
from ecg.sources import find_pages
from ecg.trace.corrections import Point

ROOT = Path(__file__).parent.parent.parent
MV = heart(np.arange(0.5, 9.9, 0.9)).T
# Reason of each broken file.
BROKEN = {"broken/a.png": "truncated", "broken/a.pdf": "damaged", "broken/a.hea": "damaged",
          "broken/empty.csv": "empty", "broken/binary.csv": "not_a_record", "broken/lies.hea": "damaged",
          "all/a.xml": "damaged"}
# Every file that can be read; all/a.csv holds the truth of the page all/a.png.
WHOLE = ("all/a.png", "all/a.hea", "all/b.csv", "all/a.pdf", "first/a.csv", "second/a.csv", "second/deep/a.hea",
         "third/a.png")


def write_folder(folder: Path, page: np.ndarray) -> Path:
    wfdb = pytest.importorskip("wfdb", reason="pip install 'pellucid[wfdb]'")
    pytest.importorskip("pypdfium2", reason="pip install 'pellucid[pdf]'")
    png = cv2.imencode(".png", page[..., ::-1])[1].tobytes()
    for name in ("all", "first", "second/deep", "third", "broken"):
        (folder / name).mkdir(parents=True)
    for name in ("all/a.png", "third/a.png"):
        (folder / name).write_bytes(png)
    Image.fromarray(page).save(folder / "all/a.pdf", resolution=200)
    for name in ("all/a.csv", "all/b.csv", "first/a.csv", "second/a.csv"):
        pd.DataFrame(MV, columns=list(LEADS)).to_csv(folder / name, index=False, float_format="%.3f")
    for name in ("all", "second/deep", "broken"):
        wfdb.wrsamp("a", 500, ["mV"] * 12, list(LEADS), MV, fmt=["16"] * 12, write_dir=str(folder / name))
    (folder / "all/notes.csv").write_text("name,age\nx,5\n")
    (folder / "all/a.xml").write_text('<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3"><comp')
    (folder / "broken/a.png").write_bytes(png[:len(png) // 2])
    (folder / "broken/a.pdf").write_bytes((folder / "all/a.pdf").read_bytes()[:300])
    (folder / "broken/a.dat").unlink()
    (folder / "broken/empty.csv").write_bytes(b"")
    (folder / "broken/binary.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "broken/lies.hea").write_text("lies 12 500 5000\n" + "nothing.dat 16 200 16 0 0 0 0 I\n" * 12)
    return folder


def run(folder: Path, out: Path) -> RunSummary:
    return digitize_pages([folder], out, DigitizeSettings(), jobs=1, to=("npz",))


def files_of(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, three_leads_page: ReadPage) -> Path:
    return write_folder(tmp_path_factory.mktemp("mixed") / "in", three_leads_page.rgb)


@pytest.mark.slow
def test_every_file_has_a_result_of_its_own_or_a_row_of_errors_also_after_a_kill(folder: Path, tmp_path: Path) -> None:
    summary = run(folder, tmp_path / "out")
    errors = pd.read_csv(tmp_path / "out/errors.csv").set_index("path")
    assert dict(errors["reason"]) == BROKEN
    assert errors["error"].str.len().min() > 0 and not errors["error"].str.contains("\n").any()
    assert (summary.pages, summary.errors) == (len(WHOLE), len(BROKEN))
    table = pd.read_parquet(tmp_path / "out/rhythm.parquet")
    assert sorted(table["path"]) == sorted(WHOLE)
    whole = files_of(tmp_path / "out")
    facts = [name for name in whole if name.endswith(".json") and name != MARK]
    signals = [name for name in whole if name.removesuffix(".csv") + ".json" in facts]
    assert len(facts) == len(signals) == len([name for name in whole if name.endswith(".npz")]) == len(WHOLE)

    begun = subprocess.Popen([sys.executable, ROOT / "cli.py", "ecg", folder, "-o", tmp_path / "killed/out", "--jobs",
                              "1", "--to", "npz"], start_new_session=True, stdout=subprocess.DEVNULL)
    while begun.poll() is None and sum(1 for _ in (tmp_path / "killed").rglob("*.json")) < 4:
        time.sleep(0.01)
    os.killpg(begun.pid, signal.SIGKILL)
    assert begun.wait() == -signal.SIGKILL
    summary = run(folder, tmp_path / "killed/out")
    assert 0 < summary.resumed < len(WHOLE)
    again = files_of(tmp_path / "killed/out")
    assert sorted(again) == sorted(whole)
    assert [name for name in whole if not name.endswith((".html", ".parquet")) and again[name] != whole[name]] == []
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "killed/out/rhythm.parquet"), table)


def test_a_record_beside_pages_is_read_unless_it_is_called_as_one_of_them(tmp_path: Path) -> None:
    names = ("7.csv", "7-0001.csv", "71.csv", "other.csv")
    Image.fromarray(np.zeros((60, 60, 3), np.uint8)).save(tmp_path / "7-0001.png")
    for name in names:
        pd.DataFrame(MV, columns=list(LEADS)).to_csv(tmp_path / name, index=False)
    no_points: dict[str, list[Point]] = {}
    assert [job.path for job in find_pages([tmp_path], no_points)] == ["7-0001.png", "71.csv", "other.csv"]


def test_a_folder_of_the_same_names_gives_each_a_stem_of_its_own(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "in"
    shutil.copytree(folder, copy)
    jobs = find_pages([copy], {})
    assert sorted(job.path for job in jobs) == sorted([*WHOLE, *BROKEN])
    assert len({job.stem.casefold() for job in jobs}) == len(jobs)
