"""Nuclei of a stained section or smear, as instances.

Hematoxylin and azure absorb red and little blue; eosin hardly any red; DAB and hemoglobin blue as well. So red density
less most of the blue is the map of nuclei; a local level, then watershed from the peaks of depth.
"""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.normalize import Image, background_color, density
from featurize.segment_cell import Map, Mask

_SIGMAS = (1.5, 2.2, 3.2, 4.6, 6.6, 9.5)


def find_nuclei(rgb: Image) -> tuple[NDArray[np.int32], Mask, dict[str, float]]:
    """Nuclei as labels 1..n, the stained area, and facts.

    Parameters
    ----------
    rgb : (H, W, 3) uint8, before color normalization

    Returns
    -------
    labels : (H, W) int32, 0 = none
    stained : (H, W) bool, anything but empty slide
    facts : ``nuclear_radius`` (px, typical), ``nuclear_contrast`` (density of nuclei over what surrounds them)
    """
    od = density(rgb, background_color(rgb))
    total = cv2.GaussianBlur(od.sum(axis=2), (0, 0), 1.0)
    stained = total > 0.12
    dye = od[..., 0] - 0.7 * od[..., 2]
    radius = _typical_radius(dye)
    smooth = cv2.GaussianBlur(dye, (0, 0), max(0.8, 0.25 * radius))
    mask = _nuclear_mask(smooth, stained, radius)
    labels = _split(mask, smooth, radius)
    inside = labels > 0
    around = stained & ~inside
    contrast = float(smooth[inside].mean() - smooth[around].mean()) if inside.any() and around.any() else np.nan
    return labels, stained, {"nuclear_radius": radius, "nuclear_contrast": contrast}


def _typical_radius(dye: Map) -> float:
    """Radius, px, at which the clearest dark blobs answer a Laplacian of Gaussian most (Lindeberg 1998, 10.1023/A:1008045108935)."""
    answers = []
    for sigma in _SIGMAS:
        blurred = cv2.GaussianBlur(dye, (0, 0), sigma)
        answers.append(-sigma ** 2 * cv2.Laplacian(blurred, cv2.CV_32F))
    stack = np.stack([a[2:-2, 2:-2] for a in answers])
    best, at = stack.max(axis=0), stack.argmax(axis=0)
    clear = best >= np.percentile(best, 90)
    share = np.bincount(at[clear], best[clear], len(_SIGMAS)).cumsum()
    return float(np.sqrt(2) * _SIGMAS[int(np.searchsorted(share, 0.5 * share[-1]))])


def _nuclear_mask(smooth: Map, stained: Mask, radius: float) -> Mask:
    """Above the image's own level and above the neighbourhood: uneven staining moves both."""
    seen = smooth[stained]
    if seen.size < 30:
        return np.zeros(stained.shape, bool)
    low, high = np.percentile(seen, [5, 99])
    if high - low < 0.04:
        return np.zeros(stained.shape, bool)
    scaled = np.clip((smooth - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(scaled[stained].reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    around = cv2.blur(smooth, (2 * round(6 * radius) + 1,) * 2)
    mask = stained & (scaled > 0.92 * level) & (smooth > around + 0.08 * (high - low))
    size = max(1, round(0.35 * radius))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disk) > 0


def _split(mask: Mask, smooth: Map, radius: float) -> NDArray[np.int32]:
    """Watershed of touching nuclei from the peaks of their depth; pieces under a fifth of a typical nucleus are dropped."""
    depth = cv2.GaussianBlur(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5), (0, 0), max(0.7, 0.2 * radius))
    window = 2 * max(1, round(0.75 * radius)) + 1
    peaks = (depth >= cv2.dilate(depth, np.ones((window, window), np.uint8))) & (depth > 0.3 * radius) & mask
    count, seeds = cv2.connectedComponents(peaks.astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros(mask.shape, np.int32)
    markers = np.where(mask, seeds, count).astype(np.int32)
    relief = np.clip(255 - 255 * depth / max(float(depth.max()), 1e-6), 0, 255).astype(np.uint8)
    cv2.watershed(cv2.merge([relief, relief, relief]), markers)
    labels = np.where((markers > 0) & (markers < count) & mask, markers, 0)
    area = np.bincount(labels.ravel(), minlength=count)
    keep = area >= max(6.0, 0.2 * np.pi * radius ** 2)
    keep[0] = False
    number = np.zeros(count + 1, np.int32)
    number[: len(keep)][keep] = np.arange(1, int(keep.sum()) + 1)
    return np.asarray(number[labels], dtype=np.int32)
