"""Maps of several findings: deletion and insertion against random orders, and do they lie where a finding is seen?

python -m benchmarks.maps_of_findings RUN TABLE IMAGES OUT [-n 10] [-o benchmarks/results/maps_of_findings.json]

RUN is that of a table with several findings, TABLE has films that it did not learn from, IMAGES are these films. What
hidden cells gave stays beside OUT, an audit page: a second call reads it.
"""
import argparse
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, write
from classify.findings.audit import FindingsAudit
from classify.findings.audit_run import Asked, audit_findings
from classify.maps.location import location_of
from classify.maps.result import ATTRIBUTION
from classify.maps.sentences import NAMES
from classify.sweep.choose import Remeasure
from featurize.index.build import build_index
from featurize.table import read_table

IMAGES = 10


def rows_of(found: FindingsAudit) -> list[dict[str, Any]]:
    """A row for each finding, map and test."""
    auroc, rows = found.rows.set_index("finding")["auroc"], []
    for name, maps in found.maps.items():
        place = location_of(name, maps.images)
        changed = [image.counterfactual for image in maps.images if image.counterfactual]
        for test in maps.tests:
            kind = 0 if test.kind == ATTRIBUTION else 1
            rows.append({
                "finding": name, "AUROC": round(float(auroc[name]), 3), "images": test.n, "map": NAMES[test.kind],
                "test": test.test, "area, map": round(test.area, 3), "area, random": round(test.random, 3),
                "better in": test.better, "p": float(f"{test.p:.2g}"),
                "share where it is seen / area": round(place.shares[kind] / place.area, 2) if place else "",
                "p of the place": float(f"{place.p[kind]:.2g}") if place else "",
                "called": place.n if place else "",
                "few measurements change it": sum(bool(other.swaps) for other in changed),
                "of the nearest image": sum(bool(other.swaps) and not other.nearer for other in changed)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("-n", type=int, default=IMAGES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "maps_of_findings.json")
    given = parser.parse_args()
    settings = Remeasure(build_index([given.images]), given.n, given.jobs, progress=True)
    found = audit_findings(given.run, given.table, *read_table(given.table), given.out, Asked(maps=settings))
    write(given.output, "Maps of several findings", (
        "chest_nih, models of five findings trained on 396 films of three fifths of the patients, maps of "
        "films of the others, evenly with and without each finding, seed 0. Areas and p as above. The place: "
        "parts of the lungs in which the finding is usually seen (Effusion: the lower thirds), in films "
        "called it; Wilcoxon's signed-rank test, one-sided. `few measurements change it`: images of which at "
        "most ten measurements of one of the ten nearest films called otherwise change the answer; `of the "
        "nearest image`: of the nearest one."), rows_of(found))


if __name__ == "__main__":
    main()
