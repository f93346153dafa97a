"""What all pages share: numbers as text, charts, pictures with outlines, tables."""
import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featurize.index.build import Source
from featurize.report.charts import COLORS, INK, canvas, in_two_lines, shorten, svg_uri
from featurize.report.numbers import count, interval, number, ordinal, percent, score, signed, size, whole
from featurize.report.page import by_weight, cell, render, table, warning
from featurize.report.pictures import Album, Edge, outline, show, thumbnail


@pytest.mark.parametrize(("value", "text"), [
    (.9531, ".953"), (0, "0"), (1, "1.00"), (.9996, ".9996"), (.99999, "> .9999"), (.0073, ".0073"), (1e-9, "< .0001"),
    (-.25, "−.250"), (1.318, "1.32"), (None, "–"), (float("nan"), "–")])
def test_scores_have_three_digits_and_never_claim_a_one_that_is_none(value: float | None, text: str) -> None:
    assert score(value) == text


@pytest.mark.parametrize(("value", "text"), [
    (1200, "1,200"), (1234.5, "1,234"), (12.345, "12.3"), (.0456, "0.0456"), (0, "0"), (-3.14159, "−3.14"),
    (.0999999, "0.100"), (999.7, "1,000"), (4.58e-10, "4.58·10⁻¹⁰"), (None, "–")])
def test_measurements_have_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_shares_are_0_or_100_per_cent_only_when_they_are() -> None:
    shown = [percent(s).replace("\u00a0", " ") for s in (0, .0001, .0734, .9999, 1)]
    assert shown == ["0 %", "< 0.1 %", "7.3 %", "> 99.9 %", "100 %"] and whole(.975) == "97.5\u00a0%"


def test_an_interval_stands_in_brackets_and_is_left_out_where_unknown() -> None:
    assert interval(.953, .941, .964) == ".953 (.941–.964)" and interval(.953, None, None) == ".953"


def test_words_around_numbers() -> None:
    assert count(1, "image") == "1 image" and count(1200, "class", "classes") == "1,200 classes"
    assert signed(.5) == "+0.50" and signed(-2) == "−2.00" and size(4.2e6) == "4.2 MB"


def test_a_percentile_of_0_or_100_lies_outside_all() -> None:
    assert [ordinal(n) for n in (0, 1, 2, 3, 11, 22, 93, 100)] == [
        "below all", "1st", "2nd", "3rd", "11th", "22nd", "93rd", "above all"]


def test_serious_warnings_come_first_and_an_unknown_level_is_refused() -> None:
    found = by_weight([warning("note", "a"), warning("serious", "b"), warning("caution", "c")])
    assert [w["text"] for w in found] == ["b", "c", "a"]
    with pytest.raises(ValueError, match="grave"):
        warning("grave", "d")


def test_columns_of_numbers_stand_right_with_their_head() -> None:
    made = table(["name", "n"], [["a", cell("3", key=3)]])
    assert [h["right"] for h in made["head"]] == [False, True] and made["full"] is False


def svg_of(uri: str) -> str:
    return base64.b64decode(uri.split(",", 1)[1]).decode()


def test_a_chart_knows_both_color_modes_and_keeps_none_of_the_light_colors() -> None:
    with canvas(2, 2) as (figure, (axes,)):
        axes.plot([0, 1], [0, 1], color=INK)
        axes.set_title("ink")
        svg = svg_of(svg_uri(figure))
    body = svg.split("</style>", 1)[1]
    assert "prefers-color-scheme:dark" in svg and "var(--ink)" in body
    assert not [light for light, _ in COLORS.values() if light in body]


def test_the_same_chart_is_the_same_bytes() -> None:
    made = []
    for _ in range(2):
        with canvas(2, 2) as (figure, (axes,)):
            axes.bar([0, 1], [1, 2])
            made.append(svg_uri(figure))
    assert made[0] == made[1]


def test_every_color_is_a_different_one() -> None:
    assert len({light for light, _ in COLORS.values()}) == len(COLORS)


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    assert shorten("short") == "short"
    text = shorten("nucleus morphology fourier descriptor 12", 20)
    assert len(text) == 20 and text.startswith("nucleus") and text.endswith("r 12")


def test_a_name_of_two_lines_keeps_all_of_it() -> None:
    start = "color from the rim to the middle of the cell · ring"
    end = "from the rim, standard deviation of green to red"
    names = [f"{start} {ring} {end}" for ring in range(1, 6)]
    assert [in_two_lines(name).replace("\n", " ") for name in names] == names
    assert all(in_two_lines(name).count("\n") == 1 for name in names) and in_two_lines(start) == start


def test_a_name_without_spaces_is_shortened() -> None:
    assert all(len(line) <= 64 for line in in_two_lines(200 * "x").split("\n"))


def corners(path: str) -> set[tuple[float, float]]:
    return {(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)}


def test_the_outline_of_a_square_runs_along_its_border_pixels() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    # Centres of the border pixels, 5.5 and 14.5, on a picture enlarged by two.
    assert corners(outline(Edge("x", mask, 0, 0, 20, 20), 2)) == {(11, 11), (11, 29), (29, 11), (29, 29)}


def test_an_outline_lies_where_the_crop_was() -> None:
    mask = np.zeros((10, 10), bool)
    mask[2:8, 2:8] = True
    # The crop of 20 x 20 px at (30, 40) was scaled to 10 x 10: centres 2.5 and 7.5 become 35 and 45 across.
    assert corners(outline(Edge("x", mask, 30, 40, 20, 20), 1)) == {(35, 45), (35, 55), (45, 45), (45, 55)}


def test_an_empty_region_has_no_outline() -> None:
    assert outline(Edge("x", np.zeros((5, 5), bool), 0, 0, 5, 5), 1) == ""


def test_a_small_picture_is_enlarged_by_whole_pixels_and_a_large_one_shrunk() -> None:
    assert (thumbnail(np.zeros((28, 20, 3), np.uint8), 170)["width"],
            thumbnail(np.zeros((900, 600, 3), np.uint8), 170)["height"]) == (120, 170)


def test_a_picture_that_is_gone_leaves_a_sentence(tmp_path: Path) -> None:
    album = Album((Source("", tmp_path, "folder"),), None, None)
    shown = show(album, None, "gone.png", caption="cat")
    assert shown["uri"] is None and "gone.png" in shown["missing"] and shown["caption"] == "cat"
    Image.new("RGB", (9, 9)).save(tmp_path / "here.png")
    assert show(album, None, "here.png")["uri"].startswith("data:image/jpeg")


def test_a_picture_of_an_unknown_source_leaves_a_sentence(tmp_path: Path) -> None:
    album = Album((Source("a", tmp_path, "folder"), Source("b", tmp_path, "folder")), None, None)
    assert "no source is called" in show(album, "c", "x.png")["missing"]


@pytest.mark.parametrize(("columns", "wide"), [(8, False), (9, True)])
def test_tables_of_many_columns_are_set_small_so_that_they_fit(columns: int, wide: bool, tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text('{% import "parts.html.j2" as parts %}{{ parts.table(t) }}')
    page = render("t.j2", {"t": table([f"c{n}" for n in range(columns)], [[f"{n}" for n in range(columns)]])}, tmp_path)
    assert (' wide"' in page) == wide


@pytest.mark.parametrize(("columns", "below"), [(4, False), (5, True)])
def test_many_columns_with_intervals_have_them_below_their_values(columns: int, below: bool) -> None:
    made = table(["Name", *map(str, range(columns))], [["a", *[cell(".5 (.4–.6)", key=.5)] * columns]])
    assert made["rows"][0][1]["text"] == (".5\n(.4–.6)" if below else ".5 (.4–.6)")
