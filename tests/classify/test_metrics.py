"""Scores against scikit-learn, the definition and hand counts."""
import numpy as np
import pytest
from sklearn import metrics

from classify.evaluate.by_class import class_scores, grouped_wilson, per_class
from classify.evaluate.curves import net_benefit
from classify.evaluate.metrics import (Bootstrap, confusion, intervals, kept_when_surest, novelty_shares,
                                       percentile_rank, reliability, risk_coverage, scores, wilson, with_intervals)
from featurize.arrays import Float64Array, Int64Array


def drawn(n: int, k: int, seed: int = 0) -> tuple[Int64Array, Float64Array]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    p = rng.dirichlet(np.ones(k), n) + .7 * np.eye(k)[y] * rng.random((n, 1))
    # Rounded, so that ties occur.
    p = np.round(p / p.sum(axis=1, keepdims=True), 2) + 1e-3
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [2, 5])
def test_scores_equal_scikit_learn(k: int) -> None:
    y, p = drawn(300, k)
    guess, found = p.argmax(axis=1), {name: v[0] for name, v in scores(y, p).items()}
    one_hot = np.eye(k)[y]
    expected = {
        "accuracy": metrics.accuracy_score(y, guess), "balanced_accuracy": metrics.balanced_accuracy_score(y, guess),
        "macro_f1": metrics.f1_score(y, guess, average="macro"),
        "weighted_f1": metrics.f1_score(y, guess, average="weighted"),
        "auroc": metrics.roc_auc_score(y, p[:, 1]) if k == 2 else metrics.roc_auc_score(one_hot, p, average="macro"),
        "average_precision": metrics.average_precision_score(one_hot[:, 1:] if k == 2 else one_hot,
                                                             p[:, 1:] if k == 2 else p, average="macro"),
        "mcc": metrics.matthews_corrcoef(y, guess),
        "macro_precision": metrics.precision_score(y, guess, average="macro"),
        "macro_specificity": np.mean([metrics.recall_score(y != c, guess != c) for c in range(k)]),
        "log_loss": metrics.log_loss(y, p),
        "brier": metrics.brier_score_loss(y, p[:, 1]) if k == 2 else metrics.brier_score_loss(y, p)}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_weights_count_rows_as_if_repeated() -> None:
    y, p = drawn(60, 3)
    sets = p > .3
    counts = np.random.default_rng(1).integers(0, 4, 60)
    rows = np.repeat(np.arange(60), counts)
    weighted, repeated = scores(y, p, sets, counts[None].astype(float)), scores(y[rows], p[rows], sets[rows])
    assert set(weighted) == set(repeated) and {"accuracy", "auroc", "log_loss", "coverage"} <= set(repeated)
    for name, value in repeated.items():
        np.testing.assert_allclose(weighted[name], value, err_msg=name)


def test_calibration_error_equals_the_loop_over_bins() -> None:
    y, p = drawn(500, 4)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((confidence * 15).astype(int), 14)
    expected = sum(abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in set(bins))
    assert scores(y, p)["ece"][0] == pytest.approx(expected)


def test_scores_of_four_rows_counted_by_hand() -> None:
    y = np.array([0, 0, 1, 1])
    p = np.array([[.9, .1], [.4, .6], [.2, .8], [.3, .7]])
    found = {name: v[0] for name, v in scores(y, p, p >= .35).items()}
    # Right: rows 0, 2, 3. Pairs (negative, positive) in order: .1 and .6 under .8 and .7, all four.
    assert found["accuracy"] == .75 and found["auroc"] == 1
    # F1 of class 0: 2 * 1 / (2 + 1); of class 1: 2 * 2 / (2 + 3).
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["brier"] == pytest.approx((.01 + .36 + .04 + .09) / 4)
    # Sets: {0}, {0, 1}, {1}, {1}.
    assert found["coverage"] == 1 and found["mean_set_size"] == pytest.approx(5 / 4)


def test_the_auroc_of_a_class_that_does_not_occur_is_left_out_of_the_mean() -> None:
    y, p = np.array([0, 0, 1, 1]), np.array([[.7, .2, .1], [.4, .5, .1], [.1, .8, .1], [.3, .6, .1]])
    assert scores(y, p)["auroc"][0] == pytest.approx(1.0)
    assert np.isnan(per_class(y, p, p > .5, ("a", "b", "c"))["c"]["auroc"])


def test_scores_of_each_class_equal_scikit_learn() -> None:
    y, p = drawn(200, 3)
    guess, sets = p.argmax(axis=1), p > .2
    precision, recall, f1, n = metrics.precision_recall_fscore_support(y, guess)
    classes = per_class(y, p, sets, ("a", "b", "c"))
    assert list(classes) == ["a", "b", "c"]
    for c, found in enumerate(classes.values()):
        assert (found["n"], found["precision"], found["recall"], found["f1"]) == pytest.approx(
            (n[c], precision[c], recall[c], f1[c]))
        assert found["specificity"] == pytest.approx(metrics.recall_score(y != c, guess != c))
        assert found["auroc"] == pytest.approx(metrics.roc_auc_score(y == c, p[:, c]))
        assert found["average_precision"] == pytest.approx(metrics.average_precision_score(y == c, p[:, c]))
        assert found["coverage"] == pytest.approx(sets[y == c, c].mean())
        assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(y == c, guess == c))
        assert found["brier"] == pytest.approx(metrics.brier_score_loss(y == c, p[:, c]))
        bins = np.minimum((p[:, c] * 15).astype(int), 14)
        assert found["ece"] == pytest.approx(sum(abs((y == c)[bins == b].sum() - p[bins == b, c].sum())
                                                 for b in set(bins)) / 200)


def test_scores_of_each_class_lie_in_their_intervals_and_the_others_are_those_of_one_draw() -> None:
    y, p = drawn(200, 3)
    found = class_scores(y, p, p > .2, np.arange(200), ("a", "b", "c"), Bootstrap(200, seed=4))
    assert found.intervals == intervals(y, p, p > .2, np.arange(200), Bootstrap(200, seed=4))
    for values in found.per_class.values():
        names = [name for name in values if name != "n" and not name.endswith("_interval")]
        assert len(names) == 10
        for name in names:
            low, high = values[f"{name}_interval"]
            assert low < high and low <= values[name] <= high, name


def test_the_interval_of_a_share_of_single_rows_is_wilsons_and_of_groups_wider() -> None:
    hit = np.arange(40) % 4 > 0
    assert grouped_wilson(hit, np.arange(40)) == pytest.approx(wilson(30, 40))
    assert grouped_wilson(np.repeat(hit, 3), np.arange(120) // 3) == pytest.approx(wilson(30, 40))
    assert grouped_wilson(np.ones(40, bool), np.arange(40) // 4) == pytest.approx(wilson(10, 10))
    assert np.isnan(grouped_wilson(np.zeros(0, bool), np.zeros(0, int))).all()


def test_net_benefit_counted_by_hand() -> None:
    """At .2 all four rows with p of .2 or more are called: 2 found, 2 false alarms, each worth .25 of a case."""
    positive, p = np.array([True, True, False, False, False]), np.array([.9, .3, .6, .2, .1])
    curve = net_benefit(positive, p).set_index("threshold")
    assert curve.loc[.2].tolist() == pytest.approx([2 / 5 - 2 / 5 * .25, 2 / 5 - 3 / 5 * .25])
    assert curve.loc[.95].tolist() == pytest.approx([0, 2 / 5 - 3 / 5 * 19])


def test_the_confusion_matrix_has_truth_in_rows() -> None:
    np.testing.assert_array_equal(confusion(np.array([0, 0, 1]), np.array([1, 1, 0]), 2), [[0, 2], [1, 0]])


def test_intervals_hold_the_score_and_repeat_with_the_seed() -> None:
    y, p = drawn(200, 3)
    a, b = (intervals(y, p, p > .2, np.arange(200), Bootstrap(300, seed=4)) for _ in range(2))
    assert a == b and set(a) == set(scores(y, p, p > .2)) >= {"accuracy", "auroc", "log_loss", "coverage"}
    for name, value in scores(y, p, p > .2).items():
        assert a[name][0] < a[name][1], name
        assert a[name][0] <= value[0] <= a[name][1], name


def test_the_interval_of_the_calibration_error_reaches_down_to_what_calibrated_probabilities_have() -> None:
    """Percentiles of resamples would begin above the score: each bin's noise counts twice in them."""
    rng = np.random.default_rng(1)
    p = rng.uniform(.05, .95, 150)
    both, alone = np.column_stack([1 - p, p]), np.arange(150)
    low, high = intervals((rng.random(150) < p).astype(np.int64), both, None, alone)["ece"]
    assert low < .03 and high < .13
    low, _ = intervals((rng.random(150) < .3).astype(np.int64), both, None, alone)["ece"]
    assert low > .1, "wrong probabilities are not made good"


def test_a_class_that_does_not_occur_does_not_count_in_the_macro_f1() -> None:
    """Of 4 rows of two classes one is called a third class: F1 is 2/3 and 1, and not 0 for the third."""
    y, guess = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    found = scores(y, np.eye(3)[guess])
    assert found["macro_f1"][0] == pytest.approx((2 / 3 + 1) / 2)
    assert found["macro_f1"][0] == pytest.approx(metrics.f1_score(y, guess, average="macro", labels=[0, 1]))


def test_the_interval_of_the_accuracy_is_the_binomial_one_for_independent_rows() -> None:
    y = np.zeros(400, np.int64)
    p = np.where(np.arange(400)[:, None] % 5 < 4, [[.9, .1]], [[.1, .9]])
    low, high = intervals(y, p, None, np.arange(400), Bootstrap(2000))["accuracy"]
    half = 1.96 * np.sqrt(.8 * .2 / 400)
    assert (low, high) == (pytest.approx(.8 - half, abs=.006), pytest.approx(.8 + half, abs=.006))


def test_intervals_resample_groups_and_not_rows() -> None:
    # Twenty groups of twenty copies: as little is known as from twenty rows, so the interval is sqrt(20) times wider.
    y = np.zeros(400, np.int64)
    group = np.arange(400) // 20
    p = np.where(group[:, None] % 5 < 4, [[.9, .1]], [[.1, .9]])
    low, high = intervals(y, p, None, group, Bootstrap(2000))["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(.8 * .2 / 20), rel=.1)


def test_reliability_points_are_means_of_their_bins() -> None:
    y, p = np.array([0, 1, 1]), np.array([[.9, .1], [.91, .09], [.2, .8]])
    top = reliability(y, p, ("a", "b"))
    top = top[top["class"] == ""]
    np.testing.assert_allclose(top[["bin", "n", "confidence", "frequency"]], [[12, 1, .8, 1], [13, 2, .905, .5]])


def test_risk_grows_from_the_surest_rows_to_the_error_of_all() -> None:
    y, p = drawn(300, 3)
    curve = risk_coverage(y, p)
    assert curve["coverage"].iloc[-1] == 1 and curve["coverage"].is_monotonic_increasing
    assert curve["risk"].iloc[-1] == pytest.approx(1 - scores(y, p)["accuracy"][0])
    assert curve["confidence"].is_monotonic_decreasing


def test_percentile_rank_of_a_value_among_others() -> None:
    values = np.arange(10.0)
    # 2 of 10 lie below 2, and 2 itself counts half: 25 %.
    assert [percentile_rank(values, v) for v in (-1, 0, 2, 9, 10)] == [0, 5, 25, 95, 100]


def test_wilson_interval_is_the_textbook_one() -> None:
    # Newcombe 1998, Stat Med 17:857, table I, method 3: 81 of 263 gives .2553 to .3662, 0 of 20 gives 0 to .1611.
    assert wilson(81, 263) == pytest.approx((.2553, .3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, .1611), abs=1e-4)


def test_reliability_points_get_the_wilson_interval_of_their_bin() -> None:
    y, p = np.array([0, 1, 1]), np.array([[.9, .1], [.91, .09], [.2, .8]])
    top = with_intervals(reliability(y, p, ("a", "b"))).query("`class` == ''")
    # One right of one, and one right of two.
    np.testing.assert_allclose(top[["low", "high"]], [wilson(1, 1), wilson(1, 2)])


def test_the_surest_rows_are_kept_and_their_errors_counted() -> None:
    right = np.array([True, False, True, True, False])
    kept = kept_when_surest(np.array([.9, .5, .8, .7, .6]), right).set_index("share")
    # Of five, .7 keeps round(3.5) = 4 (to even), the surest of them .9 .8 .7 .6.
    assert kept.loc[.7].tolist() == [4, .75, 1, .6] and kept.loc[1].tolist() == [5, .6, 2, .5]


def test_novelty_shares_fill_twenty_bins_and_add_up_to_one() -> None:
    shares = novelty_shares(np.array([0, .01, .5, 1]))
    assert len(shares) == 20 and (shares[0], shares[10], shares[19]) == (.5, .25, .25) and shares.sum() == 1
    assert novelty_shares(np.zeros(0)).sum() == 0
