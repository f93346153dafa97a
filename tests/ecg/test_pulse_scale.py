"""Calibration pulses that contradict the grid mend the scale; gain and speed as a person gives them."""
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import cli
from ecg.digitize import _by_pulses, digitize, trace
from ecg.layout.find import find_layout
from ecg.layout.model import GivenScale, Layout
from ecg.layout.pulse_scale import scale_of_pulses
from ecg.page.read import Page, read_page
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats

PX_PER_MM = 6.0


def png(style: Style) -> bytes:
    rgb, _ = draw_page(heartbeats(3), style)
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def misread() -> tuple[Page, Layout]:
    """A page whose grid was read .81 times as wide as it is: 6.37 for 7.87 px a mm, as on a photograph."""
    page = read_page(png(Style(layout="3x1", px_per_mm=PX_PER_MM)))
    page = replace(page, px_per_mm=Scale(0.81 * PX_PER_MM, 0.81 * PX_PER_MM))
    return page, find_layout(page)


def test_pulses_of_several_rows_mend_the_scale(misread: tuple[Page, Layout]) -> None:
    page, plan = _by_pulses(*misread, "auto", GivenScale())
    assert (page.px_per_mm.x, page.px_per_mm.y) == pytest.approx((PX_PER_MM, PX_PER_MM), rel=0.03)
    assert plan.scale_mended and any("px a mm is taken" in line for line in plan.warnings)
    found = trace(page, plan, 500)
    assert "scale" in found.review
    assert np.nanmax(np.abs(found.signals.mv[1])) > 0


def test_pulses_that_disagree_or_stand_in_one_row_leave_the_grid(misread: tuple[Page, Layout]) -> None:
    _, plan = misread
    first, *others = plan.pulses
    assert scale_of_pulses(replace(plan, pulses=[first])) is None
    assert scale_of_pulses(replace(plan, pulses=[replace(first, top=first.top - 6), *others])) is None
    narrow = [replace(pulse, right=pulse.left + (pulse.right - pulse.left) / 2) for pulse in plan.pulses]
    assert scale_of_pulses(replace(plan, pulses=narrow)) is None


def test_a_right_grid_stands() -> None:
    page = read_page(png(Style(layout="3x1", px_per_mm=PX_PER_MM)))
    assert scale_of_pulses(find_layout(page)) is None


def test_given_gain_and_speed_are_taken() -> None:
    content = png(Style(layout="1x1", px_per_mm=PX_PER_MM, mm_per_mv=8, mm_per_s=30, pulse="none", words=False))
    found = digitize(content, given=GivenScale(8, 30))
    assert (found.layout.mm_per_mv, found.layout.chest_mm_per_mv, found.layout.mm_per_s) == (8, None, 30)
    read = digitize(content)
    lead = np.flatnonzero(np.isfinite(read.signals.mv).any(axis=1))[0]
    assert np.nanmax(found.signals.mv[lead]) == pytest.approx(10 / 8 * np.nanmax(read.signals.mv[lead]), rel=0.02)
    assert not any("assumed" in line for line in found.warnings)


@pytest.mark.parametrize(("option", "value"), [("--gain", "0"), ("--gain", "1000"), ("--speed", "-25")])
def test_gains_and_speeds_that_no_machine_has_are_refused(option: str, value: str, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pellucid", "ecg", str(tmp_path), "-o", str(tmp_path / "out"), option, value])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert f"{option} {value} was given" in " ".join(capsys.readouterr().err.split())
