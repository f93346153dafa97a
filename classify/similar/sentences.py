"""What is unusual about an image, and what it shares with a neighbor or not, in sentences."""
from typing import Any

import numpy as np

from classify.evaluate.metrics import percentile_rank
from classify.similar.search import Similar, alike, different, unusual
from featurize.arrays import Float64Array
from featurize.report.feature_names import FeatureName, feature_name
from featurize.report.numbers import measurement


def unusual_sentences(result: Similar) -> list[dict[str, str]]:
    """The measurements farthest from the middle of the table, one of each kind; `text` and the `title` of the mouse."""
    return [_unusual(result, row) for row in unusual(result).to_dict("records")]


def _unusual(result: Similar, row: dict[Any, Any]) -> dict[str, str]:
    named, place = _named(result, row["feature"]), _place(row["percentile"])
    if named.by_itself:
        text = (f"{_capital(named.name)}: {measurement(row['value'], named.unit)}, {place}; the median is "
                f"{measurement(row['median'], named.unit)}.")
    else:
        text = f"{_capital(named.name)}: one of its numbers is {place}."
    return {"text": text, "title": named.definition}


def alike_sentences(result: Similar, at: int) -> list[dict[str, str]]:
    """In what the image and a neighbor are both unusual and close."""
    return [_alike(result, at, column) for column in alike(result, at)]


def _alike(result: Similar, at: int, column: int) -> dict[str, str]:
    named, (own, other) = _named(result, result.features[column]), _values(result, at, column)
    values = _table_values(result, column)
    ranks = sorted(percentile_rank(values, value) for value in (own, other))
    place = _place(ranks[0] if result.z_scores[column] > 0 else ranks[1])
    if named.by_itself:
        text = f"{_capital(named.name)} {measurement(own)} and {measurement(other, named.unit)}: both {place}."
    else:
        text = f"{_capital(named.name)}: in one of its numbers both are {place}."
    return {"text": text, "title": named.definition}


def different_sentences(result: Similar, at: int) -> list[dict[str, str]]:
    """In what the image and a neighbor differ most."""
    return [_different(result, at, column) for column in different(result, at)]


def _different(result: Similar, at: int, column: int) -> dict[str, str]:
    named, (own, other) = _named(result, result.features[column]), _values(result, at, column)
    if named.by_itself:
        text = f"{_capital(named.name)}: {measurement(own)} here, {measurement(other, named.unit)} there."
    else:
        more = "higher" if own > other else "lower"
        gap = abs(float(result.z_scores[column] - result.neighbor_z_scores[at, column]))
        text = f"{_capital(named.name)}: one of its numbers is {gap:.1f} standard deviations {more} here than there."
    return {"text": text, "title": named.definition}


def _named(result: Similar, feature: str) -> FeatureName:
    return feature_name(feature, str(result.info.preset.get("name", "")))


def _values(result: Similar, at: int, column: int) -> tuple[float, float]:
    """What was measured on the image and on a neighbor."""
    feature = result.features[column]
    return float(result.picture[feature]), float(result.frame[feature].iloc[int(result.neighbors[at])])


def _table_values(result: Similar, column: int) -> Float64Array:
    return np.asarray(result.frame[result.features[column]].dropna(), dtype=np.float64)


def _place(percentile: int) -> str:
    """Where a percentile rank lies, 0 and 100 meaning outside all."""
    if percentile in (0, 100):
        return f"{'lower' if percentile == 0 else 'higher'} than in any other image of the table"
    if percentile >= 50:
        return f"higher than in {percentile}\u00a0% of the table"
    return f"lower than in {100 - percentile}\u00a0% of the table"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
