"""Names, speeds and gains in print: in fonts, sizes and spellings that machines use."""
import tracemalloc
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ecg.scale import Scale
from ecg.text import lead_names
from ecg.text.glyphs import find_components
from ecg.text.lead_names import read_words
from ecg.text.speed_and_gain import read_printed

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SANS, MONO, SERIF = "DejaVuSans.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif.ttf"
# Of no template.
ROMAN = "cmr10.ttf"


def print_of(text: str, font: str = SANS, px: int = 20, box: bool = False, quality: int = 0) -> np.ndarray:
    """Share of ink of a printed line, capitals about as high as told."""
    letters = ImageFont.truetype(str(FONTS / font), round(px / 0.72))
    canvas = Image.new("L", (int(letters.getlength(text)) + 80, 4 * px))
    draw = ImageDraw.Draw(canvas)
    draw.text((40, 2 * px + px // 2), text, font=letters, fill=255, anchor="ls")
    if box:
        left, top, right, bottom = draw.textbbox((40, 2 * px + px // 2), text, font=letters, anchor="ls")
        draw.rectangle((left - 6, top - 6, right + 6, bottom + 6), outline=255, width=2)
    ink = np.asarray(canvas)
    if quality:
        ink = cv2.imdecode(cv2.imencode(".jpg", ink, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    return ink.astype(np.float32) / np.float32(255)


def read(text: str, font: str = SANS, px: int = 20, quality: int = 0) -> list[tuple[float, str]]:
    """Value and leads of what is read, at 2.5 mm high letters."""
    components = find_components(print_of(text, font, px, quality=quality), Scale.square(px / 2.5))
    return [(p.value, p.leads) for p in read_printed(components)]


@pytest.mark.parametrize("font", [SANS, MONO, SERIF, ROMAN])
@pytest.mark.parametrize("px", [15, 20, 30])
def test_speed_and_gain_are_read_in_any_font(font: str, px: int) -> None:
    assert read("25mm/s   10mm/mV   150Hz", font, px) == [(25, ""), (10, "")]


@pytest.mark.parametrize(("text", "expected"), [
    ("Speed: 50 mm/sec  Limb: 10 mm/mV  Chest: 5 mm/mV  F 60~ 0.15-100 Hz", [(50, ""), (10, "limb"), (5, "chest")]),
    ("25.0 mm/s, 10,0 mm/mV", [(25, ""), (10, "")]), ("12.5 mm/s 2.5 mm/mV", [(12.5, ""), (2.5, "")]),
    ("10/5 mm/mV", [(10, "limb"), (5, "chest")]), ("25MM/SEC 20MM/MV", [(25, ""), (20, "")])])
def test_spellings_of_speed_and_gain(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected
    assert sorted(read(text, MONO, 16, quality=60)) == sorted(expected)


@pytest.mark.parametrize("font", [SANS, MONO])
@pytest.mark.parametrize("text", ["150 mm/s 100 mm/mV", "1.25 mm/s 0.5 mm/mV", "26 mm/s 16 mm/mV", "29mm/s 18mm/mV",
                                  "120/80 mmHg 25 mm 10 mV", "25 ms/mm", "0.05-25 Hz", "75 mm/s 15 mm/mV"])
def test_what_is_no_usual_speed_or_gain_is_not_read_as_one(text: str, font: str) -> None:
    assert read(text, font) == []


@pytest.mark.parametrize("font", [SANS, MONO, SERIF, ROMAN])
@pytest.mark.parametrize("name", ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6", "-aVR"])
def test_names_are_read(name: str, font: str) -> None:
    assert [word.text for word in read_words(find_components(print_of(name, font), Scale.square(7.874)))] == [name]


@pytest.mark.parametrize(("text", "name"), [("AVR", "aVR"), ("AVL", "aVL"), ("V4:", "V4"), ("Lead II", "II"),
                                            ("LEAD I", "I"), ("LEAD III", "III"), ("V2 (x1)", "V2")])
def test_names_are_read_as_they_are_spelled_elsewhere(text: str, name: str) -> None:
    assert [word.text for word in read_words(find_components(print_of(text), Scale.square(7.874)))] == [name]
    assert [word.text for word in read_words(find_components(print_of(text, MONO), Scale.square(7.874)))] == [name]


@pytest.mark.parametrize("name", ["I", "III", "aVF", "V3"])
def test_a_box_around_a_name_is_no_letter(name: str) -> None:
    assert [word.text for word in read_words(find_components(print_of(name, box=True), Scale.square(7.874)))] == [name]


@pytest.mark.slow
def test_thousands_of_crumbs_do_not_fill_the_memory() -> None:
    left, top = (at.ravel() for at in np.meshgrid(np.arange(3, 2000, 8), np.arange(0, 1480, 16)))
    tracemalloc.start()
    rows = lead_names._groups(np.stack([left, top, left + 1, top + 12], axis=1).astype(np.int32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) == len(left)  # too far apart for one word
    assert peak < 100e6  # all pairs of them are half a thousand million


def test_what_a_trace_has_left_of_a_name_is_no_name() -> None:
    ink = print_of("II", px=24)
    left = int(np.flatnonzero(ink.any(axis=0))[0])
    cv2.line(ink, (left + 1, 5), (left + 1, 90), 1.0, 2)
    assert read_words(find_components(ink, Scale.square(9.4))) == []


@pytest.mark.parametrize("away", range(3, 13))
def test_a_colon_is_no_decimal_point_wherever_it_stands(away: int) -> None:
    parts = [print_of(text, px=20) for text in ("Limb", "5 mm/mV")]
    name, number = (part[:, slice(*np.flatnonzero(part.any(axis=0))[[0, -1]])] for part in parts)
    ink = np.pad(np.hstack([name, np.zeros((len(name), 18), np.float32), number]), ((0, 0), (20, 20)))
    end = 20 + name.shape[1] + 18 - away
    # The lower point is wider by a pixel, as a scan may have it.
    ink[47:50, end - 3:end + 1] = ink[39:42, end - 3:end] = 1
    assert [p.value for p in read_printed(find_components(ink, Scale.square(8.0)))] == [5]
