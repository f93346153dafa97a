"""Predict a table with a saved model."""
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.bundle import Bundle, load_bundle
from classify.data.columns import check_columns, matrix, region_and_family
from classify.evaluate.explain import Contributions, reasons
from classify.fitting import models
from classify.predictions import prediction_table
from classify.result import Applied
from classify.uncertainty import calibrate, conformal, novelty
from featurize.arrays import Int64Array
from featurize.errors import UserError
from featurize.table import TableInfo, read_table

BECAUSE = 5


def predict_file(run: Path, table: Path, explain: bool = False) -> pd.DataFrame:
    """`predict` of a run folder and a table's file."""
    bundle = load_bundle(run)
    frame, info = read_table(table)
    return predict(bundle, frame, info, explain, table.name)


def predict(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, explain: bool = False,
            name: str = "the table") -> pd.DataFrame:
    """The rows of predictions.csv for a table.

    Parameters
    ----------
    bundle : Bundle
    frame, info
        As `featurize.table.read_table` gives them. More columns than the model reads are fine.
    explain : bool
        Add `because_1` to `because_5`: the largest contributions to the predicted class, as
        ``column=value (+0.83)``, in log-odds.
    name : str
        What to call the table in an error.

    Raises
    ------
    UserError
        The table was measured in another way than the model's, or lacks columns.
    """
    check_columns(frame, info)
    check_fit(bundle, info, name)
    x = matrix(frame, bundle.model.features)
    said = apply_bundle(bundle, x)
    table = prediction_table(frame, bundle.classes, said.p, said.sets, said.empty, said.novelty)
    return table.assign(**_because(bundle, x, said.p.argmax(axis=1))) if explain else table


def apply_bundle(bundle: Bundle, x: pd.DataFrame) -> Applied:
    """Margins, probabilities, sets and novelty of (n, d) features."""
    margins = models.margin(bundle.model, x)
    p = calibrate.probabilities(bundle.calibration, margins)
    sets, empty = conformal.prediction_sets(bundle.conformal, p)
    new, distances, neighbours = novelty.measure(bundle.novelty, x.to_numpy())
    return Applied(margins, p, sets, empty, new, distances, neighbours)


def check_fit(bundle: Bundle, info: TableInfo, name: str = "the table") -> None:
    """Refuse a table that was measured in another way than the one the model learned from.

    Raises
    ------
    UserError
        Another version of a feature family, another normalization or segmentation, or other settings of a family.
    """
    families = {c: region_and_family(c, list(bundle.blocks))[1] for c in bundle.model.features}
    for column, family in families.items():
        made, wanted = info.blocks.get(family), bundle.blocks.get(family)
        # A family that is wholly missing comes of another preset, which is said below.
        if made not in (wanted, None):
            raise UserError(f"{name} was made with {family} v{made}, the model expects v{wanted}: run `python cli.py "
                            f"featurize` again (first differing column: {column})")
    for key in ("normalize", "segment"):
        if info.preset.get(key) != bundle.preset.get(key):
            raise UserError(f"{name} was made with {key} = {info.preset.get(key)}, the model expects "
                            f"{bundle.preset.get(key)}: run `python cli.py featurize` again with --preset "
                            f"{bundle.preset.get('name')}")
    lost = [f for f in families.values() if f in bundle.blocks and f not in info.blocks]
    if lost:
        raise UserError(f"{name} was made without {lost[0]}, which the model reads: run `python cli.py featurize` "
                        f"again with --preset {bundle.preset.get('name')}")
    made_by, wanted_by = info.preset.get("blocks", {}), bundle.preset.get("blocks", {})
    other = [family for family in dict.fromkeys(families.values()) if made_by.get(family) != wanted_by.get(family)]
    if other:
        raise UserError(f"{name} was made with other settings of {other[0]} ({made_by.get(other[0])}) than the model "
                        f"expects ({wanted_by.get(other[0])}): run `python cli.py featurize` again with --preset "
                        f"{bundle.preset.get('name')} and the same --settings")


def _because(bundle: Bundle, x: pd.DataFrame, guess: Int64Array) -> dict[str, NDArray[np.object_]]:
    """Columns because_1..5; rows are explained in chunks, since all contributions at once would fill gigabytes."""
    parts = []
    for start in range(0, len(x), models.CHUNK):
        rows = np.arange(start, min(start + models.CHUNK, len(x)))
        values = models.contributions(bundle.model, x.iloc[rows])
        explained = Contributions(rows, values, x.to_numpy()[rows], bundle.model.features, guess[rows])
        parts.append(reasons(explained, BECAUSE))
    table = pd.concat(parts, ignore_index=True)
    text = [f"{f}={v:.4g} ({c:+.2f})" for f, v, c in zip(table["feature"], table["value"], table["contribution"])]
    columns = np.array(text, dtype=object).reshape(len(x), -1)
    return {f"because_{i + 1}": column for i, column in enumerate(columns.T)}
