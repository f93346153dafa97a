"""Tables with known truth for the tests of the classifier: gaussian classes, patients, nuisances, missing values."""
from dataclasses import replace

import numpy as np
import pandas as pd

from featurize.table import TableInfo

FAMILIES = ("color", "morphology")
REGIONS = ("nucleus", "cell")


def made_table(counts: tuple[int, ...] = (60, 60, 60), *, spread: float = 2.0, group_size: int = 2, features: int = 12,
               seed: int = 0, names: tuple[str, ...] = ("ant", "bee", "cat", "dog")) -> tuple[pd.DataFrame, TableInfo]:
    """A table whose classes are overlapping gaussian clouds, in shuffled order.

    `group_size` rows of one class share a group; a tenth of the values of two columns are missing; one column is
    constant; the nuisance column knows nothing of the label.
    """
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    group = np.concatenate([np.arange(c) // group_size for c in counts])
    order = rng.permutation(len(y))
    y, group = y[order], group[order]
    columns = [f"{REGIONS[i % 2]}_{FAMILIES[i // 2 % 2]}_feature{i}" for i in range(features)]
    centers = np.random.default_rng(1).normal(size=(len(counts), features)) * 1.5
    x = (centers[y] + rng.normal(size=(len(y), features)) * spread).astype(np.float32)
    x[rng.random(len(y)) < .1, :2] = np.nan
    n = len(y)
    text = {"image_id": [f"{i:016x}" for i in range(n)], "path": [f"{names[c]}/{i}.png" for i, c in enumerate(y)],
            "label": [names[c] for c in y], "group": [f"{names[c]}{g}" for c, g in zip(y, group)], "site": "here",
            "split": None, "sha256": [f"{i:064x}" for i in range(n)], "duplicate_group": np.arange(n), "width_px": 64,
            "height_px": 64}
    values = {name: x[:, i] for i, name in enumerate(columns)}
    frame = pd.DataFrame({**text, **values, "cell_color_constant": np.float32(1),
                          "whole_quality_focus": rng.normal(size=n).astype(np.float32)})
    return frame, table_info([*columns, "cell_color_constant"])


def chest_table(n: int = 120, seed: int = 0, features: int = 12) -> tuple[pd.DataFrame, TableInfo]:
    """A table of n films of 30 patients: two findings that columns tell, one that 3 films have."""
    frame, info = made_table((n // 2, n - n // 2), seed=seed, features=features)
    rng = np.random.default_rng(seed)
    frame["group"] = [f"patient {i}" for i in rng.integers(0, 30, len(frame))]
    frame["duplicate_group"] = np.arange(len(frame))
    first, second = (frame[c].to_numpy() for c in info.features[2:4])
    truth = {"Edema": first > np.median(first), "Effusion": second > np.quantile(second, .7),
             "Hernia": np.arange(len(frame)) % 40 == 0}
    frame = frame.assign(label=None, **{f"label_{k}": pd.array(v.astype(int), dtype="Int8") for k, v in truth.items()})
    return frame, replace(info, label_columns=list(truth))


def table_info(features: list[str], versions: dict[str, int] | None = None) -> TableInfo:
    """How the made tables claim to have been made."""
    blocks = versions or {"color": 2, "morphology": 1, "quality": 1}
    return TableInfo(preset={"name": "cell", "normalize": "none", "segment": "cell",
                             "blocks": {name: {} for name in blocks}}, blocks=blocks, index_hash="0" * 64,
                     sources=[{"site": "here", "root": "nowhere", "kind": "folder"}], label_columns=[],
                     features=features, nuisance=["whole_quality_focus"])
