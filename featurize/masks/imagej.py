"""Outlines of a label image as regions of ImageJ and Fiji, which their ROI Manager opens (roifile, extra `imagej`)."""
import io
import zipfile
from importlib.util import find_spec
from typing import Any

import numpy as np

from featurize.errors import UserError
from featurize.masks.labels import Labels
from featurize.masks.outlines import COLORS, polygons

# Segments of a composite region, as java.awt.geom.PathIterator numbers them.
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
# Time of every file in a zip, so that the same outlines give the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def check_roifile() -> None:
    """Refuse early where roifile is missing."""
    if find_spec("roifile") is None:
        raise UserError("--imagej needs roifile: pip install 'pellucid[imagej]'")


def roi_zip(labels: Labels) -> bytes:
    """A zip with a region for each label: a polygon, or a composite where it has several parts or holes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for number, name in labels.names.items():
            rings = [ring for part in polygons(labels.image == number) for ring in part]
            roi = _roi(rings, f"{name} {number}", COLORS[name])
            opened.writestr(zipfile.ZipInfo(f"{number:04d} {name}.roi", _NO_TIME), roi.tobytes())
    return buffer.getvalue()


def _roi(rings: list[list[list[float]]], name: str, color: tuple[int, int, int]) -> Any:
    from roifile import ROI_TYPE, ImagejRoi
    corners = np.concatenate([np.array(ring) for ring in rings])
    roi = ImagejRoi.frompoints(np.array(rings[0][:-1], dtype=np.float32), name=name)
    roi.stroke_color = bytes((255, *color))
    if len(rings) > 1:
        path: list[float] = []
        for ring in rings:
            path += [_MOVE, *ring[0]]
            for corner in ring[1:-1]:
                path += [_LINE, *corner]
            path.append(_CLOSE)
        low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
        roi = ImagejRoi(roitype=ROI_TYPE.RECT, name=name, left=int(low[0]), top=int(low[1]), right=int(high[0]),
                        bottom=int(high[1]), shape_roi_size=len(path),
                        multi_coordinates=np.array(path, dtype=np.float32), stroke_color=bytes((255, *color)))
        return roi
    roi.roitype = ROI_TYPE.POLYGON
    return roi
