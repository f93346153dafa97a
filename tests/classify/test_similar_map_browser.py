"""The map of a table in a real browser: what the pointer, a finger and the keys show."""
from pathlib import Path
from typing import Any

import pytest
from made_table import made_table

from classify.similar.map import table_map
from classify.similar.map_page import write_map

pytestmark = pytest.mark.slow


def test_the_mark_under_the_pointer_is_told(browser: Any, tmp_path: Path) -> None:
    frame, info = made_table((8, 8), features=6, seed=3)
    write_map(tmp_path / "m.html", table_map(frame, info), info)
    page = browser.new_page(viewport={"width": 1300, "height": 1100}, has_touch=True)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((tmp_path / "m.html").as_uri())
    marks = page.locator("#plane use[data-mark]")
    assert marks.count() == len(frame)

    def place(number: int) -> tuple[float, float]:
        marks.nth(number).scroll_into_view_if_needed()
        box = marks.nth(number).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def path(number: int) -> str:
        return str(marks.nth(number).locator("title").text_content()).split(": ")[0]

    for number in range(0, len(frame), 3):
        page.mouse.move(*place(number))
        assert page.inner_text("#told").endswith(path(number))
    page.touchscreen.tap(*place(1))
    assert page.inner_text("#told").endswith(path(1))
    # A class that is switched off takes what was told of it along.
    kind = marks.nth(1).get_attribute("data-mark")
    page.uncheck(f".marks input[data-mark='{kind}']")
    assert page.is_hidden("#shown") and page.is_hidden("#here")
    page.focus("#plane")
    page.keyboard.press("ArrowRight")
    told = page.inner_text("#told")
    shown = [path(k) for k in range(len(frame)) if marks.nth(k).get_attribute("data-mark") != kind]
    assert any(told.endswith(name) for name in shown)
    assert not faults
