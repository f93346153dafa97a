"""The benchmark of pages: peers' files and R waves, on drawn pages."""
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import pytest
from made_heart import LEADS, heart, page

from ecg.simulate.draw import draw_page
from ecg.simulate.heart import heartbeats

BEATS_S = np.arange(0.5, 9.6, 0.8)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.ecg_pages")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages with their truth."""
    folder = tmp_path_factory.mktemp("drawn") / "pages"
    folder.mkdir()
    for seed in range(2):
        rgb, truth = draw_page(heartbeats(seed))
        (folder / f"{seed}.png").write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
        truth.to_csv(folder / f"{seed}.csv", index=False)
    return folder


def peer_of(pages: Path, name: str, gain: float, stems: str = "01") -> Path:
    """A peer's folder: the truth times `gain`."""
    folder = pages.parent / name
    folder.mkdir()
    for stem in stems:
        (gain * pd.read_csv(pages / f"{stem}.csv")).to_csv(folder / f"{stem}.csv", index=False)
    return folder


@pytest.mark.slow
def test_a_peer_is_scored_by_its_own_files(bench: ModuleType, pages: Path) -> None:
    row = bench.peer_row(pages, peer_of(pages, "half", 0.9))
    # A tenth of a signal without offset is -20 dB of it; the offset that is removed makes the error smaller still.
    assert row["pages"] == "pages, peer half" and 20 <= row["mean dB"] < 21
    assert row["s a page (CPU)"] is None and row["peak MiB"] is None
    met, known = row["R within 20 ms"].split(" of ")
    assert met == known and int(known) > 60


@pytest.mark.slow
def test_a_page_that_a_peer_lacks_counts_as_nothing_and_is_said(bench: ModuleType, pages: Path) -> None:
    whole, part = (bench.peer_row(pages, peer_of(pages, name, 1.0, stems)) for name, stems in
                   (("whole", "01"), ("part", "0")))
    assert whole["mean dB"] == 25.84 and part["pages"] == "pages, peer part (lacks 1 of 2, counted as 0)"
    assert part["mean dB"] == pytest.approx(25.84 - 3.01, abs=0.01)
    met, known = part["R within 20 ms"].split(" of ")
    assert int(met) < int(known) and whole["R within 20 ms"] == f"{known} of {known}"


@pytest.mark.slow
def test_files_of_other_lengths_and_fewer_leads_are_scored(bench: ModuleType, pages: Path) -> None:
    folder = peer_of(pages, "odd", 1.0)
    pd.read_csv(folder / "0.csv").iloc[:4900].to_csv(folder / "0.csv", index=False)
    longer = pd.read_csv(folder / "1.csv").reindex(range(5100)).drop(columns="V6")
    longer.to_csv(folder / "1.csv", index=False)
    assert 0 < bench.peer_row(pages, folder)["mean dB"] < 25


@pytest.mark.slow
def test_peers_stand_below_the_own_rows_in_the_result(bench: ModuleType, pages: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    out, peers = pages.parent / "x.json", [peer_of(pages, "a", 1.0), peer_of(pages, "b", 0.5)]
    monkeypatch.setattr(sys, "argv", ["ecg_pages", str(pages), "--seeds", "0", "--peer", str(peers[0]), "--peer",
                                      str(peers[1]), "-o", str(out)])
    bench.main()
    rows = json.loads(out.read_text(encoding="utf-8"), parse_constant=pytest.fail)["rows"]
    assert [row["pages"] for row in rows] == ["pages, all leads", *(f"pages, {lead}" for lead in LEADS),
                                              "pages, peer a", "pages, peer b"]
    assert rows[-1]["R within 20 ms"].split(" of ")[1] == rows[0]["R within 20 ms"].split(" of ")[1].split(",")[0]


@pytest.mark.parametrize("arguments", [["--peer", "nowhere"], ["--seeds", "0"]], ids=["peer alone", "nothing"])
def test_a_wrong_call_is_refused(bench: ModuleType, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["ecg_pages", *arguments])
    with pytest.raises(SystemExit, match="2"):
        bench.main()


@pytest.mark.slow
def test_r_waves_that_moved_are_neither_met_nor_forgotten(bench: ModuleType) -> None:
    truth = pd.DataFrame(page(heart(BEATS_S)).T, columns=list(LEADS))
    near, far = (pd.DataFrame(heart(BEATS_S + late).T, columns=list(LEADS)) for late in (0.014, 0.03))
    known = bench.total(bench.r_waves(truth, truth).values()).known
    assert bench.total(bench.r_waves(truth, truth).values()) == (known, known, 0)
    assert bench.r_waves(truth, near)["II"] == (12, 12, 0)
    assert bench.r_waves(truth, far)["II"] == (12, 0, 12)
    assert bench.r_waves(truth, truth.iloc[:0])["II"] == (12, 0, 0)
