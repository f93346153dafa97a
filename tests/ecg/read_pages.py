"""Drawn pages that were read, remembered for the session."""
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import pandas as pd

from ecg.digitize import Digitized, digitize
from ecg.layout.model import GivenScale
from ecg.page.read import Page, flatten
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.trace.corrections import Point


@dataclass(frozen=True)
class ReadPage:
    """A drawn page, the signals that were drawn, and what was read."""

    rgb: np.ndarray
    truth: pd.DataFrame
    found: Digitized


@dataclass(frozen=True)
class FlatPage:
    """A drawn page, and the page without what a camera or scanner did to it."""

    rgb: np.ndarray
    page: Page


# A result holds its page, some 30 MB: few are kept.
@lru_cache(maxsize=8)
def digitize_once(source: bytes, *, fs_hz: float = 500.0, layout: str = "auto", points: tuple[Point, ...] = (),
                  given: GivenScale = GivenScale(), corners: tuple[tuple[float, float], ...] = (),
                  number: int | None = None) -> Digitized:
    """`digitize`, called once a session for the same page: it gives the same bits, as test_digitize.py tests."""
    return digitize(source, fs_hz=fs_hz, layout=layout, points=points, given=given, corners=corners, number=number)


def draw_and_read(style: Style) -> ReadPage:
    """A page of the first heart; its picture cannot be changed."""
    rgb, truth = draw_page(heartbeats(0), style)
    rgb.flags.writeable = False
    return ReadPage(rgb, truth, digitize_once(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()))


def draw_and_flatten() -> FlatPage:
    """A page to which nothing happened; its picture cannot be changed."""
    rgb, _ = draw_page(heartbeats(2))
    rgb.flags.writeable = False
    return FlatPage(rgb, flatten(rgb))
