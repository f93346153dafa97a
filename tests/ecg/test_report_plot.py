"""Charts written as SVG: where things are drawn."""
import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from ecg.report.plot import Panel, chart, limits, ticks

PANEL = Panel(10, 20, 200, 100, (0, 10), (-1, 1))


def test_values_lie_where_the_axes_say() -> None:
    assert PANEL.across(5.0) == 110 and PANEL.down(-1.0) == 120 and PANEL.down(0.5) == 45
    drawn = PANEL.axes((0, 5), (0,))
    assert 'x="110.0"' in drawn and "M10.0 70.0H210.0" in drawn
    assert 'cx="110.0" cy="45.0"' in PANEL.dots(np.array([5.0, 6.0]), np.array([0.5, np.nan]), "blue")
    assert PANEL.dots(np.array([6.0]), np.array([np.nan]), "blue") == ""


def test_a_line_goes_through_its_points_and_breaks_where_one_is_unknown() -> None:
    x, y = np.arange(11.0), np.sin(np.arange(11.0))
    y[4] = np.nan
    paths = re.findall(r"M(-?\d+) (-?\d+)l([-\d ]+)", PANEL.line(x, y, 1.0))
    assert len(paths) == 2
    points = [np.cumsum([[int(a), int(b)], *np.array(steps.split(), int).reshape(-1, 2)], axis=0)
              for a, b, steps in paths]
    wanted = 10 * np.c_[PANEL.across(x), PANEL.down(y)]
    assert np.abs(points[0] - wanted[:4]).max() <= 0.5 and np.abs(points[1] - wanted[5:]).max() <= 0.5


def test_a_span_stays_inside_its_panel() -> None:
    assert 'x="10.0"' in PANEL.span(-5, 5, "blue") and 'width="100.0"' in PANEL.span(-5, 5, "blue")
    assert 'width="0.0"' in PANEL.span(11, 12, "blue")


@pytest.mark.parametrize(("low", "high", "wanted"), [
    (-1.2, 2.3, [-1, 0, 1, 2]), (-0.31, 0.42, [-0.2, 0, 0.2, 0.4]), (0, 5000, [0, 1000, 2000, 3000, 4000, 5000]),
    (1.0, 1.0, [1.0])])
def test_ticks_are_round(low: float, high: float, wanted: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(wanted)


def test_limits_hold_all_that_is_known() -> None:
    assert limits([], -0.5, 1) == (-0.5, 1) == limits([np.full(3, np.nan)], -0.5, 1)
    low, high = limits([np.array([-2.0, np.nan]), np.array([2.0])], -0.5, 1)
    assert (low, high) == pytest.approx((-2.2, 2.2))


def test_a_chart_is_an_image_that_follows_light_and_dark_mode() -> None:
    made = chart(300, 200, [PANEL.axes((0, 5, 10), (-1, 0, 1)), PANEL.name("aVR", 0, 11), PANEL.rule(2.5)])
    svg = base64.b64decode(made.split(",", 1)[1]).decode()
    assert ElementTree.fromstring(svg).get("viewBox") == "0 0 300 200"
    assert "prefers-color-scheme:dark" in svg and "#" not in svg.split("</style>", 1)[1] and "aVR" in svg
