"""What is unusual about an image, and what it shares with a neighbor or not, in sentences."""
from typing import Any

import numpy as np

from classify.evaluate.metrics import percentile_rank
from classify.similar.search import Similar, alike, different, gap_of_sums, preset_of, unusual
from featurize.report.feature_names import FeatureName, feature_name
from featurize.report.numbers import measurement


def unusual_sentences(result: Similar) -> list[dict[str, str]]:
    """The measurements farthest from the middle of the table; `text` and the `title` of the mouse."""
    return [_unusual(result, row) for row in unusual(result).to_dict("records")]


def _unusual(result: Similar, row: dict[Any, Any]) -> dict[str, str]:
    named = _named(result, row["feature"])
    value, median = (measurement(row[key], named.unit) for key in ("value", "median"))
    return {"text": f"{_capital(named.name)}: {value}, {_place(row['percentile'])}; the median is {median}.",
            "title": named.definition}


def alike_sentences(result: Similar, at: int) -> list[dict[str, str]]:
    """In what the image and a neighbor are both unusual and close."""
    return [_alike(result, at, column) for column in alike(result, at)]


def _alike(result: Similar, at: int, column: int) -> dict[str, str]:
    feature = result.features[column]
    named, (own, other) = _named(result, feature), _values(result, at, column)
    values = np.asarray(result.frame[feature].dropna(), dtype=np.float64)
    ranks = sorted(percentile_rank(values, value) for value in (own, other))
    place = _place(ranks[0] if result.z_scores[column] > 0 else ranks[1])
    first, second = measurement(own), measurement(other, named.unit)
    both = second if own == other else f"{first} and {second}"
    return {"text": f"{_capital(named.name)}: {both}, both {place}.", "title": named.definition}


def different_sentences(result: Similar, at: int) -> list[dict[str, str]]:
    """In what the image and a neighbor differ most."""
    return [_different(result, at, column) for column in different(result, at)]


def _different(result: Similar, at: int, column: int) -> dict[str, str]:
    named, (own, other) = _named(result, result.features[column]), _values(result, at, column)
    return {"text": f"{_capital(named.name)}: {measurement(own)} here, {measurement(other, named.unit)} there.",
            "title": named.definition}


def sums_sentence(result: Similar, at: int) -> str:
    """Of colors, textures and outlines, which is most alike and which is not; "" where there are fewer than two."""
    gaps = gap_of_sums(result, at)
    if len(gaps) < 2:
        return ""
    return f"Beyond single measurements, most alike in the {gaps.index[0]}, least in the {gaps.index[-1]}."


def _named(result: Similar, feature: str) -> FeatureName:
    return feature_name(feature, preset_of(result))


def _values(result: Similar, at: int, column: int) -> tuple[float, float]:
    """What was measured on the image and on a neighbor."""
    feature = result.features[column]
    return float(str(result.picture[feature])), float(result.frame[feature].iloc[int(result.neighbors[at])])


def _place(percentile: int) -> str:
    """Where a percentile rank lies, 0 and 100 meaning outside all."""
    if percentile in (0, 100):
        return f"{'lower' if percentile == 0 else 'higher'} than in any image of the table"
    if percentile >= 50:
        return f"higher than in {percentile}\u00a0% of the table"
    return f"lower than in {100 - percentile}\u00a0% of the table"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
