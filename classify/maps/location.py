"""Does a map of a film light the part of the chest where the finding is seen?

Only findings with one usual place on a frontal film of a standing patient are listed. The place is the part of the lung
fields as `featurize.places.divided` names it. A map that lies elsewhere shows that the model reads something else, such
as size or lines; one that lies there does not prove that it reads the finding.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

from classify.maps.result import KINDS, ImageMap

_LOWER = ("right lung, lower third", "left lung, lower third")
_UPPER = ("right lung, upper third", "left lung, upper third")
# Usual places: free fluid sinks to the base and free air rises to the apex of a standing patient; heart and hiatal
# hernia lie between the lungs (Goodman 2014, "Felson's Principles of Chest Roentgenology", 4th ed.).
EXPECTED = {"effusion": _LOWER, "pleural effusion": _LOWER, "pneumothorax": _UPPER,
            "cardiomegaly": ("between the lungs",), "hernia": ("between the lungs",)}
# Images that a test needs, at least: with fewer no p below .05 is possible (2 ** -5 = .03).
LEAST_IMAGES = 5


@dataclass(frozen=True)
class Location:
    """Where the maps of the images that are called a finding lie, beside where the finding is seen.

    Parameters
    ----------
    finding : str
    parts : tuple of str
        Where it is expected.
    n : int
        Images that are called it.
    area : float
        Mean share of the picture that these parts cover.
    shares : tuple of two float
        Mean share of each of `KINDS` in them, whatever its sign.
    p : tuple of two float
        That a map has no larger share there than its area: Wilcoxon's signed-rank test over the images, one-sided; NaN
        below 5 images.
    """

    finding: str
    parts: tuple[str, ...]
    n: int
    area: float
    shares: tuple[float, float]
    p: tuple[float, float]


def location_of(finding: str, images: Sequence[ImageMap]) -> Location | None:
    """The check of one finding; None where it has no usual place, or no image that is called it has lungs.

    Parameters
    ----------
    finding : str
    images : sequence of ImageMap
        Class 1 is the finding.
    """
    parts = EXPECTED.get(finding.strip().lower().replace("_", " "), ())
    called = [image for image in images if image.answer.named == 1 and set(parts) <= set(image.places)]
    if not parts or not called:
        return None
    shares = np.array([np.sum([image.places[part] for part in parts], axis=0) for image in called])
    area, *own = shares.mean(axis=0).tolist()
    p = [_above(shares[:, 1 + kind] - shares[:, 0]) for kind in range(len(KINDS))]
    return Location(finding, parts, len(called), float(area), (own[0], own[1]), (p[0], p[1]))


def _above(more: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    enough = len(more) >= LEAST_IMAGES and bool(more.any())
    return float(wilcoxon(more, alternative="greater").pvalue) if enough else float("nan")
