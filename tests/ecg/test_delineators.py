"""NeuroKit2 as the delineator: its waves, told in the json, the resume key and the table."""
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_heart import LEADS, heart, page

from ecg.beats.delineate import find_beats
from ecg.job import DigitizeSettings
from ecg.result import PageFacts
from ecg.run import digitize_pages
from featurize.errors import UserError
from featurize.table import read_table

BEATS_S = np.arange(0.5, 9.7, 0.85)


@pytest.mark.parametrize("as_page", [False, True], ids=["record", "page"])
def test_neurokit_finds_the_beats_of_every_drawn_lead(as_page: bool) -> None:
    signals = page(heart(BEATS_S)) if as_page else heart(BEATS_S)
    beats = find_beats(signals, LEADS, 500, "neurokit2")
    r = beats.times["r_peak"]
    assert r.shape == (12, len(BEATS_S)) and np.abs(r[1] - BEATS_S).max() < 0.02
    assert np.nanmedian(np.abs(beats.times["t_peak"][1] - BEATS_S - 0.28)) < 0.03
    drawn = np.isfinite(signals[:, np.rint(500 * BEATS_S).astype(int)])
    assert np.array_equal(np.isfinite(r), drawn)


def test_without_a_lead_of_four_seconds_there_is_no_beat() -> None:
    assert find_beats(heart(BEATS_S)[:, :1500], LEADS, 500, "neurokit2").times["r_peak"].shape == (12, 0)


def test_another_delineator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no delineator is called 'dwt'"):
        find_beats(heart(BEATS_S), LEADS, 500, "dwt")
    with pytest.raises(UserError, match="--delineator dwt was given, one of pellucid, neurokit2 was wanted"):
        digitize_pages([tmp_path], tmp_path / "out", DigitizeSettings(delineator="dwt"), jobs=1)


def test_a_run_says_who_delineated_and_reads_again_for_another(tmp_path: Path) -> None:
    pd.DataFrame(heart(BEATS_S).T, columns=list(LEADS)).to_csv(tmp_path / "a.csv", index=False)

    def run(delineator: str) -> tuple[int, str, Any]:
        out = tmp_path / "out"
        done = digitize_pages([tmp_path / "a.csv"], out, DigitizeSettings(delineator=delineator), jobs=1)
        facts = PageFacts.from_json((out / "a.json").read_text())
        return done.resumed, facts.delineator, read_table(out / "rhythm.parquet")[1].preset["segment"]
    assert run("pellucid") == (0, "pellucid", "beats")
    assert run("neurokit2") == (0, "neurokit2", "beats by neurokit2")
    assert run("neurokit2") == (1, "neurokit2", "beats by neurokit2")
