"""What speaks for a statement: measured numbers beside their limits."""
import math

import numpy as np
import pytest
from made_heart import LEADS, heart

from ecg.process_file import analyze
from ecg.rhythm.criteria import STATEMENTS, Criterion, Statement
from ecg.rhythm.features import FEATURES
from ecg.rhythm.statements import in_words, score, statements_of

STEADY = np.arange(0.5, 9.6, 0.8)
IRREGULAR = np.cumsum([0.5, 0.61, 1.02, 0.55, 0.78, 0.49, 1.1, 0.66, 0.9, 0.52, 0.71, 0.95])
PR = Criterion("heart_atria_pr_s", "PR interval", "ms", 1000, "above", 200, 10, "a paper")
SHARE = Criterion("heart_atria_p_share", "beats with a P wave", "%", 100, "above", 60, 15, "a paper")


def codes(signals: np.ndarray) -> list[str]:
    return [facts.code for facts in analyze(signals, LEADS, 500)[1].statements]


def test_every_criterion_names_a_column_of_the_rhythm_row() -> None:
    asked = [criterion for statement in STATEMENTS for group in statement.asks for criterion in group]
    assert {criterion.column for criterion in asked} <= set(FEATURES)
    assert all(criterion.step > 0 and criterion.side in ("above", "below") and criterion.source for criterion in asked)
    assert len({statement.code for statement in STATEMENTS}) == len(STATEMENTS)


def test_a_score_is_that_of_the_weakest_criterion_in_steps() -> None:
    """232 ms is 3.2 steps of 10 ms above 200, cut at 3; 75 % is one step of 15 above 60."""
    both = Statement("1AVB", "block", ((PR,), (SHARE,)))
    assert score(both, {"heart_atria_pr_s": 0.232, "heart_atria_p_share": 0.75}) == pytest.approx(1)
    assert score(both, {"heart_atria_pr_s": 0.185, "heart_atria_p_share": 0.75}) == pytest.approx(-1.5)
    assert score(Statement("1AVB", "block", ((PR, SHARE),)),
                 {"heart_atria_pr_s": 0.185, "heart_atria_p_share": 0.75}) == pytest.approx(1)


def test_what_is_not_measured_speaks_for_nothing() -> None:
    both = Statement("1AVB", "block", ((PR,), (SHARE,)))
    assert math.isnan(score(both, {"heart_atria_pr_s": None, "heart_atria_p_share": 1.0}))
    assert math.isnan(score(both, {"heart_atria_pr_s": 0.3}))
    assert statements_of(dict.fromkeys(FEATURES, None)) == []


def test_a_sentence_has_the_number_its_unit_and_its_limit() -> None:
    assert in_words(PR, {"heart_atria_pr_s": 0.2318}) == "PR interval 232 ms (above 200)"
    axis = Criterion("heart_ventricles_axis_deg", "electrical axis", "°", 1, "below", -40, 8)
    assert in_words(axis, {"heart_ventricles_axis_deg": -61.2}) == "electrical axis −61° (below −40)"


def test_a_steady_heart_is_in_sinus_rhythm_and_a_slow_one_slow() -> None:
    assert "SR" in codes(heart(STEADY)) and "SBRAD" in codes(heart(np.arange(0.5, 9.6, 1.3)))
    assert "STACH" in codes(heart(np.arange(0.5, 9.6, 0.52)))


def test_fibrillation_is_told_by_irregular_beats_without_p() -> None:
    made = analyze(heart(IRREGULAR, p=False, flutter_hz=6.0), LEADS, 500)[1].statements
    afib = next(facts for facts in made if facts.code == "AFIB")
    assert "RR" in afib.speaks_for and "(below" in afib.speaks_for
    assert "AFIB" not in codes(heart(STEADY)) and "SR" not in [facts.code for facts in made]


def test_spikes_before_qrs_are_a_pacemaker() -> None:
    paced = heart(STEADY)
    for beat in STEADY:
        paced[:, round((beat - 0.07) * 500)] += 0.8
    assert "PACE" in codes(paced) and "PACE" not in codes(heart(STEADY))


def test_shapes_are_not_named_beside_a_pacemaker() -> None:
    wide = {"heart_ventricles_qrs_s": 0.17, "V1_shape_r_prime_mv": 0.0}
    spikes = {"heart_pacing_spikes_per_beat": 1.0, "heart_pacing_spike_mv": 0.8}
    assert [facts.code for facts in statements_of(wide)] == ["IVCD"]
    assert [facts.code for facts in statements_of(wide | spikes)] == ["PACE"]
