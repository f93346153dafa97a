"""A Dask cluster of two processes on this machine, whose workers find the functions of a folder of tests."""
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


class _TestsFolder(distributed.WorkerPlugin):  # type: ignore[name-defined]
    """Also a worker that takes the place of a dead one finds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def setup(self, worker: Any) -> None:
        sys.path.append(self.folder)


@contextmanager
def local_cluster(folder: Path, allowed_failures: int) -> Iterator[Any]:
    """The cluster.

    Parameters
    ----------
    folder : Path
        Of the test's file.
    allowed_failures : int
        Workers that a task may kill and be given to another; Dask's own three take longer.
    """
    settings = {"distributed.scheduler.allowed-failures": allowed_failures}
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "protocol": "tcp"}
    with dask.config.set(settings), distributed.LocalCluster(**local) as made, distributed.Client(made) as client:
        client.register_plugin(_TestsFolder(folder))
        yield made
