"""One image, ready to be measured.

Conventions of the whole package, said once:

- Arrays are indexed ``[row, column]``; shapes read ``(H, W)`` for one channel and ``(H, W, 3)`` for color.
- Color is sRGB, ``uint8``, channel order red, green, blue.
- A region is a boolean ``(H, W)`` mask; an empty mask means "not found", never "everything".
- Instances are an ``int32`` ``(H, W)`` label image, 0 = background, 1..n = objects.
- Lengths are pixels of the work image unless the name ends in a unit (``_mm``, ``_um``).
"""
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Int32Array, UInt8Array

# Ruifrok & Johnston 2001, Anal Quant Cytol Histol 23:291, table 1: optical density of hematoxylin, eosin, DAB.
_RUIFROK = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_OD_TO_HED = np.linalg.inv(_RUIFROK / np.linalg.norm(_RUIFROK, axis=1, keepdims=True)).astype(np.float32)
_OD_OF_BYTE = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)


@dataclass(frozen=True)
class Sample:
    """An image with its regions, in the form that feature blocks take.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        The normalized work image.
    raw : (h, w, 3) uint8
        The image as read, before normalization and scaling: for nuisance measurements only.
    regions : mapping of name to (H, W) bool
        What the segmenter found, for example ``nucleus``, ``cytoplasm``, ``cell``.
    objects : (H, W) int32
        Instances (nuclei of a tissue), all zero where the segmenter finds no instances.
    mm_per_px : float or None
        Size of one pixel of the work image in millimetres, if the user knows it.
    facts : mapping of name to float
        What the segmenter knows besides the masks: quality flags, scale, size of neighbours.
    """

    rgb: UInt8Array
    raw: UInt8Array
    regions: Mapping[str, BoolArray]
    objects: Int32Array
    mm_per_px: float | None = None
    facts: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def gray(self) -> UInt8Array:
        """(H, W) uint8 luma, ITU-R BT.601."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY))

    @cached_property
    def hsv(self) -> UInt8Array:
        """(H, W, 3) uint8: hue over the full circle 0..255, saturation, value."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2HSV_FULL))

    @cached_property
    def lab(self) -> UInt8Array:
        """(H, W, 3) uint8 CIE Lab (D65): L scaled to 0..255, a and b shifted by 128."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2LAB))

    @cached_property
    def hed(self) -> Float32Array:
        """(H, W, 3) float32 optical densities of hematoxylin, eosin and DAB (Ruifrok & Johnston 2001)."""
        return np.asarray(_OD_OF_BYTE[self.rgb] @ _OD_TO_HED, dtype=np.float32)
