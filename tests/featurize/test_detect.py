"""`detect`: made fields with known boxes, and what a run leaves in its folder."""
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from make_detect_golden import GOLDEN, SEEDS, of_field
from PIL import Image

from featurize.arrays import Float64Array, UInt8Array
from featurize.detect import job as job_module
from featurize.detect.field import detect
from featurize.detect.job import CellFacts, FieldFacts, FieldJob, FinishedField
from featurize.detect.page import write_detect_page
from featurize.detect.result import KINDS, PLATELET, RED, WHITE, Field
from featurize.detect.run import detect_fields
from featurize.detect.score import overlaps, without_doubles
from featurize.detect.stain import light_density
from featurize.detect.summary import diameters, white_by_size
from featurize.errors import UserError
from featurize.runtime.lock import held_folder
from featurize.simulate.fields import FIELD, DrawnField, draw_field


@pytest.fixture(scope="module")
def drawn() -> DrawnField:
    return draw_field(0)


@pytest.fixture(scope="module")
def found(drawn: DrawnField) -> Field:
    return detect(drawn.rgb)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory, drawn: DrawnField) -> Path:
    """Two fields and a file that is none."""
    folder = tmp_path_factory.mktemp("fields")
    Image.fromarray(drawn.rgb).save(folder / "a.png")
    (folder / "sub").mkdir()
    Image.fromarray(np.ascontiguousarray(drawn.rgb[:, ::-1])).save(folder / "sub" / "b.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory, fields: Path) -> Path:
    out = tmp_path_factory.mktemp("run") / "cells"
    detect_fields([fields], out, jobs=1)
    return out


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts take longer than the rest of a run on one field; the page has tests of its own."""
    monkeypatch.setattr("featurize.detect.page.write_detect_page", lambda *_: None)


def _boxes(field: Field, kind: str) -> Float64Array:
    return np.array([one.box for one in field.found if one.kind == kind], float).reshape(-1, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_drawn_cell_is_found_and_nothing_else(drawn: DrawnField, found: Field, kind: str) -> None:
    boxes = _boxes(found, kind)
    assert len(boxes) == len(drawn.boxes[kind])
    least = .4 if kind == PLATELET else .85
    assert all(overlaps(np.array(box), boxes).max() > least for box in drawn.boxes[kind])


def test_touching_red_cells_are_two(drawn: DrawnField, found: Field) -> None:
    true, boxes = np.array(drawn.boxes[RED]), _boxes(found, RED)
    touching = [a for k, a in enumerate(true) if overlaps(a, np.delete(true, k, axis=0)).max() > 0]
    assert len(touching) == 4
    assert all(overlaps(a, boxes).max() > .85 for a in touching)


def test_sizes_are_in_red_cell_diameters(found: Field) -> None:
    # Drawn: red cells of 7.5 um, a platelet of 2 to 2.8 um, at .085 um a pixel.
    assert found.red_diameter_px == pytest.approx(7.5 / .085, rel=.1)
    platelets = [one.diameter_px * .085 for one in found.found if one.kind == PLATELET]
    assert all(1.8 < size < 3.2 for size in platelets)


def test_same_cells_in_an_image_three_times_as_large(drawn: DrawnField) -> None:
    large = np.asarray(cv2.resize(drawn.rgb, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    field = detect(large)
    for kind in KINDS:
        boxes = _boxes(field, kind) / 3
        assert len(boxes) == len(drawn.boxes[kind])
        assert all(overlaps(np.array(box), boxes).max() > .4 for box in drawn.boxes[kind])


def test_small_red_cells_in_a_wide_field_are_found(drawn: DrawnField) -> None:
    # At the first scale red cells are 20 px wide: the field is looked at again, larger.
    wide = np.tile(np.asarray(cv2.resize(drawn.rgb, (160, 160), interpolation=cv2.INTER_AREA)), (3, 3, 1))
    assert abs(len(_boxes(detect(wide), RED)) - 9 * len(drawn.boxes[RED])) <= 4


def test_same_picture_same_cells(drawn: DrawnField, found: Field) -> None:
    again = detect(drawn.rgb)
    assert [(one.kind, one.box, one.score) for one in again.found] == [
        (one.kind, one.box, one.score) for one in found.found]


@pytest.mark.parametrize("seed", SEEDS)
def test_results_change_only_with_a_version(seed: int) -> None:
    again = "raise VERSION in featurize/detect/job.py and run PYTHONPATH=. python tests/featurize/make_detect_golden.py"
    assert GOLDEN.is_file(), again
    known, field = json.loads(GOLDEN.read_text())[str(seed)], of_field(seed)
    assert field["red_diameter_px"] == pytest.approx(known["red_diameter_px"], abs=.05), again
    assert [cell[0] for cell in field["cells"]] == [cell[0] for cell in known["cells"]], again
    # Other processors differ in the last digits of float32: a pixel of a box, a hundredth of a score or an area.
    for found, cell in zip(field["cells"], known["cells"]):
        assert found[1:5] == pytest.approx(cell[1:5], abs=1), again
        assert found[5:] == pytest.approx(cell[5:], rel=.01), again


@pytest.mark.parametrize("rgb", [np.full((200, 300, 3), 225, np.uint8), np.zeros((64, 64, 3), np.uint8),
                                 np.full((5, 400, 3), 200, np.uint8)], ids=["bare slide", "black", "a strip"])
def test_nothing_is_found_in_nothing(rgb: UInt8Array) -> None:
    field = detect(rgb)
    assert not field.found
    assert np.isnan(field.red_diameter_px)


def test_field_without_white_cells_has_none() -> None:
    drawn = draw_field(5, whites=(), platelets=0)
    assert {one.kind for one in detect(drawn.rgb).found} == {RED}


def test_uneven_light_is_taken_away() -> None:
    y, x = np.mgrid[:200, :300] / 300
    light = (.05 + .1 * x + .08 * y * y)[..., None].repeat(3, axis=2).astype(np.float32)
    stained = light.copy()
    stained[50:120, 60:140] += (.05, .3, .2)
    assert np.abs(light_density(stained) - light).max() < .005


def test_surer_box_wins() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], float)
    assert without_doubles(boxes, np.array([.5, .9, .2]), .2) == [1, 2]


def test_boxes_csv_holds_every_cell(cells: Path, drawn: DrawnField) -> None:
    boxes = pd.read_csv(cells / "boxes.csv")
    assert list(boxes.columns) == ["file", "xmin", "ymin", "xmax", "ymax", "kind", "score", "diameter_red"]
    assert set(boxes["file"]) == {"a.png", "sub/b.png"}
    for kind in KINDS:
        assert (boxes.loc[boxes["file"] == "a.png", "kind"] == kind).sum() == len(drawn.boxes[kind])
    red = boxes.loc[boxes["kind"] == RED, "diameter_red"]
    assert red.between(.8, 1.2).all()


def test_coco_and_mask_hold_the_same_cells(cells: Path) -> None:
    boxes, coco = pd.read_csv(cells / "boxes.csv"), json.loads((cells / "coco.json").read_text())
    assert len(coco["annotations"]) == len(boxes)
    left, top, width, height = coco["annotations"][0]["bbox"]
    assert [left, top, left + width, top + height] == boxes.iloc[0, 1:5].tolist()
    with Image.open(cells / "masks" / "a.png") as image:
        mask = np.array(image)
    own = boxes[boxes["file"] == "a.png"].reset_index(drop=True)
    assert set(np.unique(mask)) == set(range(len(own) + 1))
    y, x = np.nonzero(mask == 1)
    assert [x.min(), y.min(), x.max() + 1, y.max() + 1] == pytest.approx(own.iloc[0, 1:5].tolist(), abs=2)


def test_crop_holds_its_white_cell_in_the_middle(cells: Path, drawn: DrawnField) -> None:
    left, top, right, bottom = drawn.boxes[WHITE][0]
    with Image.open(cells / "crops" / "a-1.png") as crop:
        assert crop.width >= 1.4 * max(right - left, bottom - top)
    assert (cells / "overlays" / "a.jpg").is_file()


def test_file_that_is_no_image_is_a_row_of_the_errors(cells: Path) -> None:
    errors = pd.read_csv(cells / "errors.csv")
    assert errors["path"].tolist() == ["broken.png"]


def test_page_links_to_nothing_outside_itself(cells: Path) -> None:
    page = (cells / "detect.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "1 file could not be read" in page


@pytest.mark.usefixtures("no_page")
def test_cells_that_the_border_cuts_count_in_no_size(tmp_path: Path) -> None:
    boxes = {"left": (0, 10, 30, 40), "below": (50, 70, 80, 100), "whole": (20, 20, 60, 60)}
    white = tuple(CellFacts(WHITE, box, .9, 2.2, .5, 700.0, ()) for box in boxes.values())
    facts = FieldFacts("a.png", "key", 100, 100, 15.0, white)
    assert len(diameters([facts], WHITE)) == sum(size.count for size in white_by_size([facts])) == 1
    finished = FinishedField(FieldJob(tmp_path / "a.png", "a.png", "a"), facts)
    write_detect_page([finished], [], tmp_path, tmp_path / "detect.html")
    page = (tmp_path / "detect.html").read_text(encoding="utf-8")
    assert "Without 2 white cells that the border cuts, as in the charts" in page
    assert page.count("<figcaption>cut by the border<small>") == 2


def test_a_flipped_bit_in_what_was_written_is_found_and_repaired(fields: Path, tmp_path: Path) -> None:
    out, random = tmp_path / "cells", np.random.default_rng(0)
    detect_fields([fields / "a.png"], out, jobs=1)
    whole = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for path in whole:
        if path.parent != out:
            content = bytearray(whole[path])
            content[random.integers(len(content))] ^= 1 << int(random.integers(8))
            path.write_bytes(bytes(content))
            again = detect_fields([fields / "a.png"], out, jobs=1)
            # It may be somebody's work: it is kept beside, and told.
            kept = path.with_name(f"{path.stem}.changed{path.suffix}")
            assert again.resumed == 0 and kept.read_bytes() == bytes(content)
            assert any(line.endswith(f"your version is kept as {kept.relative_to(out).as_posix()}")
                       for line in again.warnings)
            kept.unlink()
            assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == whole


@pytest.mark.usefixtures("no_page")
def test_facts_that_lie_about_names_lose_no_other_file(fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "cells"
    detect_fields([fields / "a.png"], out, jobs=1)
    (tmp_path / "mine.txt").write_text("mine")
    place = next((out / "fields").rglob("*.json"))
    facts = FieldFacts.from_json(place.read_text())
    place.write_text(json.dumps(replace(facts, key="old", files={**facts.files, "../mine.txt": "0"}).as_json()))
    assert detect_fields([fields / "a.png"], out, jobs=1).resumed == 0
    assert (tmp_path / "mine.txt").read_text() == "mine" and not list(tmp_path.rglob("*.changed*"))


@pytest.mark.usefixtures("no_page")
def test_second_run_measures_only_what_is_missing(fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "cells"
    detect_fields([fields], out, jobs=1)
    boxes = (out / "boxes.csv").read_bytes()
    kept = (out / "masks" / "a.png").stat().st_mtime_ns
    (out / "overlays" / "sub" / "b.jpg").unlink()
    again = detect_fields([fields], out, jobs=1)
    assert (again.fields, again.resumed, again.errors) == (2, 1, 1)
    assert (out / "masks" / "a.png").stat().st_mtime_ns == kept
    assert (out / "overlays" / "sub" / "b.jpg").is_file()
    assert (out / "boxes.csv").read_bytes() == boxes


@pytest.mark.usefixtures("no_page")
def test_fields_of_older_code_are_measured_again(fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "cells"
    detect_fields([fields / "a.png"], out, jobs=1)
    monkeypatch.setattr(job_module, "VERSION", job_module.VERSION + 1)
    assert detect_fields([fields / "a.png"], out, jobs=1).resumed == 0


@pytest.mark.usefixtures("no_page")
def test_users_files_are_never_replaced(fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "cells"
    out.mkdir()
    (out / "boxes.csv").write_text("mine")
    with pytest.raises(UserError, match="did not write"):
        detect_fields([fields], out, jobs=1)
    (out / "boxes.csv").unlink()
    detect_fields([fields / "a.png"], out, jobs=1)
    (out / "overlays" / "c.jpg").write_text("mine")
    shutil.copy(fields / "a.png", tmp_path / "c.png")
    with pytest.raises(UserError, match="c.jpg was not written by `detect`"):
        detect_fields([tmp_path / "c.png"], out, jobs=1)
    assert (out / "overlays" / "c.jpg").read_text() == "mine"


def test_results_do_not_mix_with_the_fields(fields: Path, cells: Path, tmp_path: Path) -> None:
    for out in (fields, fields.parent):
        with pytest.raises(UserError, match="is or holds"):
            detect_fields([fields], out)
    with pytest.raises(UserError, match="holds results of `detect`"):
        detect_fields([cells], tmp_path / "new")
    with pytest.raises(UserError, match="does not exist"):
        detect_fields([tmp_path / "nowhere"], tmp_path / "new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image in"):
        detect_fields([tmp_path / "empty"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("no_page")
def test_output_inside_the_sources_is_not_read_again(drawn: DrawnField, tmp_path: Path) -> None:
    Image.fromarray(drawn.rgb).save(tmp_path / "a.png")
    for resumed in (0, 1):
        assert detect_fields([tmp_path], tmp_path / "cells", jobs=1).resumed == resumed
    assert set(pd.read_csv(tmp_path / "cells" / "boxes.csv")["file"]) == {"a.png"}


@pytest.mark.usefixtures("no_page")
def test_two_names_alike_get_files_of_their_own(drawn: DrawnField, tmp_path: Path) -> None:
    fields = tmp_path / "fields"
    fields.mkdir()
    Image.fromarray(drawn.rgb).save(fields / "a.png")
    Image.fromarray(drawn.rgb).save(fields / "a.bmp")
    detect_fields([fields], tmp_path / "cells", jobs=1)
    assert len(list((tmp_path / "cells" / "masks").iterdir())) == 2


def test_field_of_the_drawn_laboratory_is_square() -> None:
    assert draw_field(1, whites=(), alone=1, touching=0, platelets=0).rgb.shape == (FIELD.size_px, FIELD.size_px, 3)


def test_two_runs_never_write_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "fields").mkdir()
    out = tmp_path / "cells"
    with held_folder(out, "taken"), pytest.raises(UserError, match="another run of `detect` writes into .*cells: wait"):
        detect_fields([tmp_path / "fields"], out)
    for folder, stays in ((out, True), (tmp_path / "new", False)):
        with pytest.raises(UserError, match="no image in"):
            detect_fields([tmp_path / "fields"], folder)
        assert folder.exists() == stays, "a refused run removes only a folder that it made"
