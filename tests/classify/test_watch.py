"""Learning curves as they arise, and what the progress of a run says of each fold."""
import errno
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from test_findings import QUICK as FINDINGS
from test_findings import chest_table

import classify.findings.train
import classify.train
from classify.findings.train import train_findings, train_table
from classify.fitting import models
from classify.fitting.fold_store import FittedFold
from classify.fitting.libraries import FitAbandoned
from classify.fitting.rows import TrainingRows
from classify.result import RunResult
from classify.runtime.clock import Clock
from classify.runtime.curve_log import COLUMNS, CurveLog
from classify.runtime.tensorboard import FILE, FILE_VERSION, EventFolder
from classify.runtime.watch import Watch, check_watch
from classify.settings import TREE_LIBRARIES, FitSettings, TrainSettings
from classify.train import train
from featurize.errors import UserError

SETTINGS = TrainSettings(jobs=1, folds=3, resamples=10, rounds=30, model="lightgbm")


@pytest.fixture(scope="module", autouse=True)
def no_report() -> Iterator[None]:
    """The page has tests of its own and takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (classify.train, classify.findings.train):
            patch.setattr(module, "write_report", lambda path, result, numbers: path.write_text(result.task.kind))
        yield


def fold(rounds: int = 3) -> FittedFold:
    """Losses that fall and a second each round."""
    step = np.arange(rounds, dtype=float)
    model = models.Model("lightgbm", ("a",), 1, 2, None, models.NO_CURVE)
    return FittedFold(model, np.column_stack([.5 - step / 10, .6 - step / 20, step + 1]), False)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Path, list[int], list[str]]:
    """A run, its log, the rows in the log and the line whenever progress was reported."""
    folder = tmp_path_factory.mktemp("logged")
    log, rows, lines = folder / "logs/curves.csv", [], []

    def look(stage: str, share: float) -> None:
        lines.append(stage)
        rows.append(len(pd.read_csv(log)) if log.exists() else -1)
    frame, info = made_table((40, 40))
    return train(frame, info, folder / "run", SETTINGS, look, watch=Watch(log)), log, rows, lines


def test_the_log_holds_the_curves_of_the_run_with_seconds(logged: tuple[RunResult, Path, list[int], list[str]]) -> None:
    run, log, _, _ = logged
    table = pd.read_csv(log)
    assert tuple(table) == COLUMNS
    pd.testing.assert_frame_equal(table.drop(columns="seconds"), pd.read_csv(run.out / "curves.csv"))
    for _, own in table.groupby("fold"):
        assert (own["seconds"] > 0).all() and own["seconds"].is_monotonic_increasing


def test_the_log_grows_with_every_fold(logged: tuple[RunResult, Path, list[int], list[str]]) -> None:
    run, _, rows, lines = logged
    at = [number for number, line in enumerate(lines) if line.startswith("fit: fold")]
    assert [rows[number] for number in at] == run.curves.groupby("fold").size().cumsum().tolist()
    assert rows[0] == 0, "a header before the first fold"


def test_progress_names_the_fold_that_is_fitted_and_its_loss(
        logged: tuple[RunResult, Path, list[int], list[str]]) -> None:
    run, _, _, lines = logged
    told = [line for line in lines if line.startswith("fit: fold")]
    assert [line.split(", log-loss")[0] for line in told] == [f"fit: fold {n} of 3" for n in (1, 2, 3)]
    for line, (_, curve) in zip(told, run.curves.groupby("fold")):
        # At least LEAST_ROUNDS are kept, which are more than these settings allow: all rounds.
        assert float(line.split()[-1]) == pytest.approx(curve["valid_loss"].iloc[-1], abs=.0006)


@pytest.mark.parametrize(("fold_of", "loss", "line"), [
    ((1, 5), .0434, "fit: fold 2 of 5, log-loss 0.043"), ((1, 5), np.nan, "fit: fold 2 of 5"),
    ((0, 1), .5, "fit: log-loss 0.500"), ((0, 1), np.nan, "fit")])
def test_lines_of_progress(fold_of: tuple[int, int], loss: float, line: str) -> None:
    told: list[tuple[str, float]] = []
    Clock(lambda *report: told.append(report), steps=4).fold_done(*fold_of, loss)
    Clock(lambda *report: told.append(report), steps=4, subject="Edema").fold_done(*fold_of, loss)
    assert told == [(line, .25), (f"Edema, {line}", .25)]


def test_the_loss_of_a_fold_is_that_after_the_rounds_that_are_kept() -> None:
    assert fold().valid_loss == pytest.approx(.55)
    assert fold(1).valid_loss == pytest.approx(.6) and np.isnan(fold(0).valid_loss)


@pytest.mark.slow
def test_findings_are_named_in_log_and_progress(tmp_path: Path) -> None:
    frame, info = chest_table()
    lines: list[str] = []
    train_findings(frame, info, tmp_path / "run", FINDINGS, lambda stage, share: lines.append(stage),
                   watch=Watch(tmp_path / "curves.csv"))
    table, curves = pd.read_csv(tmp_path / "curves.csv"), pd.read_csv(tmp_path / "run/curves.csv")
    pd.testing.assert_frame_equal(table.drop(columns="seconds"), curves)
    assert table["finding"].unique().tolist() == ["Edema", "Effusion"]
    assert {"Edema, fit: fold 2 of 2", "Effusion, fit: fold 1 of 2"} <= {line.split(", log-loss")[0] for line in lines}
    # What comes after all findings belongs to none; the pages of the findings are among it.
    assert "Effusion, calibrate" in lines and "Edema, report" in lines


def check(path: Path, out: Path, inputs: tuple[Path, ...] = ()) -> None:
    check_watch(Watch(path), out, inputs)


def test_a_log_that_would_replace_something_else_is_refused(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.csv", tmp_path / "run"
    mine.write_text("fold,round,train_loss,valid_loss\n0,0,1,1\n")
    with pytest.raises(UserError, match="mine.csv exists and was not written by Pellucid.*name with --log, or move"):
        check(mine, out)
    with pytest.raises(UserError, match="mine.csv is read by this command and would be replaced.*name with --log"):
        check(mine, out, (mine,))
    with pytest.raises(UserError, match="a name ending in .csv was wanted: --log curves.csv"):
        check(tmp_path / "curves.txt", out)
    with pytest.raises(UserError, match="--log .*run/curves.csv lies in the run folder .*: choose a place outside, "
                                        "such as --log run_curves.csv"):
        check(out / "curves.csv", out)
    CurveLog(tmp_path / "old.csv", COLUMNS).begin()
    CurveLog(tmp_path / "old_findings.csv", (*COLUMNS, "finding")).begin()
    for name in ("old.csv", "old_findings.csv", "new.csv"):
        check(tmp_path / name, out)


def test_a_refused_log_stops_the_run_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a name ending in .csv was wanted"):
        train_table(tmp_path / "none.parquet", tmp_path / "run", SETTINGS, watch=Watch(tmp_path / "log.txt"))
    assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_a_full_disk_under_the_log_is_one_line_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for findings: the fits are outside of what writes the run folder."""
    original = Path.write_text

    def full(path: Path, text: str, **named: Any) -> int:
        if "log.csv" in path.name and text.count("\n") > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(path, text, **named)
    monkeypatch.setattr(Path, "write_text", full)
    for run, made, settings in ((train, made_table((40, 40)), SETTINGS), (train_findings, chest_table(), FINDINGS)):
        with pytest.raises(UserError, match=r"log.csv cannot be written \(No space left .*another place with --log"):
            run(*made, tmp_path / "run", settings, watch=Watch(tmp_path / "log.csv"))  # type: ignore[operator]
        assert sorted(os.listdir(tmp_path)) == ["log.csv", "run.folds"], "the first fold is kept"


@pytest.mark.parametrize("library", TREE_LIBRARIES)
def test_a_fit_ends_after_a_round_when_nobody_waits_for_it(library: str) -> None:
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32), columns=list("abc"))
    asked: list[bool] = []

    def abandoned() -> bool:
        asked.append(len(asked) == 4)
        return asked[-1]
    rows = TrainingRows(x, np.arange(60) % 2, np.ones(60))
    with pytest.raises(FitAbandoned):
        models.fit(rows, None, FitSettings(library=library, rounds=50, jobs=1), None, abandoned)
    assert len(asked) == 5
    whole = models.fit(rows, None, FitSettings(library=library, rounds=5, jobs=1))
    assert whole.curve.shape == (5, 3) and (np.diff(whole.curve[:, 2]) >= 0).all()


def test_tensorboard_without_its_library_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UserError, match=r"--tensorboard needs tensorboardX, .*: pip install 'pellucid\[tensorboard\]'"):
        check_watch(Watch(tensorboard=tmp_path / "tb"), tmp_path / "run")


def test_tensorboard_wants_a_folder_outside_of_the_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="--tensorboard .*file is a file, a folder was wanted"):
        check_watch(Watch(tensorboard=tmp_path / "file"), tmp_path / "run")
    with pytest.raises(UserError, match="--tensorboard .*run/tb lies in the run folder"):
        check_watch(Watch(tensorboard=tmp_path / "run/tb"), tmp_path / "run")


def events_of(path: Path) -> list[Any]:
    """Every event of a file: records of length (8 bytes), its checksum (4), data, its checksum (4)."""
    from tensorboardX.proto.event_pb2 import Event
    data, found = path.read_bytes(), []
    while data:
        length, = struct.unpack("<Q", data[:8])
        found.append(Event.FromString(data[12:12 + length]))
        data = data[16 + length:]
    return found


def test_events_hold_both_losses_of_every_round(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    events = EventFolder(tmp_path, "run")
    without = replace(fold(), curve=np.column_stack([[.5], [np.nan], [1.]]))
    events.add("00_edema", 1, fold())
    events.add("", 0, without)
    found = events_of(tmp_path / "run/00_edema/fold_1" / FILE)
    assert found[0].file_version == FILE_VERSION
    told = [(e.step, e.summary.value[0].tag, round(e.summary.value[0].simple_value, 6)) for e in found[1:]]
    assert told == [(0, "loss/train", .5), (0, "loss/valid", .6), (1, "loss/train", .4), (1, "loss/valid", .55),
                    (2, "loss/train", .3), (2, "loss/valid", .5)]
    assert [round(e.wall_time - found[0].wall_time, 3) for e in found[1:]] == [1, 1, 2, 2, 3, 3]
    assert len(events_of(tmp_path / "run/fold_0" / FILE)) == 2, "no validation loss"


@pytest.mark.slow
def test_a_run_writes_a_curve_of_each_fold_for_tensorboard_and_the_same_run_replaces_them(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    (tmp_path / "tb/run/fold_0").mkdir(parents=True)
    (tmp_path / "tb/run/fold_0/events.out.tfevents.mine").write_text("mine")
    for _ in range(2):
        run = train(*made_table((40, 40)), tmp_path / "run", SETTINGS, watch=Watch(tensorboard=tmp_path / "tb"))
    files = {path.relative_to(tmp_path / "tb").as_posix() for path in (tmp_path / "tb").rglob("*") if path.is_file()}
    assert files == {*(f"run/fold_{n}/{FILE}" for n in range(3)), "run/fold_0/events.out.tfevents.mine"}
    for number, curve in run.curves.groupby("fold"):
        losses = [e.summary.value[0].simple_value for e in events_of(tmp_path / f"tb/run/fold_{number}" / FILE)[1:]]
        np.testing.assert_allclose(losses[1::2], curve["valid_loss"], rtol=1e-5)
