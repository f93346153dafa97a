"""Scores that prediction sets may be made from: which gives the smallest sets at equal coverage?

python -m benchmarks.set_scores TABLE [TABLE ...] [--lineage blood] [-o benchmarks/results/set_scores.json]

TABLE is a table that `featurize` wrote. Calibrated out-of-fold probabilities are those of `classify` (with a given
split: of val; the test part is not looked at). Each fold has sets from the scores of the other folds, by class. `at
equal coverage` is the smallest mean size that any alpha of a sweep gives while the least coverage of a class is that of
one minus the probability at the alpha of the row: chosen on the tested rows, for every score alike.

Scores: one minus the probability (the one in use); APS, the sum of the probabilities down to the class (Romano, Sesia,
Candes 2020, arXiv:2006.02544), whole or with the class' own probability times a random number; RAPS, APS with a
penalty a class from the second on (Angelopoulos et al. 2021, arXiv:2009.14193). With --lineage, where it names the
classes of a table: the smallest node around a set; the probability of the largest node around the most probable class
that leaves a class out (after Mortier et al. 2025, arXiv:2501.19038); and a penalty on leaving its branch. With
patients: one minus the probability, each patient of a class counting once (after Lee, Barber, Willett 2023,
arXiv:2306.06342), which promises coverage for an image of a new patient.

lineage_answers.json beside it says how often the answers at the level the model is sure of are right.
"""
import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from classify.data.dataset import prepare
from classify.data.lineage import Lineage, read_lineage
from classify.evaluate.lineage import LineageRows, answers_by_level
from classify.fitting import crossfit
from classify.fitting.augment import perturbations_of
from classify.fitting.fit_data import FitData
from classify.settings import TrainSettings
from classify.uncertainty.held_out import fit_held_out
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.errors import UserError
from featurize.table import read_perturbed, read_table

ALPHAS, SEED = (0.02, 0.05, 0.1), 0
# Folds where a class has fewer groups than five.
FEWEST_FOLDS = 3
# Levels of the sweep at equal coverage.
SWEEP = np.r_[np.arange(1, 40) / 400, np.arange(10, 50) / 100]
# Groups are taken for patients, and not for a few copies of images, below this share of the rows.
FEW_COPIES = 0.8
# Penalties of RAPS, and of classes in another branch than the most probable one.
PENALTIES = (0.01, 0.1, 0.5)
IN_USE = "1 - p"
# In the names of scores whose sets are the smallest node around a set.
AROUND = "node around the set"
# In the names of scores of which each patient counts once.
BY_PATIENT = "patients counting once"


@dataclass(frozen=True)
class Rows:
    """Calibrated probabilities (n, K) of n held-out rows, their classes, folds and groups; and the names of classes."""

    p: Float64Array
    y: Int64Array
    fold: Int64Array
    group: Int64Array
    classes: tuple[str, ...]


def rows_of_table(path: Path) -> Rows:
    """Held-out rows as `classify` makes them, with three folds where groups are too few for five."""
    frame, info = read_table(path)
    settings = TrainSettings(seed=SEED)
    try:
        data, _ = prepare(frame, info, settings)
    except UserError:
        settings = replace(settings, folds=FEWEST_FOLDS)
        data, _ = prepare(frame, info, settings)
    fitted = FitData(data.x, data.task.y, settings.weight_power,
                     perturbations_of(data.frame, read_perturbed(path, info), data.x), settings.balance)
    crossed = crossfit.cross_fit(fitted, data.split, settings.fit_settings(), lambda: None)
    held_out = fit_held_out(crossed, data.task, data.split, settings)
    at = held_out.rows
    return Rows(held_out.p, data.task.y[at], held_out.fold, data.split.split_group[at], data.task.classes)


def adaptive(p: Float64Array, penalty: float = 0.0, own: Float64Array | None = None) -> Float64Array:
    """(n, K) APS or RAPS scores; `own` = share of the class' own probability that counts, (n, 1); None = all of it."""
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    share = np.ones((len(p), 1)) if own is None else own
    values = ranked.cumsum(axis=1) - ranked * (1 - share) + penalty * np.arange(p.shape[1])
    scores = np.empty_like(p)
    np.put_along_axis(scores, order, values, axis=1)
    return scores


def nodes_of(lineage: Lineage) -> list[BoolArray]:
    """(K,) members of every node, the smallest first."""
    k = len(lineage.paths)
    branches = [number == b for level in range(1, lineage.depth + 1) for names, number in (lineage.branches(level),)
                for b in range(len(names))]
    return sorted([*np.eye(k, dtype=bool), *branches, np.ones(k, bool)], key=lambda node: int(node.sum()))


def around(sets: BoolArray, lineage: Lineage) -> BoolArray:
    """The smallest node that holds each set."""
    nodes = nodes_of(lineage)
    return np.array([next(node for node in nodes if not (row & ~node).any()) for row in sets])


def node_scores(p: Float64Array, lineage: Lineage) -> Float64Array:
    """(n, K) probability of the largest node around the most probable class that leaves the class out."""
    nodes, scores = nodes_of(lineage), np.zeros_like(p)
    for row, chances in enumerate(p):
        for node in (n for n in nodes if n[chances.argmax()]):
            scores[row, ~node] = chances[node].sum()
    return scores


def cross_sets(scores: Float64Array, rows: Rows, alpha: float, by_patient: bool = False) -> BoolArray:
    """Class-conditional sets of each fold from the scores of the others; the predicted class is always a member."""
    p, sets = rows.p, np.zeros(rows.p.shape, bool)
    for number in np.unique(rows.fold):
        new = rows.fold == number
        for c in range(p.shape[1]):
            known = ~new & (rows.y == c)
            sizes = np.unique(rows.group[known], return_inverse=True, return_counts=True)
            weight = 1 / sizes[2][sizes[1]] if by_patient else np.ones(int(known.sum()))
            order = np.argsort(scores[known, c])
            below = np.r_[0, weight[order].cumsum()]
            place = np.searchsorted(scores[known, c][order], scores[new, c], side="left")
            sets[new, c] = (below[-1] - below[place] + 1) / (below[-1] + 1) > alpha
    sets[np.arange(len(p)), p.argmax(axis=1)] = True
    return sets


def least_coverage(y: Int64Array, sets: BoolArray) -> float:
    """Of the class that is covered least."""
    return min(float(sets[y == c, c].mean()) for c in np.unique(y))


def variants(p: Float64Array, lineage: Lineage | None) -> dict[str, Float64Array]:
    """(n, K) nonconformity scores by name."""
    own = np.random.default_rng(SEED).random((len(p), 1))
    scores = {IN_USE: 1 - p, "APS": adaptive(p), "APS, random": adaptive(p, 0, own),
              **{f"RAPS {v:g}": adaptive(p, v) for v in PENALTIES},
              **{f"RAPS {v:g}, random": adaptive(p, v, own) for v in PENALTIES}}
    if lineage is None:
        return scores
    branch = lineage.branches(lineage.depth)[1]
    leaves = branch[None, :] != branch[p.argmax(axis=1)][:, None]
    return {**scores, f"{IN_USE}, {AROUND}": 1 - p, f"nodes, {AROUND}": node_scores(p, lineage),
            **{f"{IN_USE} + {v:g} for another branch": 1 - p + v * leaves for v in PENALTIES}}


def answers_of(name: str, rows: Rows, lineage: Lineage) -> list[dict[str, Any]]:
    """A row for each alpha and level of answers, as metrics.json has them."""
    tested = LineageRows(rows.y, rows.p, rows.p > 0, rows.group)
    found = []
    for alpha in ALPHAS:
        for answer in answers_by_level(lineage, tested, 1 - alpha):
            low, high = answer["right_interval"]
            known = answer["n"] and answer["level"] != "none"
            found.append({"table": name, "alpha": alpha, "answers": answer["level"], "images": answer["n"],
                          "share": round(answer["share"], 4), "right": round(answer["right"], 4) if known else None,
                          "95 % interval": f"{low:.4f} to {high:.4f}" if known else None})
    return found


def results_of(table: str, rows: Rows, lineage: Lineage | None) -> list[dict[str, Any]]:
    """A row for each score and alpha."""
    y = rows.y
    known = variants(rows.p, lineage)
    if len(np.unique(rows.group)) < FEW_COPIES * len(y):
        known[f"{IN_USE}, {BY_PATIENT}"] = 1 - rows.p

    def sets_of(name: str, alpha: float) -> BoolArray:
        sets = cross_sets(known[name], rows, alpha, BY_PATIENT in name)
        return around(sets, lineage) if lineage and AROUND in name else sets
    sweeps = {name: [sets_of(name, alpha) for alpha in SWEEP] for name in known}
    found = []
    for alpha in ALPHAS:
        wanted = least_coverage(y, sets_of(IN_USE, alpha))
        for name in known:
            sets = sets_of(name, alpha)
            equal = [s.sum(axis=1).mean() for s in sweeps[name] if least_coverage(y, s) >= wanted]
            found.append({"table": table, "alpha": alpha, "score": name,
                          "coverage": round(float(sets[np.arange(len(y)), y].mean()), 4),
                          "least coverage of a class": round(least_coverage(y, sets), 4),
                          "the same of patients": round(_of_patients(rows, sets), 4),
                          "mean size": round(float(sets.sum(axis=1).mean()), 4),
                          "mean size at equal coverage": round(float(min(equal)), 4) if equal else None,
                          "in one smallest branch": _in_one_branch(sets, lineage) if lineage else None})
            print(found[-1], flush=True)
    return found


def _of_patients(rows: Rows, sets: BoolArray) -> float:
    """Coverage of the least covered class, each patient of the class counting once."""
    held = pd.Series(sets[np.arange(len(rows.y)), rows.y])
    return float(held.groupby([rows.y, rows.group]).mean().groupby(level=0).mean().min())


def _in_one_branch(sets: BoolArray, lineage: Lineage) -> float:
    """Share of the sets whose classes stand in one smallest branch."""
    branch = lineage.branches(lineage.depth)[1]
    return round(float(np.mean([len(set(branch[row])) == 1 for row in sets])), 4)


def _lineage(name: str, classes: tuple[str, ...]) -> Lineage | None:
    """The lineage where it names the classes."""
    try:
        return read_lineage(name, classes) if name else None
    except UserError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--lineage", default="")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "set_scores.json")
    given = parser.parse_args()
    rows, answers = [], []
    for path in given.tables:
        held_out = rows_of_table(path)
        lineage = _lineage(given.lineage, held_out.classes)
        rows += results_of(path.stem, held_out, lineage)
        answers += answers_of(path.stem, held_out, lineage) if lineage else []
    if answers:
        write(given.out.with_name("lineage_answers.json"), "Answers at the level the model is sure of", "Calibrated "
              "out-of-fold probabilities, seed 0. The answer is the class, or the smallest branch of the lineage, "
              "whose probability is at least 1 - alpha; `any` = all answers. Right: the class of the image is the "
              "answer or stands in it.", answers)
    write(given.out, "Scores of prediction sets", "Class-conditional sets of calibrated out-of-fold probabilities (of "
          "a given split: of val), each fold calibrated on the others, seed 0. `mean size at equal coverage`: smallest "
          "mean size of any alpha of a sweep at which the least covered class is covered as often as by 1 - p at the "
          "row's alpha, chosen on the tested rows. The number after RAPS is its penalty a class from the second on; "
          "`random` counts a random share of the class' own probability. In use: 1 - p. `the same of patients`: each "
          "group of images of a class counts once.", rows)


if __name__ == "__main__":
    main()
