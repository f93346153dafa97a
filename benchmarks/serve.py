"""How many images does a server answer, how long do they wait, and does its memory grow?

python -m benchmarks.serve RUN IMAGES [--requests 200] [--per-second 10] [--jobs 2] [-o benchmarks/results/serve.json]

RUN is what `classify` wrote, IMAGES a folder of images. A server is started on this machine. First as many images are
sent at a time as there are processes (sustained), then images at fixed times, whatever is still under way (paced).
Memory is that of the server and its processes together, VmRSS; Linux only. Needs the extras serve and test.

`--requests 5000` on two cores that do nothing else tells the three figures that `serve` is meant to hold: 20 images a
second sustained, 99 % of the waits under 400 ms at 10 a second, the same memory after 5,000 requests.
"""
import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks.process_tree import memory_mb
from benchmarks.record import RESULTS, write
from featurize.images.read import is_image_name

# Share of the sustained requests after which the memory counts as settled.
_SETTLED = 0.2
# Images that are sent in turn.
_MOST_IMAGES = 50
# No address is refused for its rate here.
_RATE = 1_000_000
# Requests under way at a time in the paced part: more wait in the client.
_MOST_UNDER_WAY = 32


@contextmanager
def server(run: Path, jobs: int) -> Iterator[tuple[str, int]]:
    """Address and process id of a server that answers."""
    command = [sys.executable, "cli.py", "serve", str(run), "--port", "0", "--jobs", str(jobs), "--rate", str(_RATE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield re.findall(r"http://\S+/", process.stdout.readline())[0], process.pid
        finally:
            process.terminate()


def send(client: httpx2.Client, data: bytes) -> tuple[float, int]:
    """Seconds until the answer to an image, and its status."""
    start = time.perf_counter()
    status = client.post("predict", files={"image": ("image", data)}).status_code
    return time.perf_counter() - start, status


def paced(client: httpx2.Client, start: float, numbered: tuple[int, bytes], per_second: float) -> tuple[float, int]:
    """`send` at a fixed time; the wait counts from that time on."""
    due = start + numbered[0] / per_second
    time.sleep(max(0.0, due - time.perf_counter()))
    _, status = send(client, numbered[1])
    return time.perf_counter() - due, status


def row(part: str, answers: Sequence[tuple[float, int]], seconds: float, memory: Sequence[float]) -> dict[str, Any]:
    """One line of the result."""
    waited = np.array([s for s, _ in answers])
    return {"part": part, "requests": len(answers), "answered": sum(status == 200 for _, status in answers),
            "requests per s": round(len(answers) / seconds, 2), "p50 ms": round(1000 * float(np.median(waited))),
            "p99 ms": round(1000 * float(np.percentile(waited, 99))),
            "memory before, MB": round(memory[0]), "memory after, MB": round(memory[1])}


def rows(run: Path, images: Path, requests: int, per_second: float, jobs: int) -> list[dict[str, Any]]:
    """Sustained, then paced."""
    files = [path for path in sorted(images.rglob("*")) if is_image_name(path.name)]
    chosen = [files[at].read_bytes() for at in np.unique(np.linspace(0, len(files) - 1, _MOST_IMAGES).astype(int))]
    work = [chosen[at % len(chosen)] for at in range(requests)]
    first = round(_SETTLED * requests)
    with server(run, jobs) as (address, pid), httpx2.Client(base_url=address, timeout=120) as client:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(partial(send, client), work[:first]))
            settled, start = memory_mb(pid), time.perf_counter()
            sustained = list(pool.map(partial(send, client), work[first:]))
            seconds = time.perf_counter() - start
        after, start = memory_mb(pid), time.perf_counter()
        with ThreadPoolExecutor(_MOST_UNDER_WAY) as pool:
            timed = list(pool.map(partial(paced, client, start, per_second=per_second), enumerate(work)))
        paced_s = time.perf_counter() - start
        return [row(f"sustained, {jobs} at a time", sustained, seconds, (settled, after)),
                row(f"paced, {per_second:g} a second", timed, paced_s, (after, memory_mb(pid)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "serve.json")
    given = parser.parse_args()
    about = (f"`serve` on this machine, {given.jobs} processes; images of {given.images.name} in turn. Waits of the "
             "paced part count from the time at which an image was due.")
    write(given.out, "Serving a model", about,
          rows(given.run, given.images, given.requests, given.per_second, given.jobs))


if __name__ == "__main__":
    main()
