"""A Dask cluster without workers, or whose scheduler ends: one line, and nothing waits for ever."""
import time
from concurrent.futures import CancelledError

import pytest
from test_workers import requests, task

from featurize.batch import cluster as clusters
from featurize.batch.workers import measure_chunks
from featurize.errors import UserError

distributed = pytest.importorskip("distributed")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_without_workers_is_told_after_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    usual_wait_s = clusters._NO_WORKER_S
    monkeypatch.setattr(clusters, "_NO_WORKER_S", 1.0)
    monkeypatch.setattr(clusters, "_LOOK_S", 0.3)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None, protocol="tcp") as cluster:
        start = time.monotonic()
        with pytest.raises(UserError, match="had no worker for 1 s: start some with `dask worker"):
            list(measure_chunks(task(), {0: requests(2)}, jobs=1, scheduler=cluster.scheduler_address))
        assert time.monotonic() - start < usual_wait_s / 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_LOOK_S", 0.3)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None, protocol="tcp") as cluster:
        def gone(*given: object, **settings: object) -> object:
            raise CancelledError("scheduler")
        monkeypatch.setattr(distributed, "as_completed", gone)
        with pytest.raises(UserError, match="is gone .CancelledError.: start it again and run the same command"):
            list(measure_chunks(task(), {0: requests(2)}, jobs=1, scheduler=cluster.scheduler_address))
