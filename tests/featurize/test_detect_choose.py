"""Which of many overlapping outlines count."""
import numpy as np

from featurize.arrays import Float64Array
from featurize.detect.choose import Patch, choose

STAINED = np.ones((20, 60), bool)


def _square(left: int, side: int = 20) -> Patch:
    return Patch(np.ones((20, side), bool), left, 0)


def _scores(*values: float) -> Float64Array:
    return np.array(values)


def test_an_outline_across_two_surer_ones_is_left_out() -> None:
    chosen, score = choose([_square(0), _square(10), _square(20)], _scores(.9, .6, .8), STAINED)
    assert chosen == [0, 2]
    assert score.tolist() == [.9, .8]


def test_an_outline_that_a_surer_one_covers_in_part_counts_with_a_lower_score() -> None:
    chosen, score = choose([_square(0), _square(15)], _scores(.9, .8), STAINED)
    assert chosen == [0, 1]
    # 5 of its 20 columns are covered.
    np.testing.assert_allclose(score, [.9, .6])


def test_a_score_is_compared_with_those_of_the_same_field() -> None:
    patches = [_square(0), _square(20), _square(40)]
    assert choose(patches, _scores(.9, .9, .3), STAINED)[0] == [0, 1]
    assert choose(patches, _scores(.5, .5, .3), STAINED)[0] == [0, 1, 2]
    assert choose(patches, _scores(.1, .1, .1), STAINED)[0] == []


def test_an_outline_outside_the_image_or_without_stain_is_left_out() -> None:
    outside = Patch(np.zeros((0, 0), bool), 70, 0)
    assert choose([outside, _square(0)], _scores(.9, .9), ~STAINED)[0] == []
    assert choose([], _scores(), STAINED)[0] == []
