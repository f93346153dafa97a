"""Statements on a record, and what speaks for each: the measured numbers beside their limits."""
import math
from collections.abc import Mapping, Sequence

from ecg.result import StatementFacts
from ecg.rhythm.criteria import NOT_WHEN_PACED, STATEMENTS, Criterion, Statement

# Steps beyond a limit count up to this: then a number is sure.
_MOST_STEPS = 3.0


def statements_of(row: Mapping[str, float | None]) -> list[StatementFacts]:
    """The statements that the numbers of a record meet, the surest first.

    Parameters
    ----------
    row : mapping of column to number
        A rhythm row; None and NaN are not measured.

    Examples
    --------
    >>> row = {"heart_atria_pr_s": 0.232, "heart_atria_p_coherence": 0.9, "heart_atria_p_share": 1.0}
    >>> [(f.code, f.speaks_for) for f in statements_of(row)]  # doctest: +NORMALIZE_WHITESPACE
    [('1AVB', 'PR interval 232 ms (above 200); likeness of what precedes QRS, over the beats, 90 % (above 35); beats
    with a P wave 100 % (above 60)')]
    """
    found = []
    for statement in STATEMENTS:
        steps = score(statement, row)
        if steps >= 0:
            held = [_strongest(asked, row) for asked in statement.asks]
            words = dict.fromkeys(in_words(criterion, row) for criterion in held)
            found.append(StatementFacts(statement.code, statement.name, round(steps, 2), "; ".join(words)))
    if any(facts.code == "PACE" for facts in found):
        found = [facts for facts in found if facts.code not in NOT_WHEN_PACED]
    return sorted(found, key=lambda facts: (-facts.steps, facts.code))


def score(statement: Statement, row: Mapping[str, float | None]) -> float:
    """Steps of the weakest criterion beyond its limit, -3 to 3; NaN if a criterion cannot be measured."""
    return min((_steps(_strongest(asked, row), row) for asked in statement.asks),
               key=lambda steps: -math.inf if math.isnan(steps) else steps)


def in_words(criterion: Criterion, row: Mapping[str, float | None]) -> str:
    """A criterion with the measured number: `PR interval 232 ms (above 200)`."""
    value = criterion.factor * _number(row, criterion.column)
    unit = f" {criterion.unit}" if criterion.unit not in ("", "°") else criterion.unit
    digits = 2 if abs(criterion.limit) < 1 or criterion.unit == "mV" else 0
    return f"{criterion.name} {value:.{digits}f}{unit} ({criterion.side} {criterion.limit:g})".replace("-", "−")


def _strongest(asked: Sequence[Criterion], row: Mapping[str, float | None]) -> Criterion:
    return max(asked, key=lambda criterion: -math.inf if math.isnan(at := _steps(criterion, row)) else at)


def _steps(criterion: Criterion, row: Mapping[str, float | None]) -> float:
    sign = 1 if criterion.side == "above" else -1
    steps = sign * (criterion.factor * _number(row, criterion.column) - criterion.limit) / criterion.step
    return steps if math.isnan(steps) else max(-_MOST_STEPS, min(_MOST_STEPS, steps))


def _number(row: Mapping[str, float | None], column: str) -> float:
    value = row.get(column)
    return math.nan if value is None else float(value)
