"""TIFF and DICOM: depths, layouts, pages, windows, sizes of pixels."""
import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from featurize.images.read import ImageError, Limits, read_image

Y, X = np.mgrid[:30, :50]
COLOR = np.stack([5 * X, 8 * Y, 2 * X + 3 * Y], axis=2).astype(np.uint8)
GRAY = COLOR[..., 0]


def tiff(values: np.ndarray, **settings) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **settings)
    return buffer.getvalue()


def pillow_tiff(image: Image.Image, **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", **settings)
    return buffer.getvalue()


def reason(data: bytes, **settings) -> str:
    with pytest.raises(ImageError) as caught:
        read_image(data, **settings)
    return caught.value.reason


@pytest.mark.parametrize("data", [
    tiff(COLOR, photometric="rgb"), tiff(COLOR, photometric="rgb", compression="zlib"),
    tiff(COLOR, photometric="rgb", tile=(16, 16)), tiff(COLOR, photometric="rgb", bigtiff=True),
    tiff(COLOR, photometric="rgb", byteorder=">"), tiff(COLOR.astype(np.uint16) * 257, photometric="rgb"),
    tiff(np.moveaxis(COLOR, 2, 0), photometric="rgb", planarconfig="separate"),
    tiff(np.dstack([COLOR, GRAY]), photometric="rgb", extrasamples=["unspecified"]),
    *(pillow_tiff(Image.fromarray(COLOR), compression=c) for c in ("tiff_lzw", "packbits", "tiff_adobe_deflate"))])
def test_every_layout_gives_the_pixels_that_were_written(data):
    assert np.array_equal(read_image(data).rgb, COLOR)


@pytest.mark.parametrize("data,bits", [
    (tiff(GRAY), 8), (tiff(GRAY.astype(np.uint16) * 257), 16), (tiff((GRAY / 255).astype(np.float32)), 32),
    (tiff(GRAY.astype(np.float64)), 64), (tiff(255 - GRAY, photometric="miniswhite"), 8),
    (pillow_tiff(Image.fromarray(GRAY.astype(np.uint16) * 257), compression="tiff_lzw"), 16)])
def test_gray_of_any_depth_gives_the_same_picture(data, bits):
    picture = read_image(data)
    assert picture.bit_depth == bits and np.array_equal(picture.rgb, np.dstack([GRAY] * 3))


def test_cmyk_and_palettes_come_near_the_color():
    for image in (Image.fromarray(COLOR).convert("CMYK"), Image.fromarray(COLOR).quantize(256)):
        assert np.abs(read_image(pillow_tiff(image)).rgb.astype(int) - COLOR).mean() < 8


def test_transparent_pixels_are_white_premultiplied_or_not():
    alpha = np.where(Y < 10, 0, 255).astype(np.uint8)
    straight = tiff(np.dstack([COLOR, alpha]), photometric="rgb", extrasamples=["unassalpha"])
    hidden = np.where(alpha[..., None] == 0, 0, COLOR).astype(np.uint8)
    multiplied = tiff(np.dstack([hidden, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    expected = np.where(alpha[..., None] == 0, 255, COLOR)
    for data in (straight, multiplied):
        assert np.array_equal(read_image(data).rgb, expected)


@pytest.mark.parametrize("settings", [{}, {"compression": "tiff_lzw"}])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_is_applied_whoever_decodes(orientation, settings):
    data = pillow_tiff(Image.fromarray(COLOR), tiffinfo={274: orientation}, **settings)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert np.array_equal(read_image(data).rgb, np.asarray(image))  # Pillow applies the tag itself


def test_pages_must_be_chosen_but_thumbnails_are_no_pages():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(COLOR, photometric="rgb", metadata=None)
        writer.write(COLOR[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    assert np.array_equal(read_image(buffer.getvalue()).rgb, COLOR)
    stack = tiff(np.stack([GRAY, GRAY.T.reshape(GRAY.shape)]), photometric="minisblack")
    assert reason(stack) == "many_frames"
    assert np.array_equal(read_image(stack, frame=0).rgb[..., 0], GRAY)


def test_what_cannot_be_one_picture_is_refused():
    assert reason(tiff(np.zeros((8, 8, 5), np.uint8), photometric="minisblack", planarconfig="contig")) == "unsupported"
    assert reason(tiff(np.full((8, 8), np.nan, np.float32))) == "not_finite"
    assert reason(tiff(COLOR, photometric="rgb"), limits=Limits(pixels=1499)) == "too_large"
    assert reason(pillow_tiff(Image.fromarray(COLOR).convert("LAB"))) == "unsupported"


def test_a_missing_strip_is_truncation_not_black():
    data = tiff(COLOR, photometric="rgb", compression="zlib", rowsperstrip=5)
    for length in range(len(data) // 2, len(data) - 1, 97):
        assert reason(data[:length]) == "truncated"


def test_pixel_sizes_come_from_microscopes_not_from_printers():
    micron = 0.25
    assert read_image(tiff(GRAY, resolution=(1e4 / micron, 1e4 / micron), resolutionunit="CENTIMETER")).mm_per_px \
        == pytest.approx(micron / 1000)
    assert read_image(tiff(GRAY, resolution=(300, 300), resolutionunit="INCH")).mm_per_px is None
    ome = tiff(GRAY, ome=True, metadata={"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5})
    assert read_image(ome).mm_per_px == pytest.approx(0.0005)
    imagej = tiff(GRAY, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"})
    assert read_image(imagej).mm_per_px == pytest.approx(0.0005)


def dicom(values: np.ndarray, photometric: str = "MONOCHROME2", stored: int = 12, **tags) -> bytes:
    """A secondary capture of an (H, W), (H, W, 3) or (frames, H, W) array."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import ExplicitVRLittleEndian
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    data = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    color = values.shape[-1] == 3
    if values.ndim == 3 and not color:
        data.NumberOfFrames = len(values)
    data.Rows, data.Columns = values.shape[:2] if color else values.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 3 if color else 1, photometric
    if color:
        data.PlanarConfiguration = 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * values.itemsize, stored, stored - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def test_monochrome1_is_shown_inverted():
    assert read_image(dicom(RAMP)).rgb.ravel()[[0, -1]].tolist() == [0, 255]
    assert read_image(dicom(RAMP, "MONOCHROME1")).rgb.ravel()[[0, -1]].tolist() == [255, 0]


def test_the_window_is_applied_as_the_standard_says():
    # PS3.3 C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255 between its ends
    found = read_image(dicom(RAMP, WindowCenter=2048, WindowWidth=1025)).rgb[..., 0].ravel()
    expected = np.clip(((np.arange(4096) - 2047.5) / 1024 + 0.5) * 255, 0, 255)
    assert np.array_equal(found, np.rint(expected))


def test_the_window_is_in_rescaled_units():
    shifted = dicom(RAMP, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=2 * 2047.5 - 1024 + 0.5,
                    WindowWidth=2049)
    plain = dicom(RAMP, WindowCenter=2048, WindowWidth=1025)
    assert np.array_equal(read_image(shifted).rgb, read_image(plain).rgb)


def test_dicom_colors_frames_sizes_and_pixel_spacing():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert read_image(dicom(red, "RGB", 8)).rgb[0, 0].tolist() == [200, 0, 0]
    assert reason(dicom(np.zeros((3, 8, 8), np.uint8), stored=8)) == "many_frames"
    assert reason(dicom(RAMP), limits=Limits(pixels=4095)) == "too_large"
    assert read_image(dicom(RAMP, PixelSpacing=[0.14, 0.14])).mm_per_px == pytest.approx(0.14)
    assert read_image(dicom(RAMP, PixelSpacing=[0.14, 0.28])).mm_per_px is None


def test_broken_dicom_raises_nothing_but_our_errors():
    data = dicom(RAMP)
    for length in range(132, len(data) - 1, 211):
        assert reason(data[:length]) in ("truncated", "damaged", "unsupported")
    assert reason(dicom(RAMP, BitsStored=77)) == "damaged"


def test_a_dicom_file_may_start_like_a_tiff():
    data = dicom(RAMP)
    assert read_image(b"II*\0" + data[4:]).mode == "MONOCHROME2"


def test_without_pydicom_the_line_says_what_to_install(monkeypatch):
    data = dicom(RAMP)
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(ImageError, match=r"pip install 'pellucid\[dicom\]'"):
        read_image(data)
