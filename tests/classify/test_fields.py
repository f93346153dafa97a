"""White cells of whole fields named by a model: a stand-in for the model, so that nothing is trained."""
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from classify.bundle import Bundle
from classify.evaluate.metrics import wilson
from classify.fields.differential import as_lines, differential
from classify.fields.draw import REVIEW, SURE, NamedCell, named_overlay
from classify.fields.run import DIFFERENTIAL, NAMED, PREDICTIONS, NamedFields, name_cells
from featurize.detect.job import CellFacts
from featurize.detect.run import detect_fields
from featurize.errors import UserError
from featurize.presets.load import load_preset
from featurize.simulate.fields import draw_field
from featurize.table import TableInfo

CLASSES = ("large", "small")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """What the run asks of a model: how cells are measured, and its classes."""
    cell = load_preset("cell")
    quick = replace(cell, blocks={"morphology": cell.blocks["morphology"]})
    return cast(Bundle, SimpleNamespace(preset=quick.to_dict(), mm_per_px=None, classes=CLASSES))


def by_size(frame: pd.DataFrame, info: TableInfo, explain: bool, name: str, adapt: bool) -> pd.DataFrame:
    """Half of the cells is large: those with more of the first feature."""
    area = frame[info.features[0]]
    large = (area >= area.median()).to_numpy()
    known = frame[["image_id", "path", "label", "group", "split"]].reset_index(drop=True)
    return known.assign(predicted=np.where(large, "large", "small"), p_large=np.where(large, .9, .2),
                        p_small=np.where(large, .1, .8), prediction_set=np.where(large, "large", "large|small"),
                        review=~large)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fields")
    for name, seed, whites in (("p1_a", 0, ("monocyte", "lymphocyte")), ("p2_a", 6, ("monocyte", "lymphocyte")),
                               ("p2_b", 3, ())):
        Image.fromarray(draw_field(seed, whites=whites, alone=4).rgb).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def out(fields: Path) -> Path:
    return fields.parent / f"{fields.name}_named"


@pytest.fixture(scope="module")
def named(fields: Path, out: Path, bundle: Bundle) -> NamedFields:
    return name_cells(bundle, by_size, [fields], out, jobs=1, group_regex="(p.)_")


def test_every_white_cell_has_a_row_with_its_field_and_place(named: NamedFields, out: Path) -> None:
    written = pd.read_csv(out / PREDICTIONS)
    boxes = pd.read_csv(out / "boxes.csv")
    white = boxes[boxes["kind"] == "white"]
    place = ["xmin", "ymin", "xmax", "ymax"]
    assert len(white) == 4 and written[["field", *place]].values.tolist() == white[["file", *place]].values.tolist()
    assert written["group"].tolist() == ["p1", "p1", "p2", "p2"]
    assert written.columns[:2].tolist() == ["image_id", "path"]


def test_differential_counts_all_groups_and_fields(named: NamedFields, out: Path) -> None:
    table = pd.read_csv(out / DIFFERENTIAL)
    assert table.groupby(["of", "name"], dropna=False)["cells"].sum().tolist() == [4, 2, 2, 2, 2]
    assert (table.groupby(["of", "name"], dropna=False)["share"].sum() == 1).all()
    assert as_lines(named.differential)[0].startswith("large: 2, 50 % (15 to 85 %)")


def test_shares_have_intervals_and_cells_for_review() -> None:
    cells = pd.DataFrame({"field": "a", "group": None, "predicted": ["large"] * 3 + ["small"],
                          "p_large": [.9, .8, .7, .2], "p_small": [.1, .2, .3, .8],
                          "review": [False, True, True, True]})
    row = differential(cells, CLASSES).iloc[0]
    assert (row["cells"], row["share"], row["white_cells"], row["for_review"]) == (3, .75, 4, 2)
    assert (row["share_low"], row["share_high"]) == wilson(3, 4)
    assert row["expected_share"] == pytest.approx(.65)


def test_a_field_with_names_is_there_for_each_field(named: NamedFields, out: Path) -> None:
    assert sorted(p.name for p in (out / NAMED).iterdir()) == ["p1_a.jpg", "p2_a.jpg", "p2_b.jpg"]


def test_cells_to_look_at_have_another_color() -> None:
    cell = CellFacts("white", (20, 40, 60, 80), 1, 1, .5, 1600, (20, 40, 60, 40, 60, 80, 20, 80))
    white = np.full((120, 160, 3), 255, np.uint8)
    sure, unsure = (named_overlay(white, [NamedCell(cell, "a", review)]) for review in (False, True))
    # The line is smooth, so that white shines through a little.
    assert sure[60, 20].astype(int) == pytest.approx(SURE, abs=80)
    assert unsure[60, 20].astype(int) == pytest.approx(REVIEW, abs=80)
    assert (white == 255).all(), "the given picture stays as it is"
    # A text wider than the picture does not fail.
    named_overlay(white, [NamedCell(cell, "a very long name of a cell " * 3, True)])


def test_users_files_and_models_of_other_pictures_are_refused(fields: Path, bundle: Bundle, tmp_path: Path) -> None:
    other = cast(Bundle, SimpleNamespace(preset=load_preset("whole").to_dict(), mm_per_px=None, classes=CLASSES))
    with pytest.raises(UserError, match="the model was made with preset 'whole', and --detect names single cells"):
        name_cells(other, by_size, [fields], tmp_path / "new")
    detect_fields([fields / "p2_b.png"], tmp_path / "mine", jobs=1)
    (tmp_path / "mine" / DIFFERENTIAL).write_text("mine")
    with pytest.raises(UserError, match="differential.csv was not written by `predict --detect`"):
        name_cells(bundle, by_size, [fields], tmp_path / "mine")
    assert (tmp_path / "mine" / DIFFERENTIAL).read_text() == "mine"


def test_fields_without_white_cells_say_so(fields: Path, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no white cell was found in 1 fields"):
        name_cells(bundle, by_size, [fields / "p2_b.png"], tmp_path / "none", jobs=1)
