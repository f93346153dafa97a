"""Folds on a Dask cluster: a worker that dies in the midst changes no bit of the run, other versions are refused."""
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from local_cluster import local_cluster
from made_table import made_table

from classify.fitting import crossfit
from classify.fitting.fold_store import FittedFold, FoldTask
from classify.run_folder import TIMINGS
from classify.runtime import cluster as clusters
from classify.runtime.watch import Watch
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError

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
    with local_cluster(Path(__file__).parent, allowed_failures=1) as made:
        yield made


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


def test_a_fold_that_kills_every_worker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, info = made_table((60, 60))
    monkeypatch.setattr(crossfit, "fit_fold", fit_and_die)
    # A cluster of its own: folds that were sent already go on to kill its workers after the run has ended.
    with (local_cluster(Path(__file__).parent, allowed_failures=1) as doomed,
          pytest.raises(UserError, match="fold . killed every Dask worker that took it: give workers more memory")):
        train(frame, info, tmp_path / "run", QUICK, watch=Watch(scheduler=doomed.scheduler_address))
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
