"""Do new images differ from those of a baseline? One permutation test over everything that is watched.

Every watched number gives one to three tests: its level (mean rank), its spread (mean distance of the rank from the
middle), and how often it is missing; classes and reasons for review give their share. Each is a difference of means
between the new images and the baseline. Under the null hypothesis that nothing drifted, patients are exchangeable: the
differences are computed again for PERMUTATIONS divisions of the units (whole patients where groups are known, otherwise
images with their duplicates) into parts of as many units. The largest standardized difference of each family
(Westfall and Young 1993, single-step maxT) gives the family a p-value in every division, and the smallest of these
over the families gives the p-value of all. An alarm from p <= rate on has a chance of at most `rate` where nothing
drifted, whatever the tests have to do with each other: no bound for dependent tests, such as Holm or
Benjamini-Yekutieli, is needed, which with a thousand correlated measurements would cost most of the power. Families are
there so that the few numbers on predictions and review are not drowned by a thousand measurements.
"""
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from classify.monitor.observed import ONE, Answers, Observed
from classify.review import REASONS
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Divisions besides the observed one: p-values of a family are multiples of 1/2000.
PERMUTATIONS = 1999
# At a smaller rate there are more of them: so many are expected to reach it.
AT_RATE = 20
SEED = 0
# A column whose values are nearly all the same is tested where so many others are expected in the smaller part
# (the usual rule of expected counts, Cochran 1954).
EXPECTED = 5
# Standardized differences closer than this are the same: sums in another order differ by rounding.
_SAME = 1e-9
PICTURE = "picture"
MEASUREMENTS = "measurements"
PREDICTIONS = "predictions"
REVIEW = "review"
FAMILIES = (PICTURE, MEASUREMENTS, PREDICTIONS, REVIEW)
LEVEL = "level"
SPREAD = "spread"
MISSING = "missing"
SHARE = "share"
# Stands between a finding and what is watched of it.
OF_FINDING = ": "
# Family, name, what is compared, values and scores of one test.
Scored = tuple[str, str, str, Float64Array, Float64Array]


@dataclass(frozen=True)
class Drift:
    """New images beside a baseline.

    Parameters
    ----------
    images, units : tuple of two int
        Of the baseline's sample, and new.
    grouped : bool
        Units are patients; else images.
    rate : float
        Promised chance of an alarm where nothing drifted.
    permutations : int
        Divisions, the observed one among them.
    p : float
        Of all tests together; an alarm from `p <= rate` on.
    tests : DataFrame
        `family, name, what, baseline, here, z, p`, the smallest p first. `what` is ``level`` (then `baseline` and
        `here` are medians), ``spread`` (interquartile ranges), ``missing`` or ``share`` (shares). `z` is the
        standardized difference, above 0 where the new images have more. `p` counts all tests of all families.
    """

    images: tuple[int, int]
    units: tuple[int, int]
    grouped: bool
    rate: float
    permutations: int
    p: float
    tests: pd.DataFrame

    @property
    def alarm(self) -> bool:
        """Whether something drifted, at the promised rate."""
        return self.p <= self.rate


def smallest_p(units: tuple[int, int]) -> float:
    """The smallest p-value that so many units allow: one division, in each family."""
    return min(1.0, len(FAMILIES) / math.comb(sum(units), units[0]))


def drift(baseline: Observed, new: Observed, classes: tuple[str, ...], rate: float) -> Drift:
    """Compare new images with a baseline.

    Parameters
    ----------
    baseline, new : Observed
        Of the same columns.
    classes : tuple of str
        Names of the classes; of several findings they are not read.
    rate : float
        See `Drift`.
    """
    is_new = np.arange(len(baseline.unit) + len(new.unit)) >= len(baseline.unit)
    tests, scores = _tests(baseline, new, classes, is_new)
    unit = np.concatenate([baseline.unit, new.unit + baseline.units])
    z = _standardized(scores, unit, is_new, max(PERMUTATIONS, math.ceil(AT_RATE / rate) - 1))
    p, overall = _p_values(z, tests["family"].to_numpy(dtype=object))
    tests = tests.assign(z=z[0], p=p)
    order = np.lexsort([-np.abs(z[0]), p])
    return Drift((len(baseline.unit), len(new.unit)), (baseline.units, new.units), baseline.grouped, rate, len(z),
                 overall, tests.iloc[order].reset_index(drop=True))


def _tests(baseline: Observed, new: Observed, classes: tuple[str, ...],
           is_new: BoolArray) -> tuple[pd.DataFrame, Float64Array]:
    """A row a test, and the (N, T) scores whose means are compared."""
    rows, scores = [], []
    for family, name, what, value, score in _scores(baseline, new, classes, is_new):
        if np.ptp(score) > 0:
            rows.append((family, name, what, _summary(value[~is_new], what), _summary(value[is_new], what)))
            scores.append(score)
    return (pd.DataFrame(rows, columns=["family", "name", "what", "baseline", "here"]),
            np.column_stack(scores) if scores else np.zeros((len(is_new), 0)))


def _scores(baseline: Observed, new: Observed, classes: tuple[str, ...],
            is_new: BoolArray) -> Iterator[Scored]:
    """Every test."""
    smaller = float(min(is_new.mean(), 1 - is_new.mean()))
    for family, tables in ((PICTURE, (baseline.picture, new.picture)),
                           (MEASUREMENTS, (baseline.measurements, new.measurements))):
        values = pd.concat(tables, ignore_index=True)
        for name in values.columns:
            yield from _of_column(family, name, values[name].to_numpy(np.float64), smaller)
    for finding, said in baseline.answers.items():
        if finding in new.answers:
            yield from _of_answers(said, new.answers[finding], classes, finding)


def _of_answers(baseline: Answers, new: Answers, classes: tuple[str, ...], finding: str) -> Iterator[Scored]:
    """Classes, probability, novelty and reasons for review; of a finding whether it is present."""
    before = f"{finding}{OF_FINDING}" if finding != ONE else ""
    predicted = np.concatenate([baseline.predicted, new.predicted])
    for number, name in [(1, finding)] if before else list(enumerate(classes)):
        yield _share(PREDICTIONS, name, predicted == number)
    for name in ("probability", "novelty"):
        values = np.concatenate([getattr(baseline, name), getattr(new, name)])
        yield PREDICTIONS, f"{before}{name}", LEVEL, values, _ranks(values)
    reasons = np.vstack([baseline.reasons, new.reasons])
    yield _share(REVIEW, f"{before}review", np.asarray(reasons.any(axis=1), dtype=bool))
    for number, name in enumerate(REASONS):
        yield _share(REVIEW, f"{before}{name}", reasons[:, number])


def _of_column(family: str, name: str, values: Float64Array,
               smaller: float) -> Iterator[Scored]:
    """Level, spread and missing values of one column."""
    missing = np.asarray(np.isnan(values), dtype=bool)
    if min(missing.sum(), (~missing).sum()) * smaller >= EXPECTED:
        yield family, name, MISSING, missing.astype(np.float64), missing - missing.mean()
    known = values[~missing]
    if not len(known):
        return
    most = np.unique(known, return_counts=True)[1].max()
    if (len(known) - most) * smaller >= EXPECTED:
        level = _ranks(values)
        yield family, name, LEVEL, values, level
        yield family, name, SPREAD, values, np.where(missing, 0, np.abs(level) - np.abs(level[~missing]).mean())


def _share(family: str, name: str, held: BoolArray) -> Scored:
    return family, name, SHARE, held.astype(np.float64), held - held.mean()


def _ranks(values: Float64Array) -> Float64Array:
    """Ranks from -.5 to .5; 0 where a value is missing."""
    ranks = rankdata(values, nan_policy="omit")
    n = int(np.isfinite(ranks).sum())
    return np.asarray(np.nan_to_num((ranks - (n + 1) / 2) / n), dtype=np.float64)


def _summary(values: Float64Array, what: str) -> float:
    """Median, interquartile range or share; NaN where nothing is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan
    if what == LEVEL:
        return float(np.median(known))
    return float(np.subtract(*np.percentile(known, [75, 25]))) if what == SPREAD else float(known.mean())


def _standardized(scores: Float64Array, unit: Int64Array, is_new: BoolArray, permutations: int) -> Float64Array:
    """(P + 1, T) differences of means over their deviation among all divisions; row 0 is the observed one."""
    order = np.argsort(unit, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(unit[order]) > 0])
    sums = np.add.reduceat(scores[order], starts, axis=0)
    sizes = np.diff(np.r_[starts, len(unit)]).astype(np.float64)
    observed = is_new[order][starts]
    divisions = np.random.default_rng(SEED).permuted(np.tile(observed, (permutations, 1)), axis=1)
    chosen = np.vstack([observed, divisions]).astype(np.float64)
    inside, n = chosen @ sums, (chosen @ sizes)[:, None]
    difference = inside / n - (sums.sum(axis=0) - inside) / (len(unit) - n)
    deviation = difference.std(axis=0)
    steady = deviation < _SAME
    return np.asarray(np.where(steady, 0, (difference - difference.mean(axis=0)) / np.where(steady, 1, deviation)))


def _p_values(z: Float64Array, family: NDArray[np.object_]) -> tuple[Float64Array, float]:
    """(T,) p-value of each test that counts all others, and that of all of them together."""
    size = np.abs(z)
    largest = {name: size[:, family == name].max(axis=1) for name in dict.fromkeys(family)}
    if not largest:
        return np.zeros(0), 1.0
    smallest = np.min([_tail(values, values) for values in largest.values()], axis=0)
    own = np.ones(z.shape[1])
    for name, values in largest.items():
        own[family == name] = _tail(values, size[0, family == name])
    ordered = np.sort(smallest)
    p = np.searchsorted(ordered, own + _SAME, side="right") / len(ordered)
    return p, float(p.min())


def _tail(values: Float64Array, at: Float64Array) -> Float64Array:
    """The share of `values` that is as large as each of `at`."""
    ordered = np.sort(values)
    return np.asarray((len(ordered) - np.searchsorted(ordered, at - _SAME, side="left")) / len(ordered))
