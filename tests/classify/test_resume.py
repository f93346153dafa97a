"""A run that was stopped goes on at the fold it was in, and ends as if it had never been stopped."""
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from started import minds_ctrl_c
from test_findings import QUICK as FINDINGS
from test_findings import chest_table

import classify.findings.train
import classify.train
from classify.data.dataset import prepare
from classify.findings.train import train_findings, train_table
from classify.fitting import models
from classify.fitting.fold_store import FittedFold
from classify.fitting.linear import fit_linear, linear_margin, standard_scores
from classify.fitting.rows import TrainingRows
from classify.run_folder import TIMINGS
from classify.runtime.kept_folds import FoldFiles, KeptFolds
from classify.runtime.run_key import run_key
from classify.runtime.watch import Watch
from classify.settings import LIBRARIES, FitSettings, TrainSettings
from classify.train import train
from featurize.errors import Stopped, UserError
from featurize.table import TableInfo, write_table

ROOT = Path(__file__).parent.parent.parent
SETTINGS = TrainSettings(jobs=1, folds=3, resamples=10, rounds=30, model="lightgbm")


@pytest.fixture(scope="module", autouse=True)
def no_report() -> Iterator[None]:
    """The page has tests of its own and takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (classify.train, classify.findings.train):
            patch.setattr(module, "write_report", lambda path, result, numbers: path.write_text(result.task.kind))
        yield


def files_of(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in sorted(run.rglob("*"))
            if path.is_file() and path.name != TIMINGS}


def table() -> tuple[pd.DataFrame, TableInfo]:
    return made_table((40, 40))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "run"
    train(*table(), out, SETTINGS)
    assert os.listdir(out.parent) == ["run"], "nothing is left beside it"
    return files_of(out)


def stop_after(patch: pytest.MonkeyPatch, kept: int) -> None:
    """Ctrl-C as soon as so many models are kept."""
    original, counted = FoldFiles.save, [0]

    def save(self: FoldFiles, name: str, fold: FittedFold) -> None:
        counted[0] += 1
        if counted[0] <= kept:
            original(self, name, fold)
        # Another thread may have begun the next fold by now.
        if counted[0] >= kept:
            raise KeyboardInterrupt
    patch.setattr(FoldFiles, "save", save)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that are fitted and kept from now on."""
    seen: list[str] = []
    original = FoldFiles.save

    def noted(self: FoldFiles, name: str, fold: FittedFold) -> None:
        seen.append(name)
        original(self, name, fold)
    monkeypatch.setattr(FoldFiles, "save", noted)
    return seen


def stopped_run(out: Path, kept: int = 2, settings: TrainSettings = SETTINGS) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped) as told:
        stop_after(patch, kept)
        train(*table(), out, settings)
    assert str(told.value) == (f"stopped: {kept} of 4 models are fitted and kept in {out}.folds; the same command "
                               f"again fits the rest ({out} is as it was)")
    assert not out.exists()


@pytest.mark.parametrize("kept", [2, *(pytest.param(kept, marks=pytest.mark.slow) for kept in (4,))])
def test_a_stopped_run_fits_only_what_is_missing_and_ends_with_the_same_bytes(
        kept: int, uninterrupted: dict[str, bytes], fitted: list[str], tmp_path: Path) -> None:
    stopped_run(tmp_path / "run", kept)
    told: list[str] = []
    fitted.clear()
    train(*table(), tmp_path / "run", SETTINGS, watch=Watch(tell=told.append))
    assert fitted == ["fold_0", "fold_1", "fold_2", "final"][kept:]
    assert told == [f"{kept} of 4 models were fitted by an earlier run that was stopped: they are taken from "
                    f"{tmp_path / 'run.folds'}"]
    assert files_of(tmp_path / "run") == uninterrupted and os.listdir(tmp_path) == ["run"]


@pytest.mark.slow
@pytest.mark.parametrize("library", ["xgboost", "logistic"])
def test_every_library_goes_on(library: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, model=library)
    train(*table(), tmp_path / "whole", settings)
    stopped_run(tmp_path / "run", settings=settings)
    train(*table(), tmp_path / "run", settings)
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")


@pytest.mark.slow
def test_a_given_split_keeps_its_one_model(tmp_path: Path, fitted: list[str]) -> None:
    frame, info = table()
    frame["split"] = np.array(["train", "train", "val", "test"])[frame["group"].str[3:].astype(int) % 4]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped, match="1 of 1 models are fitted and kept"):
        stop_after(patch, 1)
        train(frame, info, tmp_path / "run", SETTINGS)
    train(frame, info, tmp_path / "run", SETTINGS)
    assert fitted == ["fold_0"] and os.listdir(tmp_path) == ["run"]


@pytest.mark.slow
def test_several_findings_go_on_at_the_finding_they_were_in(tmp_path: Path) -> None:
    """Two findings of two folds and a final model each: stopped in the second."""
    frame, info = chest_table()
    train_findings(frame, info, tmp_path / "whole", FINDINGS)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped, match="4 of 6 models are fitted and kept"):
        stop_after(patch, 4)
        train_findings(frame, info, tmp_path / "run", FINDINGS)
    assert sorted(os.listdir(tmp_path)) == ["run.folds", "whole"]
    assert {path.parent.name for path in (tmp_path / "run.folds").rglob("*.fold")} == {"00_edema", "01_effusion"}
    told: list[str] = []
    train_findings(frame, info, tmp_path / "run", FINDINGS, watch=Watch(tell=told.append))
    assert told[0].startswith("4 of 6 models were fitted by an earlier run")
    page, whole = files_of(tmp_path / "run"), files_of(tmp_path / "whole")
    assert page.keys() == whole.keys()
    assert {name for name in page if page[name] != whole[name]} <= {"report.html"}, "it names its folder"
    assert sorted(os.listdir(tmp_path)) == ["run", "whole"]


@pytest.mark.slow
def test_other_settings_start_anew_and_say_so(tmp_path: Path, fitted: list[str]) -> None:
    stopped_run(tmp_path / "run")
    told: list[str] = []
    fitted.clear()
    train(*table(), tmp_path / "run", replace(SETTINGS, seed=1), watch=Watch(tell=told.append))
    assert told == [f"the models that a stopped run left in {tmp_path / 'run.folds'} are of another table, other "
                    "settings or other versions: they are removed, and everything is fitted anew"]
    assert len(fitted) == 4 and os.listdir(tmp_path) == ["run"]


@pytest.mark.slow
def test_a_damaged_model_is_told_and_fitted_again(uninterrupted: dict[str, bytes], tmp_path: Path) -> None:
    stopped_run(tmp_path / "run")
    path = sorted((tmp_path / "run.folds").rglob("*.fold"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    told: list[str] = []
    train(*table(), tmp_path / "run", SETTINGS, watch=Watch(tell=told.append))
    assert told[1:] == [f"{path} is damaged: the model is fitted again"]
    assert files_of(tmp_path / "run") == uninterrupted and os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("harm", ["truncated", "first bit", "last bit", "empty", "a folder"])
def test_a_file_that_is_not_whole_is_told_and_holds_no_model(harm: str, tmp_path: Path) -> None:
    told: list[str] = []
    store = FoldFiles(tmp_path, tmp_path / "run", "cpu", 1, told.append)
    store.save("fold_0", fitted_fold("logistic")[0])
    path = tmp_path / "fold_0.fold"
    data = path.read_bytes()
    path.write_bytes({"truncated": data[:100], "first bit": bytes([data[0] ^ 1]) + data[1:],
                      "last bit": data[:-1] + bytes([data[-1] ^ 1])}.get(harm, b""))
    if harm == "a folder":
        path.unlink()
        path.mkdir()
    assert store.load("fold_0") is None
    why = "cannot be read (Is a directory)" if harm == "a folder" else "is damaged"
    assert told == [f"{path} {why}: the model is fitted again"]


def test_a_second_run_to_the_same_place_is_refused_while_the_first_lasts(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(stage: str, share: float) -> None:
        started.set()
        assert go_on.wait(60)
    first = threading.Thread(target=train, args=(*table(), tmp_path / "run", SETTINGS, wait))
    first.start()
    assert started.wait(60)
    with pytest.raises(UserError, match="another run that writes .*run is under way .*: wait for it, or choose"):
        train(*table(), tmp_path / "run", replace(SETTINGS, seed=1))
    go_on.set()
    first.join()
    assert os.listdir(tmp_path) == ["run"]


def test_a_full_disk_is_one_line_that_names_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"run cannot be written \(No space left on device\): make room there, or choo"):
        train(*table(), tmp_path / "run", SETTINGS)
    assert not os.listdir(tmp_path)


def test_files_of_somebody_else_beside_the_run_stay(tmp_path: Path) -> None:
    folder = tmp_path / "run.folds"
    (folder / "0123456789abcdef").mkdir(parents=True)
    (folder / "0123456789abcdef" / "fold_0.fold").write_text("of other settings")
    (folder / "notes").mkdir()
    (folder / "fedcba9876543210").write_text("mine")
    with KeptFolds(tmp_path / "run", "a" * 16, 1, print).opened():
        assert sorted(os.listdir(folder)) == ["fedcba9876543210", "notes"]
    assert sorted(os.listdir(folder)) == ["fedcba9876543210", "notes"]
    (tmp_path / "b.folds").write_text("mine")
    with pytest.raises(UserError, match="b.folds is a file, and a folder of that name is wanted there"):
        with KeptFolds(tmp_path / "b", "a" * 16, 1, print).opened():
            pass


@pytest.mark.parametrize("run", [".", "run", "run/", "../run"])
def test_models_are_kept_beside_the_run_however_it_is_named(run: str, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    wanted = {".": tmp_path / "in.folds", "../run": tmp_path / "run.folds"}.get(run, tmp_path / "in/run.folds")
    assert Path(os.path.abspath(KeptFolds(Path(run), "a" * 16, 1, print).folder)) == wanted


CHANGES: dict[str, dict[str, Any]] = {
    "a value": {"cell_morphology_feature3": np.float32(7)}, "a label": {"label": "bee"}, "a group": {"group": "bee7"},
    "a split": {"split": "test"}}


def key_of(frame: pd.DataFrame, info: TableInfo, settings: TrainSettings = SETTINGS,
           perturbed: pd.DataFrame | None = None) -> str:
    return run_key([prepare(frame, info, settings)[0]], settings, perturbed)


@pytest.mark.parametrize("change", CHANGES)
def test_another_table_has_another_key(change: str) -> None:
    frame, info = table()
    if change in ("a split", "a label"):
        # Folds would change with a label; a given split does not.
        frame["split"] = np.array(["test", "train", "val"])[frame["group"].str[3:].astype(int) % 3]
    other = frame.copy()
    rows = other.index[(frame["label"] == "ant") & (frame["group"] == "ant1")]
    for column, value in CHANGES[change].items():
        other.loc[rows, column] = value
    assert key_of(frame, info) == key_of(frame.copy(), info) != key_of(other, info)


def test_second_measurements_and_other_rows_have_another_key() -> None:
    frame, info = table()
    perturbed = frame.loc[:9, ["image_id", *info.features]]
    keys = {key_of(frame, info), key_of(frame, info, perturbed=perturbed), key_of(frame[1:], info),
            key_of(frame, info, perturbed=perturbed.assign(cell_morphology_feature3=np.float32(1)))}
    assert len(keys) == 4


@pytest.mark.parametrize(("change", "same"), [
    (dict(seed=1), False), (dict(model="xgboost"), False), (dict(folds=4), False), (dict(rounds=31), False),
    (dict(balance="over"), False), (dict(weight_power=.2), False), (dict(jobs=2), False),
    (dict(alpha=.1), True), (dict(accept_error=.1), True), (dict(names={"ant": "Ant"}), True)], ids=str)
def test_the_key_changes_with_what_a_fit_depends_on(change: dict[str, Any], same: bool) -> None:
    assert (key_of(*table(), replace(SETTINGS, **change)) == key_of(*table())) == same


def test_the_key_changes_with_the_libraries_and_with_the_code_that_fits(tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    import classify.runtime.run_key as module
    before = key_of(*table())
    monkeypatch.setattr(module, "library_versions", lambda: {"numpy": "0"})
    other = key_of(*table())
    code = tmp_path / "crossfit.py"
    code.write_text("pass")
    monkeypatch.setattr(module, "_sources", lambda: [code])
    assert len({before, other, key_of(*table())}) == 3


def fitted_fold(library: str) -> tuple[FittedFold, pd.DataFrame]:
    """A model of three classes that starts from linear log-odds where it has trees, and its rows."""
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32), columns=list("abcd"))
    y = np.arange(90) % 3
    start = fit_linear(standard_scores(x.to_numpy()), y, np.ones(90), 1.0)
    begun = TrainingRows(x, y, np.ones(90), None if library == "logistic" else linear_margin(start, x.to_numpy()))
    model = models.fit(begun, None, FitSettings(library=library, rounds=8, jobs=1), start)
    return FittedFold(model, model.curve, True), x


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_comes_back_with_every_bit(library: str, tmp_path: Path) -> None:
    fold, x = fitted_fold(library)
    model = fold.model
    store = FoldFiles(tmp_path, tmp_path / "run", "cpu", 1, print)
    assert store.load("fold_0") is None
    store.save("fold_0", fold)
    back = store.load("fold_0")
    assert back is not None
    for name in {field.name for field in fields(FittedFold)} - {"model", "curve"}:
        # Every field must come back, also one that is added later.
        assert getattr(back, name) == getattr(fold, name)
    np.testing.assert_array_equal(back.curve, fold.curve)
    assert back.model.rounds == model.rounds and (back.model.start is None) == (library == "logistic")
    assert models.to_bytes(back.model) == models.to_bytes(model)
    np.testing.assert_array_equal(models.margin(back.model, x), models.margin(model, x))
    np.testing.assert_array_equal(models.contributions(back.model, x), models.contributions(model, x))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda s: s.name)
def test_the_same_command_goes_on_after_kill_9_and_after_ctrl_c(how: signal.Signals, tmp_path: Path) -> None:
    """A real signal to the command; the result is that of a run that nobody stopped."""
    script = tmp_path / "command.py"
    # The first run waits after its first model, so that the signal finds it at work however fast the machine is.
    script.write_text("import os, time, cli, classify.settings, classify.train\nfrom functools import partial\n"
                      "from classify.runtime.kept_folds import FoldFiles\nsave = FoldFiles.save\n"
                      "def save_and_wait(*arguments):\n"
                      "    save(*arguments)\n    time.sleep(float(os.environ['WAIT_SECONDS']))\n"
                      "FoldFiles.save = save_and_wait\n"
                      "classify.settings.TrainSettings = partial(classify.settings.TrainSettings, rounds=30, jobs=1)\n"
                      "classify.train.write_report = lambda path, *rest: path.write_text('binary')\n"
                      "cli.main()\n")
    write_table(*table(), tmp_path / "t.parquet")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), "classify", "t.parquet", "-o", "run", "--folds", "3", "--log", "run.csv"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**environment, "WAIT_SECONDS": "60"}, preexec_fn=minds_ctrl_c)
    while not list(tmp_path.glob("run.folds/*/*.fold")):
        assert running.poll() is None
        time.sleep(.02)
    running.send_signal(how)
    _, err = running.communicate(timeout=60)
    if how == signal.SIGINT:
        assert running.returncode == 130 and err.splitlines()[-1] == (
            "stopped: 1 of 4 models are fitted and kept in run.folds; the same command again fits the rest (run is as "
            "it was)")
    assert not (tmp_path / "run").exists() and not [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True,
                           env={**environment, "WAIT_SECONDS": "0"})
    assert again.returncode == 0, again.stderr
    assert "1 of 4 models were fitted by an earlier run that was stopped: they are taken from run.folds" in again.stdout
    train_table(tmp_path / "t.parquet", tmp_path / "whole", TrainSettings(folds=3, rounds=30, jobs=1),
                watch=Watch(log=tmp_path / "whole.csv"))
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole") and not (tmp_path / "run.folds").exists()
    logs = [pd.read_csv(tmp_path / f"{name}.csv").drop(columns="seconds") for name in ("run", "whole")]
    pd.testing.assert_frame_equal(*[log.sort_values(["fold", "round"], ignore_index=True) for log in logs])
