"""Why a person should look at a page."""
from dataclasses import replace

import numpy as np
import pytest
from read_pages import ReadPage

from ecg.digitize import Digitized, trace
from ecg.layout.model import Layout
from ecg.review import review_reasons, unusual_length_s
from ecg.trace import work_limit


def reasons(found: Digitized, **changes: object) -> list[str]:
    layout = replace(found.layout, **changes)
    return review_reasons(found.page, layout, found.signals, False)


def longer(layout: Layout, times: float) -> Layout:
    rows = [replace(row, end=row.start + times * (row.end - row.start)) for row in layout.rows]
    return replace(layout, rows=rows)


def test_nothing_speaks_against_a_clean_page(usual_page: ReadPage) -> None:
    assert list(usual_page.found.review) == []


def test_each_reason_is_told(usual_page: ReadPage) -> None:
    found = usual_page.found
    cells = [replace(cell, named=False) for cell in found.layout.cells]
    assert reasons(found, cells=cells) == ["layout"]
    assert reasons(found, name="I II/III aVR") == ["layout"]
    low = [replace(pulse, top=pulse.base - 0.76 * (pulse.base - pulse.top)) for pulse in found.layout.pulses]
    assert reasons(found, pulses=low) == ["scale"]
    page = replace(found.page, grid=replace(found.page.grid, strength=0.5))
    assert review_reasons(page, found.layout, found.signals, False) == ["grid"]
    off = replace(found.signals, einthoven_residual_mv=0.2)
    assert review_reasons(found.page, found.layout, off, False) == ["limb"]
    poor = replace(found.signals, likelihood=np.where(np.isfinite(found.signals.likelihood), 0.5, np.nan))
    assert review_reasons(found.page, found.layout, poor, False) == ["seen"]
    assert review_reasons(found.page, found.layout, found.signals, True) == ["work"]


def test_the_limb_leads_confirm_rows_of_one_lead_without_names(usual_page: ReadPage) -> None:
    cells = [replace(cell, row=k, named=False) for k, cell in enumerate(usual_page.found.layout.cells)]
    assert usual_page.found.signals.einthoven_residual_mv < 0.03
    assert reasons(usual_page.found, cells=cells) == []


@pytest.mark.parametrize(("times", "told"), [(0.93, True), (0.98, False), (1.0, False), (1.03, True)])
def test_rows_of_four_leads_last_ten_seconds(usual_page: ReadPage, times: float, told: bool) -> None:
    layout = longer(usual_page.found.layout, times)
    assert (unusual_length_s(layout) is not None) == told
    assert ("length" in review_reasons(usual_page.found.page, layout, usual_page.found.signals, False)) == told


def test_a_page_whose_work_is_spent_says_so(usual_page: ReadPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_limit.WorkLimit, "spent", True)
    found = trace(usual_page.found.page, usual_page.found.layout, 500)
    assert list(found.review) == ["work"]
    assert any(warning.startswith("the page takes more work than one page may") for warning in found.warnings)
