"""A multilabel model: a folder of plain data with one binary model a finding.

``manifest.json`` names the findings, their folders and thresholds, and carries a SHA-256 of itself. Each folder is a
model of `classify.bundle`, which checks every byte of it. ``fingerprints.npz`` holds the fingerprints of the training
images of all findings, once; models of older versions, and of tables without fingerprints, lack it.
"""
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from classify.bundle import Bundle, load_bundle, save_bundle
from classify.run_folder import FINGERPRINTS, MANIFEST, restore_run
from classify.stored.arrays import check_fingerprints
from classify.stored.faults import StoredFault
from classify.stored.files import read_arrays
from classify.stored.manifest import check_findings
from featurize.arrays import UInt8Array
from featurize.errors import UserError
from featurize.index.fingerprints import LENGTH
from featurize.runtime.folders import PROGRAM

FORMAT = 1
# Kind of the manifest.
KIND = "multilabel"
# Key of the manifest with the SHA-256 of the fingerprints.
_DIGEST_KEY = "fingerprints_sha256"
_NO_FINGERPRINTS: UInt8Array = np.zeros((0, LENGTH), np.uint8)


@dataclass(frozen=True)
class FindingModel:
    """The model of one finding.

    Parameters
    ----------
    name : str
    bundle : Bundle
        A binary model; class 1 is the finding.
    threshold : float
        Probability from which the finding counts as present, 0..1.
    """

    name: str
    bundle: Bundle
    threshold: float


def folder_of(number: int, name: str) -> str:
    """A folder's name that every file system takes: ``03_pleural_thickening``."""
    return f"{number:02d}_{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')[:40]}"


def folders_of(run: Path, models: Sequence[FindingModel]) -> list[Path]:
    """The model folder of each finding, below a run or model folder."""
    model = run / "model" if (run / "model" / MANIFEST).is_file() else run
    return [model / folder_of(number, found.name) for number, found in enumerate(models)]


def save_findings(models: Sequence[FindingModel], folder: Path) -> None:
    """Write a model folder into one that appears whole (`featurize.runtime.folders.replacing_folder`)."""
    entries = []
    for number, model in enumerate(models):
        place = folder_of(number, model.name)
        save_bundle(replace(model.bundle, train_fingerprints=_NO_FINGERPRINTS), folder / place)
        entries.append({"name": model.name, "folder": place, "threshold": model.threshold})
    content: dict[str, Any] = {"format": FORMAT, "program": PROGRAM, "kind": KIND, "findings": entries}
    known = shared_fingerprints(models)
    if len(known):
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, fingerprints=known)
        (folder / FINGERPRINTS).write_bytes(buffer.getvalue())
        # Readers of this format that do not know this key leave it alone.
        content[_DIGEST_KEY] = hashlib.sha256(buffer.getvalue()).hexdigest()
    content["sha256"] = _digest(content)
    (folder / MANIFEST).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def shared_fingerprints(models: Sequence[FindingModel]) -> UInt8Array:
    """(m, 1024) uint8, the fingerprints of the training images of all findings, each once."""
    several = [model.bundle.train_fingerprints for model in models]
    same = all(np.array_equal(several[0], other) for other in several[1:])
    return several[0] if same else np.unique(np.concatenate(several), axis=0)


def is_findings_model(folder: Path) -> bool:
    """True for the run or model folder of a multilabel run."""
    restore_run(folder)
    for place in (folder / "model" / MANIFEST, folder / MANIFEST):
        if place.is_file():
            return _kind(place) == KIND
    return False


def _kind(path: Path) -> object:
    """What a manifest says that it is; None where it cannot be read."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content.get("kind") if isinstance(content, dict) else None


def load_findings(folder: Path, jobs: int = 1, device: str = "cpu") -> tuple[FindingModel, ...]:
    """Read a model folder, or the run folder around it; `device` as in `classify.bundle.load_bundle`.

    Raises
    ------
    UserError
        Not a multilabel model, of another format, or damaged: names the file and says what to do.
    """
    folder = folder / "model" if (folder / "model" / MANIFEST).is_file() else folder
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        check_findings(content)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged or missing ({error}): train the model again with `python cli.py "
                        "classify`") from error
    if content.get("format") != FORMAT or content.get("sha256") != _digest(content):
        raise UserError(f"{path} is damaged or of another version (format {content.get('format')}, this version reads "
                        f"{FORMAT}): train the model again with `python cli.py classify`")
    known = _read_fingerprints(folder / FINGERPRINTS, content.get(_DIGEST_KEY))
    found = [(e["name"], load_bundle(folder / e["folder"], jobs, device), e["threshold"]) for e in content["findings"]]
    several = next((name for name, bundle, _ in found if bundle.kind != "binary"), None)
    if several is not None:
        raise UserError(f"{path} names a model of the finding {several} that is not binary: train the model again with "
                        "`python cli.py classify`")
    return tuple(FindingModel(name, replace(bundle, train_fingerprints=known), float(threshold))
                 for name, bundle, threshold in found)


def _read_fingerprints(path: Path, digest: str | None) -> UInt8Array:
    if digest is None:
        return _NO_FINGERPRINTS
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != digest:
        raise UserError(f"{path} is damaged or missing: copy the model again from where it was trained, or train it "
                        "again with `python cli.py classify`")
    try:
        return check_fingerprints(read_arrays({path.name: data}, path.name))
    except StoredFault as fault:
        raise UserError(f"{path} is refused ({fault}): it was changed after it was written; train the model again with "
                        "`python cli.py classify`") from None


def _digest(content: dict[str, Any]) -> str:
    rest = {k: v for k, v in content.items() if k != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
