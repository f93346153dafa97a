"""Why a person should look at a page."""
from dataclasses import replace

import numpy as np
import pytest
from read_pages import ReadPage

from ecg.digitize import Digitized, trace
from ecg.layout.model import Layout
from ecg.lead_table import LEADS
from ecg.review import Traced, _reasons, review_reasons, unusual_length_s
from ecg.review_words import REVIEW_WORDS
from ecg.signals.residual import limb_disagreement
from ecg.trace import work_limit
from ecg.trace.corrections import Point
from ecg.trace.shared_trace import shared_mm


def reasons(found: Digitized, **changes: object) -> list[str]:
    layout = replace(found.layout, **changes)
    return review_reasons(found.page, layout, found.signals, Traced())


def longer(layout: Layout, times: float) -> Layout:
    cells = [replace(cell, end=cell.start + times * (cell.end - cell.start)) for cell in layout.cells]
    return replace(layout, cells=cells)


def in_two_columns(layout: Layout, cell_s: float) -> Layout:
    """The first four cells as two rows of two leads that last so long each."""
    px = cell_s * layout.px_per_mm.x * layout.mm_per_s
    cells = [replace(cell, row=k // 2, end=cell.start + px) for k, cell in enumerate(layout.cells[:4])]
    return replace(layout, cells=cells)


def test_nothing_speaks_against_a_clean_page(usual_page: ReadPage) -> None:
    assert list(usual_page.found.review) == []


def test_each_reason_is_told(usual_page: ReadPage) -> None:
    found = usual_page.found
    assert reasons(found, name="I II/III aVR") == ["layout"]
    low = [replace(pulse, top=pulse.base - 0.76 * (pulse.base - pulse.top)) for pulse in found.layout.pulses]
    assert reasons(found, pulses=low) == ["scale"]
    page = replace(found.page, grid=replace(found.page.grid, strength=0.5))
    assert review_reasons(page, found.layout, found.signals, Traced()) == ["grid"]
    off = replace(found.signals, einthoven_residual_mv=0.2)
    assert review_reasons(found.page, found.layout, off, Traced()) == ["limb"]
    poor = replace(found.signals, likelihood=np.where(np.isfinite(found.signals.likelihood), 0.5, np.nan))
    assert review_reasons(found.page, found.layout, poor, Traced()) == ["seen"]
    assert review_reasons(found.page, found.layout, found.signals, Traced(work_spent=True)) == ["work"]
    assert review_reasons(found.page, found.layout, found.signals, Traced(bridges_px=[9, 9, 9])) == ["bridged"]
    assert review_reasons(found.page, found.layout, found.signals, Traced(bridges_px=[9, 9, 1])) == []
    assert review_reasons(found.page, found.layout, found.signals, Traced(left_mm=40)) == ["strokes"]
    assert review_reasons(found.page, found.layout, found.signals, Traced(shared_mm=15)) == ["shared"]


def test_every_reason_has_words_for_people(usual_page: ReadPage) -> None:
    found = usual_page.found
    assert _reasons(found.page, found.layout, found.signals, Traced()).keys() == REVIEW_WORDS.keys()


@pytest.mark.slow
def test_a_lead_that_is_drawn_twice_differently_is_told(usual_page: ReadPage) -> None:
    # A person names V1 of the first row II, which the strip of the last row shows at the same time.
    assert usual_page.found.layout.name == "3x4+1" and usual_page.found.signals.disagreeing == ()
    found, cell = usual_page.found, next(c for c in usual_page.found.layout.cells if c.lead == "V1")
    wrong = trace(found.page, found.layout, 500, [Point("II", cell.start + 20, found.layout.rows[0].base, "rename")])
    assert wrong.signals.disagreeing == ("II",) and "twice" in wrong.review
    assert any(warning.startswith("II: drawn twice at one time") for warning in wrong.warnings)


def test_the_limb_leads_confirm_a_known_layout_without_names(usual_page: ReadPage) -> None:
    found = usual_page.found
    layout = replace(found.layout, cells=[replace(cell, named=False) for cell in found.layout.cells])
    assert limb_disagreement(found.signals.mv) < 0.1
    assert review_reasons(found.page, layout, found.signals, Traced()) == []
    # Noise of a third of the leads' size on one of them: the laws still hold about, but confirm nothing.
    mv = found.signals.mv.copy()
    mv[0] += 0.33 * np.nanstd(mv[0]) * np.sin(np.arange(mv.shape[1]))
    off = replace(found.signals, mv=mv)
    assert 0.1 < limb_disagreement(mv) < 0.5
    assert review_reasons(found.page, layout, off, Traced()) == ["layout"]


@pytest.mark.parametrize(("lead", "named", "told"), [("V2", False, True), ("V2", True, False), ("I", True, True)])
def test_a_lead_that_runs_on_is_a_guess_where_no_name_but_an_i_tells_it(usual_page: ReadPage, lead: str, named: bool,
                                                                        told: bool) -> None:
    cells = [replace(cell, lead=lead, row=k, named=named and k == 0)
             for k, cell in enumerate(usual_page.found.layout.cells[:4])]
    assert reasons(usual_page.found, name="/".join([lead] * 4), cells=cells) == (["layout"] if told else [])


@pytest.mark.parametrize(("times", "told"), [(0.93, True), (0.98, False), (1.0, False), (1.03, True)])
def test_rows_of_four_leads_last_ten_seconds(usual_page: ReadPage, times: float, told: bool) -> None:
    layout = longer(usual_page.found.layout, times)
    assert (unusual_length_s(layout) is not None) == told
    assert ("length" in review_reasons(usual_page.found.page, layout, usual_page.found.signals, Traced())) == told


@pytest.mark.parametrize(("cell_s", "told"), [(5.0, False), (2.5, False), (5.4, True), (4.7, True)])
def test_rows_of_two_leads_last_ten_or_five_seconds(usual_page: ReadPage, cell_s: float, told: bool) -> None:
    # 5.4 s: a drawn page of six rows on a dark grid, whose lines were taken for the end of the rows.
    assert (unusual_length_s(in_two_columns(usual_page.found.layout, cell_s)) is not None) == told


def test_paper_between_leads_is_no_length(usual_page: ReadPage) -> None:
    layout = usual_page.found.layout
    cells = [replace(cell, start=cell.start + 20 * cell.start_s, end=cell.end + 20 * cell.start_s)
             for cell in layout.cells]
    assert unusual_length_s(replace(layout, cells=cells)) is None


def test_augmented_leads_that_break_their_law_are_for_review(usual_page: ReadPage) -> None:
    mv = usual_page.found.signals.mv.copy()
    mv[LEADS.index("aVL")] *= -3
    off = replace(usual_page.found.signals, mv=mv)
    assert review_reasons(usual_page.found.page, usual_page.found.layout, off, Traced()) == ["limb"]


def test_a_page_whose_work_is_spent_says_so(usual_page: ReadPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_limit.WorkLimit, "spent", True)
    found = trace(usual_page.found.page, usual_page.found.layout, 500)
    assert list(found.review) == ["work"]
    assert any(warning.startswith("the page takes more work than one page may") for warning in found.warnings)


def test_leads_on_one_trace_are_measured(usual_page: ReadPage) -> None:
    found = usual_page.found
    mm = found.page.px_per_mm
    assert shared_mm(found.lines, mm) < 2
    first, second = found.lines[0], found.lines[4]
    part = slice(100, 100 + round(10 * mm.x / (first.x[1] - first.x[0])))
    y = second.y.copy()
    y[part] = np.interp(second.x[part], first.x, first.y)
    lost = [*found.lines[:4], replace(second, y=y), *found.lines[5:]]
    assert np.interp(second.x[part], first.x, first.y).std() > 0
    assert shared_mm(lost, mm) > (9 if second.x[0] == first.x[0] else 5)
