"""Every feature family by name, and all of them measured on one sample."""
import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from featurize.arrays import Float32Array, Float64Array
from featurize.registry import REGISTRY, Block, Feature, region_and_family
from featurize.sample import Sample

# The scale counts as known where at least this share of the images has a value in some column that needs it.
_SCALE_KNOWN_SHARE = 0.5


def blocks() -> dict[str, Block]:
    """Every feature family by name, sorted; imports the modules of `featurize.blocks` on first use."""
    _import_blocks()
    return dict(sorted(REGISTRY.items()))


def versions_of(names: Iterable[str]) -> dict[str, int]:
    """The version of some families, by name."""
    known = blocks()
    return {name: known[name].version for name in names}


@cache
def _import_blocks() -> None:
    """Once: looking through the folder takes longer than measuring a small region."""
    import featurize.blocks as package
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def measure(sample: Sample, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """All features of one sample.

    Parameters
    ----------
    sample : Sample
    settings : mapping of block name to its settings
        The blocks to run, in any order.

    Returns
    -------
    dict of str to float
        Columns in the order of the sorted block names; NaN where a region is empty.
    """
    known = blocks()
    row: dict[str, float] = {}
    for name in sorted(settings):
        if name not in known:
            raise ValueError(f"no block is called {name!r}; known: {', '.join(known)}")
        known[name].check_settings(settings[name])
        row.update(known[name].function(sample, **settings[name]))
    return row


def block_of(column: str) -> Block | None:
    """The family of the column ``<region>_<family>_<feature>``, or None where no family measures it."""
    known = blocks()
    found = region_and_family(column, known)
    return known[found[1]] if found else None


def description_of(column: str) -> Feature | None:
    """What the family of a column says about it, or None where no family describes it."""
    family = block_of(column)
    return family.describe(column) if family else None


def nuisance_columns(columns: Sequence[str], scale_known: bool) -> list[str]:
    """The columns that a model is not offered: all of the nuisance families, then lengths in pixels.

    Parameters
    ----------
    columns : sequence of str
        Columns of a table that families made, in the table's order.
    scale_known : bool
        Whether most images tell their scale. Lengths in pixels then tell only the magnification of the camera; where
        nothing else tells how large a cell is (cells cut out on black) they remain features.
    """
    families = [block_of(name) for name in columns]
    nuisance = [name for name, family in zip(columns, families) if family and family.nuisance]
    if not scale_known:
        return nuisance
    lengths = [name for name in columns if (feature := description_of(name)) and feature.in_pixels]
    return nuisance + [name for name in lengths if name not in set(nuisance)]


def scale_columns(columns: Sequence[str]) -> list[str]:
    """The columns that have a value only where the scale of the image is known."""
    return [name for name in columns if (feature := description_of(name)) and feature.tells_scale]


def scale_is_known(columns: Sequence[str], values: Float32Array | Float64Array) -> bool:
    """Whether most images (n, columns) tell their scale, by a known pixel size or by red cells of known size."""
    telling = np.isin(columns, scale_columns(columns))
    known = np.isfinite(values[:, telling])
    return bool(telling.any()) and float(known.mean(axis=0).max()) >= _SCALE_KNOWN_SHARE
