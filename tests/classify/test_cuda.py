"""Training, predicting and explaining on a GPU, where one is at hand; the rest of the tests runs without one."""
from pathlib import Path

import numpy as np
import pytest
from made_table import made_table

import classify.train
from classify.bundle import load_bundle
from classify.fitting import models
from classify.fitting.xgboost_trees import cuda_or_cpu
from classify.predict import predict
from classify.result import RunResult
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError

# Sums of 32-bit floats in another order.
CLOSE = 1e-3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Trained on a GPU; the page has tests of its own."""
    pytest.importorskip("xgboost")
    try:
        cuda_or_cpu("cuda")
    except UserError as error:
        pytest.skip(str(error))
    settings = TrainSettings(device="cuda", jobs=1, folds=3, resamples=10, rounds=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classify.train, "write_report", lambda path, result, numbers: path.write_text(""))
        return train(*made_table((50, 40, 30)), tmp_path_factory.mktemp("cuda") / "run", settings)


def test_a_gpu_trains_what_it_then_predicts_well(run: RunResult) -> None:
    assert run.model == "xgboost from linear log-odds" and run.scores.metrics["accuracy"] > .7
    rows = run.explanation.rows
    np.testing.assert_allclose(run.explanation.contributions.sum(axis=2), run.predicted.margins[rows], atol=CLOSE)


@pytest.mark.filterwarnings("error")
def test_a_gpu_and_a_processor_predict_and_explain_alike(run: RunResult) -> None:
    columns = [f"p_{name}" for name in run.task.classes]
    there, here = (load_bundle(Path(run.out), device=device) for device in ("cuda", "cpu"))
    x = run.frame[list(there.model.features)]
    np.testing.assert_allclose(models.margin(there.model, x), models.margin(here.model, x), atol=CLOSE)
    np.testing.assert_allclose(models.contributions(there.model, x), models.contributions(here.model, x), atol=CLOSE)
    trees = np.arange(there.model.rounds * there.model.outputs)
    np.testing.assert_array_equal(models.leaves(there.model, x, trees), models.leaves(here.model, x, trees))
    on_gpu, on_cpu = (predict(bundle, run.frame, run.info, explain=True) for bundle in (there, here))
    np.testing.assert_allclose(on_gpu[columns], on_cpu[columns], atol=CLOSE)
    assert on_gpu["because_1"].str.split("=").str[0].equals(on_cpu["because_1"].str.split("=").str[0])
