"""Any integer label of given masks as a region, for those who bring masks of their own (radiomics)."""
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from featurize.batch.given_masks import GivenMasks
from featurize.batch.mask_files import read_mask
from featurize.errors import UserError
from featurize.families import blocks
from featurize.presets.load import Preset
from featurize.segment.segmenters import LABELS

# What the labels are called: a CSV `label,name` beside the masks.
NAMES = "labels.csv"
# Labels of more regions are instances rather than regions.
MOST_REGIONS = 20
# Families that measure the whole picture whatever lies in it.
_NOT_OF_REGIONS = ("hog",)
_WHOLE = "whole"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def with_label_regions(masks: GivenMasks, preset: Preset) -> tuple[GivenMasks, Preset]:
    """The masks with a name for each label, and the preset with these as regions.

    Families of the preset that measure the region ``whole`` measure every label instead, radiomics its shape too.

    Raises
    ------
    UserError
        No label in any mask, more than 20, or names that are none.
    """
    labels = _labels(masks)
    if not labels:
        raise UserError(f"--masks {masks.folder} holds no label above 0 in any mask")
    if len(labels) > MOST_REGIONS:
        raise UserError(f"--masks {masks.folder} holds {len(labels)} labels, and each would be a region of its own (at "
                        f"most {MOST_REGIONS}): for objects that are numbered give --preset tissue")
    given = _given_names(masks)
    names = {label: given.get(label, f"label_{label}") for label in labels}
    _check_names(names, masks)
    regions = tuple(names.values())
    families = {name: dict(settings) for name, settings in preset.blocks.items()}
    for name, settings in families.items():
        if name not in _NOT_OF_REGIONS and settings.get("regions") == (_WHOLE,):
            settings["regions"] = regions
    if "families" in families.get("radiomics", {}):
        families["radiomics"]["families"] = (*(f for f in families["radiomics"]["families"] if f != "shape2d"),
                                             "shape2d")
    return replace(masks, names=names), replace(preset, segment=LABELS, blocks=families)


def _labels(masks: GivenMasks) -> list[int]:
    """All labels of all masks; a mask that cannot be read has none: its image becomes an error."""
    found: set[int] = set()
    for name in masks.files.values():
        try:
            found.update(np.unique(read_mask(masks.folder / name)).tolist())
        except (ValueError, OSError):
            continue
    return sorted(found - {0})


def _given_names(masks: GivenMasks) -> dict[int, str]:
    path = masks.folder / NAMES
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, dtype=str)
        return {int(label): name.strip() for label, name in zip(table["label"], table["name"])}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{path} cannot be read ({error}): a CSV with the columns label and name was "
                        "wanted") from error


def _check_names(names: Mapping[int, str], masks: GivenMasks) -> None:
    known = blocks()
    for name in names.values():
        if not _NAME.fullmatch(name) or any(part in known for part in name.split("_")):
            raise UserError(f"{masks.folder / NAMES}: {name!r} is no name of a region: small letters, digits and _ "
                            "were wanted, without the name of a family such as color")
    if len(set(names.values())) < len(names):
        raise UserError(f"{masks.folder / NAMES} gives one name to several labels")
