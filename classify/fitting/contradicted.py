"""Labels that the other rows contradict: are there more than hard images explain, and which ones are not learned from?

Errors of a model are among its unsure answers; swapped labels are everywhere. So the surest answers tell whether a
table has wrong labels (`contradicted_when_sure`). Only then rows are left out (`kept_rows`). Where all labels are right
they would be the hard images: without them the log-loss of blood_pbc rose from .095 to .116. With 5 and 10 % of its
labels swapped it fell from .185 to .135 and from .234 to .157 (benchmarks/label_noise.py).
"""
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from featurize.arrays import BoolArray, Float64Array, Int64Array

# Share of the rows, surest first, whose answers are compared with their labels.
SUREST_SHARE = 0.25
# Share of labels contradicted there above which labels are called suspect: benchmarks/label_noise.py shows clean sets
# below it and 5 % of swapped labels above it.
USUAL_CONTRADICTED = 0.01
# Fewest such labels: of few sure answers a single one is no sign.
FEWEST_CONTRADICTED = 2
# Probability of another class from which a row is not learned from. Of .5, .7 and .9, .7 gave the best accuracy on
# blood_pbc with 5 and with 10 % of swapped labels.
LEFT_OUT_FROM = 0.7
# Share of wrong answers in all less that among the surest, at most: the rest are errors of the model itself. It is .02
# to .09 on blood_pbc, blood_28 and leukemia_all4 with 5 to 20 % of swapped labels, and .19 on leukemia_cnmc, where
# other subjects mislead the model.
MOST_ERRORS = 0.1
# Rows are left out of classes of which at least this share is recognized: what a model does not know, such as a rare
# finding in films, it cannot correct.
LEAST_RECALL = 0.5


@dataclass(frozen=True)
class Contradicted:
    """How many of the surest answers contradict the label.

    Parameters
    ----------
    n, contradicted : int
        Surest rows, and those of them whose label is another than the predicted class.
    low : float
        Lower end of the 95 % Wilson interval of their share.
    """

    n: int
    contradicted: int
    low: float

    @property
    def unusual(self) -> bool:
        """More than hard images explain."""
        return self.contradicted >= FEWEST_CONTRADICTED and self.low > USUAL_CONTRADICTED


def contradicted_when_sure(y: Int64Array, p: Float64Array) -> Contradicted:
    """Labels that the surest quarter of the answers contradicts.

    Parameters
    ----------
    y : (n,) int64
    p : (n, K) float64
        Probabilities from models that did not see the row.
    """
    surest = np.argsort(-p.max(axis=1), kind="stable")[:max(1, round(SUREST_SHARE * len(y)))]
    wrong = int((p[surest].argmax(axis=1) != y[surest]).sum())
    return Contradicted(len(surest), wrong, float(binomtest(wrong, len(surest)).proportion_ci(method="wilson").low))


def kept_rows(y: Int64Array, p: Float64Array) -> BoolArray:
    """(n,) False for rows that are not learned from; arguments as in `contradicted_when_sure`.

    Examples
    --------
    Three of 24 sure answers contradict the label; of a class that is not recognized nothing is left out:

    >>> y, p = np.repeat([0, 1], 12), np.repeat([[.99, .01], [.01, .99]], 12, axis=0)
    >>> y[:3] = 1
    >>> np.flatnonzero(~kept_rows(y, p)).tolist()
    [0, 1, 2]
    >>> bool(kept_rows(y, np.full((24, 2), [.99, .01])).all())
    True
    """
    guess, sure = p.argmax(axis=1), contradicted_when_sure(y, p)
    if not sure.unusual or (guess != y).mean() - sure.contradicted / sure.n > MOST_ERRORS:
        return np.ones(len(y), bool)
    recall = np.bincount(y[guess == y], minlength=p.shape[1]) / np.maximum(np.bincount(y, minlength=p.shape[1]), 1)
    wrong = (guess != y) & (p.max(axis=1) >= LEFT_OUT_FROM)
    return np.asarray(~(wrong & (recall[y] >= LEAST_RECALL)))
