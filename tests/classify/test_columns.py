"""Which columns a model sees."""
import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.data.columns import check_columns, matrix, model_columns, region_and_family, useful_columns
from featurize.errors import UserError


def test_nuisances_are_never_offered_to_the_model() -> None:
    _, info = made_table()
    assert "whole_quality_focus" not in model_columns(info) and "cell_color_constant" in model_columns(info)


def test_constant_and_never_measured_columns_are_left_out_and_said() -> None:
    x = pd.DataFrame({"a": [1, 2, 3], "b": [5, 5, 5], "c": [np.nan] * 3, "d": [np.nan, 4, 4]}, dtype=np.float32)
    kept, warnings, notes = useful_columns(x)
    # d is constant where it was measured, but that it is missing may tell something.
    assert kept == ["a", "d"] and "2 of 4 features" in notes[0] and "b, c" in notes[0] and not warnings


def test_more_useless_columns_than_useful_ones_are_unusual() -> None:
    x = pd.DataFrame({"a": [1, 2, 3], "b": [5, 5, 5], "c": [np.nan] * 3}, dtype=np.float32)
    kept, warnings, notes = useful_columns(x)
    assert kept == ["a"] and "2 of 3 features have one value or are missing" in warnings[0] and not notes


def test_a_table_of_constants_is_refused() -> None:
    with pytest.raises(UserError, match="all 1 features are constant"):
        useful_columns(pd.DataFrame({"a": [1, 1]}, dtype=np.float32))


@pytest.mark.parametrize("value", [-np.inf, np.inf, 1e20])
def test_infinite_and_huge_values_are_refused_with_column_and_row(value: float) -> None:
    frame, info = made_table()
    frame.loc[7, "nucleus_color_feature0"] = np.float32(value)
    with pytest.raises(UserError, match=r"'nucleus_color_feature0' holds an infinite value, .* beyond 1e\+18 \(row 7"):
        matrix(frame, model_columns(info))


def test_missing_and_text_columns_are_refused_by_name() -> None:
    frame, info = made_table()
    with pytest.raises(UserError, match="lacks 1 of 13 columns that the model reads, the first is 'cell_color"):
        matrix(frame.drop(columns="cell_color_constant"), model_columns(info))
    with pytest.raises(UserError, match="holds object instead of numbers"):
        matrix(frame.assign(cell_color_constant="red"), model_columns(info))


def test_a_table_without_rows_or_describing_columns_is_refused() -> None:
    frame, info = made_table()
    with pytest.raises(UserError, match="no row"):
        check_columns(frame.iloc[:0], info)
    with pytest.raises(UserError, match="lacks the column 'duplicate_group'"):
        check_columns(frame.drop(columns="duplicate_group"), info)


@pytest.mark.parametrize("column, expected", [
    ("nucleus_color_hue", ("nucleus", "color")), ("lung_field_color_hue", ("lung_field", "color")),
    ("cell_texture_color_contrast", ("cell", "texture")), ("rr_mean_s", ("rr", "mean"))])
def test_columns_are_read_as_region_family_feature(column: str, expected: tuple[str, str]) -> None:
    assert region_and_family(column, ["color", "texture"]) == expected
