"""The lung field of a frontal chest film: two dark, air-filled areas left and right of the spine."""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.segment_cell import Map, Mask


def find_lungs(gray: NDArray[np.uint8]) -> tuple[Mask, Mask, dict[str, float]]:
    """Right and left lung of the patient (right is at the image's left side, as films are hung).

    Parameters
    ----------
    gray : (H, W) uint8, bone white

    Returns
    -------
    right, left : (H, W) bool
    facts : ``lung_share`` of the image, ``lung_balance`` (smaller over larger lung), ``lung_trust`` 0..1 (how much of
        the mask the film itself supports, the rest being the shape that lungs usually have)

    Notes
    -----
    Darkness relative to the neighbourhood is weighed against the usual place of lungs: a film with consolidated,
    white lungs keeps a lung field there, because what is measured in it is exactly that whiteness.
    """
    height, width = gray.shape
    even = cv2.createCLAHE(2.0, (4, 4)).apply(gray)
    smooth = cv2.GaussianBlur(even, (0, 0), width / 64).astype(np.float32)
    place = _usual_place(height, width)
    inside = place > 0.3
    if float(smooth[inside].std()) < 2:
        facts = {"lung_share": float(inside.mean()), "lung_balance": 1.0, "lung_trust": 0.0}
        return inside & _side(width, True), inside & _side(width, False), facts
    body = _body(gray)
    scaled = np.clip(smooth, 0, 255).astype(np.uint8)
    box = scaled[height // 8: -height // 6, width // 10: -width // 10][body[height // 8: -height // 6, width // 10: -width // 10]]
    level, _ = cv2.threshold(box.reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark = np.clip((level - smooth) / float(smooth[inside].std()), -1.5, 1.5)
    belief = dark + 2.4 * (place - 0.5)
    mask = (belief > 0) & body
    right, left = (_largest(mask & _side(width, first)) for first in (True, False))
    both = right | left
    trust = float((dark[both] > 0).mean()) if both.any() else 0.0
    small, large = sorted([int(right.sum()), int(left.sum())])
    return right, left, {"lung_share": float(both.mean()), "lung_balance": small / max(large, 1), "lung_trust": trust}


def _side(width: int, first: bool) -> Mask:
    columns = np.arange(width) < width / 2
    return (columns if first else ~columns)[None, :]


def _usual_place(height: int, width: int) -> Map:
    """(H, W) 0..1: soft ellipses where the lungs of a frontal film lie."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    ellipses = [((x - cx) / 0.165) ** 2 + ((y - 0.43) / 0.32) ** 2 for cx in (0.30, 0.70)]
    return np.asarray(np.exp(-0.7 * np.minimum(*ellipses) ** 1.5), dtype=np.float32)


def _body(gray: NDArray[np.uint8]) -> Mask:
    """Not the black air beside the patient: dark areas that touch the left, right or upper rim."""
    dark = (cv2.GaussianBlur(gray, (0, 0), 2) < 22).astype(np.uint8)
    _, parts = cv2.connectedComponents(dark, connectivity=4)
    rim = np.unique(np.concatenate([parts[0], parts[:, 0], parts[:, -1]]))
    return ~np.isin(parts, rim[rim > 0])


def _largest(mask: Mask) -> Mask:
    """The largest part, opened and closed by 2 % of the width, holes filled."""
    size = max(1, round(mask.shape[1] * 0.02))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1,) * 2)
    smooth = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disk)
    outlines, _ = cv2.findContours(smooth, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    if outlines:
        cv2.drawContours(canvas, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return canvas > 0
