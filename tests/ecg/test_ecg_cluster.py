"""Pages and records on a Dask cluster: the files that one process writes; the one that kills workers is named."""
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_cluster import local_cluster
from made_heart import heart

from ecg import on_cluster
from ecg.job import DigitizeSettings, PageJob
from ecg.run import digitize_pages
from ecg.simulate.demo import write_pages
from featurize.errors import UserError
from featurize.runtime.limits import Limits

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of Dask's own, about ports and sockets
MADE = on_cluster._made


def made_once_killed(job: PageJob, settings: DigitizeSettings, wanted: dict[str, str]) -> Any:
    """Workers die of b.csv; the others are made."""
    if job.path == "b.csv":
        os.kill(os.getpid(), signal.SIGKILL)
    return MADE(job, settings, wanted)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with local_cluster(Path(__file__).parent, allowed_failures=0) as made:
        yield made


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two records, a page and a file that is none."""
    folder = tmp_path_factory.mktemp("given")
    for name, interval_s in (("a", .8), ("b", .9)):
        beats = heart([.4 + interval_s * k for k in range(10)])
        rows = "\n".join(",".join(f"{value:.3f}" for value in row) for row in beats.T)
        (folder / f"{name}.csv").write_text(f"I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6\n{rows}\n")
    next(write_pages(folder.parent / "demo").glob("*.png")).rename(folder / "page.png")
    (folder / "broken.png").write_bytes(b"no page")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Files by name; the pages name their folder, which is left out."""
    return {path.relative_to(folder).as_posix(): path.read_bytes().replace(bytes(folder), b"")
            for path in folder.rglob("*") if path.is_file()}


def test_a_cluster_writes_the_files_of_one_process(given: Path, cluster: Any, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    # Workers were started elsewhere: a relative path means nothing to them.
    monkeypatch.chdir(given.parent)
    digitize_pages([Path(given.name)], tmp_path / "here", DigitizeSettings(), jobs=1)
    summary = digitize_pages([Path(given.name)], tmp_path / "there", DigitizeSettings(), jobs=1,
                             scheduler=cluster.scheduler_address)
    assert (summary.pages, summary.errors, summary.resumed) == (3, 1, 0)
    assert content(tmp_path / "here") == content(tmp_path / "there")
    again = digitize_pages([Path(given.name)], tmp_path / "there", DigitizeSettings(), jobs=1,
                           scheduler=cluster.scheduler_address)
    assert again.resumed == 3


def test_a_record_that_kills_its_workers_is_named(given: Path, cluster: Any, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_cluster, "_made", made_once_killed)
    summary = digitize_pages([given / "a.csv", given / "b.csv"], tmp_path, DigitizeSettings(), jobs=1,
                             scheduler=cluster.scheduler_address)
    assert (summary.pages, summary.errors) == (1, 1)
    assert "b.csv,it killed its Dask workers (crash or out of memory),crashed" in (tmp_path / "errors.csv").read_text()


def test_a_worker_with_another_version_is_refused(given: Path, cluster: Any, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_cluster, "VERSION", 0)
    with pytest.raises(UserError, match="a Dask worker has ecg [1-9][0-9]*, here it is 0: install the same versions"):
        digitize_pages([given / "a.csv"], tmp_path, DigitizeSettings(), jobs=1, scheduler=cluster.scheduler_address)


def test_limits_are_refused_with_a_cluster(given: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--limit-s or --limit-mb was given with --scheduler"):
        digitize_pages([given], tmp_path, DigitizeSettings(), jobs=1, limits=Limits(seconds=5),
                       scheduler="tcp://127.0.0.1:1")
