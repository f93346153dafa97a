"""Results may change only together with a version: reruns keep finished pages, and tables of other code are refused."""
import json
from typing import Any

import numpy as np
import pytest
from make_ecg_golden import GOLDEN, PAGES, of_page, of_record

from ecg.job import VERSION
from ecg.rhythm.features import FAMILIES

AGAIN = "run PYTHONPATH=. python tests/ecg/make_ecg_golden.py"
CHANGED = f"results changed: raise VERSION in ecg/job.py and {AGAIN}"
ROW_CHANGED = ("the rhythm row changed: raise VERSION in ecg/job.py, {} in FAMILIES of ecg/rhythm/features.py, and "
               + AGAIN)
# Other processors and libraries differ in the last digits of float32, and the file rounds to 0.1 uV. 2 uV is 0.02 mm
# of paper, an eighth of a pixel of these pages: a line that takes another course is farther off.
TOLERANCE_MV = 2e-3
# Facts are rounded to 4 decimals (scales, residual) or 3 (confidence, gaps in s); one step more or less is no change.
TOLERANCE_FACTS = 2e-3
# The row is computed in float64 from signals that are the same everywhere.
TOLERANCE_ROW = 1e-5


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    assert GOLDEN.exists(), f"there is no {GOLDEN.name}: {AGAIN}"
    content: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return content


def numbers(value: Any, place: str = "") -> dict[str, Any]:
    """Every leaf of nested lists and dicts by its place."""
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in numbers(part, f"{place}/{key}").items()}
    if isinstance(value, list):
        return {k: v for key, part in enumerate(value) for k, v in numbers(part, f"{place}/{key}").items()}
    return {place: value}


def differing(found: Any, known: Any, tolerance: float) -> list[str]:
    """Places at which two nested contents differ, numbers by more than a tolerance (of 1 or of their size)."""
    a, b = numbers(found), numbers(known)
    return [f"{key}: {b.get(key)} became {a.get(key)}" for key in sorted(a.keys() | b.keys())
            if not _same(a.get(key), b.get(key), tolerance)]


def _same(found: Any, known: Any, tolerance: float) -> bool:
    if isinstance(found, float | int) and isinstance(known, float | int):
        return abs(found - known) <= tolerance * max(1.0, abs(known))
    return bool(found == known)


def test_the_golden_file_is_of_these_versions(golden: dict[str, Any]) -> None:
    assert (golden["version"], golden["families"]) == (VERSION, FAMILIES), f"versions were raised: {AGAIN}"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_gives_what_this_version_gave(name: str, golden: dict[str, Any]) -> None:
    found, known = of_page(PAGES[name]()), golden["pages"][name]
    off = differing(found["facts"], known["facts"], TOLERANCE_FACTS)
    assert not off, f"{CHANGED}\n" + "\n".join(off[:10])
    assert list(found["mv"]) == list(known["mv"]), f"{CHANGED}\nother leads are drawn"
    for lead, values in found["mv"].items():
        a, b = np.array(values, float), np.array(known["mv"][lead], float)
        assert np.array_equal(np.isnan(a), np.isnan(b)), f"{CHANGED}\n{lead} is drawn at other times"
        most = float(np.nanmax(np.abs(a - b)))
        assert most <= TOLERANCE_MV, f"{CHANGED}\n{lead} by up to {most:.4f} mV"


def test_a_record_gives_the_row_that_these_families_gave(golden: dict[str, Any]) -> None:
    found, known = of_record(), golden["rhythm"]
    assert list(found) == list(known), ROW_CHANGED.format("the families whose columns are others")
    off = [name for name in found if not np.isclose(
        np.array(found[name], float), np.array(known[name], float), rtol=TOLERANCE_ROW, atol=1e-9, equal_nan=True)]
    families = sorted({name.split("_")[1] for name in off})
    assert not off, ROW_CHANGED.format(", ".join(families)) + f"\nin {', '.join(off[:10])}"
