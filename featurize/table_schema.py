"""What a table may hold: its metadata and its columns, checked before anything else reads them.

The digest of a table shows damage; whoever changes a table on purpose computes it again. So each key has its type, each
column of a kind the values that the kind has, and no name stands twice.
"""
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

# Columns of text, and of whole numbers that no row lacks.
TEXT_COLUMNS = ("image_id", "path", "label", "group", "site", "split", "sha256", "fingerprint")
COUNT_COLUMNS = ("duplicate_group", "width_px", "height_px")
# Text columns that no row lacks.
_FILLED = ("image_id", "path")
# A column of the measurements of changed copies, which have no other columns of text or counts than their image's id.
_OF_COPIES = "copy"
# Columns that tables of this format may lack: they were added later.
_ADDED = ("fingerprint",)
# Types of columns, in Parquet's words.
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_NUMBERS = (*_INTEGERS, "float", "double")
_TEXTS = ("string", "large_string")
_TYPES = (*_NUMBERS, *_TEXTS, "bool")
# Longest name of a measurement; those of featurize have about a hundred letters at most.
_LONGEST_NAME = 200
# What neither xgboost nor LightGBM takes in a name.
_REFUSED_BY_TREES = frozenset('[]{}<>",:')
# Longest part of a value in a message, characters.
_LONGEST_SHOWN = 60
# Kinds of sources: of images, and of pages and records.
_SOURCE_KEYS = {"site", "root", "kind"}
_SOURCE_KINDS = ("folder", "npz", "zip", "ecg")


def check_info(read: Any) -> None:
    """The metadata has every key of a `TableInfo`, each of its type.

    Raises
    ------
    ValueError
        Says the key, what it holds and what was wanted. A key that is missing is for the caller.
    """
    if not isinstance(read, dict):
        raise ValueError(f"it holds {_shown(read)}, an object was wanted")
    for key, (fits, wanted) in _KEYS.items():
        if key in read and not fits(read[key]):
            raise ValueError(f"{key} is {_shown(read[key])}, {wanted} was wanted")


def check_columns(types: Sequence[tuple[str, str]], features: Sequence[str], nuisance: Sequence[str]) -> None:
    """No name stands twice, every column has a type that fits it, and what the metadata names is there.

    Parameters
    ----------
    types : sequence of (name, type)
        In Parquet's words.
    features, nuisance : sequence of str
        Columns that hold measurements.

    Raises
    ------
    ValueError
        Says the column, what it holds and what was wanted.
    """
    kinds = dict(types)
    if len(kinds) < len(types):
        names = [name for name, _ in types]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the column {_shown(twice)} stands in it twice")
    lost = [name for name in (*features, *nuisance) if name not in kinds]
    if lost:
        raise ValueError(f"its metadata names the measurement {_shown(lost[0])}, which is no column")
    wanted = {**dict.fromkeys(kinds, (_TYPES, "text or numbers")),
              **dict.fromkeys((*features, *nuisance), (_NUMBERS, "numbers")),
              **{name: (_TEXTS, "text") for name in TEXT_COLUMNS if name in kinds},
              **{name: (_INTEGERS, "whole numbers") for name in COUNT_COLUMNS if name in kinds}}
    described = next((name for name in (*features, *nuisance) if name in (*TEXT_COLUMNS, *COUNT_COLUMNS)), None)
    if described is not None:
        raise ValueError(f"its metadata calls the column {described} a measurement")
    for name, kind in kinds.items():
        if kind not in wanted[name][0]:
            raise ValueError(f"the column {_shown(name)} holds {_shown(kind)}, {wanted[name][1]} were wanted")


def check_values(frame: pd.DataFrame, label_columns: Sequence[str]) -> None:
    """A table of images has all columns that describe them, and every row has an id, a path and its counts.

    Raises
    ------
    ValueError
    """
    if _OF_COPIES not in frame:
        lost = [name for name in (*TEXT_COLUMNS, *COUNT_COLUMNS) if name not in frame and name not in _ADDED]
        lost += [f"label_{name}" for name in label_columns if f"label_{name}" not in frame]
        if lost:
            raise ValueError(f"it lacks the column {_shown(lost[0])}")
    for name in (name for name in (*_FILLED, *COUNT_COLUMNS) if name in frame):
        if frame[name].isna().any():
            raise ValueError(f"a row lacks its {name}")


def _shown(value: Any) -> str:
    """The value in a message, short, without what a terminal would obey."""
    text = ascii(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _is_name(value: str) -> bool:
    # A name that begins with "=" or "@" would be a formula in a spreadsheet.
    return (0 < len(value) <= _LONGEST_NAME and value[0].isalnum() and value.isprintable()
            and not set(value) & _REFUSED_BY_TREES)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _are_names(value: Any) -> bool:
    return _are_texts(value) and all(map(_is_name, value))


def _is_preset(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    texts = all(isinstance(value.get(key, ""), str) for key in ("name", "normalize", "segment"))
    blocks = value.get("blocks", {})
    return texts and isinstance(blocks, dict) and all(isinstance(given, dict) for given in blocks.values())


def _are_versions(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(version, int) and not isinstance(version, bool) and version > 0
                                           for version in value.values())


def _are_sources(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(source, dict) and source.keys() == _SOURCE_KEYS and all(isinstance(v, str) for v in source.values())
        and source["kind"] in _SOURCE_KINDS and "\0" not in source["root"] for source in value)


def _is_scale(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or number and math.isfinite(value) and value >= 0


_NAMES_WANTED = (f"names that begin with a letter or digit, of at most {_LONGEST_NAME} letters without brackets, "
                 "quotes, commas and colons, each once,")
# Of each key of the metadata: whether a value fits, and what was wanted.
_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "preset": (_is_preset, "an object with name, normalize, segment and blocks"),
    "blocks": (_are_versions, "an object of versions"),
    "index_hash": (lambda value: isinstance(value, str), "a text"),
    "sources": (_are_sources, "a list of objects with site, root and kind (folder, npz or zip)"),
    "label_columns": (_are_texts, "a list of names, each once,"),
    "features": (_are_names, _NAMES_WANTED),
    "nuisance": (_are_names, _NAMES_WANTED),
    "mm_per_px": (_is_scale, "a number from 0 on or null"),
    "command": (lambda value: isinstance(value, str), "a text")}
