"""What a model still promises on changed pictures: the sweep of `audit --sweep` on cells and on tissue.

python -m benchmarks.sweep DATA WORK [--set blood_pbc ...] [-n 48] [-o benchmarks/results/sweep.json]

Sets, splits and WORK are those of `benchmarks.maps`. A set that is not named keeps the rows of an earlier call.
"""
import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.maps import SEED, trained
from benchmarks.record import RESULTS, write
from classify.bundle import load_bundle
from classify.sweep.choose import Remeasure
from classify.sweep.result import Scored, Sweep
from classify.sweep.run import sweep

SWEPT = ("blood_pbc", "breast_idc")
# Images of a set, evenly by class.
IMAGES = 48


def swept(name: str, data: Path, work: Path, images: int, jobs: int) -> Sweep:
    """Measure, train and sweep one set."""
    own = trained(name, data, work, jobs)
    tested = (own.frame["split"] == "test").to_numpy()
    found, shards = sweep(load_bundle(own.run), own.frame, own.info, ~tested,
                          Remeasure(own.index, images, jobs, SEED, True), own.place / "sweep.json")
    shards.close()
    return found


def rows_of(name: str, found: Sweep) -> list[dict[str, Any]]:
    """A row for the unchanged images and one for each change: its five strengths, and where a promise breaks."""
    unchanged = _row(name, "none", [found.unchanged], "unchanged" if found.unchanged.broken else "")
    return [unchanged, *(_row(name, change.name, change.strengths, str(change.broken_at or ""))
                         for change in found.changes)]


def _row(name: str, change: str, strengths: Sequence[Scored], broken: str) -> dict[str, Any]:
    def listed(value: Callable[[Scored], float]) -> str:
        return " ".join(f"{value(scored):.2f}" for scored in strengths)
    return {"set": name, "images": max(scored.n for scored in strengths), "change": change,
            "accuracy": listed(lambda s: s.accuracy), "calibration error": listed(lambda s: s.ece),
            "coverage": listed(lambda s: s.coverage), "for review": listed(lambda s: s.review_share),
            "breaks at": broken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--set", action="append", choices=SWEPT, dest="sets")
    parser.add_argument("-n", type=int, default=IMAGES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "sweep.json")
    given = parser.parse_args()
    kept = json.loads(given.output.read_text(encoding="utf-8"))["rows"] if given.output.is_file() else []
    for name in given.sets or SWEPT:
        rows = rows_of(name, swept(name, given.data, given.work, given.n, given.jobs))
        kept = [row for row in kept if row["set"] != name] + rows
        for row in rows:
            print(row, flush=True)
        write(given.output, "Changed pictures: the sweep", (
            f"Images of the test part, evenly by class, seed {SEED}; blood_pbc: a fourth of the images; breast_idc: "
            "one of two patients, trained on the other. Each change at its five strengths, from left to right: share "
            "named correctly, expected calibration error, share of prediction sets that hold the truth (95 % are "
            "promised), share sent to a person. A promise breaks at the first strength at which p is below .05, "
            "counting all comparisons of the sweep (Holm): that of the sets, or that of the errors among answers "
            "without review. So few images show only large falls: what does not break here may break on more."), kept)


if __name__ == "__main__":
    main()
