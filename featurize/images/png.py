"""The checksums of a PNG: Pillow does not compare those of the pixels, and reads a flipped bit as other pixels."""
import zlib

from featurize.errors import shown
from featurize.images.picture import Damaged, Truncated

# Length of the signature; of a chunk its length and kind stand before its data, its CRC-32 behind them
# (PNG specification, 5.3).
_SIGNATURE_BYTES = 8
_HEAD_BYTES = 8
_CRC_BYTES = 4
_LAST_CHUNK = b"IEND"


def check_png(content: bytes) -> None:
    """Compare the CRC-32 of every chunk that pixels depend on.

    Raises
    ------
    Damaged, Truncated
    """
    at, view = _SIGNATURE_BYTES, memoryview(content)
    kind = b""
    while kind != _LAST_CHUNK and at + _HEAD_BYTES <= len(content):
        length, kind = int.from_bytes(view[at:at + 4], "big"), bytes(view[at + 4:at + _HEAD_BYTES])
        end = at + _HEAD_BYTES + length
        if end + _CRC_BYTES > len(content):
            raise Truncated("the PNG data end before the picture does (in the middle of a chunk)")
        # Chunks whose kind begins with a small letter may be left out: a damaged comment spoils no picture.
        if kind[:1].isupper() and zlib.crc32(view[at + 4:end]) != int.from_bytes(view[end:end + _CRC_BYTES], "big"):
            raise Damaged(f"the PNG data are broken (a chunk {shown(kind.decode('latin-1'))} misses its checksum)")
        at = end + _CRC_BYTES
    if kind != _LAST_CHUNK:
        raise Truncated("the PNG data end before the picture does (its last chunk is missing)")
