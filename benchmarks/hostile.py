"""Ten thousand hostile files through the functions that read them: python -m benchmarks.hostile

Whole files are made, then damaged, cut, or changed with checksums that fit again; the same seed gives the same file.
Each is read in a process of a pool. Counted are crashes (an error that is not ours, or a process that died), hangs
(more than `SLOW_S` of a processor, or minutes), messages of more than a line, and silent misreads: a file that is read
although it was cut, or differs from the whole one in what its format has a checksum for, and that gives other values
than the whole one.
"""
import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.hostile_reads import SLOW_S, one_file
from benchmarks.record import RESULTS, write
from featurize.runtime.processes import Killed, map_in_processes, processors

# Share of the files of each kind.
KINDS = {"images": 5, "npz": 1, "zip": 1, "csv labels": 1, "WFDB": 1, "csv signals": 0.5, "tables": 1, "models": 1.5,
         "settings and corrections": 1, "records of other formats": 1, "PDF and masks": 0.5, "painted ECG pages": 0.02}


def jobs_of(files: int, seed: int) -> Iterator[tuple[str, int]]:
    """So many files, the kinds by their shares."""
    total = sum(KINDS.values())
    for kind, share in KINDS.items():
        for number in range(round(files * share / total)):
            yield kind, seed + number


def main() -> int:
    """Read all, print what got through, write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=13_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=processors())
    given = parser.parse_args()
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for job, result in map_in_processes(one_file, jobs_of(given.files, given.seed), given.jobs):
        outcome, details = ("crash", "the process died") if isinstance(result, Killed) else result
        counts[job[0]][outcome] += 1
        if details:
            print(f"{job[0]}, seed {job[1]}: {outcome}: {details[:300]}", file=sys.stderr)
    rows: list[dict[str, Any]] = [
        {"files": kind, "made": found.total(), "refused by name": found["refused"], "read": found["read"],
         "crashes": found["crash"], "hangs": found["hang"], "silent misreads": found["misread"],
         "messages of several lines": found["long message"]} for kind, found in counts.items()]
    rows.append({"files": "all", **{key: sum(row[key] for row in rows) for key in rows[0] if key != "files"}})
    print(rows[-1])
    about = ("Damaged, cut and hostile files, seeded; models are changed and their checksums made to fit again. Each "
             "is read by the function that meets such files first: refused by name, or read. A misread is a cut "
             "image, or a file whose format has a checksum for the changed bytes, that gives other values. Changed "
             "bytes without a checksum (pixels of BMP, numbers of a csv, weights of a re-hashed model) are other data "
             f"and count as read. A hang is more than {SLOW_S:.0f} s of a processor.")
    write(RESULTS / "hostile.json", "Hostile files", about, rows)
    return sum(rows[-1][key] for key in ("crashes", "hangs", "silent misreads", "messages of several lines"))


if __name__ == "__main__":
    sys.exit(main() > 0)
