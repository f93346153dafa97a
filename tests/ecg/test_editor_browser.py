"""The editor in a real browser: a person drags, pins, cuts, names and sets corners; what it saves is read again."""
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.job import DigitizeSettings
from ecg.layout.model import GivenScale
from ecg.run import digitize_pages
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import page_ratio
from ecg.trace.corrections import Point, read_points
from featurize.errors import UserError

pytestmark = pytest.mark.slow
PAGE = "a page, 1.png"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor") / "pages"
    folder.mkdir()
    rgb, _ = draw_page(heartbeats(seed=3), Style(px_per_mm=5))
    (folder / PAGE).write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    digitize_pages([folder], folder.parent / "out", DigitizeSettings(), jobs=1)
    return folder


class Editor:
    """The editor of a run, with places in px of the picture that it shows."""

    def __init__(self, browser: Any, out: Path) -> None:
        self.page = browser.new_page(viewport={"width": 1300, "height": 900})
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto((out / "editor.html").as_uri())
        self.page.wait_for_selector("#drawing image")

    def use(self, tool: str, lead: str = "") -> None:
        if lead:
            self.page.select_option("#lead", lead)
        self.page.click(f"[data-tool={tool}]")
        self.page.wait_for_timeout(200)

    def at(self, x: float, y: float) -> tuple[float, float]:
        there = self.page.evaluate("([x, y]) => { const p = new DOMPoint(x, y).matrixTransform(document.getElementById"
                                   "('drawing').getScreenCTM()); return [p.x, p.y]; }", [x, y])
        return float(there[0]), float(there[1])

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=3)
        self.page.mouse.up()

    def save(self, button: str, path: Path) -> Path:
        with self.page.expect_download() as download:
            self.page.click(button)
        download.value.save_as(path)
        return path


def near(found: Point, lead: str, x: float, y: float, action: str) -> bool:
    return (found.lead, found.action) == (lead, action) and np.hypot(found.x - x, found.y - y) < 3


def test_what_a_person_places_is_saved_and_read(browser: Any, pages: Path, tmp_path: Path) -> None:
    editor = Editor(browser, pages.parent / "out")
    editor.use("pin", "V2")
    editor.click(700, 300)
    editor.drag((700, 300), (740, 330))
    editor.use("cut", "II")
    editor.click(200, 400)
    editor.click(260, 400)
    # A cut is a dashed line: it must be taken between its dashes too.
    for y in range(400, 412, 3):
        editor.drag((260, y), (261, y))
    editor.drag((264, 410), (300, 400))
    editor.use("rename", "aVR")
    editor.click(400, 250)
    points = read_points(editor.save("#save", tmp_path / "c.csv"))[PAGE].points
    wanted = [("V2", 740, 330, "pin"), ("II", 200, 0, "cut"), ("II", 300, 0, "cut"), ("aVR", 400, 250, "rename")]
    assert len(points) == 4 and all(near(point, *place) for point, place in zip(points, wanted)), points
    assert not editor.faults


def test_corners_gain_speed_and_grid_are_saved(browser: Any, pages: Path, tmp_path: Path) -> None:
    editor = Editor(browser, pages.parent / "out")
    editor.use("corner")
    places = [(10, 10), (900, 12), (905, 700), (8, 690)]
    for place in places:
        editor.click(*place)
    # A sheet has four: a fifth is not taken.
    editor.click(500, 500)
    editor.page.fill("#gain", "5")
    editor.page.fill("#speed", "50")
    assert editor.page.inner_text("#command").endswith(" --points corrections.csv")
    saved = read_points(editor.save("#save", tmp_path / "k.csv"))[PAGE]
    np.testing.assert_allclose(saved.corners, places, atol=3)
    assert saved.given == GivenScale(5, 50)
    assert not editor.faults


def test_grid_lines_are_dragged_and_typed(browser: Any, pages: Path, tmp_path: Path) -> None:
    editor = Editor(browser, pages.parent / "out")
    editor.use("grid")
    wide, high = (float(side) for side in editor.page.get_attribute("#drawing", "viewBox").split()[2:])
    # As read, 6 px a mm: lines 50 mm apart. The second upright line goes 50 px farther, the first level one down by 25.
    editor.drag((wide / 3 + 300, 50), (wide / 3 + 350, 50))
    editor.drag((30, high / 3), (30, high / 3 + 25))
    given = read_points(editor.save("#save", tmp_path / "g.csv"))[PAGE].given
    assert given.px_per_mm is not None
    assert (given.px_per_mm.x, given.px_per_mm.y) == pytest.approx((7, 5.5), abs=0.06)
    editor.page.fill("#grid-x", "")
    editor.page.fill("#grid-y", "4.5")
    given = read_points(editor.save("#save", tmp_path / "t.csv"))[PAGE].given
    assert given.px_per_mm == Scale(pytest.approx(6, abs=0.01), 4.5)
    assert not editor.faults


def test_a_page_without_grid_is_read_in_the_scale_that_a_person_sets(browser: Any, tmp_path: Path) -> None:
    rgb, truth = draw_page(heartbeats(seed=3), Style(layout="3x1", px_per_mm=6, major=(255,) * 3, minor=(255,) * 3))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / PAGE).write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    with pytest.raises(UserError, match="not one of 1 pages"):
        digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
    editor = Editor(browser, tmp_path / "out")
    assert "Not read: no regular grid was found" in editor.page.inner_text("#read")
    editor.page.fill("#grid-x", "6")
    saved = editor.save("#save", tmp_path / "c.csv")
    digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1, points=saved)
    found = pd.read_csv(tmp_path / "out/a page, 1.csv")
    assert 10 * np.log10(page_ratio(pd.DataFrame(truth), found, 500)) > 20
    again = Editor(browser, tmp_path / "out")
    assert again.page.input_value("#grid-x") == again.page.input_value("#grid-y") == "6"
    assert not editor.faults + again.faults


def test_a_redone_page_shows_before_and_after(browser: Any, pages: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(pages.parent / "out", out)
    first = (out / "a page, 1.overlay.png").read_bytes()
    editor = Editor(browser, out)
    assert editor.page.is_disabled("#before")
    editor.use("cut", "II")
    editor.click(200, 400)
    editor.click(300, 400)
    editor.page.fill("#gain", "20")
    saved = editor.save("#save", tmp_path / "c.csv")
    digitize_pages([pages], out, DigitizeSettings(), jobs=1, points=saved)
    assert (out / "a page, 1.before.png").read_bytes() == first != (out / "a page, 1.overlay.png").read_bytes()
    assert json.loads((out / "a page, 1.json").read_text(encoding="utf-8"))["mm_per_mv"] == 20
    text = (out / "report.html").read_text(encoding="utf-8")
    assert f"{PAGE}: before the corrections" in text and f"{PAGE}: after the corrections" in text
    again = Editor(browser, out)
    again.page.check("#before")
    again.page.wait_for_selector("#drawing image[href*=before]")
    assert "2 corrections on 1 pages" in again.page.inner_text("#count")
    digitize_pages([pages], out, DigitizeSettings(), jobs=1)
    assert not (out / "a page, 1.before.png").exists()
    assert not editor.faults + again.faults
