"""Make tests/golden/model_v7, model_v7_ordinal, ...: small models of every task and what they predict.

Run once for each format of model folders; names of folders choose some.

    PYTHONPATH=. python tests/classify/make_golden.py [model_v7_ordinal]
"""
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

from made_table import chest_table, made_table

from classify.findings.predict import load_predictor
from classify.findings.train import train_findings
from classify.settings import TrainSettings
from classify.train import train
from featurize.table import write_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
# Folder and settings of each model.
MODELS = {"model_v7": TrainSettings(), "model_v7_ordinal": TrainSettings(order=("bee", "ant", "cat")),
          "model_v7_binary": TrainSettings(costs="costs.csv", lineage="tree.toml", folds=3, calibration="bias"),
          "model_v7_findings": TrainSettings(task="multilabel", folds=3)}
# Images of each class; three classes where nothing is said.
COUNTS = {"model_v7_binary": (30, 30)}
# What the settings name, written where the models are trained: the manifest then holds no path of a machine.
FILES = {"costs.csv": ",ant,bee\nant,0,1\nbee,5,0\n", "tree.toml": 'ground = ["ant"]\nwings = ["bee"]\n'}


def main(names: Sequence[str]) -> None:
    """Train on about 90 rows; keep the model, ten rows of another table and their predictions."""
    for name in names:
        make(GOLDEN / name, MODELS[name])


def make(golden: Path, settings: TrainSettings) -> None:
    """One folder of a model, a table and its predictions."""
    several = settings.task == "multilabel"
    counts = COUNTS.get(golden.name, (30, 30, 30))
    frame, info = chest_table(features=4) if several else made_table(counts, features=4)
    few = (4, 3, 3)[:len(counts)]
    fresh, _ = chest_table(10, seed=7, features=4) if several else made_table(few, features=4, seed=7)
    with tempfile.TemporaryDirectory() as place, chdir(place):
        for name, text in FILES.items():
            Path(name).write_text(text)
        (train_findings if several else train)(frame, info, Path(place) / "run",
                                               replace(settings, resamples=10, jobs=1))
        shutil.rmtree(golden, ignore_errors=True)
        shutil.copytree(Path(place) / "run" / "model", golden / "model")
    write_table(fresh, info, golden / "table.parquet")
    _, predict = load_predictor(golden)
    predict(fresh, info, True, "").to_csv(golden / "predictions.csv", index=False)


if __name__ == "__main__":
    main(sys.argv[1:] or list(MODELS))
