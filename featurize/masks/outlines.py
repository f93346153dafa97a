"""Outlines of a label image as GeoJSON, https://www.rfc-editor.org/rfc/rfc7946, as QuPath reads it."""
from typing import Any

import cv2
import numpy as np

from featurize.arrays import BoolArray
from featurize.masks.labels import Labels

# The mask is doubled, so that corners lie within a quarter of a pixel of the pixels' edges.
_DOUBLED = 2
_LEAST_CORNERS = 3
_DIGITS = 2         # of a coordinate, pixels
# R G B of the annotations.
COLORS = {"nucleus": (0, 114, 178), "cytoplasm": (230, 159, 0), "right_lung": (0, 158, 115),
          "left_lung": (204, 121, 167)}


def geojson(labels: Labels) -> dict[str, Any]:
    """A feature for each label: a MultiPolygon in pixels, x to the right and y down from the upper left corner."""
    features = [{"type": "Feature", "id": str(number),
                 "geometry": {"type": "MultiPolygon", "coordinates": polygons(labels.image == number)},
                 "properties": {"objectType": "annotation", "name": f"{name} {number}",
                                "classification": {"name": name, "color": list(COLORS[name])}}}
                for number, name in labels.names.items()]
    return {"type": "FeatureCollection", "features": features}


def polygons(mask: BoolArray) -> list[list[list[list[float]]]]:
    """The parts of a mask, each a list of closed rings: its outline, then its holes."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    part = mask[top:rows[-1] + 1, left:columns[-1] + 1].astype(np.uint8)
    doubled = part.repeat(_DOUBLED, axis=0).repeat(_DOUBLED, axis=1)
    contours, hierarchy = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [[_ring(contour[:, 0], left, top)] if parent < 0 else [] for contour, (_, _, _, parent)
             in zip(contours, hierarchy[0])]
    for contour, (_, _, _, parent) in zip(contours, hierarchy[0]):
        if parent >= 0 and len(contour) >= _LEAST_CORNERS:
            rings[parent].append(_ring(contour[:, 0], left, top))
    return [found for found in rings if found]


def _ring(corners: np.ndarray, left: int, top: int) -> list[list[float]]:
    points = (np.round((corners + .5) / _DOUBLED + (left, top), _DIGITS)).tolist()
    return [*points, points[0]]
