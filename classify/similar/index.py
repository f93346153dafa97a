"""A kept index of a large table: neighbors without reading every row (hnswlib, extra `index`).

Hierarchical navigable small world graphs: Malkov & Yashunin 2018, 10.1109/TPAMI.2018.2889473. The graph proposes
candidates, of which the exact distances are then taken; the share of true neighbors that it finds is measured when it
is made, and told.
"""
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.similar.space import ROWS_AT_ONCE, Scale, compressed, distance, scale_of, usual_distance
from featurize.arrays import Float32Array, Float64Array, Int64Array
from featurize.errors import UserError
from featurize.runtime.files import replacing, write_json
from featurize.runtime.leftovers import is_filled, remove_leftovers
from featurize.runtime.seal import sealed, sha256_of, unsealed
from featurize.table import TableInfo

# Tables of fewer rows are searched exactly: that takes less time than loading a graph.
EXACT_ROWS = 50_000
GRAPH, MANIFEST = "graph.bin", "index.json"
FORMAT = 1
# Of the graph, see hnswlib's ALGO_PARAMS.md: edges of a node, candidates while it is built.
_EDGES = 32
_CANDIDATES_BUILDING = 200
# Candidates of a search, at least, and as a multiple of the neighbors that are wanted.
_LEAST_CANDIDATES = 200
_CANDIDATES_PER_NEIGHBOR = 10
# Rows whose exact neighbors are compared with those that the graph finds, and so many of these.
RECALL_ROWS = 200
RECALL_NEIGHBORS = 10
_SEED = 0


@dataclass(frozen=True)
class NeighborIndex:
    """A graph over the rows of a table.

    Parameters
    ----------
    graph : hnswlib.Index
        Over compressed z-scores, 0 where nothing was measured.
    scale : Scale
    usual_distance : float
        See `Similar`.
    recall : float
        Mean share of the 10 exact neighbors of 200 rows that it finds.
    """

    graph: Any
    scale: Scale
    usual_distance: float
    recall: float

    def nearest(self, frame: pd.DataFrame, z: Float64Array, n: int) -> tuple[Int64Array, Float64Array]:
        """The n rows of the table nearest to (d,) z-scores, with their exact distances."""
        point = compressed(z[None])
        candidates = _candidates(self.graph, point, n)
        near = distance(point, compressed(self.scale.z_scores(frame.iloc[candidates])))[0]
        order = np.argsort(near, kind="stable")[:n]
        return candidates[order], near[order]


def kept_index(folder: Path, frame: pd.DataFrame, info: TableInfo, by: str = "") -> NeighborIndex:
    """The index of a table, read from its folder, or made and kept there.

    Parameters
    ----------
    folder : Path
        A folder of its own; what it holds of another table is replaced.
    frame, info
        The table, RangeIndex, of `EXACT_ROWS` rows or more.
    by : str
        Region or family; "" = all.

    Raises
    ------
    UserError
        hnswlib is missing, or the folder holds other files.
    """
    library = _hnswlib()
    manifest, graph = folder / MANIFEST, folder / GRAPH
    if folder.exists() and not (folder.is_dir() and (manifest.is_file() or not is_filled(folder, GRAPH, MANIFEST))):
        raise UserError(f"--index {folder} is no folder that `similar` wrote: give a new one")
    key = _key(frame, info, by)
    remove_leftovers([graph, manifest])
    known = _read(manifest)
    if known.get("key") == key and graph.is_file() and known["sha256"] == sha256_of(graph):
        scale = Scale(tuple(known["features"]), np.array(known["center"]), np.array(known["scale"]))
        loaded = library.Index("l2", len(scale.features))
        loaded.load_index(str(graph), max_elements=len(frame))
        return NeighborIndex(loaded, scale, known["usual_distance"], known["recall"])
    made = make_index(frame, info, by)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(graph) as part:
        made.graph.save_index(str(part))
        # Before the graph is moved: a folder without a manifest would be somebody else's.
        _write_manifest(manifest, made, key, sha256_of(part), len(frame))
    return made


def _write_manifest(place: Path, made: NeighborIndex, key: str, sha256: str, rows: int) -> None:
    content = {"program": "pellucid", "format": FORMAT, "key": key, "sha256": sha256, "rows": rows,
               "features": list(made.scale.features), "center": made.scale.center.tolist(),
               "scale": made.scale.scale.tolist(), "usual_distance": made.usual_distance, "recall": made.recall}
    write_json(sealed(content), place)


def make_index(frame: pd.DataFrame, info: TableInfo, by: str = "") -> NeighborIndex:
    """The index of a table, and its recall."""
    scale = scale_of(frame, info, by)
    points = np.empty((len(frame), len(scale.features)), np.float32)
    graph = _hnswlib().Index("l2", points.shape[1])
    graph.init_index(len(points), ef_construction=_CANDIDATES_BUILDING, M=_EDGES, random_seed=_SEED)
    for start in range(0, len(points), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        points[some] = compressed(scale.z_scores(frame.iloc[some]))
        # One thread: with several the graph, and the share of neighbors that it finds, differ from run to run.
        graph.add_items(np.nan_to_num(points[some]), np.arange(len(points))[some], num_threads=1)
    return NeighborIndex(graph, scale, usual_distance(points), _recall(graph, points))


def _recall(graph: Any, points: Float32Array) -> float:
    rows = np.unique(np.linspace(0, len(points) - 1, min(RECALL_ROWS, len(points))).astype(int))
    near = distance(points[rows], points)
    near[np.arange(len(rows)), rows] = np.inf
    true = np.argsort(near, kind="stable", axis=1)[:, :RECALL_NEIGHBORS]
    return float(np.mean([np.isin(own, _candidates(graph, points[[row]], RECALL_NEIGHBORS + 1)).mean()
                          for row, own in zip(rows.tolist(), true)]))


def _candidates(graph: Any, point: Float32Array | Float64Array, n: int) -> Int64Array:
    """(c,) rows that the graph proposes for a (1, d) point; all rows where it reaches fewer than n from there.

    Where rows form tight groups, the graph may reach one group only, and the library raises an error.
    """
    count = int(graph.get_current_count())
    wanted = min(max(_LEAST_CANDIDATES, _CANDIDATES_PER_NEIGHBOR * n), count)
    while wanted >= n:
        graph.set_ef(2 * wanted)
        try:
            return np.asarray(graph.knn_query(np.nan_to_num(point).astype(np.float32), k=wanted)[0][0], dtype=np.int64)
        except RuntimeError:
            wanted //= 2
    return np.arange(count)


def _key(frame: pd.DataFrame, info: TableInfo, by: str) -> str:
    """Changes with the images, what was measured on them, and what is compared."""
    digest = hashlib.sha256(json.dumps([FORMAT, info.index_hash, info.preset, info.blocks, info.features, by],
                                       sort_keys=True).encode())
    digest.update(pd.util.hash_pandas_object(frame[["image_id", "sha256"]], index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _read(manifest: Path) -> dict[str, Any]:
    try:
        found = unsealed(json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return found if found.get("format") == FORMAT else {}


def _hnswlib() -> Any:
    try:
        import hnswlib
    except ImportError as error:
        raise UserError("--index needs hnswlib: pip install 'pellucid[index]'") from error
    return hnswlib
