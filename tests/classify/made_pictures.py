"""A table whose images are there: small squares, red or blue, in an npz of three parts."""
from pathlib import Path

import numpy as np
import pandas as pd
from made_table import table_info

from featurize.index.build import build_index
from featurize.table import write_table

COUNTS = {"train": 48, "val": 16, "test": 16}


def made_pictures(folder: Path, side_px: int = 28) -> Path:
    """`folder/squares.parquet`; the class is the color, and a column says it with noise."""
    rng, arrays = np.random.default_rng(0), {}
    for part, count in COUNTS.items():
        y = np.arange(count) % 2
        images = rng.integers(0, 120, (count, side_px, side_px, 3)).astype(np.uint8)
        images[np.arange(count), :, :, 2 * y] += 80
        arrays |= {f"{part}_images": images, f"{part}_labels": y[:, None]}
    np.savez(folder / "squares.npz", **arrays)
    frame = build_index([folder / "squares.npz"]).frame
    color = (frame["label"].astype(float) + rng.normal(0, .3, len(frame))).astype(np.float32)
    frame = frame.assign(duplicate_group=range(len(frame)), width_px=side_px, height_px=side_px, cell_color_red=color)
    info = table_info(["cell_color_red"], {"color": 1, "quality": 1})
    info.nuisance.clear()
    info.sources[:] = [{"site": "", "root": str(folder / "squares.npz"), "kind": "npz"}]
    write_table(pd.DataFrame(frame), info, folder / "squares.parquet")
    return folder / "squares.parquet"
