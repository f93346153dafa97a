"""Feature families: a plain function becomes one by the ``@block`` decorator.

Not run as a test: it would add a family to the registry.

>>> @block("brightness", version=1, needs=("gray",), source="mean of the luma",  # doctest: +SKIP
...        describes={"mean": Feature("gray level", "sum(gray) / n")})
... def brightness(sample: Sample, *, regions: tuple[str, ...] = ("whole",)) -> dict[str, float]:
...     return {f"{name}_brightness_mean": ... for name in regions}
"""
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from featurize.errors import shown

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
        return dict(_settings_of(self.function))

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Refuse a setting that the family does not have.

        Raises
        ------
        ValueError
            Names the unknown setting and lists the known ones.
        """
        unknown = sorted(set(given) - set(self.settings))
        if unknown:
            raise ValueError(f"block {self.name!r} has no setting {shown(unknown[0])}; it has: "
                             f"{', '.join(self.settings)}")

    def describe(self, column: str) -> Feature | None:
        """The description whose pattern matches the feature part of ``<region>_<family>_<feature>``."""
        feature = column.split(f"_{self.name}_", 1)[-1]
        return next((d for pattern, d in self.describes.items() if fnmatchcase(feature, pattern)), None)


@cache
def _settings_of(function: Measure) -> dict[str, Any]:
    """Once a function: reading a signature takes as long as measuring a small region."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


# Every family that a module under featurize.blocks has registered so far; `featurize.families.blocks` imports them all.
REGISTRY: dict[str, Block] = {}


def region_and_family(column: str, families: Iterable[str]) -> tuple[str, str] | None:
    """The first two parts of ``<region>_<family>_<feature>``, or None where no family is named.

    A region may hold underscores, so the families must be known; a feature may be named like another family, so the
    leftmost one counts.

    >>> region_and_family("cell_body_color_quality_mean", ["quality", "color"])
    ('cell_body', 'color')
    """
    found = [(column.partition(f"_{family}_")[0], family) for family in families if f"_{family}_" in column]
    return min(found, key=lambda pair: (len(pair[0]), pair[1])) if found else None


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
        if name in REGISTRY and REGISTRY[name].function.__module__ != function.__module__:
            other = REGISTRY[name].function.__module__
            raise ValueError(f"two blocks are called {name!r}: {other}, {function.__module__}")
        REGISTRY[name] = Block(name, version, needs, source, describes, nuisance, function)
        return function
    return register
