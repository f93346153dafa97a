"""Read what `classify` wrote into a run folder."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from featurize.errors import UserError

# Columns of predictions.csv that stay text, also where all of them look like numbers.
_TEXT = ("image_id", "path", "label", "group", "split", "predicted", "prediction_set", "review_reason")


@dataclass(frozen=True)
class RunFiles:
    """The files of a run that hold its results.

    Parameters
    ----------
    predictions : DataFrame
        predictions.csv, a row an image.
    metrics : dict
        metrics.json.
    curves : DataFrame
        curves.csv: `fold, round, train_loss, valid_loss`.
    """

    predictions: pd.DataFrame
    metrics: dict[str, Any]
    curves: pd.DataFrame


def read_run(run: Path | str) -> RunFiles:
    """Predictions, metrics and learning curves of a run folder.

    Raises
    ------
    UserError
        One of the files is missing or damaged.
    """
    folder = Path(run)
    try:
        predictions = pd.read_csv(folder / "predictions.csv", dtype=dict.fromkeys(_TEXT, str))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        return RunFiles(predictions, metrics, pd.read_csv(folder / "curves.csv"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be read as a run ({error}): a folder that `python cli.py classify` wrote was "
                        "wanted") from error
