"""The result of a sweep, as plain data."""
import math
from dataclasses import dataclass

from featurize.index.build import Source


@dataclass(frozen=True)
class Scored:
    """Predictions of the swept images at one strength of one change, or of the unchanged ones.

    Parameters
    ----------
    told : str
        What the strength means.
    n, failed : int
        Images predicted, and images that could not be measured.
    accuracy, confidence, ece : float
        Share named correctly, mean probability of the predicted class, expected calibration error.
    coverage, mean_set_size : float
        Share of prediction sets that hold the truth; classes in a set.
    review_share, errors_kept : float
        Share for review; share of errors among the others, NaN where there are none.
    novelty : float
        Median out-of-distribution score.
    accuracy_interval, coverage_interval, errors_kept_interval : (low, high)
        95 %, groups counting.
    sets_broken, review_broken : bool
        Fewer sets hold the truth, more answers without review are wrong than was promised: of the unchanged images
        where the interval lies outside the promise, of changed ones where `p` is below .05.
    sets_p, review_p : float
        Of changed images: that the promise is kept, counting all comparisons (Holm). NaN: not compared.
    auroc : float
        Of several classes the macro mean, one against the rest; NaN where a class is missing.
    """

    told: str
    n: int
    failed: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    confidence: float
    ece: float
    coverage: float
    coverage_interval: tuple[float, float]
    mean_set_size: float
    review_share: float
    errors_kept: float
    errors_kept_interval: tuple[float, float]
    novelty: float
    sets_broken: bool
    review_broken: bool
    auroc: float = math.nan
    sets_p: float = math.nan
    review_p: float = math.nan

    @property
    def broken(self) -> bool:
        """One of the promises is broken."""
        return self.sets_broken or self.review_broken


@dataclass(frozen=True)
class SweptChange:
    """One change at the strengths 1 to 5.

    Parameters
    ----------
    name : str
    strengths : tuple of 5 Scored
    broken_at : int
        The first strength at which a promise is broken; 0: at none.
    """

    name: str
    strengths: tuple[Scored, ...]
    broken_at: int


@dataclass(frozen=True)
class Example:
    """An image whose changed copies the page shows: where it is, and its id."""

    sources: tuple[Source, ...]
    site: str | None
    path: str
    image_id: str


@dataclass(frozen=True)
class Sweep:
    """What a sweep found.

    Parameters
    ----------
    seed : int
        Of the choice of the images.
    learned : bool
        The model learned from these images.
    note : str
        What must be known of the images, a sentence or "".
    coverage_promised : float
        1 - alpha.
    error_promised : float or None
        Largest share of errors without review; None where nothing is promised.
    unchanged : Scored
    changes : tuple of SweptChange
    example : Example
    comparisons : int
        With a promise, of which all verdicts hold together; of several models those of all.
    shown_from : float
        Sets that hold the truth in this share of the images or fewer are shown to break the promise, NaN: unknown.
    """

    seed: int
    learned: bool
    note: str
    coverage_promised: float
    error_promised: float | None
    unchanged: Scored
    changes: tuple[SweptChange, ...]
    example: Example
    comparisons: int = 0
    shown_from: float = math.nan
