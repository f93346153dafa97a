"""Suspect labels: the swapped ones come first, clean tables are left in peace."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from classify.data.tasks import Task
from classify.evaluate.suspects import class_pairs, copies_labelled_differently, flags, scores_of, suspect_labels
from classify.evaluate.warnings import of_labels
from classify.fitting.contradicted import contradicted_when_sure
from classify.result import Predicted
from featurize.arrays import Float64Array, Int64Array

NAMES = ("ant", "bee", "cat")


def sure_of(truth: Int64Array, seed: int = 0) -> Float64Array:
    """Probabilities of .6 to .98 for the truth."""
    rng = np.random.default_rng(seed)
    own = rng.uniform(.6, .98, len(truth))
    p = np.tile(((1 - own) / 2)[:, None], (1, 3))
    p[np.arange(len(truth)), truth] = own
    return p


def made(swapped: int, n: int = 300) -> tuple[pd.DataFrame, Task, Predicted]:
    """A table of which the first labels are wrong; the last two rows are not held out."""
    truth = np.arange(n) % 3
    y = np.where(np.arange(n) < swapped, (truth + 1) % 3, truth)
    frame = pd.DataFrame({"image_id": [f"{i:016x}" for i in range(n)], "path": [f"{i}.png" for i in range(n)],
                          "site": None, "label": np.array(NAMES)[y], "duplicate_group": np.arange(n)})
    nothing = np.zeros(n)
    predicted = Predicted(pd.DataFrame(), np.arange(n) < n - 2, nothing[:, None], sure_of(truth), sure_of(truth),
                          sure_of(truth) > .5, nothing > 0, nothing, np.zeros((n, 3), int), np.zeros((n, 3)))
    return frame, Task("multiclass", NAMES, y), predicted


def test_swapped_labels_come_first_with_their_true_class() -> None:
    table = suspect_labels(*made(20)).table
    assert list(table.columns) == ["image_id", "path", "label", "likely", "score", "flagged"]
    assert len(table) == 298 and set(table.index[:20]) == set(range(20))
    first = table.iloc[:20]
    assert [NAMES.index(c) for c in first["likely"]] == [row % 3 for row in first.index]
    assert table["score"].between(0, 1).all() and first["flagged"].mean() > .8 and not table["flagged"].iloc[20:].any()


def test_swapped_labels_are_warned_of_and_clean_ones_are_not() -> None:
    noisy, clean = suspect_labels(*made(20)), suspect_labels(*made(0))
    warning, = of_labels(noisy)
    assert "look at the first lines of suspects.csv" in warning and "labels are flagged" in warning
    single = replace(noisy, metrics={**noisy.metrics, "flagged": 1})
    assert "and 1 label is flagged, most often" in of_labels(single)[0]
    assert of_labels(clean) == [] and clean.metrics["flagged"] == 0 and len(clean.pairs) == 0


def test_errors_among_unsure_answers_are_no_sign_of_wrong_labels() -> None:
    """Chance: the same number of contradicted labels, but where the model is least sure."""
    truth = np.arange(300) % 3
    p = sure_of(truth)
    unsure = np.argsort(p.max(axis=1))[:40]
    wrong = truth.copy()
    wrong[unsure] = (truth[unsure] + 1) % 3
    assert not contradicted_when_sure(wrong, p).unusual
    few = np.arange(24) % 3
    few[int(sure_of(few).max(axis=1).argmax())] += 1
    one = contradicted_when_sure(few % 3, sure_of(np.arange(24) % 3))
    assert (one.n, one.contradicted, one.unusual) == (6, 1, False), "one of six sure answers is no sign"
    anywhere = np.where(np.arange(300) < 40, (truth + 1) % 3, truth)
    assert contradicted_when_sure(anywhere, p).unusual


def test_scores_without_the_flagged_labels_stand_beside_all() -> None:
    found = suspect_labels(*made(20)).metrics
    assert found["scores"]["accuracy"] == pytest.approx(278 / 298)
    assert found["scores_without_flagged"]["accuracy"] > .99
    assert sum(pair["n"] for pair in found["pairs"]) == found["flagged"]


def test_pairs_are_counted_most_frequent_first() -> None:
    table = pd.DataFrame({"label": ["a", "b", "b", "b"], "likely": ["b", "a", "a", "a"],
                          "flagged": [True, True, True, False]})
    assert class_pairs(table).to_numpy().tolist() == [["b", "a", 2], ["a", "b", 1]]


def test_copies_with_different_labels_are_listed_together() -> None:
    frame, task, _ = made(0, 9)
    frame["duplicate_group"] = [0, 0, 1, 1, 2, 3, 2, 4, 5]
    # Rows 4 and 6 are of ant and bee (4 % 3 = 1, 6 % 3 = 0); an unlabelled copy says nothing.
    task.y[8], frame.loc[8, "duplicate_group"] = -1, 4
    assert copies_labelled_differently(frame, task)["row"].tolist() == [0, 1, 2, 3, 4, 6]


@pytest.mark.parametrize("seed", range(30))
def test_tiny_tables_and_extreme_probabilities_give_finite_scores_without_a_warning(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 12)), int(rng.integers(2, 6))
    y = rng.integers(0, k, n)
    p = np.eye(k)[rng.integers(0, k, n)] if seed % 2 else np.full((n, k), 1 / k)
    assert flags(y, p).shape == (n,) and np.isfinite(scores_of(y, p)).all()
