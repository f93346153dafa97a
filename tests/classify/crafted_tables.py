"""Tables that a stranger crafted: columns, types, values and metadata are changed, and every digest fits again."""
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from featurize.table import DIGEST_KEY, KEY, TableInfo, _digest

# A column's name and its values.
Columns = list[tuple[str, pa.Array]]
TEXTS = ("<script>alert(1)</script>", "=1+1", "../../secret.png", "/dev/zero", "\x00", "a\nb", "\x1b[2J", "x" * 50_000,
         "", "|", "$x$", "{{ 7 }}", "%s", "\u202e", "nan")
NUMBERS = (np.inf, -np.inf, 1e30, -1.0, 0.0, np.nan)
# Values that no key of the metadata should hold, and some that one of them may.
VALUES: tuple[Any, ...] = (None, 5, -1, 1.5, True, float("nan"), "x", "", TEXTS[0], [], [1], [[]], ["x"], ["x", "x"],
                           [None], {}, {"a": 1}, {"a": {"b": []}}, [{"a": 1}], ["label"], ["label", "path"])
SOURCES: tuple[Any, ...] = (
    {"site": "", "root": "FIFO", "kind": "zip"}, {"site": "", "root": "FIFO", "kind": "npz"},
    {"site": "", "root": "/dev/zero", "kind": "zip"}, {"site": "here", "root": "/dev", "kind": "folder"},
    {"site": "", "root": "x", "kind": "ftp"}, {"site": "", "root": 5, "kind": "folder"}, {"root": "x", "kind": "zip"},
    {"site": [], "root": "x", "kind": "folder"}, {"site": "", "root": "\x00", "kind": "folder"},
    {"site": "", "root": "x" * 5000, "kind": "zip"}, {"site": "", "root": "", "kind": "npz"}, [], 5, None,
    {"site": "", "root": "x", "kind": "folder", "more": 1}, {"site": TEXTS[0], "root": TEXTS[0], "kind": "folder"})
RAW = (b"", b"[]", b"5", b"null", b"{", b"[" * 100_000, b"\xff\xfe", b'{"format": 1}', b'"' + b"x" * 100 + b'"')


def crafted(base: pd.DataFrame, info: TableInfo, path: Path, seed: int) -> str:
    """Write a table with one to three changes; says which. FIFO in a source stands for a FIFO beside the table."""
    rng = np.random.default_rng(seed)
    table = pa.Table.from_pandas(base, preserve_index=False)
    columns = [(name, _text_or_own(table[name].combine_chunks())) for name in table.column_names]
    meta, text, done = json.loads(info.to_json()), b"", []
    for change in rng.choice(len(CHANGES), rng.choice([1, 1, 1, 2, 3]), replace=False):
        columns, said = CHANGES[change](columns, meta, rng)
        done.append(said)
    if rng.random() < .05:
        text = RAW[rng.integers(len(RAW))]
        done.append(f"metadata {text[:20]!r}")
    fifo = path.with_name("fifo.zip")
    if not fifo.exists():
        os.mkfifo(fifo)
    text = text or json.dumps(meta).replace('"FIFO"', json.dumps(str(fifo))).encode()
    made = pa.Table.from_arrays([array for _, array in columns], names=[name for name, _ in columns])
    metadata = {KEY: text, DIGEST_KEY: _digest(made.schema, made.num_rows, text)}
    pq.write_table(made.replace_schema_metadata(metadata), path, write_page_checksum=True)
    return "; ".join(done)


def _text_or_own(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_null(array.type) or pa.types.is_large_string(array.type) else array


def _pick(columns: Columns, rng: np.random.Generator) -> tuple[int, str, int]:
    """Place, name and length of a column; describing columns, which come first, are met more often."""
    at = int(rng.integers(10 if rng.random() < .6 else len(columns))) % len(columns)
    return at, columns[at][0], len(columns[at][1])


def _retype(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    at, name, n = _pick(columns, rng)
    of_type: dict[str, Callable[[], pa.Array]] = {
        "int64": lambda: pa.array(np.arange(n) % 3), "double": lambda: pa.array(np.arange(n) % 3 / 2),
        "bool": lambda: pa.array(np.arange(n) % 2 == 0), "string": lambda: pa.array([f"{i % 3}" for i in range(n)]),
        "timestamp": lambda: pa.array([datetime(2020, 1, 1 + i % 3) for i in range(n)]),
        "list": lambda: pa.array([[float(i)] for i in range(n)], pa.list_(pa.float64())),
        "struct": lambda: pa.array([{"a": i % 3} for i in range(n)], pa.struct([("a", pa.int64())])),
        "map": lambda: pa.array([[("a", i)] for i in range(n)], pa.map_(pa.string(), pa.int64())),
        "binary": lambda: pa.array([b"\xff%d" % (i % 3) for i in range(n)], pa.binary()),
        "decimal": lambda: pa.array(np.arange(n) % 3).cast(pa.decimal128(20, 1)),
        "dictionary": lambda: pa.array([f"{i % 3}" for i in range(n)]).dictionary_encode(),
        "null": lambda: pa.nulls(n), "half": lambda: pa.array(np.arange(n).astype(np.float16)),
        "int8": lambda: pa.array((np.arange(n) % 3).astype(np.int8)),
        "uint64": lambda: pa.array(np.arange(n).astype(np.uint64) + np.uint64(2 ** 63))}
    kind = str(rng.choice(list(of_type)))
    return [*columns[:at], (name, of_type[kind]()), *columns[at + 1:]], f"{name} is {kind}"


def _twice(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    at, name, _ = _pick(columns, rng)
    return [*columns, columns[at]], f"{name} twice"


def _dropped(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    at, name, _ = _pick(columns, rng)
    return [*columns[:at], *columns[at + 1:]], f"no {name}"


def _renamed(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    at, name, _ = _pick(columns, rng)
    new = TEXTS[rng.integers(len(TEXTS))]
    for key in ("features", "nuisance"):
        if rng.random() < .7 and isinstance(meta.get(key), list):
            meta[key] = [new if old == name else old for old in meta[key]]
    return [*columns[:at], (new, columns[at][1]), *columns[at + 1:]], f"{name} is called {new[:20]!r}"


def _many(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    n = len(columns[0][1])
    more = [(f"cell_color_more{i}", pa.array(np.float32(rng.normal(size=n)))) for i in range(3000)]
    if rng.random() < .5 and isinstance(meta.get("features"), list):
        meta["features"] = [*meta["features"], *(name for name, _ in more)]
    return [*columns, *more], "3,000 more columns"


def _shortened(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    n = int(rng.choice([0, 1, 2, 5]))
    return [(name, array[:n]) for name, array in columns], f"{n} rows"


def _values(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    """Some or all values of a column are odd ones of its type, or missing."""
    at, name, n = _pick(columns, rng)
    array = columns[at][1]
    values = array.to_pylist()
    odd: Any = None
    if rng.random() < .7:
        if pa.types.is_string(array.type):
            odd = TEXTS[rng.integers(len(TEXTS))]
        elif pa.types.is_floating(array.type):
            odd = float(NUMBERS[rng.integers(len(NUMBERS))])
        elif pa.types.is_integer(array.type):
            odd = int(rng.choice([-1, 0, 7, 100]))
    share = rng.choice([.05, .5, 1])
    values = [odd if hit else value for hit, value in zip(rng.random(n) < share, values)]
    return [*columns[:at], (name, pa.array(values, array.type)), *columns[at + 1:]], f"{name} holds {str(odd)[:20]!r}"


def _key(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    key = str(rng.choice(sorted(meta)))
    if rng.random() < .2:
        del meta[key]
        return columns, f"no key {key}"
    meta[key] = VALUES[rng.integers(len(VALUES))]
    return columns, f"{key} is {meta[key]!r}"


def _inside(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    """A value inside a list or an object of the metadata."""
    places = [key for key in sorted(meta) if isinstance(meta[key], (list, dict)) and meta[key]]
    if not places:
        return columns, "nothing"
    key, value = str(rng.choice(places)), VALUES[rng.integers(len(VALUES))]
    inner = meta[key]
    if isinstance(inner, dict):
        part = str(rng.choice(sorted(inner)))
        meta[key] = {**inner, part: value} if rng.random() < .8 else {k: v for k, v in inner.items() if k != part}
        return columns, f"{key}.{part} is {value!r}"
    if rng.random() < .5:
        meta[key] = [*inner, value]
    else:
        meta[key] = [value if i == 0 else v for i, v in enumerate(inner)]
    return columns, f"{key} holds {value!r}"


def _source(columns: Columns, meta: dict[str, Any], rng: np.random.Generator) -> tuple[Columns, str]:
    source = SOURCES[rng.integers(len(SOURCES))]
    meta["sources"] = [source] if rng.random() < .7 else [source, {"site": "b", "root": "b", "kind": "folder"}]
    return columns, f"source {str(source)[:80]}"


CHANGES = (_retype, _retype, _twice, _dropped, _renamed, _many, _shortened, _values, _values, _key, _key, _inside,
           _inside, _source)
