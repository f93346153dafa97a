"""The radiomics engine against pyradiomics: by a golden file everywhere, by the library itself where it is here."""
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_radiomics_golden import GOLDEN, cases, planes

from featurize.images.read import read_image
from featurize.radiomics import engine
from featurize.radiomics.settings import RadiomicsSettings

CELLS = Path(__file__).parents[3] / "shared/data/blood_pbc"
PLANES, CASES = planes(), list(cases())


def worst(found: np.ndarray, known: np.ndarray, plane: np.ndarray) -> list[tuple[str, float, float]]:
    """Features that differ by more than 1e-9 of their value, or where only one of the two is NaN.

    A third moment of something symmetrical is the rounding error of large numbers that cancel: cluster shade counts as
    equal within 1e-12 of the cluster prominence, skewness within 1e-12.
    """
    columns = engine.names(engine.STANDARD)
    loose = {"glcm_cluster_shade": 1e-12 * (1 + known[columns.index("glcm_cluster_prominence")]),
             "firstorder_skewness": 1e-12}
    same = np.isnan(found) & np.isnan(known)
    near = np.abs(found - known) <= 1e-9 * np.abs(known) + np.array([loose.get(c, 1e-14) for c in columns])
    return [(c, float(f), float(k)) for c, f, k, good in zip(columns, found, known, same | near) if not good]


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert content["names"] == engine.names(engine.STANDARD)
    return content["values"]


@pytest.mark.parametrize(("case", "plane", "settings"), CASES, ids=[case for case, _, _ in CASES])
def test_features_equal_those_of_pyradiomics(case: str, plane: str, settings: RadiomicsSettings,
                                             golden: dict[str, list[float | None]]) -> None:
    known = np.array([np.nan if v is None else v for v in golden[case]])
    assert not worst(engine.measure_region(*PLANES[plane], engine.STANDARD, settings), known, PLANES[plane][0])


@pytest.mark.parametrize(("case", "plane", "settings"), [
    pytest.param(*case, marks=pytest.mark.slow if "every gray value" in case[0] else (), id=case[0]) for case in CASES])
def test_the_golden_file_is_what_pyradiomics_says_today(case: str, plane: str, settings: RadiomicsSettings,
                                                        golden: dict[str, list[float | None]]) -> None:
    pytest.importorskip("radiomics")
    from featurize.radiomics import reference
    known = np.array([np.nan if v is None else v for v in golden[case]])
    assert not worst(reference.measure_region(*PLANES[plane], engine.STANDARD, settings), known, PLANES[plane][0])


@pytest.mark.skipif(not CELLS.exists(), reason="shared/data/blood_pbc is not here")
@pytest.mark.parametrize("settings", [RadiomicsSettings(), RadiomicsSettings(bin_count=32),
                                      RadiomicsSettings(bin_width=5, gldm_a=1)],
                         ids=["default", "32 levels", "alpha 1"])
def test_features_of_real_cells_equal_those_of_pyradiomics(settings: RadiomicsSettings) -> None:
    pytest.importorskip("radiomics")
    from featurize.radiomics import reference
    paths = sorted(CELLS.glob("*/*.jpg"))[::240]
    assert paths
    for path in paths:
        gray = read_image(path).rgb[..., 1]
        y, x = np.mgrid[:gray.shape[0], :gray.shape[1]]
        mask = (y - 180) ** 2 + (x - 180) ** 2 < 90 ** 2
        known = reference.measure_region(gray, mask, engine.STANDARD, settings)
        assert not worst(engine.measure_region(gray, mask, engine.STANDARD, settings), known, gray)
