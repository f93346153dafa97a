"""Chunks come out the same wherever they are measured, and a process that dies costs one image."""
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from featurize.batch import workers
from featurize.batch.chunks import ImageRequest, MeasuredChunk, MeasureTask
from featurize.batch.workers import measure_chunks
from featurize.errors import UserError
from featurize.images.read import Picture
from featurize.presets.load import load_preset
from featurize.runtime.processes import default_jobs, processors


@dataclass(frozen=True)
class DrawnTask(MeasureTask):
    """Draws noise instead of reading files; a path with "dies" in it kills the process that would measure it."""

    def picture(self, request: ImageRequest) -> Picture:
        if "dies" in request.path:
            os.kill(os.getpid(), signal.SIGKILL)
        rgb = np.random.default_rng(int(request.image_id)).integers(0, 256, (20, 30, 3)).astype(np.uint8)
        return Picture(rgb=rgb, width_px=30, height_px=20, mode="RGB", bit_depth=8, mm_per_px=None)


def task() -> DrawnTask:
    whole = load_preset("whole")
    return DrawnTask((), replace(whole, blocks={"color": whole.blocks["color"]}), None)


def requests(count: int, *dying: int) -> list[ImageRequest]:
    return [ImageRequest(str(i), "a", f"{i}_dies.png" if i in dying else f"{i}.png") for i in range(count)]


def chunks_of(all_requests: list[ImageRequest], size: int = 4) -> dict[int, list[ImageRequest]]:
    return {at // size: all_requests[at:at + size] for at in range(0, len(all_requests), size)}


def ids(chunks: dict[int, MeasuredChunk]) -> list[str]:
    return [image_id for number in sorted(chunks) for image_id in chunks[number].image_ids]


@pytest.fixture
def _always_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "FEW_IMAGES", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("_always_processes")
def test_two_processes_measure_what_one_measures() -> None:
    here = dict(measure_chunks(task(), chunks_of(requests(12)), jobs=1))
    there = dict(measure_chunks(task(), chunks_of(requests(12)), jobs=2))
    assert sorted(here) == sorted(there) == [0, 1, 2]
    for number, chunk in here.items():
        assert chunk.image_ids == there[number].image_ids and chunk.names == there[number].names
        assert np.array_equal(chunk.values, there[number].values, equal_nan=True)


@pytest.mark.slow
@pytest.mark.usefixtures("_always_processes")
def test_an_image_that_kills_its_process_is_named_and_the_others_are_measured() -> None:
    found = dict(measure_chunks(task(), chunks_of(requests(12, 5)), jobs=2))
    assert ids(found) == [str(i) for i in range(12) if i != 5]
    faults = [fault for chunk in found.values() for fault in chunk.faults]
    assert [(f.image_id, f.reason) for f in faults] == [("5", "crashed")]


def test_few_images_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "map_in_processes", lambda *given: pytest.fail("a pool was started"))
    assert ids(dict(measure_chunks(task(), chunks_of(requests(6)), jobs=8))) == list("012345")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the table of processes of Linux")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = ("from test_workers import *\nworkers.FEW_IMAGES = 0\n"
            "for n, c in measure_chunks(task(), chunks_of(requests(400)), jobs=2):\n    print('going', flush=True)")
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env={**os.environ, "PYTHONPATH": paths})
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"going\n"
        children = [int(pid) for pid in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
        parent.kill()
        parent.wait()
    assert len(children) >= 2
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < until:
        time.sleep(.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_scheduler_without_dask_or_without_answer_is_one_line() -> None:
    with pytest.raises(UserError, match=r"pellucid\[cluster\]|no Dask scheduler answers at tcp://127.0.0.1:1"):
        list(measure_chunks(task(), chunks_of(requests(1)), jobs=1, scheduler="tcp://127.0.0.1:1"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Dask's own, about ports and sockets
def test_a_dask_cluster_measures_what_one_process_measures_and_names_a_killer() -> None:
    pytest.importorskip("distributed")
    from local_cluster import local_cluster

    # Also the worker that takes the place of the killed one must find this file.
    with local_cluster(Path(__file__).parent, allowed_failures=0) as cluster:
        found = dict(measure_chunks(task(), chunks_of(requests(12, 5)), jobs=1, scheduler=cluster.scheduler_address))
    here = dict(measure_chunks(task(), chunks_of([r for r in requests(12) if r.image_id != "5"]), jobs=1))
    assert ids(found) == ids(here)
    assert [fault.reason for chunk in found.values() for fault in chunk.faults] == ["crashed"]


def test_there_is_at_least_one_job() -> None:
    assert default_jobs(0) == default_jobs(1) == 1 <= default_jobs(10 ** 6) == processors()
