"""Universal Binary JSON, as far as xgboost writes it (https://ubjson.org, draft 12), with bounds at every step.

xgboost's own reader trusts the lengths in the file. Packages that read this format are older than the supported
versions of Python, and none bounds its depth.
"""
import struct
from typing import Any

import numpy as np

from classify.stored.faults import StoredFault, wanted

# Kind of a number to its big-endian type.
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
# Lists and objects inside each other, at most; a model has 8.
_DEEPEST = 32


def read_ubjson(data: bytes) -> Any:
    """The content: dicts, lists, str, numbers, and arrays of numbers where the file packs them.

    Raises
    ------
    StoredFault
        The bytes are no UBJSON, or more than it.
    """
    try:
        value, end = _value(data, 0, 0)
    except (struct.error, UnicodeDecodeError):
        raise StoredFault("it ends in the middle of a value or holds broken text") from None
    wanted(end == len(data), "bytes follow its end")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    wanted(depth < _DEEPEST, "its values stand in each other without end")
    kind = data[at:at + 1]
    at += 1
    if kind == b"{":
        return _object(data, at, depth)
    if kind == b"[":
        return _list(data, at, depth)
    if kind == b"S":
        return _text(data, at)
    if kind in _NUMBERS:
        return _number(data, at, kind)
    if kind in (b"T", b"F", b"Z"):
        return {b"T": True, b"F": False, b"Z": None}[kind], at
    raise StoredFault(f"a value begins with {kind!r}")


def _object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while data[at:at + 1] != b"}":
        name, at = _text(data, at)
        wanted(name not in found, f"the key {name[:20]!r} stands in it twice")
        found[name], at = _value(data, at, depth + 1)
    return found, at + 1


def _list(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    packed = b""
    if data[at:at + 1] == b"$":
        packed, at = data[at + 1:at + 2], at + 2
        wanted(packed in _NUMBERS and data[at:at + 1] == b"#", "a packed list has no kind or no length")
    if data[at:at + 1] == b"#":
        count, at = _length(data, at + 1)
        if packed:
            kind = np.dtype(_NUMBERS[packed])
            wanted(count * kind.itemsize <= len(data) - at, "a list is longer than the file")
            end = at + count * kind.itemsize
            return np.frombuffer(data[at:end], kind).astype(kind.newbyteorder("=")), end
        wanted(count <= len(data) - at, "a list is longer than the file")
        items = []
        for _ in range(count):
            item, at = _value(data, at, depth + 1)
            items.append(item)
        return items, at
    items = []
    while data[at:at + 1] != b"]":
        item, at = _value(data, at, depth + 1)
        items.append(item)
    return items, at + 1


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, at = _length(data, at)
    wanted(length <= len(data) - at, "a text is longer than the file")
    return data[at:at + length].decode(), at + length


def _length(data: bytes, at: int) -> tuple[int, int]:
    kind = data[at:at + 1]
    wanted(kind in (b"i", b"U", b"I", b"l", b"L"), f"a length begins with {kind!r}")
    value, at = _number(data, at + 1, kind)
    wanted(value >= 0, "a length is negative")
    return value, at


def _number(data: bytes, at: int, kind: bytes) -> tuple[Any, int]:
    form = np.dtype(_NUMBERS[kind])
    end = at + form.itemsize
    wanted(end <= len(data), "it ends in the middle of a number")
    return np.frombuffer(data[at:end], form)[0].item(), end
