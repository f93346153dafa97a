"""Could a property of the pictures give the class away? What explore can know before anything is measured.

A property is named where it differs between classes by more than chance gives to so many images.
Background, focus and JPEG quality lie outside the object: a difference there is a possible shortcut. The brightness of
the whole picture includes the object, whose size and color are not known here: it is only told, and the report of
`classify` tests what it adds to the measured object.
"""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from featurize.explore.by_class import best_told, chance_of, image_table, rank_eta_squared
from featurize.explore.census import UNLABELLED, Census
from featurize.report.numbers import percent, score
from featurize.report.page import warning

# Rank eta squared of a property and the class from which it is a possible shortcut, if it is beyond chance as well.
SHORTCUT_ETA_SQUARED = .25
# Rank eta squared from which the warning of a shortcut is serious.
SERIOUS_ETA_SQUARED = .6
# Chance of so large a difference between classes that do not differ; shared by all comparisons (Bonferroni).
MOST_CHANCE = .01
NORMALIZE = "The presets normalize it away, mostly; the report of classify tests how much nuisances alone can tell."
# The brightness of the whole picture includes the object, which truly may be larger or darker in one class. Measured
# on blood_pbc and leukemia_cnmc: it explained .43 and .47 where the background explained .07 and less.
BRIGHTNESS = "brightness"
# Column of `image_table`: (what differs, what to do, the option that does it).
PROPERTIES: Mapping[str, tuple[str, str, str]] = {
    "width": ("The size of the images", "Find out why before you train: cropping by hand is a hint to the class.", ""),
    "background": ("The brightness of the background", NORMALIZE, "--preset auto"),
    "background tint": ("The tint of the background", NORMALIZE, "--preset auto"),
    "sharpness": ("The sharpness", "If each class has its own camera, say so and compare cameras.", "--site-column C"),
    "JPEG blocks": ("The JPEG quality", "Files that were saved differently give their class away: use the originals.",
                    ""),
}


def shortcuts(census: Census) -> Iterator[dict[str, str]]:
    """Warnings of properties that differ between classes although they do not lie in the object."""
    table = image_table(census)
    table = table[table["label"] != UNLABELLED]
    for name, (what, advice, option) in PROPERTIES.items():
        found = _difference(census, table, name)
        if found.real:
            level = "serious" if found.explained >= SERIOUS_ETA_SQUARED else "caution"
            yield warning(level, f"{what} differs by {found.by}, which explains {percent(found.explained)} of it: a "
                          "possible shortcut.", advice, option)
    found = _difference(census, table, BRIGHTNESS)
    if found.real:
        of = found.by if census.findings else f"“{found.told}” against the rest"
        yield warning("note", f"The brightness of the pictures differs between classes (AUROC {score(found.auroc)} for "
                      f"{of}).", "The objects themselves may be larger or darker: see the shortcut check in the report "
                      "of classify.")


@dataclass(frozen=True)
class _Difference:
    """How a property differs between classes, or between images with a finding and without.

    Parameters
    ----------
    by : str
        The class, or the finding that explains it best, in words.
    explained : float
        Rank eta squared.
    real : bool
        It is large, and beyond chance.
    told : str
        The class that it tells best from the rest.
    auroc : float
        With which it does.
    """

    by: str
    explained: float
    real: bool
    told: str
    auroc: float


def _difference(census: Census, table: pd.DataFrame, name: str) -> _Difference:
    """Of a column of `table`, which is `image_table` without unlabelled images."""
    values = table[name].to_numpy(float)
    sides = {"class": table["label"].tolist()}
    if census.findings:
        rows = census.rows[table.index]
        sides = {f"the finding “{finding}”": census.classes[finding][rows].astype(str).tolist()
                 for finding in census.findings}
    explained = {by: rank_eta_squared(values, labels) for by, labels in sides.items()}
    by = max(explained, key=lambda name: explained[name])
    comparisons = len(sides) * (len(PROPERTIES) + 1)
    real = explained[by] >= SHORTCUT_ETA_SQUARED and chance_of(values, sides[by]) * comparisons < MOST_CHANCE
    return _Difference(by, explained[by], real, *best_told(values, sides[by]))
