"""Predict a table with a saved multilabel model."""
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.data.columns import matrix
from classify.findings.bundle import FindingModel
from classify.findings.predictions import FindingPredictions, findings_table
from classify.predict import apply_bundle, predict
from classify.predictions import review
from featurize.table import TableInfo

# Contributions that `--explain` names for each finding: the columns because_<finding>_1 to because_<finding>_3.
EXPLAINED_CONTRIBUTIONS = 3


def predict_findings(models: Sequence[FindingModel], frame: pd.DataFrame, info: TableInfo, explain: bool = False,
                     name: str = "the table") -> pd.DataFrame:
    """The rows of predictions.csv for a table, as `classify.findings.predictions.findings_table` gives them.

    Parameters
    ----------
    models : sequence of FindingModel
    frame, info
        As `featurize.table.read_table` gives them.
    explain : bool
        Add the three largest contributions to the more probable answer of each finding.
    name : str
        What to call the table in an error.

    Raises
    ------
    UserError
        The table was measured in another way than the model's, or lacks columns.
    """
    predicted: dict[str, FindingPredictions] = {}
    because: dict[str, NDArray[np.object_]] = {}
    for model in models:
        told = predict(model.bundle, frame, info, explain, name)
        found = apply_bundle(model.bundle, matrix(frame, model.bundle.model.features))
        p = found.p[:, 1]
        predicted[model.name] = FindingPredictions(p, p >= model.threshold, found.sets, review(found), found.novelty)
        if explain:
            because |= {f"because_{model.name}_{i}": told[f"because_{i}"].to_numpy()
                        for i in range(1, EXPLAINED_CONTRIBUTIONS + 1)}
    return findings_table(frame, {}, predicted).assign(**because)
