"""Make tests/golden/model_v2: a small model and what it predicts. Run once for each format of model folders.

    PYTHONPATH=. python tests/classify/make_golden.py
"""
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from made_table import made_table

from classify.bundle import load_bundle
from classify.predict import predict
from classify.settings import TrainSettings
from classify.train import train
from featurize.table import write_table

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v2"


def main() -> None:
    """Train on 90 rows; keep the model, ten rows of another table and their predictions."""
    frame, info = made_table((30, 30, 30), features=4)
    fresh, _ = made_table((4, 3, 3), features=4, seed=7)
    with tempfile.TemporaryDirectory() as place:
        train(frame, info, Path(place) / "run", replace(TrainSettings(), resamples=10, jobs=1))
        shutil.rmtree(GOLDEN, ignore_errors=True)
        shutil.copytree(Path(place) / "run" / "model", GOLDEN / "model")
    write_table(fresh, info, GOLDEN / "table.parquet")
    predict(load_bundle(GOLDEN), fresh, info, explain=True).to_csv(GOLDEN / "predictions.csv", index=False)


if __name__ == "__main__":
    main()
