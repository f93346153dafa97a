"""Which measurements stay the same on changed copies of an image."""
from typing import Any

import pandas as pd

from classify.result import RunResult
from featurize.report.feature_names import family_words, region_words
from featurize.report.numbers import count, number, percent, score
from featurize.report.page import cell, table

# Intra-class correlation below which a measurement is poor: Koo & Li 2016, doi:10.1016/j.jcm.2016.02.012.
POOR = 0.5


def stable_measurements(result: RunResult) -> dict[str, Any] | None:
    """A table by family and region; None where nothing was measured twice."""
    known = result.stability.dropna(subset=["icc"]) if len(result.stability) else result.stability
    if known.empty:
        return None
    importance = result.explanation.features.set_index("feature")["importance"]
    whole = known.assign(importance=known["feature"].map(importance).fillna(0.0))
    total = whole["importance"].sum() or 1.0
    groups = [part for _, part in whole.groupby(["family", "region"], sort=False)]
    rows = [_row(part, total) for part in sorted(groups, key=lambda part: -float(part["importance"].sum()))]
    poor = whole["icc"] < POOR
    return {"sentence": f"{count(int(whole['images'].max()), 'image')} were measured again as another laboratory might "
                        "have pictured them. The intra-class correlation is the share of a measurement's variance that "
                        f"lies between images, not between copies of one: {number(int(poor.sum()))} of "
                        f"{count(len(whole), 'measurement')} are below .5, called poor, and give "
                        f"{percent(whole.loc[poor, 'importance'].sum() / total)} of the importance.",
            "table": table(["Family", "Region", "Measurements", "Median correlation", "Lowest", "Below .5",
                            "Share of the importance"], rows, sortable=True,
                           foot="All measurements with 95 % intervals: stability.csv.")}


def _row(part: pd.DataFrame, total: float) -> list[dict[str, Any]]:
    """One family in one region."""
    family, region = str(part["family"].iloc[0]), str(part["region"].iloc[0])
    middle, least, poor = part["icc"].median(), part["icc"].min(), (part["icc"] < POOR).mean()
    share = part["importance"].sum() / total
    return [cell(family_words(family)), cell(region_words(region)), cell(number(len(part)), key=len(part)),
            cell(score(middle), key=middle, bar=max(middle, 0.0)), cell(score(least), key=least),
            cell(percent(poor), key=poor), cell(percent(share), key=share)]
