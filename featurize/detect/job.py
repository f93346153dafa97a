"""One field of a run: where it lies, what its files are called, and what decides its result."""
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurize.runtime.seal import sealed, unsealed

# Raised with anything that changes a result: finished fields of an older one are measured again.
VERSION = 2
# Folders of the output, and the suffix of the files in them.
FACTS, OVERLAYS, MASKS, CROPS = "fields", "overlays", "masks", "crops"
SUFFIXES = {FACTS: ".json", OVERLAYS: ".jpg", MASKS: ".png"}


@dataclass(frozen=True)
class FieldJob:
    """One field to be measured.

    Parameters
    ----------
    file : Path
    path : str
        As it is shown: relative to the folder that was named.
    stem : str
        Name of what is written, without suffix, relative to each folder of the output.
    """

    file: Path
    path: str
    stem: str

    def place(self, out: Path, folder: str) -> Path:
        """The file of this field in a folder of the output."""
        return out / folder / (self.stem + SUFFIXES[folder])

    def crop(self, out: Path, number: int) -> Path:
        """The crop of one white cell, from 1."""
        return out / CROPS / f"{self.stem}-{number}.png"


@dataclass(frozen=True)
class CellFacts:
    """One cell or platelet as it stands in boxes.csv; NaN where a number is not known.

    Parameters
    ----------
    kind : str
    box : tuple of 4 int
        xmin, ymin, xmax, ymax, pixels of the field.
    score : float
    diameter_red : float
        Diameter of a disk of the same area over that of the field's red cells.
    nucleus_share : float
        Area of the nucleus over the area of the cell.
    area_px : float
    outline : tuple of float
        x, y, x, y, ... pixels of the field.
    """

    kind: str
    box: tuple[int, int, int, int]
    score: float
    diameter_red: float
    nucleus_share: float
    area_px: float
    outline: tuple[float, ...]


@dataclass(frozen=True)
class FieldFacts:
    """A finished field.

    Parameters
    ----------
    path, key : str
        The key changes with content and VERSION.
    width, height : int
    red_diameter_px : float
        NaN where there are too few red cells.
    cells : tuple of CellFacts
    files : mapping of str to str
        SHA-256 of the pictures that were written for the field, by their paths in the output folder.
    """

    path: str
    key: str
    width: int
    height: int
    red_diameter_px: float
    cells: tuple[CellFacts, ...]
    files: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> list[CellFacts]:
        """Those of one kind."""
        return [cell for cell in self.cells if cell.kind == kind]

    def as_json(self) -> dict[str, Any]:
        """Plain data and its checksum; NaN becomes null."""
        cells = [{**vars(cell), "box": list(cell.box), "outline": list(cell.outline)} for cell in self.cells]
        return sealed({"program": "pellucid", **_without_nan(vars(self)),
                       "cells": [_without_nan(cell) for cell in cells]})

    @classmethod
    def from_json(cls, text: str) -> "FieldFacts":
        """What `as_json` gave.

        Raises
        ------
        ValueError
        """
        try:
            read = unsealed(json.loads(text))
            cells = tuple(CellFacts(c["kind"], tuple(c["box"]), c["score"], _number(c["diameter_red"]),
                                    _number(c["nucleus_share"]), c["area_px"], tuple(c["outline"]))
                          for c in read["cells"])
            return cls(read["path"], read["key"], read["width"], read["height"], _number(read["red_diameter_px"]),
                       cells, dict(read.get("files", {})))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("no facts of a field") from error


@dataclass(frozen=True)
class FinishedField:
    """A field that was measured.

    Parameters
    ----------
    job : FieldJob
    facts : FieldFacts
    set_aside : sequence of str
        Files of the field that somebody had changed: their new names, relative to the output folder.
    """

    job: FieldJob
    facts: FieldFacts
    set_aside: Sequence[str] = ()


@dataclass(frozen=True)
class FailedField:
    """A file that could not be measured, and why."""

    job: FieldJob
    error: str
    reason: str


FieldResult = FinishedField | FailedField


def key_of(content: bytes) -> str:
    """A hash that changes with anything that changes the result: the file and the code's VERSION."""
    return hashlib.sha256(content + f"detect {VERSION}".encode()).hexdigest()


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
