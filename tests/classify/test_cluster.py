"""Folds on a Dask cluster: a worker that dies in the midst changes no bit of the run, other versions are refused."""
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from made_table import made_table

from classify.fitting import crossfit
from classify.fitting.fold_store import FittedFold, FoldTask
from classify.run_folder import TIMINGS
from classify.runtime import cluster as clusters
from classify.runtime.watch import Watch
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of Dask's own, about ports and sockets
QUICK = TrainSettings(resamples=10, rounds=60, folds=3)
FIT = crossfit.fit_fold


def fit_once_killed(mark: Path, task: FoldTask) -> FittedFold:
    """The first worker that is given a fold dies of it."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return FIT(task)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it is dead")


def fit_and_die(task: FoldTask) -> FittedFold:
    """Every worker dies of it."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it is dead")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    # A fold may kill one worker and not two: Dask's own four take longer.
    twice = {"distributed.scheduler.allowed-failures": 1}
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "protocol": "tcp"}
    with dask.config.set(twice), distributed.LocalCluster(**local) as made, distributed.Client(made) as client:
        client.register_plugin(TestsFolder())
        yield made


class TestsFolder(distributed.WorkerPlugin):  # type: ignore[name-defined]
    """Workers find the functions of this file, also one that takes the place of a dead one."""

    folder = str(Path(__file__).parent)

    def setup(self, worker: Any) -> None:
        sys.path.append(self.folder)


def content(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*")
            if path.is_file() and path.name != TIMINGS}


@pytest.mark.parametrize("model", ["lightgbm", "xgboost", "logistic"])
def test_a_run_whose_worker_is_killed_is_that_of_one_machine_to_the_bit(
        model: str, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, info = made_table((60, 60, 60))
    settings = replace(QUICK, model=model)
    place = tmp_path / "run"
    train(frame, info, place, settings)
    here = content(place)
    monkeypatch.setattr(crossfit, "fit_fold", partial(fit_once_killed, tmp_path / "killed"))
    train(frame, info, place, settings, watch=Watch(scheduler=cluster.scheduler_address))
    assert (tmp_path / "killed").exists(), "a worker took a fold and died"
    there = content(place)
    assert [name for name in here.keys() | there.keys() if here.get(name) != there.get(name)] == []


def test_a_fold_that_kills_every_worker_is_told(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, info = made_table((60, 60))
    monkeypatch.setattr(crossfit, "fit_fold", fit_and_die)
    with pytest.raises(UserError, match="fold . killed every Dask worker that took it: give workers more memory"):
        train(frame, info, tmp_path / "run", QUICK, watch=Watch(scheduler=cluster.scheduler_address))
    assert not (tmp_path / "run").exists()


def test_a_worker_with_another_version_is_refused(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                  ) -> None:
    frame, info = made_table((60, 60))
    monkeypatch.setattr(clusters, "library_versions", lambda: {"numpy": "1.0"})
    with pytest.raises(UserError, match="a Dask worker has .*: install the same versions on all machines"):
        train(frame, info, tmp_path / "run", QUICK, watch=Watch(scheduler=cluster.scheduler_address))


def test_a_scheduler_that_does_not_answer_is_told_before_any_work(tmp_path: Path) -> None:
    frame, info = made_table((60, 60))
    with pytest.raises(UserError, match="no Dask scheduler answers at tcp://127.0.0.1:1"):
        train(frame, info, tmp_path / "run", QUICK, watch=Watch(scheduler="tcp://127.0.0.1:1"))
