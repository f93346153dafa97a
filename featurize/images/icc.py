"""Colors of an image with an ICC profile, as sRGB.

Gray pictures keep their values: they are measurements, and their profiles describe printers and monitors.
"""
import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from featurize.arrays import UInt8Array


def srgb(image: Image.Image, profile: bytes | None) -> UInt8Array:
    """(H, W, 3) uint8 sRGB of an RGB or CMYK image; one without a usable profile is taken for sRGB."""
    transform = _transform(profile, image.mode) if profile else None
    if transform is None:
        return np.asarray(image.convert("RGB"))
    converted = ImageCms.applyTransform(image, transform)
    return np.asarray(image.convert("RGB") if converted is None else converted)


# Every image of a microscope carries the same profile, and building a transform costs more than a small image.
@lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB",
                                       ImageCms.Intent.RELATIVE_COLORIMETRIC)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
