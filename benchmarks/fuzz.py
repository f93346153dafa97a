"""Readers fed with what atheris finds, for a bounded time each: python -m benchmarks.fuzz --seconds 120 (extra fuzz)

atheris (libFuzzer) changes whole files and keeps the changes that reach new lines of this package. Each reader runs in
a process of its own. What is no refusal in one line, takes too long or kills the process is kept beside `--out` under
the reader's name; it becomes a test.
"""
import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.hostile_files import MAKERS
from benchmarks.hostile_small import SMALL, SmallFile

# A reader that takes longer counts as hung, s; memory that a process may take, MB.
_SLOW_S = 30
_MOST_MB = 4000
# Packages whose lines atheris watches.
_OURS = ("featurize", "classify", "ecg")


def _image(path: Path) -> object:
    from featurize.images.read import read_image
    return read_image(path)


def _table(path: Path) -> object:
    from featurize.table import read_table
    return read_table(path)


def _csv_signals() -> bytes:
    return ("I,II\n" + "\n".join(f"{i % 7 / 10},{i % 5 / 10}" for i in range(600)) + "\n").encode()


def _sheet(path: Path) -> object:
    from featurize.index.sheets import read_sheet
    return read_sheet(path)


def _record(path: Path) -> object:
    from ecg.signals.records import read_record
    return read_record(path, 500)


def _wfdb(path: Path) -> object:
    path.with_suffix(".dat").write_bytes(bytes(4800))
    return _record(path)


def _manifest(path: Path) -> object:
    """manifest.json of a model folder whose other files are whole; its checksum is made to fit."""
    import shutil

    from benchmarks.hostile_models import rehash
    from classify.bundle import load_bundle
    whole = _GOLDEN / "model_v6" / "model"
    for name in whole.iterdir():
        if name.name != path.name:
            shutil.copy(name, path.parent / name.name)
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        rehash(path.parent)
    return load_bundle(path.parent)


_GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
READERS: dict[str, SmallFile] = {
    **{f"image {kind}": SmallFile("a.img", make, _image) for kind, make in MAKERS.items()},
    **{name: one for files in SMALL.values() for name, one in files.items()},
    "csv labels": SmallFile("l.csv", lambda: b"path,label,patient\na/1.png,ant,p1\nb/2.png,bee,p2\n", _sheet),
    "csv signals": SmallFile("r.csv", _csv_signals, _record),
    "WFDB header": SmallFile("r.hea", lambda: b"r 2 500 1200\nr.dat 16 1000(0)/mV 16 0 0 0 0 I\n"
                             b"r.dat 16 1000(0)/mV 16 0 0 0 0 II\n", _wfdb),
    "table": SmallFile("t.parquet", (_GOLDEN / "model_v6" / "table.parquet").read_bytes, _table),
    "model manifest": SmallFile("manifest.json", (_GOLDEN / "model_v6" / "model" / "manifest.json").read_bytes,
                                _manifest)}


def _target(one: SmallFile, folder: Path) -> Callable[[bytes], None]:
    from ecg.signals.raw_record import RecordError
    from featurize.errors import UserError
    from featurize.images.picture import ImageError

    def read(content: bytes) -> None:
        path = folder / one.name
        path.write_bytes(content)
        try:
            one.read(path)
        except (UserError, ImageError, RecordError) as error:
            if "\n" in str(error):
                raise AssertionError(f"a message of several lines: {error}") from error
    return read


def fuzz_one(name: str, seconds: int, seed: int, found: Path) -> None:
    """Feed one reader; ends this process."""
    import atheris
    one, folder = READERS[name], Path(tempfile.mkdtemp())
    # What is imported for the first whole file is watched: readers import what they need when they are called.
    for module in [module for module in sys.modules if module.partition(".")[0] in _OURS]:
        del sys.modules[module]
    with atheris.instrument_imports(include=list(_OURS)):
        read = _target(one, folder)
        read(one.whole())
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "whole").write_bytes(one.whole())
    # Libraries write of what they meet.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    atheris.Setup([sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-seed={seed + 1}", f"-timeout={_SLOW_S}",
                   f"-rss_limit_mb={_MOST_MB}", f"-artifact_prefix={found}/{name.replace(' ', '_')}-",
                   "-max_len=65536", "-print_final_stats=1"], read)
    atheris.Fuzz()


def main() -> int:
    """Fuzz every reader in turn, or one; say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="For each reader.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=READERS, help="One reader, in this process.")
    parser.add_argument("--out", type=Path, default=Path("fuzz_found"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.only:
        fuzz_one(given.only, given.seconds, given.seed, given.out)
    failed = 0
    for name in READERS:
        ended = subprocess.run([sys.executable, "-W", "ignore", "-m", "benchmarks.fuzz", "--only", name, "--seconds",
                                str(given.seconds), "--seed", str(given.seed), "--out", str(given.out)],
                               capture_output=True, text=True, errors="replace")
        lines = ended.stderr.splitlines()
        runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
        print(f"{name}: {runs} files, {'nothing found' if not ended.returncode else 'FOUND'}", flush=True)
        if ended.returncode:
            failed += 1
            print("\n".join(line for line in lines if not line.startswith(("INFO", "#", "stat::")))[-3000:], flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main() > 0)
