"""Small files that unpack to much, and large pictures: refused from their headers, or read in bounds."""
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fuzz_files import COLOR, by_pillow, by_tifffile, dicom
from PIL import Image

from featurize.errors import UserError
from featurize.images import bands
from featurize.images.bombs import unpacks_beyond
from featurize.images.picture import Damaged, ImageError, Limits, TooLarge, Truncated
from featurize.images.read import is_image_name, read_image
from featurize.index.archives import unpack

# Bytes that the bombs of these tests unpack to; the pictures have 16 x 16 pixels.
BOMB = 2 ** 25


def packed(kind: str) -> bytes:
    return lzma.compress(bytes(BOMB)) if kind == "lzma" else zlib.compress(bytes(BOMB), 9)


def tiff_bomb(kind: str, tile: bool) -> bytes:
    """A TIFF whose only strip or tile is replaced by one that unpacks to `BOMB` bytes."""
    tiles = {"tile": (16, 16)} if tile else {}
    raw = bytearray(by_tifffile(np.zeros((16, 16), np.uint8), compression=kind, **tiles))
    data = packed(kind)
    with tifffile.TiffFile(io.BytesIO(bytes(raw))) as file:
        names = ("TileOffsets", "TileByteCounts") if tile else ("StripOffsets", "StripByteCounts")
        for name, value in zip(names, (len(raw), len(data))):
            # The entry gets the type LONG and holds its value itself.
            place = file.pages[0].tags[name].offset
            raw[place + 2:place + 4] = struct.pack("<H", 4)
            raw[place + 8:place + 12] = struct.pack("<I", value)
    return bytes(raw) + data


@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("kind", ["zlib", "lzma"])
def test_a_strip_or_tile_that_unpacks_to_more_than_its_pixels_is_refused(kind: str, tile: bool) -> None:
    with pytest.raises(Damaged, match="unpacks to more than the picture holds"):
        read_image(tiff_bomb(kind, tile))


def test_a_deflated_dicom_that_unpacks_to_more_than_a_file_may_hold_is_refused() -> None:
    raw = dicom("DeflatedExplicitVRLittleEndian")
    assert read_image(raw).width_px == 50
    start = 144 + struct.unpack("<I", raw[140:144])[0]
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    more = struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"OB", 0, BOMB) + bytes(BOMB)
    bomb = raw[:start] + pack.compress(zlib.decompress(raw[start:], -15) + more) + pack.flush()
    with pytest.raises(TooLarge, match="unpacks to more than 1,000,000 bytes"):
        read_image(bomb, limits=Limits(bytes=1_000_000))


@pytest.mark.parametrize("kind, pack", [("zlib", zlib.compress), ("lzma", lzma.compress)])
def test_unpacking_is_counted_to_the_byte(kind: str, pack: object) -> None:
    data = pack(bytes(3_000_000))  # type: ignore[operator]
    assert not unpacks_beyond(data, kind, 3_000_000) and unpacks_beyond(data, kind, 2_999_999)
    assert not unpacks_beyond(data[:-10], kind, 3_000_000) and not unpacks_beyond(b"no such data", kind, 5)


def test_a_picture_whose_decoding_takes_too_much_memory_is_refused_before_it() -> None:
    # 14142 x 14142 pixels of four channels of 16 bits; nothing of them is there.
    header = struct.pack(">IIBBBBB", 14142, 14142, 16, 6, 0, 0, 0)
    chunks = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
                      for k, d in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")))
    with pytest.raises(TooLarge, match="14142 x 14142 pixels of this kind take 2.6 GB to decode"):
        read_image(b"\x89PNG\r\n\x1a\n" + chunks)


@pytest.mark.parametrize("content", [
    by_pillow("PNG"), by_pillow("PNG", "RGBA"), by_pillow("PNG", "LA"), by_pillow("PNG", "P"), by_pillow("PNG", "1"),
    by_pillow("JPEG"), by_pillow("JPEG", "CMYK"), by_pillow("TIFF", "CMYK"), by_pillow("TIFF", "P"),
    by_pillow("TIFF", compression="tiff_lzw"), by_tifffile(COLOR[..., 0].astype(np.float32)),
    by_tifffile(COLOR[..., 0].astype(np.int16) - 9), by_tifffile(COLOR, compression="zlib"), dicom(),
    dicom(color=True)])
def test_a_picture_read_in_bands_is_the_same(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_image(content)
    monkeypatch.setattr(bands, "BAND_PX", 150)
    assert np.array_equal(read_image(content).rgb, whole.rgb)


def test_transparency_read_in_bands_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([COLOR, COLOR[..., 0]])).save(buffer, "PNG")
    whole = read_image(buffer.getvalue())
    monkeypatch.setattr(bands, "BAND_PX", 150)
    assert np.array_equal(read_image(buffer.getvalue()).rgb, whole.rgb)


def test_a_tiff_that_was_cut_within_its_second_page_is_no_tiff_of_one_page() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(COLOR, photometric="rgb", metadata=None)
        file.write(COLOR[::-1], photometric="rgb", metadata=None)
    content = buffer.getvalue()
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        second = file.pages[1].offset
    with pytest.raises(Truncated, match="before its next page"):
        read_image(content[:second])


def test_what_libtiff_prints_stays_off_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(by_pillow("TIFF", "1", compression="group4"))
    for place in range(20, 60):
        content[place] ^= 0x55
    try:
        read_image(bytes(content))
    except ImageError:
        pass
    assert capfd.readouterr().err == ""


def test_an_archive_whose_members_share_bytes_is_refused(tmp_path: Path) -> None:
    picture = by_pillow("PNG")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("a/1.png", "a/2.png"):
            archive.writestr(name, picture)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    # The second entry of the directory gets the offset of the first.
    second = content.rindex(b"PK\x01\x02")
    content[second + 42:second + 46] = bytes(4)
    (tmp_path / "b.zip").write_bytes(bytes(content))
    assert unpack(tmp_path / "a.zip", is_image_name, tmp_path / "cache").is_dir()
    with pytest.raises(UserError, match="holds 'a/.*' in the bytes of another file"):
        unpack(tmp_path / "b.zip", is_image_name, tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "zips").iterdir())) == 1


def test_a_flipped_bit_among_the_pixels_of_a_png_is_refused() -> None:
    whole = by_pillow("PNG")
    at = whole.index(b"IDAT") + 4
    length = int.from_bytes(whole[at - 8:at - 4], "big")
    for place in range(at, at + length + 4):
        flipped = bytearray(whole)
        flipped[place] ^= 8
        with pytest.raises(ImageError):
            read_image(bytes(flipped))
