"""Feature families: a plain function becomes one by the ``@block`` decorator.

>>> @block("brightness", version=1, needs=("gray",), source="mean of the luma",
...        describes={"mean": Feature("gray level", "sum(gray) / n")})
... def brightness(sample: Sample, *, regions: tuple[str, ...] = ("whole",)) -> dict[str, float]:
...     return {f"{name}_brightness_mean": ... for name in regions}
"""
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from featurize.sample import Sample

Measure = Callable[..., dict[str, float]]


@dataclass(frozen=True)
class Feature:
    """What one measurement (or a pattern of them) is: for docs/features.md, for reports and for the choice of features.

    Parameters
    ----------
    unit, formula : str
    in_pixels : bool
        A length in pixels, which changes with the magnification of the camera: a nuisance wherever the scale of the
        images is known.
    tells_scale : bool
        A length that can be measured only where the scale of the image is known, NaN elsewhere.
    """

    unit: str
    formula: str
    in_pixels: bool = False
    tells_scale: bool = False


@dataclass(frozen=True)
class Block:
    """A registered feature family."""

    name: str
    version: int
    needs: tuple[str, ...]
    source: str
    describes: Mapping[str, Feature]
    nuisance: bool
    function: Measure

    @property
    def settings(self) -> dict[str, Any]:
        """Names and defaults of the keyword-only parameters."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Refuse a setting that the family does not have.

        Raises
        ------
        ValueError
            Names the unknown setting and lists the known ones.
        """
        unknown = sorted(set(given) - set(self.settings))
        if unknown:
            raise ValueError(f"block {self.name!r} has no setting {unknown[0]!r}; it has: {', '.join(self.settings)}")

    def describe(self, column: str) -> Feature | None:
        """The description whose pattern matches the feature part of ``<region>_<family>_<feature>``."""
        feature = column.split(f"_{self.name}_", 1)[-1]
        return next((d for pattern, d in self.describes.items() if fnmatchcase(feature, pattern)), None)


_BLOCKS: dict[str, Block] = {}


def block(name: str, *, version: int, needs: tuple[str, ...], source: str, describes: Mapping[str, Feature],
          nuisance: bool = False) -> Callable[[Measure], Measure]:
    """Register a feature family.

    Parameters
    ----------
    name : str
        The family, second part of every column name; one word.
    version : int
        Raise it whenever any value changes: tables and models of another version are then refused.
    needs : tuple of str
        The attributes of `Sample` it reads.
    source : str
        Where the definitions come from (DOI, equation).
    describes : mapping
        Pattern (fnmatch) of the feature part of the column to its `Feature`.
    nuisance : bool
        True for properties of the picture, not of the patient: kept in the table, never offered to the model.
    """
    def register(function: Measure) -> Measure:
        if name in _BLOCKS and _BLOCKS[name].function.__module__ != function.__module__:
            other = _BLOCKS[name].function.__module__
            raise ValueError(f"two blocks are called {name!r}: {other}, {function.__module__}")
        _BLOCKS[name] = Block(name, version, needs, source, describes, nuisance, function)
        return function
    return register


def blocks() -> dict[str, Block]:
    """Every feature family by name, sorted; imports the modules of `featurize.blocks` on first use."""
    _import_blocks()
    return dict(sorted(_BLOCKS.items()))


def block_of(column: str) -> Block | None:
    """The family of the column ``<region>_<family>_<feature>``, or None; a feature may be named like another family."""
    found = [(column.find(f"_{name}_"), name) for name in blocks() if f"_{name}_" in column]
    return _BLOCKS[min(found)[1]] if found else None


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
    lengths = [name for name in columns if (told := description_of(name)) and told.in_pixels] if scale_known else []
    return nuisance + [name for name in lengths if name not in set(nuisance)]


def scale_columns(columns: Sequence[str]) -> list[str]:
    """The columns that have a value only where the scale of the image is known."""
    return [name for name in columns if (told := description_of(name)) and told.tells_scale]


@cache
def _import_blocks() -> None:
    """Once: looking through the folder takes longer than measuring a small region."""
    import featurize.blocks as package
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


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
