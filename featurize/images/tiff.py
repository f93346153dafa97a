"""TIFF of 1 to 64 bits a channel, integer or float: tifffile for what Pillow cannot hold, Pillow for what tifffile
decodes only with a further package (LZW, JPEG, CCITT, Zstandard)."""
import io
import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from featurize.arrays import UInt8Array
from featurize.images.bands import in_bands
from featurize.images.bombs import unpacks_beyond
from featurize.images.icc import srgb
from featurize.images.picture import (ORIENTATION_TAG, Damaged, Limits, Picture, Truncated, Unsupported, check_memory,
                                      check_size, choose_frame, is_square, on_white, picture, quiet, scale_of_dpi,
                                      silent_decoder, to_bytes, upright)

# Numbers of the TIFF 6.0 standard and its supplements. Tags:
_X_RESOLUTION_TAG = 282
_Y_RESOLUTION_TAG = 283
_RESOLUTION_UNIT_TAG = 296
_ICC_PROFILE_TAG = 34675
# Bits of NewSubfileType: a thumbnail or a mask is not a page of its own.
_REDUCED = 1
_MASK = 4
# Values of PhotometricInterpretation.
_WHITE_IS_ZERO = 0
_BLACK_IS_ZERO = 1
_RGB = 2
_PALETTE = 3
_CMYK = 5
_YCBCR = 6
# Values of Compression that mean JPEG 2000; the first three are Aperio's.
_JPEG_2000 = (33003, 33004, 33005, 34712)
# Values of ExtraSamples: colors multiplied by their alpha, and colors that are not.
_PREMULTIPLIED_ALPHA = 1
_PLAIN_ALPHA = 2
# Values of Compression whose strips tifffile unpacks without a bound; see `featurize.images.bombs`.
_UNPACKED = {8: "zlib", 32946: "zlib", 34925: "lzma"}
# Bytes that a strip may have beyond its pixels: some programs fill the last one up.
_SPARE_BYTES = 2 ** 24
# Value of ResolutionUnit to its length in inches.
_INCHES = {2: 1.0, 3: 2.54}

# Units of length of ImageJ and OME metadata, in millimetres.
_UNIT_MM = {"m": 1e3, "cm": 10.0, "mm": 1.0, "µm": 1e-3, "μm": 1e-3, "um": 1e-3, "micron": 1e-3, "microns": 1e-3,
            "nm": 1e-6}


def read_tiff(content: bytes, limits: Limits, frame: int | None) -> Picture:
    """One page of a TIFF; raises ImageError, and what tifffile and Pillow raise (`decoding`)."""
    with quiet("tifffile"), tifffile.TiffFile(io.BytesIO(content)) as file:
        numbers = list(_pages(file))
        if not numbers:
            raise Truncated("the TIFF data end before the picture does (no page)")
        if _next_page(file, content) >= len(content):
            raise Truncated("the TIFF data end before its next page does")
        number = numbers[choose_frame(len(numbers), frame)]
        page = file.pages[number]
        assert isinstance(page, tifffile.TiffPage)
        _check(page, len(content), limits)
        pixels = _decode(page, content, number)
        return picture(pixels, mode=f"TIFF {_name(page.photometric)}", bit_depth=int(page.bitspersample),
                       mm_per_px=_scale(file, page))


def _pages(file: tifffile.TiffFile) -> Iterator[int]:
    """Numbers of the pages that are pictures of their own."""
    for number in range(len(file.pages)):
        kind = file.pages[number].aspage().subfiletype
        if number == 0 or not kind & (_REDUCED | _MASK):
            yield number


def _next_page(file: tifffile.TiffFile, content: bytes) -> int:
    """Where the page behind the last one that was found should be; 0: it is the last. tifffile only logs it."""
    last, form = file.pages[-1].aspage(), file.tiff
    start = last.offset
    count, = struct.unpack_from(form.tagnoformat, content, start)
    return int(struct.unpack_from(form.offsetformat, content, start + form.tagnosize + count * form.tagsize)[0])


def _check(page: tifffile.TiffPage, size: int, limits: Limits) -> None:
    """Everything that can be refused before decoding."""
    check_size(page.imagewidth, page.imagelength, limits)
    if page.imagedepth > 1:
        raise Unsupported("holds a volume, a picture was wanted")
    if page.samplesperpixel > 4 or (page.samplesperpixel == 4 and page.photometric == _BLACK_IS_ZERO):
        raise Unsupported(f"holds {page.samplesperpixel} channels, gray or RGB was wanted: save one of them")
    # ImageJ writes a stack of more than 4 GB behind a single page.
    if page.is_imagej and (page.parent.imagej_metadata or {}).get("images", 1) > len(page.parent.pages):
        raise Unsupported("holds an ImageJ stack behind one page: save the slice you mean as a file of its own")
    if not page.dataoffsets or len(page.dataoffsets) != len(page.databytecounts):
        raise Damaged("the TIFF says nothing about where its pixels are")
    # tifffile would fill missing strips with zeros.
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts))
    if max(ends) > size or not all(page.databytecounts):
        raise Truncated("the TIFF data end before the picture does")
    if min(*page.dataoffsets, *page.databytecounts) < 0:
        raise Damaged("the TIFF says nothing about where its pixels are")
    segment = _segment_px(page)
    check_size(segment, 1, limits)
    bytes_per_px = page.samplesperpixel * max(page.bitspersample, 8) / 8
    check_memory(page.imagewidth, page.imagelength, bytes_per_px, size, limits)


def _segment_px(page: tifffile.TiffPage) -> int:
    """Pixels of a tile or strip; a single strip may claim any number of rows."""
    if page.is_tiled:
        return int(page.tilewidth * page.tilelength)
    return int(page.imagewidth * min(page.rowsperstrip, page.imagelength))


def _check_unpacked(page: tifffile.TiffPage, content: bytes) -> None:
    """Strips and tiles give no more bytes than they have pixels: tifffile would unpack all that there is."""
    kind = _UNPACKED.get(page.compression)
    if kind is None:
        return
    most = _segment_px(page) * page.samplesperpixel * -(-page.bitspersample // 8) + _SPARE_BYTES
    for start, count in zip(page.dataoffsets, page.databytecounts):
        if unpacks_beyond(memoryview(content)[start:start + count], kind, most):
            raise Damaged("a strip of the TIFF unpacks to more than the picture holds")


def _decode(page: tifffile.TiffPage, content: bytes, number: int) -> UInt8Array:
    """(H, W) gray or (H, W, 3) sRGB, upright."""
    if page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK):
        _check_unpacked(page, content)
        try:
            # One thread: each would hold the unpacked bytes of its own strip.
            values = page.asarray(maxworkers=1)
        except (ValueError, NotImplementedError, ImportError) as error:
            # Without the package imagecodecs tifffile says so by name, or misses a module of a later Python (zstd);
            # other faults are faults of the file.
            if "imagecodecs" not in str(error) and not isinstance(error, (NotImplementedError, ImportError)):
                raise
        else:
            return upright(_color(page, _channels_last(page, values)), page.tags.valueof(ORIENTATION_TAG, 1))
    return _by_pillow(page, content, number)


def _channels_last(page: tifffile.TiffPage, values: NDArray[Any]) -> NDArray[Any]:
    if page.axes not in ("YX", "YXS", "SYX"):
        raise Unsupported(f"holds an array with the axes {page.axes}, one picture was wanted")
    return np.moveaxis(values, 0, 2) if page.axes == "SYX" else values


def _color(page: tifffile.TiffPage, values: NDArray[Any]) -> UInt8Array:
    """Samples of any depth, (H, W) or (H, W, samples), as gray or sRGB bytes."""
    height, width = values.shape[:2]
    profile = page.tags.valueof(_ICC_PROFILE_TAG)
    if page.photometric == _PALETTE:
        table = np.ascontiguousarray(to_bytes(np.asarray(page.colormap, np.uint16)).T)
        return in_bands(height, width, lambda top, bottom: table[values[top:bottom].astype(np.int64)])
    if page.photometric == _CMYK:
        ink = to_bytes(values[..., :4])
        return in_bands(height, width, lambda top, bottom: srgb(Image.fromarray(
            np.ascontiguousarray(ink[top:bottom]), "CMYK"), profile))
    colors = 1 if values.ndim == 2 or values.shape[2] == 2 else 3
    color = to_bytes(values if values.ndim == 2 else values[..., 0] if colors == 1 else values[..., :3])
    if page.photometric == _WHITE_IS_ZERO:
        color = 255 - color
    if values.ndim == 3 and values.shape[2] > colors and page.extrasamples and _is_alpha(page.extrasamples[0]):
        color = on_white(color, to_bytes(values[..., colors]),
                         premultiplied=page.extrasamples[0] == _PREMULTIPLIED_ALPHA)
    if color.ndim == 2 or values.dtype != np.uint8 or profile is None:
        return color
    return in_bands(height, width, lambda top, bottom: srgb(Image.fromarray(
        np.ascontiguousarray(color[top:bottom])), profile))


def _is_alpha(extra_sample: int) -> bool:
    return extra_sample in (_PREMULTIPLIED_ALPHA, _PLAIN_ALPHA)


def _by_pillow(page: tifffile.TiffPage, content: bytes, number: int) -> UInt8Array:
    """What tifffile does not decode by itself, already upright."""
    deep = page.bitspersample > 8 and page.samplesperpixel > 1
    if deep or page.compression in _JPEG_2000 or page.photometric > _YCBCR:
        raise Unsupported(f"{page.bitspersample}-bit {_name(page.photometric)} with compression "
                          f"{_name(page.compression)} is not read: save it as RGB or gray with deflate or none")
    with quiet("PIL"), silent_decoder():
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(content))
        image.seek(number)
        image.load()
    width, height = image.size
    gray = image.mode.startswith(("I", "F"))
    # The range of a deep gray picture is that of all its values.
    return _pillow_band(image, page) if gray else in_bands(height, width, lambda top, bottom: _pillow_band(
        image if bottom - top == height else image.crop((0, top, width, bottom)), page))


def _pillow_band(image: Image.Image, page: tifffile.TiffPage) -> UInt8Array:
    """Some rows of a loaded picture."""
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"))
    if image.mode.startswith(("I", "F")):
        gray = to_bytes(np.asarray(image))
        return 255 - gray if page.photometric == _WHITE_IS_ZERO else gray
    rgba = np.asarray(image.convert("RGBA"))
    opaque = rgba[..., :3] if image.mode in ("RGB", "P", "CMYK", "YCbCr") else on_white(rgba[..., :3], rgba[..., 3])
    return srgb(Image.fromarray(np.ascontiguousarray(opaque)), page.tags.valueof(_ICC_PROFILE_TAG))


def _name(value: int) -> str:
    """The name of a known number of the TIFF standard, else the number."""
    return str(getattr(value, "name", int(value)))


def _scale(file: tifffile.TiffFile, page: tifffile.TiffPage) -> float | None:
    """Millimetres a pixel: OME metadata, ImageJ's named unit, or a resolution that only a microscope has."""
    if file.is_ome and file.ome_metadata:
        return _ome_scale(file.ome_metadata)
    x, y = (_ratio(page.tags.valueof(tag)) for tag in (_X_RESOLUTION_TAG, _Y_RESOLUTION_TAG))
    if not x or not y:
        return None
    unit = str((file.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ") if file.is_imagej else ""
    if unit in _UNIT_MM:
        return _UNIT_MM[unit] / x if is_square(x, y) else None
    inches = _INCHES.get(int(page.tags.valueof(_RESOLUTION_UNIT_TAG, 2)))
    return scale_of_dpi(x * inches, y * inches) if inches else None


def _ratio(value: tuple[int, int] | None) -> float:
    return value[0] / value[1] if value and value[1] else 0.0


def _ome_scale(xml: str) -> float | None:
    """PhysicalSizeX of the first image; found by a pattern, because an XML parser would follow entities."""
    found = {name: value for name, value in re.findall(r'\b(PhysicalSize[XY](?:Unit)?)="([^"]{1,40})"', xml[:100_000])}
    try:
        x, y = float(found["PhysicalSizeX"]), float(found.get("PhysicalSizeY", found["PhysicalSizeX"]))
    except (KeyError, ValueError):
        return None
    unit = _UNIT_MM.get(found.get("PhysicalSizeXUnit", "µm"))
    return x * unit if unit and x > 0 and is_square(x, y) else None
