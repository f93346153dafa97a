"""Model folders that somebody changed and whose checksums were made to fit again; the same seed, the same folder."""
import copy
import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

# What takes the place of a value of a manifest.
ODD_VALUES: tuple[Any, ...] = (
    0, -1, 2, 3, 1e308, -0.5, float("nan"), float("inf"), 2 ** 63, True, None, "", "multiclass", "isotonic", "\x1b[2J",
    "<script>alert(1)</script>", "../../secret", [], [[]], {}, {"a": 1}, ["a", "a"], [0.5, "x"], "a|b", [1e300] * 3)
# What takes the place of a number in text.
_ODD_NUMBERS = ("-1", "0", "99999", "2147483647", "-2147483648", "nan", "inf", "1e400", "", "x", "3.5", "1000000000000")


def rehash(folder: Path) -> None:
    """Make the checksums of a model folder fit its files."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(manifest.get("files"), dict):
        manifest["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
                             if isinstance(name, str) and (folder / name).is_file() else digest
                             for name, digest in manifest["files"].items()}
    manifest.pop("sha256", None)
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(manifest), encoding="utf-8")


def tampered_model(source: Path, target: Path, seed: int) -> str:
    """A changed copy of a model folder; returns what was changed.

    Parameters
    ----------
    source : Path
        A model folder.
    target : Path
        Must not exist.
    seed : int
    """
    random = np.random.default_rng(seed)
    shutil.copytree(source, target)
    names = sorted(path.name for path in target.iterdir())
    name = names[random.integers(len(names))]
    path = target / name
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        what = _change(content, random)
        path.write_text(json.dumps(content), encoding="utf-8")
    elif path.suffix == ".npz":
        what = _change_arrays(path, random)
    elif path.suffix == ".txt" and random.random() < 0.7:
        what = _change_number(path, random)
    else:
        what = _flip(path, random)
    rehash(target)
    return f"{name}: {what}"


def _change(content: Any, random: np.random.Generator) -> str:
    """One value somewhere in plain data is replaced, removed or doubled."""
    place, at, trail = content, None, []
    while isinstance(place, dict | list) and place and (at is None or random.random() < 0.75):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if at is not None:
            content = place
        at = keys[random.integers(len(keys))]
        trail.append(str(at))
        content, place = place, place[at]
    if at is None:
        return "nothing"
    how = random.integers(4)
    if how == 0:
        del content[at]
    elif how == 1 and isinstance(content, list):
        content.append(copy.deepcopy(content[at]))
    else:
        content[at] = copy.deepcopy(ODD_VALUES[random.integers(len(ODD_VALUES))])
    return f"{'.'.join(trail)} ({('removed', 'doubled', 'replaced', 'replaced')[how]})"


def _change_arrays(path: Path, random: np.random.Generator) -> str:
    with np.load(path) as read:
        arrays = {name: read[name] for name in read.files}
    name = sorted(arrays)[random.integers(len(arrays))]
    old = arrays[name]
    changes = (lambda: np.full(old.shape, np.nan), lambda: old[:-1], lambda: old[:0], lambda: old.reshape(-1, 1),
               lambda: np.zeros(old.shape, np.int8) - 1, lambda: np.full(old.shape, 1e300), lambda: np.array(3),
               lambda: np.zeros(old.shape), lambda: np.repeat(old, 2, axis=0), lambda: old[::-1])
    how = int(random.integers(len(changes) + 1))
    if how == len(changes):
        del arrays[name]
    else:
        arrays[name] = changes[how]()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())
    return f"{name} (change {how})"


def _change_number(path: Path, random: np.random.Generator) -> str:
    """One number of a text is replaced, or one of its lines removed."""
    text = path.read_text(encoding="utf-8")
    if random.random() < 0.15:
        lines = text.split("\n")
        at = int(random.integers(len(lines)))
        path.write_text("\n".join(lines[:at] + lines[at + 1:]), encoding="utf-8")
        return f"line {at} (removed)"
    found = list(re.finditer(r"-?\d+(\.\d+)?(e-?\d+)?", text))
    # Most in the first trees, whose lengths and links a reader meets first.
    part = found[:max(len(found) // 4, 1)] if random.random() < 0.5 else found
    one = part[random.integers(len(part))]
    new = _ODD_NUMBERS[random.integers(len(_ODD_NUMBERS))]
    if random.random() < 0.5:
        # The length of the text stays, so that the lengths of the trees still fit.
        new = new[:len(one[0])].rjust(len(one[0]), "9")
    path.write_text(text[:one.start()] + new + text[one.end():], encoding="utf-8")
    return f"{one[0]} at {one.start()} is {new!r}"


def _flip(path: Path, random: np.random.Generator) -> str:
    data = bytearray(path.read_bytes())
    if random.random() < 0.1:
        path.write_bytes(bytes(data[:random.integers(len(data))]))
        return "cut"
    places = random.integers(len(data), size=random.integers(1, 9))
    for place in places.tolist():
        data[place] = int(random.integers(256))
    path.write_bytes(bytes(data))
    return f"bytes {places.tolist()}"
