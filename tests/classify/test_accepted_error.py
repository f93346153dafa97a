"""Few errors are promised among predictions without review."""
import numpy as np
import pytest

from classify.accepted_error import NOBODY, AcceptedError, Candidates, choose, upper_bound


def drawn(n: int, seed: int, hard: float = .15) -> tuple[Candidates, Candidates]:
    """Calibrating and new images: the surer the model, the rarer an error, which is likeliest at no confidence."""
    rng = np.random.default_rng(seed)
    confidence = 1 - .5 * rng.random(2 * n) ** 2
    wrong = rng.random(2 * n) < hard * 4 * (1 - confidence)
    parts = [slice(0, n), slice(n, None)]
    first, second = (Candidates(confidence[p], wrong[p], np.zeros(n, bool), np.arange(n)) for p in parts)
    return first, second


def kept(candidates: Candidates, found: AcceptedError) -> np.ndarray:
    return ~candidates.barred & (candidates.confidence >= found.threshold)


@pytest.mark.slow
@pytest.mark.parametrize("error", [.02, .05])
def test_the_promise_is_broken_in_one_of_ten_draws_at_most(error: float) -> None:
    """The true share of errors above a threshold t is the mean of .6 (1 - c) for c from t to 1, c = 1 - u^2 / 2."""
    broken = []
    for seed in range(100):
        found = choose(drawn(600, seed)[0], error, True)
        most = np.sqrt(max(2 * (1 - found.threshold), 0))
        broken.append(found.kept and .3 * most ** 2 / 3 > error)
    assert np.mean(broken) <= .1 + 2 * np.sqrt(.09 / 100)
    assert any(broken), "a bound that is never broken keeps too little"


def test_nearly_all_is_kept_that_could_be() -> None:
    """Of 20,000 images the bound is tight: the share at which 2 % are wrong is sqrt(.2)."""
    found = choose(drawn(20_000, 0)[0], .02, True)
    assert found.share == pytest.approx(np.sqrt(.2), abs=.06) and found.bound <= .02
    new = drawn(20_000, 0)[1]
    assert new.wrong[kept(new, found)].mean() <= .022


def test_images_that_a_person_sees_anyway_do_not_count() -> None:
    calibrating = drawn(2000, 1)[0]
    barred = calibrating.wrong.copy()
    found = choose(Candidates(calibrating.confidence, calibrating.wrong, barred, calibrating.split_group), .02, True)
    assert found.images == (~barred).sum() and found.wrong == 0 and found.share == pytest.approx(1 - barred.mean())
    assert found.threshold < calibrating.confidence.min()


def test_patients_count_and_not_their_images() -> None:
    """Ten copies of every image tell no more than one."""
    alone = drawn(400, 2)[0]
    copies = Candidates(*(np.repeat(v, 10) for v in (alone.confidence, alone.wrong, alone.barred, alone.split_group)))
    assert choose(copies, .05, True).share <= choose(alone, .05, True).share + .02
    free = Candidates(copies.confidence, copies.wrong, copies.barred, np.arange(4000))
    assert choose(free, .05, True).share > choose(copies, .05, True).share


def test_labels_do_not_choose_where_the_tests_begin() -> None:
    """One wrong label among the surest of many images ends nothing."""
    confidence, wrong = np.linspace(1, .5, 1000), np.zeros(1000, bool)
    wrong[3] = True
    found = choose(Candidates(confidence, wrong, ~wrong & wrong, np.arange(1000)), .02, True)
    assert found.images == 1000 and found.wrong == 1


@pytest.mark.parametrize(("n", "rate", "needed"), [(60, 0., True), (1000, .3, False)])
def test_a_promise_that_cannot_be_kept_says_what_would_help(n: int, rate: float, needed: bool) -> None:
    wrong = np.random.default_rng(0).random(n) < rate
    found = choose(Candidates(np.linspace(1, .5, n), wrong, wrong & ~wrong, np.arange(n)), .02, True)
    assert not found.kept and found.threshold == NOBODY and (found.needed > n) == needed
    if needed:
        assert upper_bound(0, found.needed / 10) <= .02 or upper_bound(0, found.needed / 2) <= .02
        assert f"about {found.needed} calibrating images would do" in found.sentence
    else:
        assert found.needed == 0 and "wrong too often" in found.sentence


def test_ties_stay_together() -> None:
    confidence = np.repeat([.9, .8, .7], 200)
    wrong = np.arange(600) >= 500
    found = choose(Candidates(confidence, wrong, wrong & ~wrong, np.arange(600)), .05, True)
    assert found.images == 400 and found.threshold == pytest.approx(.75)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_no_image_and_few_images_promise_nothing(n: int) -> None:
    none = np.zeros(n, bool)
    found = choose(Candidates(np.ones(n), none, none, np.arange(n)), .02, False)
    assert not found.kept and AcceptedError.from_dict(found.to_dict()).sentence == found.sentence
