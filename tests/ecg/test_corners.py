"""The paper between corners that a person gave."""
from pathlib import Path

import cv2
import numpy as np
import pytest

from ecg.job import DigitizeSettings, PageJob, key_of
from ecg.page.corners import WrongCorners, between_corners, read_corners
from ecg.page.read import read_page
from ecg.run import digitize_pages
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from featurize.errors import UserError

# Corners of the sheet in the photograph below, clockwise from the upper left, px.
CORNERS = ((90.0, 70.0), (820.0, 110.0), (790.0, 520.0), (60.0, 480.0))


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return draw_page(heartbeats(3), Style(layout="1x1", px_per_mm=5))[0]


@pytest.fixture(scope="module")
def photo(drawn: np.ndarray) -> np.ndarray:
    """The page on a dark table."""
    height, width = drawn.shape[:2]
    sheet = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    place = cv2.getPerspectiveTransform(sheet, np.array(CORNERS, np.float32))
    return cv2.warpPerspective(drawn, place, (900, 600), borderValue=(60, 50, 40))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_the_sheet_between_corners_is_seen_from_above(photo: np.ndarray, order: tuple[int, ...]) -> None:
    sheet, to_file = between_corners(photo, [CORNERS[k] for k in order])
    height, width = sheet.shape[:2]
    assert (width, height) == pytest.approx((731, 412), abs=2)
    ends = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]], float) @ to_file.T
    assert np.abs(ends[:, :2] / ends[:, 2:] - CORNERS).max() < 0.01
    assert (sheet[5:-5, 5:-5].min(axis=2) > 200).mean() > 0.5


def test_a_page_with_corners_leads_back_to_the_file(drawn: np.ndarray) -> None:
    framed = cv2.copyMakeBorder(drawn, 40, 50, 60, 30, cv2.BORDER_CONSTANT, value=(60, 50, 40))
    height, width = drawn.shape[:2]
    corners = ((60, 40), (60 + width - 1, 40), (60 + width - 1, 40 + height - 1), (60, 40 + height - 1))
    content = cv2.imencode(".png", framed[..., ::-1])[1].tobytes()
    page = read_page(content, corners)
    alone = read_page(cv2.imencode(".png", drawn[..., ::-1])[1].tobytes())
    assert (page.px_per_mm.x, page.px_per_mm.y) == pytest.approx((alone.px_per_mm.x, alone.px_per_mm.y), rel=0.01)
    assert page.ink.shape == alone.ink.shape
    moved = np.array([[1, 0, 60], [0, 1, 40], [0, 0, 1]]) @ alone.to_source.after
    assert np.abs(page.to_source.after / page.to_source.after[2, 2] - moved / moved[2, 2]).max() < 0.5


@pytest.mark.parametrize(("corners", "words"), [
    (((0, 0), (100, 0), (100, 100), (5000, 100)), "do not lie around a sheet"),
    (((10, 10), (800, 10), (400, 60), (400, 500)), "do not lie around a sheet"),
    (((0, 0), (50, 0), (50, 50), (0, 50)), "at least 100 a side")])
def test_corners_that_are_none_are_refused(photo: np.ndarray, corners: tuple[tuple[float, float], ...],
                                           words: str) -> None:
    with pytest.raises(WrongCorners, match=words):
        between_corners(photo, corners)


@pytest.mark.parametrize(("text", "words"), [
    ("page,x\na.png,1\n", "lacks y"), ("page,x,y\na.png,1,2\n", "has 1 corners of a.png"),
    ("page,x,y\na.png,1,b\n", "line 2: x and y are no pixels")])
def test_a_wrong_file_of_corners_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        read_corners(tmp_path / "c.csv")


def test_corners_of_no_page_are_refused_and_corners_make_another_result(tmp_path: Path, photo: np.ndarray) -> None:
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", photo)[1].tobytes())
    (tmp_path / "c.csv").write_text("page,x,y\n" + "".join(f"b.png,{x},{y}\n" for x, y in CORNERS))
    with pytest.raises(UserError, match="corners of b.png, which is no page of this run: .* such as a.png"):
        digitize_pages([tmp_path / "a.png"], tmp_path / "out", DigitizeSettings(), jobs=1, corners=tmp_path / "c.csv")
    job, settings = PageJob(tmp_path / "a.png", "a.png", "a"), DigitizeSettings()
    assert key_of(b"", job, settings) != key_of(b"", PageJob(job.file, job.path, job.stem, (), CORNERS), settings)
