"""Wrong labels that training leaves out, and hard images that it does not."""
from pathlib import Path

import numpy as np
import pytest
from made_table import made_table

from classify.data.tasks import encode
from classify.fitting.contradicted import MOST_ERRORS, kept_rows
from classify.settings import TrainSettings
from classify.train import train


def answers(n: int, wrong_sure: int, wrong_unsure: int) -> tuple[np.ndarray, np.ndarray]:
    """n labels of two classes in turn and their probabilities; some labels contradict a sure or an unsure answer."""
    y = np.arange(n) % 2
    sure = np.linspace(.99, .75, n)
    p = np.column_stack([np.where(y == 0, sure, 1 - sure), np.where(y == 1, sure, 1 - sure)])
    swapped = np.concatenate([np.arange(wrong_sure), np.arange(n - wrong_unsure, n)])
    y = y.copy()
    y[swapped] = 1 - y[swapped]
    return y, p


def test_rows_that_contradict_a_probable_answer_are_left_out() -> None:
    y, p = answers(200, wrong_sure=5, wrong_unsure=5)
    assert np.flatnonzero(~kept_rows(y, p)).tolist() == [*range(5), *range(195, 200)]
    p[199] = [.6, .4] if y[199] == 1 else [.4, .6]
    assert kept_rows(y, p)[199]


def test_errors_among_unsure_answers_alone_are_hard_images() -> None:
    assert kept_rows(*answers(200, wrong_sure=0, wrong_unsure=10)).all()


def test_a_model_that_errs_often_corrects_no_label() -> None:
    wrong = int(200 * MOST_ERRORS) + 20
    assert kept_rows(*answers(200, wrong_sure=5, wrong_unsure=wrong)).all()


def test_rows_of_a_class_that_is_not_recognized_stay() -> None:
    y, p = np.zeros(200, np.int64), np.tile([.99, .01], (200, 1))
    y[::25] = 1
    assert kept_rows(y, p).all()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_training_says_how_many_rows_it_left_out(share: float, tmp_path: Path) -> None:
    frame, info = made_table((80, 80), group_size=1)
    for name in info.features:
        frame[name] += (4 * encode(frame["label"])[1]).astype(np.float32)
    swapped = np.random.default_rng(0).random(len(frame)) < share
    frame["label"] = frame["label"].where(~swapped, frame["label"].map({"ant": "bee", "bee": "ant"}))
    run = train(frame, info, tmp_path / "run", TrainSettings(folds=3, jobs=1, resamples=2, rounds=20))
    told = [line for line in run.warnings if "were not learned from" in line]
    assert len(told) == (share > 0)
    if share:
        assert 5 < float(told[0].split(" ")[0]) < 20
