"""The page on which a person corrects: it holds what was given, links to overlays only, and its file is read."""
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from read_pages import ReadPage
from test_result import PAGE

from ecg.layout.model import Cell, GivenScale, Layout
from ecg.output_folder import _BEGINNINGS, EDITOR, claim
from ecg.report.editor import GivenByPerson, write_editor
from ecg.result import FailedFile, FinishedFile
from ecg.scale import Scale
from ecg.trace.corrections import PageCorrections, Point, read_points, with_leads_renamed
from featurize.errors import UserError

CORNERS = ((1.0, 2.0), (90.0, 2.5), (91.0, 80.0), (1.0, 79.0))
GIVEN = {"</script>,.png": [{"lead": "V2", "x": 3.0, "y": 4.5, "action": "pin"}]}


def written(tmp_path: Path) -> str:
    files = [FinishedFile("a b.png", "a b", PAGE), FinishedFile("r.csv", "r", replace(PAGE, px_per_mm=None))]
    (tmp_path / "a b.before.png").touch()
    write_editor(files, [FailedFile("c.png", "c", "no grid", "no_grid")], GivenByPerson(GIVEN, 5.0),
                 {name: tmp_path / "in" / name for name in ("a b.png", "c.png")}, tmp_path / EDITOR)
    return (tmp_path / EDITOR).read_text(encoding="utf-8")


def data(text: str, name: str) -> object:
    begin = text.index(f"{name} = [") + len(f"{name} = ")
    return json.JSONDecoder().raw_decode(text, begin)[0]


def test_pages_and_earlier_corrections_stand_in_it(tmp_path: Path) -> None:
    text = written(tmp_path)
    assert data(text, "pages") == [
        {"path": "a b.png", "overlay": "a%20b.overlay.png", "file": "in/a%20b.png", "before": "a%20b.before.png",
         "gain": "10", "speed": "25", "px_per_mm": [PAGE.px_per_mm.x, PAGE.px_per_mm.y], "error": ""},
        {"path": "c.png", "overlay": "", "file": "in/c.png", "before": "", "gain": "", "speed": "", "px_per_mm": None,
         "error": "no grid"}]
    assert data(text, "rows") == [{"page": "</script>,.png", "lead": "V2", "x": 3.0, "y": 4.5, "action": "pin"}]
    assert text.count("</script>") == 1


def test_it_is_ours_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = written(tmp_path)
    assert text.encode().startswith(_BEGINNINGS[EDITOR])
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"] * 2


def test_without_pages_there_is_no_editor(tmp_path: Path) -> None:
    written(tmp_path)
    write_editor([], [], GivenByPerson({}), {}, tmp_path / EDITOR)
    assert not (tmp_path / EDITOR).exists()


def test_a_users_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / EDITOR).write_text("<html>mine</html>")
    with pytest.raises(UserError, match="was not written by `ecg`"):
        claim(tmp_path, [], {})


def test_the_file_it_saves_is_read(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text('page,lead,x,y,action\n"a,b.png",V2,3.5,4.5,pin\n"a,b.png",V2,9,0.1,cut\n'
                                    'c.png,aVR,1,2,rename\nc.png,,5,0,gain\nc.png,,50,,speed\nc.png,,8,7.5,grid\n'
                                    + "".join(f"d.png,,{x},{y},corner\n" for x, y in CORNERS))
    found = read_points(tmp_path / "c.csv")
    assert found == {
        "a,b.png": PageCorrections((Point("V2", 3.5, 4.5, "pin"), Point("V2", 9.0, 0.0, "cut"))),
        "c.png": PageCorrections((Point("aVR", 1.0, 2.0, "rename"),), (), GivenScale(5, 50, Scale(8, 7.5))),
        "d.png": PageCorrections((), CORNERS)}
    assert found["c.png"].rows()[1:] == [
        {"lead": "", "x": 5.0, "y": 0.0, "action": "gain"}, {"lead": "", "x": 50.0, "y": 0.0, "action": "speed"},
        {"lead": "", "x": 8.0, "y": 7.5, "action": "grid"}]


@pytest.mark.parametrize(("rows", "words"), [
    ("a,V1,1,2,gain", "or no lead and corner, gain, speed, grid"), ("a,,1,2,pin", "lead '' and action 'pin'"),
    ("a,,0.1,,gain", "gain 0.1 was given, 1 to 100 mm/mV was wanted"), ("a,,25,,speed\na,,50,,speed", "given 2 times"),
    ("a,,8,,grid", "px a mm were wanted"), ("a,,8,400,grid", "grid 400 was given"),
    ("a,,1,2,corner", "1 corners were given, 4 were wanted")])
def test_wrong_values_of_a_page_are_told(rows: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(f"page,lead,x,y,action\n{rows}\n")
    with pytest.raises(UserError, match=words):
        read_points(tmp_path / "c.csv")


def test_a_name_goes_to_the_cell_where_it_was_placed(three_leads_page: ReadPage) -> None:
    layout: Layout = three_leads_page.found.layout
    second: Cell = layout.cells[1]
    place = Point("V5", (second.start + second.end) / 2, layout.rows[second.row].base + 3, "rename")
    leads = [cell.lead for cell in with_leads_renamed(layout, [place]).cells]
    assert leads == ["V5" if k == 1 else cell.lead for k, cell in enumerate(layout.cells)]
    outside = replace(place, x=-5.0)
    assert with_leads_renamed(layout, [outside, replace(place, action="pin")]).cells == list(layout.cells)
