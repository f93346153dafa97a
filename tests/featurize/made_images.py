"""Small sources of images for the tests of what reads them."""
import os
from pathlib import Path

import numpy as np
from PIL import Image

from featurize.index.build import Index


def image(path: Path | bytes, value: int = 0) -> None:
    """A small PNG whose content depends on its name."""
    name = os.fsdecode(path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    pixels = np.full((4, 4, 3), value + sum(os.fsencode(os.path.basename(name))) % 200, np.uint8)
    with open(path, "wb") as file:
        Image.fromarray(pixels).save(file, "PNG")


def folder(root: Path, *paths: str) -> Path:
    for path in paths:
        image(root / path)
    return root


def column(index: Index, name: str) -> dict[str, str | None]:
    return dict(zip(index.frame["path"], index.frame[name]))


def npz(path: Path, n: int = 6, labels: np.ndarray | None = None, shape: tuple[int, ...] = (8, 8, 3)) -> Path:
    rng = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(n)[:, None] % 3 if labels is None else labels
    np.savez_compressed(path, **arrays)
    return path
