"""Predict a table with a saved multilabel model."""
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.bundle import Bundle, load_bundle
from classify.data.columns import check_columns, matrix
from classify.findings.bundle import FindingModel, is_findings_model, load_findings, shared_fingerprints
from classify.findings.predictions import FindingPredictions, findings_table
from classify.predict import adapted, apply_bundle, check_compatible, check_words, predict, unlike_together
from classify.review import review_reasons
from classify.uncertainty.known_images import copies_of, trained_on
from featurize.errors import UserError
from featurize.table import TableInfo

# Contributions that `--explain` names for each finding: the columns because_<finding>_1 to because_<finding>_3.
EXPLAINED_CONTRIBUTIONS = 3


# Predicts a table, given with its metadata, whether to explain, what to call it in an error, whether to adapt.
TablePredictor = Callable[[pd.DataFrame, TableInfo, bool, str, bool], pd.DataFrame]


def load_predictor(run: Path, device: str = "cpu", words: bool = False) -> tuple[Bundle, TablePredictor]:
    """The model of a run folder, which says how images are measured for it, and what predicts a table with it.

    Parameters
    ----------
    run : Path
    device : str
        ``cpu`` or ``cuda``.
    words : bool
        Say words of experts too.

    Raises
    ------
    UserError
        No model there, or one without words; of another format, or damaged; or it cannot use the device.
    """
    if is_findings_model(run):
        if words:
            raise UserError(f"--words was given, and {run} tells several findings of an image, of which no words are "
                            "learned: leave it out")
        found = load_findings(run, device=device)
        return found[0].bundle, partial(predict_findings, found)
    bundle = load_bundle(run, device=device)
    if words:
        check_words(bundle)
    return bundle, partial(predict, bundle, words=words)


def predict_findings(models: Sequence[FindingModel], frame: pd.DataFrame, info: TableInfo, explain: bool = False,
                     name: str = "the table", adapt: bool = False) -> pd.DataFrame:
    """The rows of predictions.csv for a table, as `classify.findings.predictions.findings_table` gives them.

    With `trained_on`: the model of a finding knows this image, or a near copy of it.

    Parameters
    ----------
    models : sequence of FindingModel
    frame, info
        As `featurize.table.read_table` gives them.
    explain : bool
        Add the three largest contributions to the more probable answer of each finding.
    name : str
        What to call the table in an error.
    adapt : bool
        As in `classify.predict.predict`.

    Raises
    ------
    UserError
        The table was measured in another way than the model's, lacks columns, or has too few images to adapt to.
    """
    predicted: dict[str, FindingPredictions] = {}
    known = np.zeros(len(frame), bool)
    copies = copies_of(shared_fingerprints(models), frame)
    because: dict[str, NDArray[np.object_]] = {}
    for model in models:
        check_columns(frame, info)
        check_compatible(model.bundle, info, name)
        x = matrix(frame, model.bundle.model.features)
        found = apply_bundle(model.bundle, adapted(model.bundle, x, frame) if adapt else x, x)
        p = found.p[:, 1]
        known |= trained_on(model.bundle.train_ids, model.bundle.novelty.points, frame, found.distances, copies)
        reasons = review_reasons(model.bundle.review, found, frame, unlike_together(model.bundle, x, found))
        predicted[model.name] = FindingPredictions(p, p >= model.threshold, found.sets, reasons, found.novelty)
        if explain:
            told = predict(model.bundle, frame, info, explain, name, adapt)
            because |= {f"because_{model.name}_{i}": told[f"because_{i}"].to_numpy()
                        for i in range(1, EXPLAINED_CONTRIBUTIONS + 1)}
    table = findings_table(frame, {}, predicted).assign(trained_on=known)
    return (table.assign(adapted=True) if adapt else table).assign(**because)
