"""A model as a folder of plain data that anyone can open and that cannot run code.

``manifest.json`` says what the model is and holds the SHA-256 of every other file; the trees are in their library's own
format (``trees.ubj`` of xgboost, ``trees.txt`` of LightGBM), weights of linear log-odds in ``weights.json``, linear
log-odds that trees start from in ``start.json``. In formats 2 and 3 each threshold of ordered stages has such files
(``trees_0.ubj``, ``trees_1.ubj``, ...). Arrays are in ``arrays.npz``, read without pickle. Every byte is checked before
anything but the manifest is parsed: xgboost may crash on a damaged file. The checks find damage, not malice: but there
is nothing in the files that could be run.

Raise FORMAT when a file changes its meaning, keep the reader of the older number, and add a golden folder and a test.
"""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.data.costs import CostMatrix
from classify.data.lineage import Lineage
from classify.elsewhere.alignment import HomeMeans
from classify.fitting import models
from classify.fitting.models import Model, ModelPart
from classify.predictions import FurtherColumns
from classify.review import ReviewRule
from classify.run_folder import ARRAYS, MANIFEST, MODEL_FOLDER, START, TREES, restore_run, stage_file
from classify.stored.arrays import check_arrays, check_trees_of_leaves
from classify.stored.faults import StoredFault
from classify.stored.files import check_parts, read_arrays
from classify.stored.manifest import check_manifest
from classify.uncertainty.batch import HomeBatch
from classify.uncertainty.calibrate import Calibration
from classify.uncertainty.conformal import Conformal
from classify.uncertainty.novelty import OutOfDistribution, WhitenedSpace
from classify.uncertainty.operating_point import OperatingPoint
from classify.uncertainty.unknown_class import Discriminant, Scale, UnknownClass, compared_trees
from classify.words.model import WordModels, from_plain, to_arrays, to_plain
from featurize.arrays import UInt8Array
from featurize.errors import UserError
from featurize.index.duplicates import KnownPictures
from featurize.index.fingerprints import LENGTH
from featurize.runtime.folders import PROGRAM, replacing_folder

# 6: a calibration has no method ``bias``.
# 5: a linear start has no products.
# 4: a linear start has one weight for each feature and class.
# 2: no linear start; weights of linear log-odds belong to unclipped features.
# 1: prediction sets without pooled classes, a score by the distance alone, and one rule of review for every model.
FORMAT = 7
READABLE = (1, 2, 3, 4, 5, 6, FORMAT)
# Models of format 1 had no limits of their own; their out-of-distribution score called for review above .99.
REVIEW_OF_FORMAT_1 = ReviewRule(most_novelty=0.99)


@dataclass(frozen=True)
class Bundle:
    """Everything that a prediction needs.

    Parameters
    ----------
    kind, classes
        As `classify.data.tasks.Task` has them.
    blocks : dict of str to int
        Versions of the feature families that made the training table.
    preset : dict
        How pictures became that table.
    mm_per_px : float or None
    model, calibration, conformal, novelty
        The fitted parts; `model.features` are the columns, in order.
    train_ids : (m,) str
        `image_id` of the points of `novelty`.
    review : ReviewRule
        Which predictions a person should look at.
    operating_point : OperatingPoint or None
        The chosen threshold of a binary model; None in models of format 1.
    settings, versions : dict
        How it was trained, and with which libraries: for the reader, nothing depends on it.
    lineage : Lineage or None
        Branches of the classes.
    costs : CostMatrix or None
        What wrong answers cost.
    train_fingerprints : (k, 1024) uint8
        Thumbnails of the training images, by which their copies are recognized; none in models of older versions and
        of tables without them.
    home : HomeMeans or None
        Where the classes lie at home, for `predict --adapt`; None in models of older versions.
    batch : HomeBatch or None
        By which images of a table are, together, compared with those at home; None in models of older versions.
    words : WordModels or None
        What says words of experts; None where none were given, and in models of older versions.
    """

    kind: str
    classes: tuple[str, ...]
    blocks: dict[str, int]
    preset: dict[str, Any]
    mm_per_px: float | None
    model: Model
    calibration: Calibration
    conformal: Conformal
    novelty: OutOfDistribution
    train_ids: NDArray[np.str_]
    review: ReviewRule
    operating_point: OperatingPoint | None
    settings: dict[str, Any]
    versions: dict[str, str]
    lineage: Lineage | None = None
    costs: CostMatrix | None = None
    train_fingerprints: UInt8Array = field(default_factory=lambda: np.zeros((0, LENGTH), np.uint8))
    home: HomeMeans | None = None
    batch: HomeBatch | None = None
    words: WordModels | None = None

    @cached_property
    def known_pictures(self) -> KnownPictures:
        """The training images, to be searched for copies of others."""
        return KnownPictures(self.train_fingerprints)

    @property
    def further_columns(self) -> FurtherColumns:
        """What predictions.csv of this model has besides."""
        return FurtherColumns(self.lineage, self.costs, self.conformal.alpha)


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a model folder, whole or not at all.

    Raises
    ------
    UserError
        The place cannot be written or holds something that is no model.
    """
    manifest = _manifest(bundle)
    files = {ARRAYS: _arrays(bundle)}
    for names, part in zip(_part_files(manifest), models.to_bytes(bundle.model)):
        files.update({name: data for name, data in zip(names, part) if data is not None})
    manifest = {**manifest, "files": {n: hashlib.sha256(data).hexdigest() for n, data in files.items()}}
    manifest["sha256"] = _digest(manifest)
    with replacing_folder(folder, MODEL_FOLDER) as place:
        for name, data in files.items():
            (place / name).write_bytes(data)
        (place / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_bundle(folder: Path, jobs: int = 1, device: str = "cpu") -> Bundle:
    """Read a model folder, or the run folder around it; `device` (cpu or cuda) is where it predicts and explains.

    Raises
    ------
    UserError
        Not a model, of another format, damaged, or with contents that no training writes: names the file and says what
        to do. Or it cannot use the device.
    """
    folder = _model_folder(folder)
    manifest = _read_manifest(folder)
    data = {name: _read_checked(folder / name, digest) for name, digest in manifest["files"].items()}
    library, classes = manifest["library"], tuple(manifest["classes"])
    outputs = 1 if manifest["kind"] == "binary" else len(classes)
    names = _part_files(manifest)
    try:
        check_parts(data, names, manifest, outputs if len(names) == 1 else 1)
        arrays = read_arrays(data, ARRAYS)
        check_arrays(arrays, manifest)
    except StoredFault as fault:
        raise _impossible(folder, fault) from None
    parts = [ModelPart(data[trees], data.get(start)) for trees, start in names]
    model = models.from_bytes(parts, library, manifest["features"], outputs, jobs, device)
    compared = 0 if library == "logistic" else len(compared_trees(model.rounds, model.trees_per_round))
    try:
        check_trees_of_leaves(arrays, compared)
    except StoredFault as fault:
        raise _impossible(folder, fault) from None
    space = WhitenedSpace(arrays["space_center"], arrays["space_scale"], arrays["space_mean"], arrays["space_axes"],
                          arrays["space_deviation"], manifest["off_axes"])
    return Bundle(
        manifest["kind"], classes, manifest["blocks"], manifest["preset"], manifest["mm_per_px"], model,
        Calibration.from_dict(manifest["calibration"]),
        Conformal(manifest["alpha"], arrays["conformal_scores"], arrays["conformal_y"],
                  tuple(manifest.get("pooled", ()))),
        OutOfDistribution(space, arrays["novelty_points"], arrays["novelty_distances"], _unknown(manifest, arrays)),
        arrays["train_ids"], ReviewRule.from_dict(manifest["review"]) if "review" in manifest else REVIEW_OF_FORMAT_1,
        _point(manifest.get("operating_point")), manifest["settings"], manifest["versions"],
        Lineage(tuple(map(tuple, manifest["lineage"]))) if "lineage" in manifest else None,
        CostMatrix(tuple(map(tuple, manifest["costs"]))) if "costs" in manifest else None,
        arrays.get("train_fingerprints", np.zeros((0, LENGTH), np.uint8)),
        HomeMeans(space.center, space.scale, arrays["home_means"]) if "home_means" in arrays else None,
        _batch(manifest, arrays),
        from_plain(manifest["words"], arrays) if "words" in manifest else None)


def _part_files(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Names of the files of trees or weights, and of a start: two, or two for each threshold."""
    trees = TREES.get(manifest["library"])
    if trees is None:
        return []
    older = len(manifest["classes"]) - 1 if manifest["kind"] == "ordinal" else 0
    thresholds = manifest.get("thresholds", older)
    if not thresholds:
        return [(trees, START)]
    return [(stage_file(trees, stage), stage_file(START, stage)) for stage in range(thresholds)]


def _point(data: dict[str, Any] | None) -> OperatingPoint | None:
    return OperatingPoint.from_dict(data) if data else None


def _batch(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> HomeBatch | None:
    if "point_classes" not in arrays:
        return None
    batch = HomeBatch(arrays["point_classes"], manifest["batch_rate"])
    if "copy_points" not in arrays:
        return batch
    return replace(batch, copies=arrays["copy_points"], copy_classes=arrays["copy_classes"])


def _unknown(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> UnknownClass | None:
    if "leaves" not in arrays:
        return None
    space = Discriminant(arrays["discriminant_axes"], arrays["discriminant_means"], arrays["discriminant_between"],
                         arrays["discriminant_variance"], manifest["discriminant_rest"])
    return UnknownClass(space, arrays["leaves"], Scale(arrays["scale_middle"], arrays["scale_unit"]))


def _manifest(bundle: Bundle) -> dict[str, Any]:
    unknown = bundle.novelty.unknown
    optional: dict[str, Any] = {}
    if bundle.lineage:
        optional["lineage"] = [list(path) for path in bundle.lineage.paths]
    if bundle.costs:
        optional["costs"] = [list(row) for row in bundle.costs.values]
    if bundle.batch:
        optional["batch_rate"] = bundle.batch.rate
    if bundle.words:
        optional["words"] = to_plain(bundle.words)
    return {
        "format": FORMAT, "program": PROGRAM, "kind": bundle.kind, "classes": list(bundle.classes),
        "features": list(bundle.model.features), "blocks": bundle.blocks, "preset": bundle.preset,
        "mm_per_px": bundle.mm_per_px, "library": bundle.model.library, "rounds": bundle.model.rounds,
        "thresholds": len(bundle.model.thresholds),
        "calibration": bundle.calibration.to_dict(), "alpha": bundle.conformal.alpha,
        "pooled": list(bundle.conformal.pooled), "off_axes": bundle.novelty.space.off,
        "discriminant_rest": unknown.discriminant.rest if unknown else None,
        "review": bundle.review.to_dict(),
        "operating_point": bundle.operating_point.to_dict() if bundle.operating_point else None,
        "settings": bundle.settings, "versions": bundle.versions, **optional}


def _arrays(bundle: Bundle) -> bytes:
    space, unknown, buffer = bundle.novelty.space, bundle.novelty.unknown, BytesIO()
    # A model that was read from format 1 has none of these.
    more: dict[str, Any] = {} if unknown is None else {
        "discriminant_axes": unknown.discriminant.axes, "discriminant_means": unknown.discriminant.means,
        "discriminant_between": unknown.discriminant.between, "discriminant_variance": unknown.discriminant.variance,
        "leaves": unknown.leaves, "scale_middle": unknown.scale.middle, "scale_unit": unknown.scale.unit}
    arrays: dict[str, Any] = dict(
        space_center=space.center, space_scale=space.scale, space_mean=space.mean,
        space_axes=space.axes, space_deviation=space.deviation, novelty_points=bundle.novelty.points,
        novelty_distances=bundle.novelty.distances, train_ids=bundle.train_ids,
        conformal_scores=bundle.conformal.scores, conformal_y=bundle.conformal.y)
    # Readers that do not know these arrays leave them alone.
    if len(bundle.train_fingerprints):
        arrays["train_fingerprints"] = bundle.train_fingerprints
    if bundle.home:
        arrays["home_means"] = bundle.home.means
    if bundle.batch:
        arrays["point_classes"] = bundle.batch.classes
        if len(bundle.batch.copies):
            arrays |= {"copy_points": bundle.batch.copies, "copy_classes": bundle.batch.copy_classes}
    if bundle.words:
        arrays |= to_arrays(bundle.words)
    np.savez(buffer, allow_pickle=False, **arrays, **more)
    return buffer.getvalue()


def model_digest(folder: Path) -> str:
    """SHA-256 of a model folder's manifest, which holds those of all its files, or of the model in a run folder.

    Raises
    ------
    UserError
        As `load_bundle`.
    """
    return str(_read_manifest(_model_folder(folder))["sha256"])


def findings_digest(folders: Sequence[Path], thresholds: Sequence[float]) -> str:
    """SHA-256 of the models of several findings and of the thresholds from which they are named.

    Raises
    ------
    UserError
        As `load_bundle`.
    """
    said = [[model_digest(folder), threshold] for folder, threshold in zip(folders, thresholds)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _model_folder(folder: Path) -> Path:
    restore_run(folder)
    return folder / "model" if (folder / "model" / MANIFEST).is_file() else folder


def _digest(manifest: dict[str, Any]) -> str:
    """SHA-256 over everything else in the manifest, in one canonical spelling."""
    rest = {k: v for k, v in manifest.items() if k != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} is not a model ({MANIFEST} is missing): give the folder that `python cli.py "
                        "classify` wrote with -o")
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(manifest, dict) or manifest.get("program") != PROGRAM:
        raise _damaged(path, "it was not written by Pellucid")
    if manifest.get("kind") == "multilabel":
        first = next((place for place in sorted(folder.iterdir()) if place.is_dir()), folder)
        raise UserError(f"{folder} holds several models, one for each finding: name the folder of one, such as {first}")
    if manifest.get("format") not in READABLE:
        raise UserError(f"{path} has model format {manifest.get('format')}, this version reads 1 to {FORMAT}: "
                        "train the model again with `python cli.py classify`, or use the version that wrote it")
    if manifest.get("sha256") != _digest(manifest):
        raise _damaged(path, "its checksum does not fit")
    try:
        check_manifest(manifest)
    except StoredFault as fault:
        raise _impossible(path, fault) from None
    parts = _part_files(manifest)
    needed = {ARRAYS, *(trees for trees, _ in parts)}
    if not needed <= set(manifest["files"]) <= needed | {start for _, start in parts}:
        raise _damaged(path, f"it names the files {', '.join(manifest['files'])}")
    return manifest


def _read_checked(path: Path, digest: str) -> bytes:
    """The bytes of a file, the same ones that were checked."""
    if not path.is_file():
        raise _damaged(path, "it is missing")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise _damaged(path, "its checksum does not fit")
    return data


def _impossible(path: Path, fault: StoredFault) -> UserError:
    return UserError(f"the model {path} is refused ({fault}): it was changed after it was trained; copy it again from "
                     "where it was trained, or train it again with `python cli.py classify`")


def _damaged(path: Path, what: str) -> UserError:
    return UserError(f"the model file {path} is damaged ({what}): copy the model again from where it was trained, or "
                     "train it again with `python cli.py classify`")
