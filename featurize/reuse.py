"""Measurements of an earlier table, taken over for the same images so that they are not measured again.

A row is taken only where the content of the image (SHA-256), the preset with all settings, the version of every family
and the size of a pixel are the same: the numbers are then those that measuring would give.
"""
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from featurize.arrays import UInt8Array
from featurize.batch.chunks import MeasuredChunk, MeasureTask
from featurize.errors import UserError
from featurize.families import versions_of
from featurize.index.fingerprints import from_text
from featurize.table import TableInfo, read_perturbed, read_table


@dataclass(frozen=True)
class EarlierTable:
    """A table whose rows may be taken over.

    Parameters
    ----------
    path : Path
    frame : DataFrame
    info : TableInfo
    """

    path: Path
    frame: pd.DataFrame
    info: TableInfo


def usable(path: Path, task: MeasureTask) -> EarlierTable | str:
    """The table if it was measured as the task would measure, else a phrase that says what differs."""
    try:
        frame, info = read_table(path)
    except UserError as error:
        return str(error)
    if info.blocks != versions_of(task.preset.blocks):
        made, wanted = info.blocks, versions_of(task.preset.blocks)
        differing = next(name for name in sorted({*made, *wanted}) if made.get(name) != wanted.get(name))
        return (f"it was measured with {differing} {_version(made.get(differing))}, now with "
                f"{_version(wanted.get(differing))}")
    # A table keeps lists where settings may be tuples.
    if json.dumps(info.preset, sort_keys=True) != json.dumps(task.preset.to_dict(), sort_keys=True):
        return f"it was measured with other settings (preset {info.preset.get('name')!r})"
    if task.every_cell or "cell" in frame.columns:
        return "of tables with a row for each cell nothing is taken"
    if task.masks or "mask" in frame.columns:
        return "of tables measured with masks nothing is taken"
    if info.mm_per_px != task.mm_per_px:
        return f"it was measured with --mm-per-px {info.mm_per_px}, now {task.mm_per_px}"
    return EarlierTable(path, frame, info)


def _version(number: int | None) -> str:
    return "left out" if number is None else f"v{number}"


def known_images(earlier: EarlierTable, index: pd.DataFrame) -> MeasuredChunk:
    """The rows of an earlier table that belong to images of an index, in the order of the index.

    A table of an older version keeps no fingerprints: (n, 0) then.

    Parameters
    ----------
    earlier : EarlierTable
    index : DataFrame
        `image_id, path, sha256` of every image.
    """
    row_of = dict(zip(_keys(earlier.frame), range(len(earlier.frame))))
    rows = [row_of.get(key) for key in _keys(index)]
    taken = [row for row in rows if row is not None]
    names = tuple(sorted([*earlier.info.features, *earlier.info.nuisance]))
    return MeasuredChunk(
        tuple(image_id for image_id, row in zip(index["image_id"], rows) if row is not None), names,
        earlier.frame[list(names)].to_numpy(np.float32)[taken],
        earlier.frame[["width_px", "height_px"]].to_numpy(np.int64)[taken], _fingerprints(earlier.frame.iloc[taken]))


def _fingerprints(frame: pd.DataFrame) -> UInt8Array:
    if "fingerprint" not in frame or frame["fingerprint"].isna().any():
        return np.zeros((len(frame), 0), np.uint8)
    return from_text(frame["fingerprint"].tolist())


def _keys(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """What decides how an image is read: its content, and the ending of its name."""
    return [(sha256, PurePosixPath(path).suffix.lower()) for sha256, path in zip(frame["sha256"], frame["path"])]


def known_copies(earlier: EarlierTable, keys: Sequence[str]) -> MeasuredChunk:
    """The measurements of changed copies, by the keys of their requests, as far as an earlier table has them.

    The id of an image and the number of the copy are the seed of its change, so that only copies of the very same image
    are taken.
    """
    kept = read_perturbed(earlier.path, earlier.info)
    names = tuple(sorted(earlier.info.features))
    rows = pd.DataFrame(columns=["image_id", *names]) if kept is None else kept
    number = rows["copy"] if "copy" in rows else pd.Series(1, index=rows.index)
    rows = rows.set_index(rows["image_id"].where(number < 2, rows["image_id"] + " " + number.astype(str)))
    found = [key for key in keys if key in rows.index]
    return MeasuredChunk(tuple(found), names, rows.loc[found, list(names)].to_numpy(np.float32),
                         np.zeros((len(found), 2), np.int64), np.zeros((len(found), 0), np.float32))


def in_order(images: MeasuredChunk, image_ids: Sequence[str]) -> MeasuredChunk:
    """The same images in the order of a list of ids that holds them all."""
    place = {image_id: at for at, image_id in enumerate(image_ids)}
    order = sorted(range(len(images.image_ids)), key=lambda at: place[images.image_ids[at]])
    return replace(images, image_ids=tuple(images.image_ids[at] for at in order), values=images.values[order],
                   sizes=images.sizes[order], fingerprints=images.fingerprints[order])
