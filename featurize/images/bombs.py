"""Compressed data that unpack to more than the picture holds: found by unpacking them bit by bit, keeping nothing."""
import lzma
import zlib
from collections.abc import Callable

# Bytes that are unpacked at a time.
_STEP_BYTES = 2 ** 20
# Most that a byte of deflate can unpack to (https://zlib.net/zlib_tech.html).
_MOST_DEFLATE_RATIO = 1032


def unpacks_beyond(data: bytes | memoryview, kind: str, most: int) -> bool:
    """Whether compressed data give more than `most` bytes; False for broken data, which their decoder refuses.

    Parameters
    ----------
    data : bytes
    kind : {"zlib", "deflate", "lzma"}
        With a zlib header, without one, or LZMA.
    most : int

    Examples
    --------
    >>> [unpacks_beyond(zlib.compress(bytes(size)), "zlib", 5000) for size in (5000, 5001)]
    [False, True]
    """
    if kind != "lzma" and len(data) * _MOST_DEFLATE_RATIO <= most:
        return False
    try:
        return (_lzma_bytes if kind == "lzma" else _deflate_bytes(kind))(data, most) > most
    except (zlib.error, lzma.LZMAError):
        return False


def _deflate_bytes(kind: str) -> Callable[[bytes | memoryview, int], int]:
    def count(data: bytes | memoryview, most: int) -> int:
        unpack, total, rest = zlib.decompressobj(15 if kind == "zlib" else -15), 0, bytes(data)
        while rest and not unpack.eof and total <= most:
            total += len(unpack.decompress(rest, _STEP_BYTES))
            rest = unpack.unconsumed_tail
        return total
    return count


def _lzma_bytes(data: bytes | memoryview, most: int) -> int:
    unpack, total, rest = lzma.LZMADecompressor(), 0, bytes(data)
    while not unpack.eof and total <= most:
        found = len(unpack.decompress(rest, _STEP_BYTES))
        rest = b""
        total += found
        if unpack.needs_input:
            break
    return total
