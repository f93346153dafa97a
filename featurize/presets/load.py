"""Presets: which normalization, which segmenter, which feature families with which settings.

A preset is a TOML file with the keys `normalize` and `segment` and one table `[blocks.<family>]` per feature family::

    normalize = "background"
    segment = "cell"
    [blocks.color]
    bins = 8

A settings file of the user has the same form and replaces key by key; `color = false` under `[blocks]` leaves a family
out.
"""
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from featurize.errors import UserError, shown
from featurize.families import blocks
from featurize.images.normalize import NORMALIZATIONS
from featurize.images.read import EmptyFile, ImageError, Limits, read_bytes
from featurize.registry import Block
from featurize.segment.segmenters import SEGMENTERS

# Longest file of settings, bytes.
_MOST_BYTES = 2 ** 20
# A number of the settings may be so many times its default, or so many times this where the default is smaller.
_MOST_TIMES = 100
_LEAST_MOST = 10


@dataclass(frozen=True)
class Preset:
    """How images become numbers; everything but the images and the code.

    Parameters
    ----------
    name : str
        Of the preset it started from.
    normalize, segment : str
        Names of `featurize.images.normalize` and `featurize.segment.segmenters`.
    blocks : mapping of family to its settings
        The families that measure; settings not given have their defaults.
    """

    name: str
    normalize: str
    segment: str
    blocks: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, fit for JSON."""
        plain = {name: {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
                 for name, settings in self.blocks.items()}
        return {"name": self.name, "normalize": self.normalize, "segment": self.segment, "blocks": plain}


def preset_names() -> list[str]:
    """The presets that come with the package, sorted."""
    return sorted(f.name[:-5] for f in resources.files("featurize.presets").iterdir() if f.name.endswith(".toml"))


def load_preset(name: str, overrides: Path | None = None) -> Preset:
    """Read a preset, and the user's settings over it.

    Parameters
    ----------
    name : str
        One of `preset_names()`.
    overrides : Path, optional
        A TOML file of the same form; what it names replaces the preset's.

    Raises
    ------
    UserError
        An unknown preset, a misspelt family or setting, a value of another type, a file that is not TOML.
    """
    if name not in preset_names():
        raise UserError(f"no preset is called {name!r}: choose auto, {', '.join(preset_names())}")
    text = resources.files("featurize.presets").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    if overrides is not None:
        content = _merge(content, _read_toml(overrides))
    return preset_from_dict({"name": name, **content}, origin=str(overrides or f"preset {name}"))


def preset_from_dict(content: Mapping[str, Any], origin: str = "the preset of the table") -> Preset:
    """A checked preset from plain data, such as `TableInfo.preset`.

    Raises
    ------
    UserError
        Starts with `origin` and says which key is wrong and which ones are known.
    """
    unknown = sorted(set(content) - {"name", "normalize", "segment", "blocks"})
    if unknown:
        raise UserError(f"{origin}: there is no setting {shown(unknown[0])}; known: normalize, segment, "
                        "[blocks.<family>]")
    for key, kind, words in (("name", str, "a text"), ("normalize", str, "a text"), ("segment", str, "a text"),
                             ("blocks", Mapping, "a table")):
        if not isinstance(content.get(key), kind):
            raise UserError(f"{origin}: {key} is {shown(content.get(key))}, {words} was wanted")
    _check_choice(origin, "normalize", content["normalize"], NORMALIZATIONS)
    _check_choice(origin, "segment", content["segment"], SEGMENTERS)
    known = blocks()
    chosen = {name: given for name, given in content["blocks"].items() if given is not False}
    for name, given in chosen.items():
        _check_choice(origin, "blocks", name, known)
        _check_block(origin, known[name], given)
    return Preset(content["name"], content["normalize"], content["segment"],
                  {name: {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
                   for name, given in sorted(chosen.items())})


def _check_choice(origin: str, key: str, given: Any, known: Mapping[str, Any]) -> None:
    if given not in known:
        raise UserError(f"{origin}: {key} has no {shown(given)}; known: {', '.join(known)}")


def _check_block(origin: str, family: Block, given: Any) -> None:
    """The settings exist and have the type of their default: 8.0 for 8 or "8" for 8 would fail far from here."""
    if not isinstance(given, Mapping):
        raise UserError(f"{origin}: blocks.{family.name} is {shown(given)}, a table of settings or false was wanted")
    try:
        family.check_settings(given)
    except ValueError as error:
        raise UserError(f"{origin}: {error}") from error
    for key, value in given.items():
        default = family.settings[key]
        if not _fits(value, default):
            raise UserError(f"{origin}: blocks.{family.name}.{key} is {shown(value)}, a {_kind(default)} such as "
                            f"{default!r} was wanted")
        _check_range(f"{origin}: blocks.{family.name}.{key}", value, default)


def _check_range(place: str, given: Any, default: Any) -> None:
    """Numbers have the sign of their default and a size that does not take hours."""
    if isinstance(default, tuple):
        for value in given if default else ():
            _check_range(place, value, max(default, key=abs) if isinstance(default[0], int | float) else default[0])
        return
    if isinstance(default, bool) or not isinstance(default, int | float):
        return
    most, least = max(abs(default), _LEAST_MOST) * _MOST_TIMES, min(0, default)
    if not least <= given <= most:
        raise UserError(f"{place} is {shown(given)}, a number from {least} to {most:g} was wanted")


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, list | tuple) and (not default or all(_fits(v, default[0]) for v in value))
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return default is None or type(value) is type(default)


def _kind(default: Any) -> str:
    return {tuple: "list", str: "text", bool: "true or false", int: "whole number", float: "number"}[type(default)]


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(path, Limits(bytes=_MOST_BYTES)).decode())
    except EmptyFile:
        return {}
    except ImageError as error:
        raise UserError(f"cannot read the settings {path} ({error}): a TOML file was wanted") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML: {error}") from error


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` replaces `under` key by key, tables inside tables too."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
