"""Export a saved model: put it together as ONNX, compare it with the model, write it."""
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classify.bundle import Bundle, load_bundle, model_digest
from classify.export.compare import COMPARED_ROWS, frame_of, made_rows, of_file
from classify.export.graph import Graph
from classify.export.margins import margins
from classify.export.probabilities import probabilities
from classify.findings.bundle import FindingModel, folder_of, is_findings_model, load_findings
from classify.fitting import models
from classify.run_folder import MANIFEST
from classify.runtime.versions import library_versions
from classify.uncertainty import calibrate
from featurize.arrays import Float32Array, Float64Array
from featurize.errors import UserError
from featurize.runtime.files import replacing
from featurize.runtime.folders import PROGRAM

# Largest difference of a probability between the file and the model that is put up with.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    columns : tuple of str
        Names of the d input columns, in their order.
    classes : tuple of str
        Classes, or findings.
    rows : int
        Rows that went through both, the file and the model.
    difference : float or None
        Largest difference of a probability between the two; None where onnxruntime is not installed.
    """

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    rows: int
    difference: float | None


def export(run: Path, out: Path) -> Exported:
    """Write the model of a run as ONNX.

    The file's input is `features`, (n, d) float32 in the order of its metadata `columns`, NaN where nothing was
    measured. Its outputs are float64: `probabilities`, (n, K) in the order of `classes`, and `margins`, the log-odds
    before calibration, (n, 1) of two classes. Of a model of several findings both have a column a finding. Novelty,
    prediction sets and review are not in it.

    Parameters
    ----------
    run : Path
        The folder that `classify` wrote, or the model folder in it.
    out : Path
        The file, written whole or not at all.

    Raises
    ------
    UserError
        No model there, or damaged; onnx is not installed; or the file does not give the model's probabilities, and is
        not written.
    """
    several = is_findings_model(run)
    findings = load_findings(run) if several else ()
    bundles = tuple(f.bundle for f in findings) or (load_bundle(run),)
    columns = tuple(dict.fromkeys(name for bundle in bundles for name in bundle.model.features))
    graph = Graph(len(columns))
    told = [_steps(graph, bundle, columns) for bundle in bundles]
    classes = tuple(f.name for f in findings) or bundles[0].classes
    if several:
        p = graph.add("Concat", *(graph.add("Gather", step, np.array([1]), axis=1) for step, _ in told), axis=1)
        told = [(p, graph.add("Concat", *(step for _, step in told), axis=1))]
    outputs = {"probabilities": (told[0][0], len(classes)),
               "margins": (told[0][1], len(classes) if several else bundles[0].model.outputs)}
    metadata = _metadata(run, bundles, findings, columns, classes)
    content = graph.to_bytes(outputs, metadata, PROGRAM, library_versions().get(PROGRAM, ""))
    difference = _difference(content, bundles, columns, several)
    with replacing(out) as part:
        part.write_bytes(content)
    return Exported(columns, classes, COMPARED_ROWS, difference)


def predicted(bundles: Sequence[Bundle], columns: Sequence[str], x: Float32Array, several: bool) -> Float64Array:
    """(n, K) probabilities that the models themselves give to the (n, d) columns of a file."""
    p = [calibrate.probabilities(b.calibration, models.margin(b.model, frame_of(x, columns, b))) for b in bundles]
    return np.column_stack([each[:, 1] for each in p]) if several else p[0]


def _steps(graph: Graph, bundle: Bundle, columns: Sequence[str]) -> tuple[str, str]:
    """The steps with a model's probabilities and margins."""
    x, own = graph.features, bundle.model.features
    if own != columns:
        x = graph.add("Gather", x, np.array([columns.index(name) for name in own]), axis=1)
    log_odds = margins(graph, x, bundle.model)
    return probabilities(graph, log_odds, bundle.model.outputs, bundle.calibration), log_odds


def _metadata(run: Path, bundles: Sequence[Bundle], findings: Sequence[FindingModel], columns: Sequence[str],
              classes: Sequence[str]) -> dict[str, str]:
    """What the file says of itself, as text and JSON."""
    first = bundles[0]
    folder = run / "model" if (run / "model" / MANIFEST).is_file() else run
    digests = [model_digest(folder / folder_of(i, f.name)) for i, f in enumerate(findings)] or [model_digest(folder)]
    # The probability from which a finding, or the second of two classes, counts as present.
    thresholds = [f.threshold for f in findings]
    if not findings and first.operating_point:
        thresholds = [first.operating_point.threshold]
    plain = {"columns": columns, "classes": classes, "calibration": [b.calibration.method for b in bundles],
             "thresholds": thresholds, "preset": first.preset, "blocks": first.blocks, "mm_per_px": first.mm_per_px,
             "versions": first.versions, "model_sha256": digests}
    return {"program": PROGRAM, "kind": "multilabel" if findings else first.kind,
            **{name: json.dumps(value, ensure_ascii=False) for name, value in plain.items()}}


def _difference(content: bytes, bundles: Sequence[Bundle], columns: Sequence[str], several: bool) -> float | None:
    """The largest difference of a probability on made rows, or a line that says that it is too large."""
    x = made_rows(bundles, columns)
    try:
        found, _ = of_file(content, x)
    except ImportError:
        return None
    difference = np.abs(found - predicted(bundles, columns, x, several)).max(axis=1)
    # NaN is no small difference.
    wrong = ~(difference <= TOLERANCE)
    if wrong.any():
        raise UserError(f"the file would give other probabilities than the model to {wrong.sum()} of {len(x)} rows (by "
                        f"{difference.max():.2g}, at most {TOLERANCE:g} was wanted), so it was not written: install "
                        "another version of onnxruntime, or use `python cli.py predict`")
    return float(difference.max())
