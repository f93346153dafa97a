"""Checksums of stored files, so that a flipped bit is found; against people who mean harm they protect nothing."""
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Key of the checksum in stored JSON.
SEAL = "checksum"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with its checksum as the last key.

    >>> unsealed(sealed({"n": 1}))
    {'n': 1}
    """
    return {**content, SEAL: _checksum(content)}


def unsealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """What was sealed, without the checksum; older files have none.

    Raises
    ------
    ValueError
        The checksum does not fit.
    """
    plain = {key: value for key, value in content.items() if key != SEAL}
    if SEAL in content and content[SEAL] != _checksum(plain):
        raise ValueError("its checksum does not fit: it was damaged, or changed by hand")
    return plain


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hex digits; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of plain data as JSON, whatever its order and blanks."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
