"""Any file becomes one canonical picture or one typed error.

Expected values are computed here from arrays that the tests make themselves, or follow from the formats' definitions.
"""
import io
import os
import pickle
import socket
import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageCms, ImageOps

from featurize.images.picture import Truncated, on_white, to_bytes
from featurize.images.read import ImageError, Limits, from_array, read_bytes, read_image


def scene(height: int = 40, width: int = 60) -> np.ndarray:
    """(height, width, 3) smooth colors with one bright corner, so that no orientation looks like another."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([4 * x, 5 * y, 2 * (x + y)], axis=2).astype(np.uint8)
    rgb[:8, :12] = 250
    return rgb


def encoded(image: Image.Image, kind: str, **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


RGB = Image.fromarray(scene())


def reason(data: bytes | Path, **settings) -> str:
    with pytest.raises(ImageError) as caught:
        read_image(data, **settings)
    assert str(caught.value) and "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("kind,settings", [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_lossless_formats_give_the_pixels_that_were_written(kind, settings):
    picture = read_image(encoded(RGB, kind, **settings))
    assert np.array_equal(picture.rgb, scene()) and picture.rgb.dtype == np.uint8
    assert (picture.height_px, picture.width_px, picture.bit_depth) == (40, 60, 8)


def test_lossy_formats_come_near():
    for kind, mode in (("JPEG", "RGB"), ("JPEG", "CMYK"), ("GIF", "RGB"), ("WEBP", "RGB")):
        found = read_image(encoded(RGB.convert(mode), kind)).rgb
        assert np.abs(found.astype(int) - scene()).mean() < 6, kind


def test_the_name_is_not_believed_but_the_content(tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(RGB, "PNG"))
    assert np.array_equal(read_image(file).rgb, scene())


def test_gray_one_bit_and_gray_with_alpha_become_three_equal_channels():
    gray = np.asarray(RGB.convert("L"))
    for mode in ("L", "LA"):
        assert np.array_equal(read_image(encoded(RGB.convert(mode), "PNG")).rgb, np.dstack([gray] * 3))
    assert set(np.unique(read_image(encoded(RGB.convert("1"), "PNG")).rgb)) == {0, 255}


def test_transparent_pixels_are_white():
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[10:20] = 0
    found = read_image(encoded(Image.fromarray(np.dstack([scene(), alpha])), "PNG")).rgb
    assert (found[10:20] == 255).all() and np.array_equal(found[20:], scene()[20:])


def test_half_transparent_black_is_middle_gray_on_white():
    # 0 * 128/255 + 255 * 127/255 = 127
    assert on_white(np.zeros((1, 1), np.uint8), np.full((1, 1), 128, np.uint8))[0, 0] == 127


def test_a_transparent_palette_color_is_white():
    flat = Image.fromarray((scene()[..., 0] > 100).astype(np.uint8), "L")
    palette = Image.frombytes("P", flat.size, flat.tobytes())
    palette.putpalette([10, 20, 30, 200, 100, 50])
    found = read_image(encoded(palette, "PNG", transparency=0)).rgb
    assert {tuple(c) for c in found.reshape(-1, 3)} == {(255, 255, 255), (200, 100, 50)}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(RGB, "PNG", exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(read_image(data).rgb, expected)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_deep_values_are_scaled_by_the_smallest_range_that_holds_them(bits):
    top = 2 ** bits - 1
    found = to_bytes(np.array([0, top // 2 + 1, top], np.uint16))
    assert found.tolist() == [0, 128, 255]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_twelve_bits_in_sixteen_are_not_black(channels):
    values = np.linspace(0, 4095, 40 * 60 * channels).astype(np.uint16).reshape(40, 60, channels)
    values[..., 3:] = 65535
    found = read_image(cv2.imencode(".png", values)[1].tobytes())
    assert found.bit_depth == 16 and found.rgb.max() == 255 and 100 < found.rgb.mean() < 155


def test_sixteen_bit_color_keeps_its_channel_order():
    values = np.zeros((4, 4, 3), np.uint16)
    values[..., 0] = 65535  # OpenCV writes blue first
    assert read_image(cv2.imencode(".png", values)[1].tobytes()).rgb[0, 0].tolist() == [0, 0, 255]


def test_floats_and_signed_values_follow_the_rules():
    assert to_bytes(np.array([0, 0.5, 1])).tolist() == [0, 128, 255]
    assert to_bytes(np.array([0.0, 127, 254])).tolist() == [0, 127, 254]
    assert to_bytes(np.array([0, 4095.0])).tolist() == [0, 255]
    assert to_bytes(np.array([-1000, 0, 1000], np.int16)).tolist() == [0, 128, 255]
    assert to_bytes(np.array([-7, -7], np.int16)).tolist() == [0, 0]


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=6)))
@settings(max_examples=50, deadline=None)
def test_scaling_never_exchanges_bright_and_dark(values):
    found = to_bytes(values).astype(int).ravel()
    order = np.argsort(values.ravel(), kind="stable")
    assert (np.diff(found[order]) >= 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_values_are_refused(bad):
    with pytest.raises(ImageError, match="NaN or infinite"):
        from_array(np.array([[0.0, bad]]))


def test_several_frames_are_refused_with_the_way_to_choose():
    for kind in ("GIF", "PNG", "WEBP"):
        data = encoded(RGB, kind, save_all=True, append_images=[RGB.rotate(180)], duration=100)
        with pytest.raises(ImageError, match="2 frames.*frame=0 to 1") as caught:
            read_image(data)
        assert caught.value.reason == "many_frames"
        first, second = (read_image(data, frame=n).rgb for n in (0, 1))
        assert np.abs(first.astype(int) - second).mean() > 20
        assert reason(data, frame=2) == "many_frames"


def test_a_single_frame_gif_is_a_picture():
    assert read_image(encoded(RGB, "GIF")).rgb.shape == (40, 60, 3)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(side: int) -> bytes:
    """A PNG that declares side x side pixels and holds none."""
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b""))


@pytest.mark.parametrize("side", [60000, 15000, 13000, 12000, 10000])
def test_bombs_are_our_error_and_warn_of_nothing(side):
    # Pillow would warn from 89 million pixels on and raise its own error from 179 million on.
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        # Above 200 Mpx by the number of pixels, above 155 Mpx by the memory that decoding would take.
        assert reason(png_header(side)) == ("too_large" if side > 12000 else "truncated")
    assert not seen


def test_limits_are_the_callers_to_set():
    data = encoded(RGB, "PNG")
    assert reason(data, limits=Limits(pixels=2399)) == "too_large"
    assert reason(data, limits=Limits(bytes=len(data) - 1)) == "too_large"
    assert read_image(data, limits=Limits(bytes=len(data), pixels=2400)).width_px == 60


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_cut_file_never_gives_a_picture(kind):
    data = encoded(RGB, kind)
    whole = read_image(data).rgb
    for length in np.linspace(1, len(data) - 20, 40).astype(int):
        try:
            found = read_image(data[:length]).rgb
        except ImageError as error:
            assert error.reason in ("truncated", "damaged", "not_an_image")
        else:
            assert np.array_equal(found, whole), length  # only what follows the pixels was cut


@pytest.mark.slow
@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"]), st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_whatever_is_in_a_file_raises_nothing_but_our_errors(kind, changes):
    data = bytearray(encoded(RGB, kind))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        assert read_image(bytes(data)).rgb.ndim == 3
    except ImageError as error:
        assert error.reason


@pytest.mark.parametrize("data,expected", [
    (b"", "empty"), (b"hello", "not_an_image"), (b"<html></html>", "not_an_image"), (b"%PDF-1.7", "not_an_image"),
    (b"\0\0\0\x0cjP  \r\n", "unsupported"), (b"\0\0\0\x20ftypavif", "unsupported"), (b"GIF89a", "truncated")])
def test_each_fault_has_its_word(data, expected):
    assert reason(data) == expected


def test_what_is_not_a_file_is_refused_without_opening_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink(tmp_path / "loop.png", tmp_path / "loop.png")
    os.symlink(tmp_path / "gone.png", tmp_path / "broken.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.png"))
        for name in ("pipe.png", "loop.png", "broken.png", "socket.png", "", "nowhere.png"):
            assert reason(tmp_path / name) == "not_a_file", name
    assert reason(Path("/dev/zero")) == "not_a_file"
    (tmp_path / "empty.png").touch()
    assert reason(tmp_path / "empty.png") == "empty"


def test_a_name_that_is_not_utf8_can_be_read(tmp_path):
    name = os.fsencode(tmp_path) + b"/latin\xe9.png"
    with open(name, "wb") as file:
        file.write(encoded(RGB, "PNG"))
    assert np.array_equal(read_image(Path(os.fsdecode(name))).rgb, scene())


def test_only_a_resolution_that_a_microscope_has_is_believed():
    assert read_image(encoded(RGB, "PNG", dpi=(25400, 25400))).mm_per_px == pytest.approx(0.001, rel=1e-3)
    for data in (encoded(RGB, "PNG", dpi=(300, 300)), encoded(RGB, "JPEG", dpi=(25400, 25400)),
                 encoded(RGB, "PNG", dpi=(25400, 5080)), encoded(RGB, "PNG")):
        assert read_image(data).mm_per_px is None


def test_a_color_profile_is_converted_to_srgb():
    """A profile with its red and blue primaries exchanged: a color manager must exchange the channels back."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    found = read_image(encoded(RGB, "PNG", icc_profile=swapped)).rgb
    assert np.abs(found[..., ::-1].astype(int) - scene()).max() <= 2
    assert np.array_equal(read_image(encoded(RGB, "PNG", icc_profile=profile)).rgb, scene())
    assert np.array_equal(read_image(encoded(RGB, "PNG", icc_profile=b"nonsense" * 30)).rgb, scene())


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(Truncated("it ends early")))
    assert (error.reason, str(error)) == ("truncated", "it ends early")


def test_a_file_is_read_into_a_buffer_of_its_own_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    tracemalloc.start()
    try:
        assert read_bytes(tmp_path / "a") == b"x" * 1000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda handle: os.stat_result((real(handle).st_mode, *6 * [4], 0, 0, 0)))
    assert read_bytes(tmp_path / "a") == b"0123456789"
