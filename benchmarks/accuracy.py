"""Accuracy and its price: ours, networks measured here, and what others published, set by set.

python -m benchmarks.accuracy SET [SET ...] [--network FOLDER ...] [--rows 300 1000] [--tables TABLES]
    [--data ../shared/data] [-o benchmarks/results/accuracy.json] [--picture docs/accuracy.png]

SET is a named set (blood_28, pneumonia_28, blood_pbc, leukemia_cnmc of --data; bloodmnist, pneumoniamnist and others
that are public: a missing one is named with its address and hash, and only --fetch downloads it) or a folder of images.
FOLDER is one that `python -m benchmarks.cnn` wrote for the same table; others are refused. Nothing is chosen on tested
rows.
"""
import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.accuracy_ours import Ours, ours
from benchmarks.accuracy_pictures import draw
from benchmarks.accuracy_published import published
from benchmarks.accuracy_sets import Found, find, table_of
from benchmarks.record import RESULTS, write
from featurize.errors import UserError
from featurize.table import read_table

METHODS = {"resnet18": "ResNet-18", "small": "small network"}
_COLUMNS = ("set", "method", "train rows", "tested", "accuracy", "95 %", "macro-F1", "F1 95 %", "AUROC", "log-loss",
            "ECE", "accuracy, changed", "measure s", "train s", "ms an image", "model MB", "from")
ABOUT = (
    "Ours and the networks: same table, rows, split or folds by group, seed 0; tested rows are scored once, at the "
    "end. Of folds each row is tested by the model that did not see its fold. Intervals: 95 % bootstrap of whole "
    "groups. Log-loss and ECE after calibration on rows that were not tested. `accuracy, changed`: tested images as "
    "another laboratory might have pictured them (featurize.images.perturb, first copy). `measure s`: of ours, "
    "measuring all rows that it learned from, once. `train s`: of ours the whole `classify` with baselines, "
    "explanations and report, of networks the epochs alone. Both are seconds that one core worked, on a machine that "
    "other programs shared. `ms an image`: one core, from the file to the probabilities. Networks are trained from "
    "random weights for the seconds or epochs named. Published figures: S read in the source, R recalled and not "
    "verified, M measured here before; other images or splits are named.")


def row_of(name: str, method: str, found: dict[str, Any], made: str) -> dict[str, Any]:
    """A row of what was measured here."""
    edges = found["intervals"]
    shown = {"set": name, "method": method, "train rows": found["train_rows"], "tested": found["n"],
             "accuracy": round(found["accuracy"], 4), "95 %": _between(edges["accuracy"]),
             "macro-F1": round(found["macro_f1"], 4), "F1 95 %": _between(edges["macro_f1"]),
             "AUROC": round(found["auroc"], 4), "log-loss": round(found["log_loss"], 4), "ECE": round(found["ece"], 4),
             "accuracy, changed": round(found["changed"]["accuracy"], 4), "measure s": found.get("measure_s"),
             "train s": round(found["train_s"]),
             "ms an image": round(1000 * found["seconds_an_image"], 2),
             "model MB": round(found["model_bytes"] / 1e6, 2), "from": made}
    return {key: shown[key] for key in _COLUMNS}


def _between(edges: Sequence[float | None]) -> str:
    return "" if None in edges else f"{edges[0]:.4f} to {edges[1]:.4f}"


def network_row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """A row of a folder of benchmarks.cnn."""
    epochs = [f["epochs"] for f in found["folds"]]
    stopped = any(f["stopped_by"] == "seconds" for f in found["folds"])
    budget = f"{found['seconds_wanted']:g} s" + ("" if len(epochs) == 1 else " a fold") if stopped else "all"
    method = (f"{METHODS[found['net']]}, {found['side_px']} px, recipe {found['recipe']}, {budget}: "
              f"{_range(epochs)} epochs" + (f", weights {found['weights']}" if found["weights"] else ""))
    rows = round(sum(f["train_rows"] for f in found["folds"]) / len(epochs))
    return row_of(name, method, {**found, "train_rows": rows}, f"`{found['command']}`, {found['date']}, "
                  f"torch {found['versions']['torch']}")


def _range(values: Sequence[int]) -> str:
    return str(min(values)) if min(values) == max(values) else f"{min(values)} to {max(values)}"


def published_rows(name: str) -> list[dict[str, Any]]:
    """Rows of what others published, and of what was measured here before without a record."""
    return [{**dict.fromkeys(_COLUMNS), "set": name, "method": figure.method, "accuracy": figure.accuracy,
             "macro-F1": figure.macro_f1, "AUROC": figure.auroc, "from": f"[{figure.mark}] {figure.source}"}
            for figure in published(name)]


def networks_of(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """The content of metrics.json of each folder.

    Raises
    ------
    UserError
    """
    found = []
    for folder in folders:
        try:
            content = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            content["index_hash"], content["net"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"--network {folder} is no folder of python -m benchmarks.cnn (no whole metrics.json in "
                            "it): train it to the end, or leave it out") from error
        found.append(content)
    return found


def rows_of(found: Found, given: argparse.Namespace, networks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows of a set; ours of fewer training rows after that of all."""
    table = table_of(found, given.tables, given.jobs)
    frame, info = read_table(table)
    own = [n for n in networks if n["index_hash"] == info.index_hash]
    counts: list[int | None] = [None]
    if set(frame["split"].dropna()) >= {"train", "test"}:
        counts += [n for n in given.rows if n < (frame["split"] == "train").sum()]
    rows = []
    for count in counts:
        made = ours(Ours(found.name, table, found.folds, count, given.seed), given.work, given.fresh)
        rows.append(row_of(found.name, "Pellucid", made, f"{made['command']}, {made['date']}"))
        print(rows[-1], flush=True)
    rows += [network_row(found.name, network) for network in sorted(own, key=lambda n: (n["net"], n["rows"] or 1e9))]
    return rows + published_rows(found.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="SET")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--fetch", action="store_true", help="download public sets that are not there")
    parser.add_argument("--preset", help="of a user's own folder")
    parser.add_argument("--group-regex", help="of a user's own folder: finds the patient in the path")
    parser.add_argument("--tables", type=Path, default=Path("accuracy_tables"), help="tables, made if missing")
    parser.add_argument("--network", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--rows", type=int, nargs="*", default=[], help="ours with so many training rows, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("accuracy_work"), help="results of ours are kept here")
    parser.add_argument("--fresh", action="store_true", help="measure ours again")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "accuracy.json")
    given = parser.parse_args()
    try:
        networks = networks_of(given.network)
        sets = [find(name, given.data, given.fetch) for name in given.sets]
        sets = [replace(s, preset=given.preset or s.preset, group_regex=given.group_regex or s.group_regex)
                if s.preset == "auto" else s for s in sets]
        rows = [row for found in sets for row in rows_of(found, given, networks)]
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    lost = len(networks) - sum("benchmarks.cnn" in row["from"] for row in rows)
    if lost:
        print(f"{lost} of {len(networks)} networks are of none of these tables and were left out", file=sys.stderr)
    write(given.out, "Accuracy and its price", ABOUT, rows)
    if given.picture:
        draw(rows, given.picture)


if __name__ == "__main__":
    main()
