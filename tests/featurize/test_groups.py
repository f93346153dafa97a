"""A part of the paths is offered as the patient on evidence only, and the expression that is offered finds it."""
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from made_images import folder

from featurize.explore.by_class import look_alike
from featurize.explore.groups import guess_group_regex
from featurize.index.build import build_index
from featurize.index.labels import groups_by_pattern

random = np.random.default_rng(0)
SUBJECTS = [int(n) for n in random.integers(1, 90, 12)]


def guessed(paths: Sequence[str], labels: Sequence[str] | None = None, alike: bool | None = None) -> list[str] | None:
    """The group of every path by the expression that is offered, None where none is."""
    label = labels or [path.rpartition("/")[0].rpartition("/")[2] or "none" for path in paths]
    frame = pd.DataFrame({"path": paths, "label": label})
    found = guess_group_regex(frame, None if alike is None else lambda values: alike)
    if found is None:
        return None
    groups = groups_by_pattern(found[0], paths)
    assert None not in groups and len(set(groups)) == found[1]
    return [str(group) for group in groups]


def nih() -> list[str]:
    """Patient and follow-up number, as in ChestX-ray14."""
    return [f"images/{patient:08}_{k:03}.png" for patient in (13, 14, 99, 1207, 1300, 5555, 30000) for k in range(3)]


def idc(patients: Sequence[int], folders: bool) -> list[str]:
    """Patient, coordinates and class of a patch of 50 x 50, as in the IDC set of breast histology."""
    names = [(p, c, f"{p}_idx5_x{1 + 50 * int(x)}_y{1 + 50 * int(y)}_class{c}.png")
             for p in patients for c in (0, 1) for x, y in random.integers(0, 60, (8, 2))]
    return [f"{p}/{c}/{name}" if folders else f"{c}/{name}" for p, c, name in names]


def cnmc() -> list[str]:
    """Subject, image and cell, as in C-NMC 2019."""
    return [f"fold_{s % 3}/{kind}/UID_{letter}{s}_{k}_{1 + k % 2}_{kind}.bmp"
            for kind, letter in (("all", ""), ("hem", "H")) for s in SUBJECTS for k in range(1, 5)]


@pytest.mark.parametrize("paths,expected", [
    (nih(), lambda path: path[7:15]), (idc((10253, 9036, 12750), True), lambda path: path.split("/")[0]),
    (idc((10253, 9036, 12750), False), lambda path: path.split("/")[1].split("_")[0]),
    (idc((10253, 9036), True), lambda path: path.split("/")[0]),
    (cnmc(), lambda path: path.split("/")[-1].split("_")[1]),
    ([f"{kind}/B22-{s}_{k * 37:05}.jpg" for kind in "ab" for s in (54, 101, 126) for k in range(4)],
     lambda path: path[2:].split("_")[0])])
def test_the_patient_of_well_known_sets_is_found(paths, expected):
    assert guessed(paths) == [expected(path) for path in paths]


@pytest.mark.parametrize("paths,expected", [
    ([f"{kind}/Patient {p}/{p}_{k}_{k}.png" for kind in "ab" for p in range(1, 5) for k in range(4)], "patient {}"),
    ([f"case-{p}/{kind}/x{k}_y{p}.png" for kind in "ab" for p in range(1, 5) for k in range(4)], "case-{}"),
    ([f"{kind}/img_{k:04}_patient{p}.png" for kind in "ab" for p in range(1, 5) for k in range(4)], "patient{}"),
    ([f"sub-{p}_x{k}.png" for p in range(10, 16) for k in range(4)], "sub-{}")])
def test_words_that_say_patient_go_first(paths, expected):
    found = guessed(paths)
    assert found is not None and len(set(found)) >= 4
    assert {group.lower() for group in found} == {expected.format(p) for p in range(1, 20)} & {g.lower() for g in found}


@pytest.mark.parametrize("paths", [
    [f"{kind}/{kind}_{k:04}.png" for kind in ("Lymphoblast", "Myeloblast", "Lymphocyte") for k in range(20)],
    [f"all/Lymphoblast_{k:04}.png" for k in range(30)],
    [f"{kind}/img_{k}.png" for kind in "abcd" for k in range(20)],  # numbered anew in each class
    [f"{kind}/WBC-{kind}-{k:03}.jpg" for kind in ("Benign", "Pro") for k in range(20)],
    [f"{part}/{kind}/img_{k}.png" for part in ("train", "test") for kind in "ab" for k in range(20)],
    [f"a/{1 + 50 * x}_{1 + 50 * y}.png" for x in range(6) for y in range(7) if (x + y) % 3],  # pixels
    [f"a/x{x}_y{y}.png" for x in (1, 5, 6, 9, 14, 15) for y in (1, 2, 7) if x * y % 4],
    [f"a/row{x}_{y}.png" for x in (1, 5, 6, 9, 14, 15) for y in (1, 2, 7)],
    [f"{p:08}_{0:03}.png" for p in range(100, 140)],  # one film of each patient
    [f"a/{year}_{k}.png" for year in (2019, 2020, 2021) for k in range(year, year + 9)],
    [f"a/{day}_{k}.png" for day in (20190304, 20190305, 20200101) for k in range(day, day + 9)],
    [f"a/scan_{k}_{side}.png" for k in range(20) for side in ("left", "right")],
    [f"{kind}/class{kind}_{k}.png" for kind in "01" for k in range(20)],
    [f"a/patient{k}_x.png" for k in range(20)],  # one image of each patient
    [f"a/p{k % 2}_{k}.png" for k in range(9)]])  # too few to tell
def test_counters_coordinates_dates_and_classes_are_never_offered(paths):
    assert guessed(paths) is None


def test_a_grid_of_numbers_is_offered_only_if_the_images_of_a_number_look_alike():
    paths = [f"a/{p}_{k}.png" for p in (3, 4, 5, 6) for k in range(5)]
    assert guessed(paths) is None and guessed(paths, alike=False) is None
    assert guessed(paths, alike=True) == [path[2:].split("_")[0] for path in paths]


def test_images_of_one_slide_look_alike_and_others_do_not():
    patient = np.repeat(np.arange(12), 8)
    noise, tint = np.random.default_rng(1).normal(size=(2, 96))
    table = pd.DataFrame({"brightness": noise, "background": noise, "background tint": patient + tint,
                          "sharpness": noise, "width": patient})
    assert look_alike(table, [str(p) for p in patient * 7 % 12])
    assert not look_alike(table, [str(p) for p in np.random.default_rng(2).permutation(patient)])
    assert not look_alike(table.assign(**{"background tint": noise}), [str(p) for p in patient])  # size alone is not it


@pytest.mark.parametrize("column", ["patient", "Patient_ID", "subject id", "case_no", "PatientID"])
def test_a_column_that_is_called_like_patients_is_offered(tmp_path, column):
    folder(tmp_path, *(f"a/{k}.png" for k in range(4)))
    rows = "".join(f"{k}.png,4,P{k % 2},x\n" for k in range(4))
    (tmp_path / "l.csv").write_text(f"image,age,{column},label\n{rows}")
    index = build_index(tmp_path, labels=tmp_path / "l.csv")
    quoted = f"'{column}'" if " " in column else column
    assert index.warnings == (f"no groups are given, and the column '{column}' of l.csv has 2 values in 4 rows: if it "
                              f"names the patient, give --group-column {quoted}",)
    assert not build_index(tmp_path, labels=tmp_path / "l.csv", group_column=column, label_columns=["label"]).warnings
    assert not build_index(tmp_path, labels=tmp_path / "l.csv", group_regex="(.)[.]png").warnings


def test_a_column_of_patients_with_one_image_each_is_not_offered(tmp_path):
    folder(tmp_path, "a/0.png", "a/1.png")
    (tmp_path / "l.csv").write_text("image,patient,label\n0.png,P0,x\n1.png,P1,x\n")
    assert not build_index(tmp_path, labels=tmp_path / "l.csv").warnings
