"""The least probability with which a prediction needs no person, chosen so that few of them are wrong.

The images that no other reason sends to a person are ordered by the probability of their predicted class. The test
"with 90 % confidence few enough are wrong" begins with a number of them that does not depend on the labels, goes on
with more and more, and ends where it fails. A fixed order of tests needs no correction for their number (Angelopoulos
et al. 2021, Learn then Test, arXiv:2110.01052). The bound is that of Clopper and Pearson (1934,
doi:10.1093/biomet/26.4.404), for rows in groups with the number of independent rows.
"""
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import beta

from classify.data.independent_rows import independent_rows
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Error that is promised where the user names none.
DEFAULT_ERROR = 0.02
# A probability that no prediction reaches.
NOBODY = 2.0
# Confidence with which the promise is kept.
CONFIDENCE = 0.9
# Share by which more images are kept from test to test.
STEP = 0.01
# The first test is on as many images as pass it with 3 errors, if that is at most half of all, else with 1, else with
# none: a single wrong label among the surest should not end the search.
FIRST_ERRORS = (3, 1, 0)
FIRST_SHARE = 0.5
# More calibrating images than this many times the present ones are not asked for.
MOST_NEEDED = 200
# In the place of 0 right rows, for which the beta distribution is not defined; the bound is then 1 anyway.
LEAST_RIGHT = 1e-9


@dataclass(frozen=True)
class AcceptedError:
    """A promise about the predictions that no person looks at, and the threshold that keeps it.

    Parameters
    ----------
    error : float
        At most this share of them is wrong.
    chosen : bool
        The user named the error.
    threshold : float
        Least probability of the predicted class; `NOBODY` where none keeps the promise.
    images, wrong : int
        Calibrating images that are kept, and those of them that are wrong.
    bound : float
        Share of errors that the kept ones stay below with 90 % confidence; NaN where none are kept.
    share : float
        Share of all calibrating images that are kept.
    needed : int
        Where no threshold keeps the promise: calibrating images, about, with which one would; 0 = even the surest are
        wrong too often.
    """

    error: float
    chosen: bool
    threshold: float
    images: int
    wrong: int
    bound: float
    share: float
    needed: int

    @property
    def kept(self) -> bool:
        """A threshold keeps the promise."""
        return self.images > 0

    @property
    def sentence(self) -> str:
        """What is promised, or why nothing is; without a full stop."""
        promise = (f"with {100 * CONFIDENCE:g} % confidence at most {100 * self.error:g} % of the predictions without "
                   "review are wrong")
        if self.kept:
            return f"{promise}: of {self.images} calibrating images that were kept, {self.wrong} were"
        more = (f"about {self.needed} calibrating images would do" if self.needed else
                "the surest predictions are wrong too often")
        return f"it cannot be promised that {promise}: {more}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "bound": self.bound if self.kept else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "AcceptedError":
        """The inverse of `to_dict`."""
        return cls(**{**data, "bound": np.nan if data["bound"] is None else data["bound"]})


@dataclass(frozen=True)
class Candidates:
    """The m calibrating images among which the kept ones are chosen.

    Parameters
    ----------
    confidence : (m,) float64
        Probability of the predicted class, by a model that did not see the image.
    wrong : (m,) bool
        The predicted class is not the label.
    barred : (m,) bool
        A person looks at the image for another reason.
    split_group : (m,) int64
    """

    confidence: Float64Array
    wrong: BoolArray
    barred: BoolArray
    split_group: Int64Array


def upper_bound(wrong: float | Float64Array, n: float | Int64Array) -> Float64Array:
    """Shares of errors that are not exceeded with `CONFIDENCE`, after `wrong` errors in n independent rows.

    >>> upper_bound(0, np.array([114, 200])).round(4).tolist(), float(upper_bound(3, 3))
    ([0.02, 0.0114], 1.0)
    """
    right = np.subtract(n, wrong, dtype=np.float64)
    # Without a right row the beta distribution is not defined, and nothing is excluded.
    return np.where(right > 0, beta.ppf(CONFIDENCE, np.add(wrong, 1), np.maximum(right, LEAST_RIGHT)), 1.0)


def choose(candidates: Candidates, error: float, chosen: bool) -> AcceptedError:
    """The lowest threshold that keeps the promise.

    Parameters
    ----------
    candidates : Candidates
    error : float
        Share of errors, 0..1.
    chosen : bool
        The user named it.

    Examples
    --------
    Of 1000 images the surest 900 are right, of the others every second is:

    >>> rank = np.arange(1000)
    >>> found = choose(Candidates(1 - rank / 2000, (rank >= 900) & (rank % 2 > 0), rank < 0, rank), .02, True)
    >>> found.images, found.wrong, round(found.threshold, 3), round(found.bound, 3)
    (923, 11, 0.539, 0.018)
    """
    free = np.flatnonzero(~candidates.barred)
    order = free[np.argsort(-candidates.confidence[free], kind="stable")]
    confidence, wrong, group = candidates.confidence[order], candidates.wrong[order], candidates.split_group[order]
    kept, bound = 0, np.nan
    for size in _sizes(confidence, error):
        independent = independent_rows(wrong[:size], group[:size])
        tested = float(upper_bound(float(wrong[:size].mean()) * independent, independent))
        if tested > error:
            break
        kept, bound = size, tested
    total = len(candidates.wrong)
    if not kept:
        return AcceptedError(error, chosen, NOBODY, 0, 0, np.nan, 0.0, _needed(wrong, error, total))
    lower = confidence[kept] if kept < len(confidence) else 0.0
    return AcceptedError(error, chosen, float((confidence[kept - 1] + lower) / 2), kept, int(wrong[:kept].sum()), bound,
                         kept / total, 0)


def _sizes(confidence: Float64Array, error: float) -> list[int]:
    """Numbers of surest images to test, in turn; images of equal confidence stay together. Labels have no say."""
    m = len(confidence)
    if not m:
        return []
    firsts = [_fewest(wrong, error, m) for wrong in FIRST_ERRORS]
    start = next((n for n in firsts if n <= FIRST_SHARE * m), firsts[-1])
    sizes = np.r_[np.arange(start, m, max(round(STEP * m), 1)), m]
    last = np.flatnonzero(np.r_[np.diff(confidence) != 0, True]) + 1
    return [int(n) for n in np.unique(last[np.searchsorted(last, sizes)])]


def _fewest(wrong: int, error: float, most: int) -> int:
    """Images, at most `most`, among which so many errors keep the promise."""
    n = np.arange(wrong + 1, most + 1)
    enough = np.flatnonzero(upper_bound(wrong, n) <= error)
    return int(n[enough[0]]) if len(enough) else most


def _needed(wrong: BoolArray, error: float, total: int) -> int:
    """Calibrating images with which the surest tenth, quarter or half would keep the promise; 0 = none of them can."""
    found = []
    for share in (0.1, 0.25, FIRST_SHARE):
        size = max(round(share * len(wrong)), 1)
        rate = float(wrong[:size].mean()) if len(wrong) else 1.0
        if rate < error / 2:
            n = np.arange(size, MOST_NEEDED * size, max(size // 20, 1))
            enough = np.flatnonzero(upper_bound(rate * n.astype(np.float64), n) <= error)
            found += [round(float(n[enough[0]]) / size * total)] if len(enough) else []
    return min(found, default=0)
