"""What has drifted, in words: for the page and the terminal."""
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from classify.monitor.compare import FEWEST_ANSWERED
from classify.monitor.drift import (FAMILIES, LEVEL, MEASUREMENTS, MISSING, OF_FINDING, PICTURE, PREDICTIONS, SHARE,
                                    SPREAD, Drift)
from featurize.report.feature_names import unit_of, words
from featurize.report.numbers import count, measurement, number, percent, score
from featurize.report.page import cell, table

# Tests of each family that the page shows, and that the terminal prints on an alarm.
SHOWN = 10
PRINTED = 5
# Smaller p-values are called smaller than this.
LEAST_SHOWN = .001
# Numbers and reasons of review, as a reader knows them.
_CALLED = {"probability": "probability of the predicted class",
           "novelty": "novelty (0 to 1: unlike the training images)", "set": "no single class left in the set",
           "novel": "unlike the training images", "unsure": "not sure enough", "off centre": "cell off the middle",
           "cut": "cell cut by the rim"}
WHAT = {LEVEL: "median", SPREAD: "interquartile range", MISSING: "share not measured", SHARE: "share"}
HEAD = ["Watched", "What", "Baseline", "New images", "Standardized difference", "p (all tests)"]


def verdict(found: Drift) -> str:
    """One sentence: an alarm or none, at which promised rate."""
    tested = (f"{count(found.images[1], 'new image')}{_units(found, 1)} were compared with "
              f"{count(found.images[0], 'image')}{_units(found, 0)} of the baseline, in "
              f"{count(len(found.tests), 'test')}")
    promise = (f"The alarm is raised at p {found.rate:g} or less: where nothing drifted, {percent(found.rate)} "
               "of the comparisons raise it, counting all tests together.")
    p = f"p = {score(found.p)}" if found.p >= LEAST_SHOWN else f"p < {score(LEAST_SHOWN)}"
    return (f"Something has drifted since the baseline ({p}): {tested}. {promise}" if found.alarm else
            f"No drift since the baseline is shown ({p}): {tested}. {promise}")


def without_answers(images: int) -> str:
    """What a baseline of images that the model learned from cannot watch."""
    return (f"The model learned from {images} of the images, and is surer of them than of new ones: the baseline "
            f"watches pictures and measurements, not predictions and review. Write it again from {FEWEST_ANSWERED} or "
            "more images that are new to the model.")


def _units(found: Drift, side: int) -> str:
    """Patients, or different images, where these are fewer than images."""
    if found.units[side] == found.images[side]:
        return ""
    return f" of {count(found.units[side], 'patient' if found.grouped else 'different image')}"


def lines(found: Drift, preset: str = "") -> list[str]:
    """For the terminal: the verdict, and on an alarm what drifted most in each family."""
    first = f"{'ALARM' if found.alarm else 'no alarm'}: {verdict(found)}"
    if not found.alarm:
        return [first]
    drifted = found.tests[found.tests["p"] <= found.rate]
    listed = [f"{family} {number(int((drifted['family'] == family).sum()))}"
              for family in FAMILIES if (drifted["family"] == family).any()]
    shown = _strongest(drifted, PRINTED)
    return [first, f"drifted, by number of tests: {', '.join(listed)}",
            *(f"  {_name(row, preset)}, {WHAT[row['what']]}: {_value(row, 'baseline')} in the baseline, "
              f"{_value(row, 'here')} here" for row in shown.to_dict("records"))]


def _strongest(tests: pd.DataFrame, most: int) -> pd.DataFrame:
    """The first tests of each family; the spread of a column whose level moved more says nothing new."""
    size = tests["z"].abs()
    level = tests["name"].map(size[tests["what"] == LEVEL].groupby(tests["name"]).max())
    told = tests[(tests["what"] != SPREAD) | ~(level > size)]
    return pd.concat([told[told["family"] == family].head(most) for family in FAMILIES])


def section(found: Drift, preset: str) -> dict[str, Any]:
    """The section of the audit page: the verdict, and the tests with the smallest p."""
    drifted = int((found.tests["p"] <= found.rate).sum())
    rows = [[cell(_name(row, preset), title=row["name"]), cell(WHAT[row["what"]]),
             cell(_value(row, "baseline"), key=row["baseline"]), cell(_value(row, "here"), key=row["here"]),
             cell(number(row["z"]), key=row["z"]),
             cell(score(row["p"]), key=row["p"], tone="bad" if row["p"] <= found.rate else "")]
            for row in _strongest(found.tests, SHOWN).to_dict("records")]
    unit = ("patients, whole, stand in the baseline or among the new ones" if found.grouped else
            "no patients were given: images count as independent; of several images of a patient, give the groups")
    answered = (found.tests["family"] == PREDICTIONS).any()
    unwatched = "" if answered else " Predictions and review are not watched: the model learned from the baseline."
    return {"alarm": found.alarm, "verdict": verdict(found), "how": (
        f"{count(drifted, 'test')} of {number(len(found.tests))} drifted. The rate is kept by dividing the images "
        f"anew {number(found.permutations - 1)} times ({unit}) and taking the largest difference of all tests each "
        "time. The test says that something changed, not that answers became worse: that takes labels."
        f"{unwatched}"),
        "table": table(HEAD, rows, sortable=True)}


def _name(row: Mapping[Hashable, Any], preset: str) -> str:
    if row["family"] in (PICTURE, MEASUREMENTS):
        return words(row["name"], preset)
    if row["what"] == LEVEL:
        return _CALLED.get(row["name"], row["name"])
    if row["family"] == PREDICTIONS:
        return f"predicted as {row['name']}"
    finding, _, reason = row["name"].rpartition(OF_FINDING)
    before = f"{finding}{OF_FINDING}" if finding else ""
    return f"{before}for review" if reason == "review" else f"{before}for review: {_CALLED.get(reason, reason)}"


def _value(row: Mapping[Hashable, Any], key: str) -> str:
    if row["what"] in (MISSING, SHARE):
        return percent(row[key])
    return measurement(row[key], unit_of(row["name"]) if row["family"] in (PICTURE, MEASUREMENTS) else "")
