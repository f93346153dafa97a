"""Parts of a table and their pairs: compared with the rest, the worst first, corrected for their number."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.audit.examine import examine
from classify.audit.export import to_json
from classify.audit.page.write import write_audit
from classify.audit.result import Audit
from classify.audit.subgroup_section import compared_section, part_words
from classify.audit.subgroups import (columns_of_sheet, compared, in_ranges, not_compared, subgroup_scores,
                                      with_pairs)
from classify.audit.warnings import warnings
from classify.bundle import load_bundle
from classify.evaluate.several_tests import holm
from featurize.errors import UserError

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
SURE, GROUP = np.full(400, .9), np.arange(400)
SEX = pd.Series(["F", "M"] * 200)
VIEW = pd.Series(["AP"] * 200 + ["PA"] * 200)


@pytest.fixture(scope="module")
def result() -> Audit:
    """An audit of 80 images that the golden model does not know."""
    frame, info = made_table((30, 30, 20), features=4, seed=5)
    return examine(load_bundle(GOLDEN), None, frame.assign(image_id="x" + frame["image_id"]), info)


def scores(right: np.ndarray, held: np.ndarray | None = None, group: np.ndarray = GROUP) -> pd.DataFrame:
    held = np.ones(400, bool) if held is None else held
    return subgroup_scores(with_pairs({"sex": SEX, "view": VIEW}), right, SURE, held, group, .95)


def test_the_pair_that_fails_stands_on_top() -> None:
    right = np.random.default_rng(0).random(400) < .95
    fails = ((SEX == "F") & (VIEW == "AP")).to_numpy()
    right[fails] = np.arange(fails.sum()) % 2 == 0
    found = scores(right)
    assert len(found) == 2 + 2 + 4 and found.loc[0, ["by", "part"]].tolist() == ["sex and view", "F, AP"]
    assert found.loc[0, "worse"] and found.loc[0, "right"] == .5 and found.loc[0, "n"] == 100
    assert found.loc[0, "overconfident"] and found.loc[0, "low"] < .5 < found.loc[0, "high"] < .9
    assert not found.set_index("part").loc["M, PA", "worse"]


def test_parts_that_do_not_differ_are_rarely_called_worse() -> None:
    """40 tables without any difference, 8 parts each: by chance alone 5 % of the tables at most."""
    drawn = np.random.default_rng(1)
    false = sum(bool(scores(drawn.random(400) < .9)["worse"].any()) for _ in range(40))
    assert false <= 5


def test_rows_of_one_patient_count_once() -> None:
    """The same shares right, ten images a patient, all alike: what was certain of 400 patients is not of 40."""
    fails = ((SEX == "F") & (VIEW == "AP")).to_numpy()
    right = np.ones(400, bool)
    group = np.where(fails, 0, 1) * 1000
    for part in (fails, ~fails):
        group[part] += np.arange(part.sum()) // 10
    right[fails] = np.arange(fails.sum()) // 10 % 10 >= 3
    assert scores(right).loc[0, "p"] < scores(right, group=group).loc[0, "p"]


def test_sets_that_miss_the_truth_are_marked_in_their_part_alone() -> None:
    held = np.where(VIEW == "AP", np.arange(400) % 5 > 0, True)
    found = scores(np.ones(400, bool), held).set_index("part")
    assert found.loc["AP", "short"] and not found.loc["PA", "short"] and found.loc["AP", "coverage"] == .8
    assert found.loc["AP", "coverage_high"] < .95 and not found["worse"].any()


def test_small_parts_and_rows_without_a_value_are_left_out() -> None:
    few = pd.Series(["rare"] * 19 + ["usual"] * 300 + [None] * 81, dtype=object)
    found = subgroup_scores({"kind": few}, np.ones(400, bool), SURE, np.ones(400, bool), GROUP, .95)
    assert found["part"].tolist() == ["usual"] and found["n"].tolist() == [300]
    assert subgroup_scores({}, np.ones(400, bool), SURE, np.ones(400, bool), GROUP, .95).empty


def test_a_pair_that_holds_the_images_of_one_part_is_no_further_comparison() -> None:
    one = pd.Series(["40"] * 400)
    right = np.arange(400) % 3 > 0
    found = subgroup_scores(with_pairs({"age": one, "view": VIEW}), right, SURE, right, GROUP, .95)
    assert found["by"].tolist() == ["view", "view"]
    assert not_compared(found, pd.DataFrame({"age": one, "view": VIEW})) == ("age",)
    assert not_compared(found, None) == () and not_compared(None, pd.DataFrame({"age": one})) == ()


def test_a_column_that_divides_nothing_is_told(result: Audit) -> None:
    columns = pd.DataFrame({"scanner": ["B"] * len(result.frame)}, index=result.frame.index)
    found = compared(result, columns)
    shown = compared_section(replace(result, compared=found, not_compared=not_compared(found, columns)))
    assert shown is not None and "Not compared: scanner." in shown["sentence"]


def test_holm_is_that_of_the_paper() -> None:
    """Three tests by hand: .01 x 3, .03 x 2, and .04, which may not be smaller than the one before."""
    assert holm(np.array([.01, .04, .03])).tolist() == pytest.approx([.03, .06, .06])
    assert holm(np.array([])).tolist() == [] and holm(np.array([.6, .5])).tolist() == [1, 1]


def test_an_age_is_cut_into_ranges_and_a_word_is_not() -> None:
    ages = in_ranges(pd.Series([str(age) for age in range(20, 60)] + [None], dtype=object))
    assert ages.value_counts().to_dict() == {"20 to 29": 10, "30 to 39": 10, "40 to 49": 10, "50 to 59": 10}
    assert ages.iloc[-1] is None
    assert in_ranges(pd.Series(["1", "2", "1"])).tolist() == ["1", "2", "1"]


def test_columns_are_joined_by_path(result: Audit, tmp_path: Path) -> None:
    frame = result.frame
    sheet = pd.DataFrame({"file": frame["path"][::-1], "sex": ["F", "M"] * 40}).iloc[:-1]
    sheet.to_csv(tmp_path / "p.csv", index=False)
    columns = columns_of_sheet(tmp_path / "p.csv", ["sex"], frame)
    assert columns["sex"].iloc[0] is None and columns["sex"].iloc[-1] == "F" and len(columns) == len(frame)
    with pytest.raises(UserError, match="has no column 'age'"):
        columns_of_sheet(tmp_path / "p.csv", ["age"], frame)


def test_parts_of_a_pair_are_named_in_words(result: Audit) -> None:
    columns = ["image_quality_mean_green"]
    gray = replace(result, gray=True, info=replace(result.info, nuisance=columns))
    row = {"by": "image_quality_mean_green and sex", "part": "low, F"}
    assert part_words(row, gray) == "mean brightness of the picture: low, sex: F"
    assert part_words(row, replace(gray, gray=False)) == "mean green of the picture: low, sex: F"
    assert part_words({"by": "age and sex", "part": "F"}, gray) == "age and sex: F", "the name of one column"


def test_page_warning_and_json_name_the_worst_part(result: Audit, tmp_path: Path) -> None:
    assert result.judged is not None
    called = result.predictions.p[result.judged.rows].argmax(axis=1)
    sex = pd.Series("M", range(len(result.frame)), dtype=object)
    sex[result.judged.rows[called != result.judged.y]] = "F"
    sex.iloc[:12] = "F"
    found = replace(result, compared=compared(result, pd.DataFrame({"sex": sex})))
    assert found.compared is not None and found.compared.loc[0, ["by", "part", "worse"]].tolist() == ["sex", "F", True]
    assert any("right less often in sex: F" in w["text"] for w in warnings(found))
    write_audit(tmp_path / "a.html", found)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Worst: sex: F with" in page and "counting all comparisons (Holm)" in page
    assert to_json(found)["compared"][0]["part"] == "F"
    none = replace(result, compared=compared(result, None))
    assert none.compared is not None and not any("right less often" in w["text"] for w in warnings(none))
