"""One file of a run: what is known of it before and after, and what decides its result."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ecg.signals.records import SUFFIXES
from ecg.trace.corrections import Point
from featurize.images.read import read_bytes

# Raised with anything that changes a result: finished pages of an older one are done again. tests/ecg/test_golden.py
# fails when a result changes and this number stays.
VERSION = 4


@dataclass(frozen=True)
class Settings:
    """What a person may say about all pages and records.

    Parameters
    ----------
    fs_hz : float
        Samples a second of the signals, of what is read from csv as well.
    layout : str
        A key of `ecg.layout.catalogue.LAYOUTS`, or auto.
    """

    fs_hz: float = 500.0
    layout: str = "auto"


@dataclass(frozen=True)
class Item:
    """One file.

    Parameters
    ----------
    file : Path
    path : str
        As it is shown: relative to the folder that was named.
    stem : str
        Of what is written, relative to the output folder.
    points : sequence of Point
        Corrections by hand.
    """

    file: Path
    path: str
    stem: str
    points: Sequence[Point] = ()


@dataclass(frozen=True)
class Done:
    """What came of a file: its facts, or the reason why not."""

    item: Item
    facts: dict[str, Any] | None
    error: str = ""
    reason: str = ""


def key_of(content: bytes, item: Item, settings: Settings) -> str:
    """Changes with anything that changes the result."""
    said = json.dumps([VERSION, asdict(settings), [asdict(p) for p in item.points]], sort_keys=True)
    return hashlib.sha256(content + said.encode()).hexdigest()


def is_record(item: Item) -> bool:
    return item.file.suffix.lower() in SUFFIXES


def content_of(item: Item) -> bytes:
    """The bytes that decide the result: of a WFDB record the signals' as well."""
    content = read_bytes(item.file)
    signals = item.file.with_suffix(".dat")
    return content + read_bytes(signals) if item.file.suffix.lower() == ".hea" and signals.is_file() else content
