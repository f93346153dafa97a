"""Single flipped bits in every file that commands store and read again: python -m benchmarks.stored_flips

Small results are made by the commands themselves. Of each stored file copies with one flipped bit are read as the next
command reads them. Counted are flips that are refused in one line, flips after which the outcome is that of the whole
file (it does not matter, or what was damaged is made again), other outcomes, and errors that are not ours.
"""
import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.record import RESULTS, write
from benchmarks.stored_reads import IMAGES, KINDS, make_all, one_flip
from featurize.runtime.processes import Killed, map_in_processes, processors

# Flips of each file.
FLIPS = 30


def jobs_of(place: Path, flips: int, only: str) -> Iterator[tuple[str, str, Path, int]]:
    """Kind, file, folder of all results and seed of each flip."""
    for name, kind in KINDS.items():
        for pattern in kind.files if only in ("", name) else ():
            for path in sorted(path for path in place.glob(pattern) if path.is_file()):
                yield from ((name, path.relative_to(place).as_posix(), place, seed) for seed in range(flips))


def main() -> int:
    """Flip all, print what got through, write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=FLIPS)
    parser.add_argument("--jobs", type=int, default=processors())
    parser.add_argument("--only", default="", help="One kind; nothing is recorded then.")
    parser.add_argument("--work", type=Path, help="The small results, kept for the next run.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.work or Path(folder)
        if not (place / "detect").exists():
            make_all(place)
        counts: dict[str, Counter[str]] = {name: Counter() for name in KINDS}
        files: dict[str, set[str]] = {name: set() for name in KINDS}
        for (name, file, _, seed), result in map_in_processes(one_flip, jobs_of(place, given.flips, given.only),
                                                              given.jobs):
            outcome, details = ("crash", "the process died") if isinstance(result, Killed) else result
            counts[name][outcome] += 1
            files[name].add(file)
            if details:
                print(f"{file}, seed {seed}: {outcome}: {details[:300]}", file=sys.stderr)
    rows = [{"stored": name, "files": len(files[name]), "flips": found.total(), "refused": found["refused"],
             "same outcome": found["the same"], "other outcome": found["other"], "crashes": found["crash"]}
            for name, found in counts.items() if found]
    for row in rows:
        print(row)
    if not given.only:
        write(RESULTS / "stored_flips.json", "Flipped bits in stored files", "One flipped bit at a time in each file "
              f"that commands store and read again ({IMAGES} drawn cells, two folds; a drawn ECG page, a record and a "
              "field), seeded. Each is read as the next command reads it: refused in one line, or the outcome is that "
              "of the whole file (what was damaged is made again, or does not matter).", rows)
    return sum(int(row["other outcome"]) + int(row["crashes"]) for row in rows)


if __name__ == "__main__":
    sys.exit(main() > 0)
