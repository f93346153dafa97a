"""Finished chunks kept at an address of fsspec: the same table, and any machine goes on with a stopped run."""
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurize.batch import execute
from featurize.batch.chunks import Fault, MeasuredChunk
from featurize.batch.remote_shards import RemoteShards
from featurize.errors import UserError
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import featurize

fsspec = pytest.importorskip("fsspec")

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef"
SECRET = "verysecretvalue"


def chunk(image_id: str = "a") -> MeasuredChunk:
    return MeasuredChunk((image_id,), ("x", "y"), np.array([[1, np.nan]], np.float32), np.ones((1, 2), np.int64),
                         np.zeros((1, 3), np.uint8), (Fault("b", "no image", "truncated"),))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A bucket of a server on this machine that speaks S3; credentials stand in the environment."""
    pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    # A process of its own: what the server leaves open is no matter of these tests.
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                              stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert server.stderr
    address = next(line.split("Running on ")[1].split()[0] for line in server.stderr if "Running on " in line)
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": address,
                        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": str(tmp_path / "none"),
                        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
                        "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("bucket")
    yield "s3://bucket/runs"
    s3fs.S3FileSystem.clear_instance_cache()
    server.kill()
    server.communicate()


def listed(url: str) -> list[str]:
    fs, place = fsspec.core.url_to_fs(url)
    fs.invalidate_cache()
    return sorted(fs.find(place))


def kept_and_read(url: str) -> None:
    """What one process writes, another one reads; only what is ours is removed."""
    first = RemoteShards(url, KEY)
    first.open()
    assert not first.has(0) and first.read(0) is None
    for number, image_id in ((0, "a"), (3, "c"), (1_000_000, "d")):
        first.write(number, chunk(image_id))
    fs, place = fsspec.core.url_to_fs(url)
    fs.pipe_file(f"{place}/{KEY}/000004.npz", b"damaged")
    fs.pipe_file(f"{place}/{KEY}/notes.txt", b"of somebody else")
    RemoteShards(url, "f" * 16).write(0, chunk("other"))
    again = RemoteShards(f"{url}/", KEY)
    again.open()
    assert [number for number in (0, 1, 3, 4, 1_000_000) if again.has(number)] == [0, 3, 4, 1_000_000]
    read = again.read(3)
    assert read is not None and read.image_ids == ("c",) and read.faults == chunk().faults
    assert np.array_equal(read.values, chunk().values, equal_nan=True) and again.read(4) is None
    again.close()
    left = [path.rsplit("/", 2)[-2:] for path in listed(url)]
    assert left == [[KEY, "notes.txt"], ["f" * 16, "000000.npz"]]


@pytest.mark.parametrize("protocol", ["file", "memory", "plain"])
def test_chunks_are_kept_and_read_and_nothing_of_others_is_removed(protocol: str, tmp_path: Path) -> None:
    kept_and_read({"file": f"file://{tmp_path}/new/shards", "memory": f"memory://{tmp_path.name}",
                   "plain": f"{tmp_path}/new/shards"}[protocol])


def test_nothing_is_left_of_a_run_that_ended(tmp_path: Path) -> None:
    shards = RemoteShards(f"file://{tmp_path}/shards", KEY)
    shards.open()
    shards.write(0, chunk())
    shards.close()
    assert not list((tmp_path / "shards").iterdir())


def test_a_stopped_run_goes_on_at_another_place_and_gives_the_same_bytes(cell_folder: Path, tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "CHUNK_SIZE", 5)
    index, whole, url = build_index([cell_folder]), load_preset("whole"), f"memory://{tmp_path.name}"
    preset = replace(whole, blocks={name: whole.blocks[name] for name in ("color", "quality")})
    featurize(index, preset, tmp_path / "local.parquet", jobs=1)
    original = execute.measure_chunks

    def two_chunks(*arguments: object, **named: object) -> Iterator[object]:
        for count, finished in enumerate(original(*arguments, **named)):  # type: ignore[arg-type]
            if count == 2:
                raise KeyboardInterrupt
            yield finished
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt, match=f"10 of 24 images .* kept in {url}"):
        stopping.setattr(execute, "measure_chunks", two_chunks)
        featurize(index, preset, tmp_path / "here.parquet", jobs=1, shards=url)
    assert len(listed(url)) == 2 and not list(tmp_path.glob("here*"))
    assert featurize(index, preset, tmp_path / "there.parquet", jobs=1, shards=url).resumed == 10
    for suffix in ("parquet", "perturbed.parquet"):
        assert (tmp_path / f"there.{suffix}").read_bytes() == (tmp_path / f"local.{suffix}").read_bytes()
    assert not listed(url)


@pytest.mark.parametrize("url, message", [
    ("s4://b/x", "--shards s4://b/x was given, an address like s3://bucket/prefix was wanted: Protocol not known: s4"),
    (f"sftp://me:{SECRET}@host/x", "address with a user or password in it: give the address alone"),
    ("/proc/none/x", "--shards /proc/none/x: there is no such bucket or folder; make it first")])
def test_a_place_that_cannot_be_used_is_one_line(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        RemoteShards(url, KEY).write(0, chunk())
    assert "\n" not in str(caught.value) and SECRET not in str(caught.value)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="needs a library that is not installed .extra 's3': pip install"):
        RemoteShards("s3://bucket/x", KEY)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UserError, match="--shards needs the extra 's3'"):
        RemoteShards("s3://bucket/x", KEY)


@pytest.mark.slow
def test_a_bucket_keeps_chunks(bucket: str) -> None:
    kept_and_read(bucket)


@pytest.mark.slow
def test_faults_of_a_bucket_are_one_line_without_secrets(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs
    with pytest.raises(UserError, match="--shards s3://none/x: there is no such bucket or folder; make it first"):
        RemoteShards("s3://none/x", KEY).open()
    shards = RemoteShards(bucket, KEY)
    shards.open()

    def denied(*given: object, **named: object) -> None:
        raise PermissionError("Access Denied.\nRequest 1")
    with monkeypatch.context() as without_rights, pytest.raises(UserError, match="access denied .Access Denied. Requ"):
        without_rights.setattr(shards._fs, "pipe_file", denied)
        shards.write(0, chunk())
    for name, value, message in (("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "cannot be used .EndpointConnectionError"),
                                 ("AWS_ACCESS_KEY_ID", "", "cannot be used .*[Cc]redentials")):
        s3fs.S3FileSystem.clear_instance_cache()
        with monkeypatch.context() as changed, pytest.raises(UserError, match=message) as caught:
            changed.setenv(name, value)
            RemoteShards(bucket, KEY).write(0, chunk())
        assert "\n" not in str(caught.value) and SECRET not in str(caught.value)


@pytest.mark.slow
def test_a_killed_run_goes_on_from_the_bucket(bucket: str, cell_folder: Path, tmp_path: Path) -> None:
    """SIGKILL to a real process; the next run knows nothing but the bucket."""
    script = tmp_path / "waits.py"
    script.write_text("import os, time, cli\nfrom featurize.batch.remote_shards import RemoteShards\n"
                      "write = RemoteShards.write\n"
                      "def write_and_wait(*arguments):\n"
                      "    write(*arguments)\n    time.sleep(float(os.environ['WAIT_SECONDS']))\n"
                      "RemoteShards.write = write_and_wait\nif __name__ == '__main__':\n    cli.main()\n")
    command = [sys.executable, str(script), "featurize", str(cell_folder), "--preset", "whole", "--jobs", "1", "-o"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WAIT_SECONDS": "60"}
    running = subprocess.Popen([*command, str(tmp_path / "a.parquet"), "--shards", bucket], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while not listed(bucket):
        assert running.poll() is None
        time.sleep(.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    environment["WAIT_SECONDS"] = "0"
    done = subprocess.run([*command, str(tmp_path / "b.parquet"), "--shards", bucket], env=environment, text=True,
                          capture_output=True)
    assert done.returncode == 0 and "were measured by an earlier run that was stopped" in done.stdout, done.stderr
    assert SECRET not in done.stdout + done.stderr and not listed(bucket)
    local = subprocess.run([*command, str(tmp_path / "c.parquet")], env=environment, capture_output=True)
    assert local.returncode == 0
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()
    assert SECRET.encode() not in (tmp_path / "b.parquet").read_bytes()
