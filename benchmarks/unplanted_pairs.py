"""Classes that one laboratory pictured with one device: how often does the audit convict where nothing was planted?

python -m benchmarks.unplanted_pairs TABLE RUN [-o benchmarks/results/unplanted_pairs.json]

TABLE is that of blood_pbc with its changed copies beside it, RUN its run. Every pair of classes is judged by the
out-of-fold answers of the run. A conviction is false as far as the device did not change with the class, which the set
does not tell.
"""
import argparse
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.audit.shortcuts.evidence import CONVICTED, OPEN, Answers, shortcut_evidence
from classify.bundle import load_bundle
from classify.data.columns import matrix
from classify.data.tasks import encode_as
from classify.evaluate.parts_of_table import nuisances_of
from classify.fitting.augment import perturbations_of
from classify.run_folder import PREDICTIONS
from featurize.table import read_perturbed, read_table


def judged(table: Path, run: Path, jobs: int) -> list[dict[str, Any]]:
    """A row a pair of classes."""
    frame, info = read_table(table)
    bundle = load_bundle(run)
    x, classes = matrix(frame, bundle.model.features), bundle.classes
    told = pd.read_csv(run / PREDICTIONS, dtype={"image_id": str}).set_index("image_id").loc[frame["image_id"]]
    p, y = told[[f"p_{name}" for name in classes]].to_numpy(np.float64), encode_as(frame["label"], classes)
    copies = perturbations_of(frame, read_perturbed(table, info), x)
    rows = []
    for pair in combinations(range(len(classes)), 2):
        own = np.flatnonzero(np.isin(y, pair))
        chosen = p[np.ix_(own, pair)] / p[np.ix_(own, pair)].sum(axis=1, keepdims=True)
        truth = np.searchsorted(pair, y[own]).astype(np.int64)
        answers = Answers(truth, chosen, np.ones(len(own), bool), np.ones(x.shape[1]))
        found = shortcut_evidence(frame.iloc[own].reset_index(drop=True), x.iloc[own].reset_index(drop=True),
                                  nuisances_of(frame, info), answers, copies, jobs)
        rows.append({"pair": ", ".join(classes[c] for c in pair), "n": len(own),
                     "errors": int((chosen.argmax(axis=1) != truth).sum()),
                     **{verdict: ", ".join(g.name for g in found if g.verdict == verdict) or "none"
                        for verdict in (CONVICTED, OPEN)}})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "unplanted_pairs.json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    rows = judged(given.table, given.run, given.jobs)
    wrong = sum(row[CONVICTED] != "none" for row in rows)
    write(given.output, "Shortcuts where nothing was planted", (
        f"Pairs of classes of blood_pbc, one laboratory and device: {wrong} of {len(rows)} pairs have a conviction. "
        "Answers are those of the run out of fold, among the two classes. `errors`: images of the pair named "
        "wrongly. Cells of these classes differ in color and texture by nature, which the properties of the "
        "picture see, too."), rows)


if __name__ == "__main__":
    main()
