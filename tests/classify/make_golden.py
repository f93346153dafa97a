"""Make tests/golden/model_v4 and model_v4_ordinal: small models and what they predict. Run once for each format of
model folders; names of folders choose some.

    PYTHONPATH=. python tests/classify/make_golden.py [model_v4_ordinal]
"""
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from made_table import made_table

from classify.bundle import load_bundle
from classify.predict import predict
from classify.settings import TrainSettings
from classify.train import train
from featurize.table import write_table

GOLDEN = Path(__file__).parents[1] / "golden"
# Folder and settings of each model.
MODELS = {"model_v4": TrainSettings(), "model_v4_ordinal": TrainSettings(order=("bee", "ant", "cat"))}


def main(names: Sequence[str]) -> None:
    """Train on 90 rows; keep the model, ten rows of another table and their predictions."""
    for name in names:
        make(GOLDEN / name, MODELS[name])


def make(golden: Path, settings: TrainSettings) -> None:
    """One folder of a model, a table and its predictions."""
    frame, info = made_table((30, 30, 30), features=4)
    fresh, _ = made_table((4, 3, 3), features=4, seed=7)
    with tempfile.TemporaryDirectory() as place:
        train(frame, info, Path(place) / "run", replace(settings, resamples=10, jobs=1))
        shutil.rmtree(golden, ignore_errors=True)
        shutil.copytree(Path(place) / "run" / "model", golden / "model")
    write_table(fresh, info, golden / "table.parquet")
    predict(load_bundle(golden), fresh, info, explain=True).to_csv(golden / "predictions.csv", index=False)


if __name__ == "__main__":
    main(sys.argv[1:] or list(MODELS))
