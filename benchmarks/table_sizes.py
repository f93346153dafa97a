"""How long `classify` takes on large tables, and how much memory.

python -m benchmarks.table_sizes CELLS [--cases 17,092 33,000 1,000,000] [--keep FOLDER] [-o FILE.json]

CELLS is a table that `featurize --preset cell` wrote of blood_pbc: the wide tables are mixed from its rows, as no
public set of that size comes with this project. Their scores say nothing of cells; what is measured is work.
"""
import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write
from featurize.table import TableInfo, read_table, write_table

SEED = 0
# Largest share of the second row, of the same class, and of the third one, of any class.
LARGEST_SHARE, LARGEST_STRANGE_SHARE = .5, .4
# Normal noise, in standard deviations of a column: without it rows of one parent stand in several folds.
NOISE = .3
# Columns of the table of a million rows; so many of them tell the class.
NARROW_COLUMNS, TELLING_COLUMNS = 200, 20
KIB_PER_GIB = 2**20


@dataclass(frozen=True)
class Case:
    """A made table: rows, classes, and whether its rows are mixed from measured cells or drawn."""

    rows: int
    classes: int
    mixed: bool = True


CASES = {f"{case.rows:,}": case for case in (Case(12_000, 8), Case(17_092, 8), Case(33_000, 11),
                                             Case(100_000, 2, mixed=False), Case(1_000_000, 2, mixed=False))}


def made_table(case: Case, cells: pd.DataFrame, info: TableInfo) -> tuple[pd.DataFrame, TableInfo]:
    """The frame and its info, as `featurize.table.read_table` would give them."""
    draw = np.random.default_rng(SEED)
    if case.mixed:
        label, x, columns = _mixed(case, cells, [*info.features, *info.nuisance], draw)
    else:
        label, x, columns = _drawn(case, draw)
        info = TableInfo(preset={"name": "whole", "normalize": "none", "segment": "whole", "blocks": {"color": {}}},
                         blocks={"color": 1}, index_hash="", sources=[{"site": "", "root": ".", "kind": "folder"}],
                         label_columns=[], features=columns)
    n = case.rows
    about = pd.DataFrame({
        "image_id": [f"{i:016x}" for i in range(n)], "path": [f"{i}.png" for i in range(n)], "label": label,
        "group": None, "site": None, "split": None, "sha256": [f"{i:064x}" for i in range(n)],
        "duplicate_group": np.arange(n), "width_px": 64, "height_px": 64})
    return pd.concat([about, pd.DataFrame(x, columns=columns)], axis=1), info


def _mixed(case: Case, cells: pd.DataFrame, columns: list[str], draw: np.random.Generator
           ) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows between two of one class and one of any; a class beyond those measured lies halfway between two of them."""
    measured = cells[columns].to_numpy("float32")
    rows_of = [np.flatnonzero(cells["label"] == name) for name in sorted(cells["label"].unique())]
    label = draw.integers(case.classes, size=case.rows)
    first, second, share = (np.empty(case.rows, dtype) for dtype in (int, int, "float32"))
    for k in range(case.classes):
        here = np.flatnonzero(label == k)
        beyond = k >= len(rows_of)
        first[here] = draw.choice(rows_of[k % len(rows_of)], len(here))
        second[here] = draw.choice(rows_of[(k + beyond) % len(rows_of)], len(here))
        share[here] = LARGEST_SHARE if beyond else LARGEST_SHARE * draw.random(len(here))
    x = measured[first] + share[:, None] * (measured[second] - measured[first])
    strange = LARGEST_STRANGE_SHARE * draw.random((case.rows, 1), dtype=np.float32)
    x += strange * (measured[draw.integers(len(measured), size=case.rows)] - x)
    x += NOISE * cells[columns].std().fillna(0).to_numpy("float32") * draw.standard_normal(x.shape, dtype=np.float32)
    return np.array([f"class_{k:02d}" for k in label], dtype=object), x, columns


def _drawn(case: Case, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Normal columns; some tell the class by their sum, two of them by their product."""
    x = draw.standard_normal((case.rows, NARROW_COLUMNS), dtype=np.float32)
    margin = x[:, :TELLING_COLUMNS].sum(axis=1) / np.sqrt(TELLING_COLUMNS) + x[:, 0] * x[:, 1]
    label = np.where(draw.random(case.rows) < 1 / (1 + np.exp(-2 * margin)), "yes", "no").astype(object)
    return label, x, [f"cell_color_{i:03d}" for i in range(NARROW_COLUMNS)]


def row_of(name: str, case: Case, cells: pd.DataFrame, info: TableInfo, folder: Path) -> dict[str, Any]:
    """`classify` with its report, in a process of its own."""
    table = folder / f"rows_{case.rows}.parquet"
    frame, told = made_table(case, cells, info)
    write_table(frame, told, table)
    columns = len(told.features)
    del frame
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "cli.py", "classify", str(table), "-o", str(table.with_suffix(".run"))],
                          capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{name}: classify ended {done.returncode}: {done.stderr.strip()[-500:]}")
    # The largest of all children until now: cases run from the smallest to the largest.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB_PER_GIB
    row = {"rows": case.rows, "columns": columns, "classes": case.classes, "seconds": round(seconds),
           "peak GiB": round(peak, 2)}
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=["17,092", "33,000", "1,000,000"])
    parser.add_argument("--keep", type=Path, help="Where tables and runs stay; without it they are deleted.")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "table_sizes.json")
    given = parser.parse_args()
    cells, info = read_table(given.cells)
    with tempfile.TemporaryDirectory() as made:
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        chosen = sorted(given.cases, key=lambda name: CASES[name].rows)
        rows = [row_of(name, CASES[name], cells, info, folder) for name in chosen]
    write(given.out, "Large tables", "`classify` with five folds, final model and report, on made tables: rows mixed "
          f"from blood_pbc's measurements, or {NARROW_COLUMNS} normal columns for two classes; seed {SEED}. Seconds of "
          "the whole command; the largest resident memory of its process.", rows)


if __name__ == "__main__":
    main()
