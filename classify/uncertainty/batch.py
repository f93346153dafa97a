"""Do the images of a table differ, together, from the training images? What no single image shows, many show at once.

A neutrophil may look like a possible eosinophil, but a hundred neutrophils that are all named eosinophil lie together
in a place where training eosinophils do not lie. For each predicted class a linear discriminant between the images of
the table and the training images of that class is learned and applied to images that it was not learned from. If the
images are of the class and from home, both kinds are exchangeable, so the share of training images with a larger score
is a p-value (conformal p-value: Bates et al. 2023, doi:10.1214/22-AOS2244). Which images are named follows from these
by the rule of Benjamini and Hochberg (1995): of the named ones at most `rate` are expected to be like home.

Images of another laboratory or of an unlike patient are named too: predictions for them are as little proven. Where
home has patients that differ as much from one another, the rate is lowered until they are not named (`batch_rate`).
A model that learned from changed copies of its images (`featurize --augment`) knows these, so one copy of each stands
beside the training images. On blood_pbc, a fifth held out: of its changed images, .98 of them named right, 91 % were
named unlike home without the copies and none with them; of a class left out 92 and 94 %, of laboratory b 88 and 76 %.

Constants were set on blood_pbc, 150 images of a class left out in turn. Named at a rate of .1 were 94 % of them (of 40
images 84 %, of 20 images 80 %), of 75 among 75 images from home 80 %; of batches from home none. With a run's model,
by benchmarks/unknown_class.py, 76 to 99 % are named on blood_pbc, 98 to 100 % on leukemia_all4, none at home.
"""
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import RepeatedStratifiedKFold

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array

# Images of a predicted class in the table, and of that class in training, at least.
FEWEST = 8
# Parts of both that the discriminant is in turn not learned from, and divisions whose scores are averaged.
PARTS = 5
DIVISIONS = 3
# The covariance within both is shrunk by this share to a multiple of the identity; at .2 and .8 94 and 91 % were named.
SHRINKAGE = 0.5
# Values beyond this many deviations count as this many.
CLIPPED_AT = 6.0
# Rates that are tried, the largest first; at 0 nothing is named. At a rate of .05 86 % were named, at .2 95 %.
RATES = (0.1, 0.05, 0.02, 0.01, 0.0)
# Patients at home with fewer images are no batch.
FEWEST_OF_GROUP = 20
# Patients at home that are compared, at most: the largest ones.
MOST_GROUPS = 20
# Share of home's own patients' images that may be named.
MOST_AT_HOME = 0.02


@dataclass(frozen=True)
class HomeBatch:
    """What is kept to compare the images of a table, together, with the training images.

    Parameters
    ----------
    classes : (m,) int64
        Classes of the points of `classify.uncertainty.novelty.OutOfDistribution`.
    rate : float
        One of RATES.
    copies : (c, a + 2) float32
        Changed copies of training images that the model learned from, in the space of these points.
    copy_classes : (c,) int64
    """

    classes: Int64Array
    rate: float
    copies: Float32Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    copy_classes: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))

    def known(self, points: Float32Array) -> tuple[Float32Array, Int64Array]:
        """Points (m + c, a + 2) and classes (m + c,) of the training images and of the copies."""
        if not len(self.copies):
            return points, self.classes
        return np.vstack([points, self.copies]), np.concatenate([self.classes, self.copy_classes])


def batch_p_values(points: Float32Array, classes: Int64Array, new: Float32Array, predicted: Int64Array) -> Float64Array:
    """(n,) share of the training images of the predicted class that differ from their own kind as much.

    Parameters
    ----------
    points : (m, a) float32
        Training images in the space of `classify.uncertainty.novelty.to_points`.
    classes : (m,) int64
    new : (n, a) float32
        The images of the table, in the same space.
    predicted : (n,) int64
        Their predicted classes. Of a class with fewer than FEWEST images the p-values are 1.
    """
    p = np.ones(len(new))
    for number in np.unique(predicted):
        home, away = np.flatnonzero(classes == number), np.flatnonzero(predicted == number)
        if min(len(home), len(away)) < FEWEST:
            continue
        rows = np.clip(np.vstack([points[home], new[away]]), -CLIPPED_AT, CLIPPED_AT).astype(np.float64)
        score = _held_out_scores(rows, np.arange(len(rows)) >= len(home))
        known = np.sort(score[:len(home)])
        larger = len(known) - np.searchsorted(known, score[len(home):], side="left")
        p[away] = (1 + larger) / (1 + len(known))
    return p


def _held_out_scores(rows: Float64Array, is_new: BoolArray) -> Float64Array:
    """(n,) log-odds of new against other rows, each row by discriminants that did not see it."""
    score = np.zeros(len(rows))
    parts = RepeatedStratifiedKFold(n_splits=PARTS, n_repeats=DIVISIONS, random_state=0)
    for learned, held in parts.split(rows, is_new):
        discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE, priors=[.5, .5])
        score[held] += discriminant.fit(rows[learned], is_new[learned]).decision_function(rows[held])
    return score


def named(p: Float64Array, rate: float) -> BoolArray:
    """(n,) True where an image is named: of these at most `rate` are expected to be like home.

    >>> named(np.array([.001, .9, .01, .5]), .1).tolist()
    [True, False, True, False]
    """
    return np.asarray(false_discovery_control(p) <= rate)


def batch_rate(points: Float32Array, classes: Int64Array, predicted: Int64Array, groups: Sequence[str]) -> float:
    """The largest of RATES at which home's own patients, each against all others, are hardly named.

    Parameters
    ----------
    points : (m, a) float32
        Training images.
    classes, predicted : (m,) int64
        True classes, and those predicted by models that did not see the image's patient.
    groups : sequence of m str
        Patients, "" where none is known. Without patients of FEWEST_OF_GROUP images it is the first rate: then images
        are exchangeable.
    """
    group = np.array(groups, dtype=str)
    names, counts = np.unique(group[group != ""], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_GROUPS]
    p = []
    for name in names[order[counts[order] >= FEWEST_OF_GROUP]]:
        own = group == name
        p.append(batch_p_values(points[~own], classes[~own], points[own], predicted[own]))
    for rate in RATES:
        if not p or np.mean([named(of_group, rate).mean() for of_group in p]) <= MOST_AT_HOME:
            return rate
    return 0.0
