"""report.html of a run over pages: what was read, what is doubtful, every lead over its page."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from ecg.lead_table import LEADS
from ecg.record_summary import HEADLINES, RecordSummary, measurements, unusual
from ecg.report.record import as_text, record_section
from ecg.result import FailedFile, FinishedFile, PageFacts
from ecg.review_words import review_sentence
from featurize.images.read import ImageError, read_image
from featurize.report.charts import data_uri
from featurize.report.numbers import count, number, percent
from featurize.report.page import cell, contents, table, warning, write_page

SECTIONS = ("At a glance", "Pages", "Beats and intervals", "Leads over their pages", "Files that gave nothing")
# Behind values outside their usual range.
_MARKS = {"": "", "above": " ▲", "below": " ▼"}
# Where a number that is not known stands when a column is sorted.
_UNKNOWN = -1e9
_FILE, _FILES = "page or record", "pages and records"
# The section on pages with true signals, behind that on pages.
TRUTH_SECTION = "True signals"
# Pictures make the file large: so many overlays are shown.
_MOST_OVERLAYS = 24
_OVERLAY_WIDTH_PX = 1300
_OVERLAY_JPEG_QUALITY = 72
# Characters of the list of layouts that a tile has room for.
_LAYOUTS_LENGTH = 60


def write_report(finished: Sequence[FinishedFile], failed: Sequence[FailedFile], summaries: Sequence[RecordSummary],
                 out: Path) -> None:
    """Write `out/report.html`.

    Parameters
    ----------
    finished : sequence of FinishedFile
        The most doubtful ones first.
    failed : sequence of FailedFile
    summaries : sequence of RecordSummary
        Of the first of `finished`: they are shown with charts and numbers.
    out : Path
        The folder that holds the overlays.
    """
    drawn = [file for file in finished if file.facts.px_per_mm]
    truth = _truth(finished)
    sections = [*SECTIONS[:2], TRUTH_SECTION, *SECTIONS[2:]] if truth else SECTIONS
    content = {
        "kicker": "ECG pages", "title": "Waveforms, beats and intervals",
        "lead": f"{count(len(finished), _FILE, _FILES)} became signals.",
        "facts": [{"name": "Folder", "value": str(out), "wide": True, "code": True}],
        "contents": contents(sections), "truth": truth,
        "warnings": _warnings(finished, failed, summaries),
        "no_warnings": "Nothing doubtful was found, and every value lies within its usual range.",
        "records": [record_section(summary) for summary in summaries],
        "records_left": len(finished) - len(summaries), "tiles": _tiles(finished, failed), "pages": _pages(finished),
        "overlays": [picture for file in drawn[:_MOST_OVERLAYS] for picture in _overlays(file, out)],
        "overlays_left": max(0, len(drawn) - _MOST_OVERLAYS), "failed": _failed(failed)}
    write_page(out / "report.html", "ecg.html.j2", content, Path(__file__).parent)


def _warnings(finished: Sequence[FinishedFile], failed: Sequence[FailedFile], summaries: Sequence[RecordSummary]
              ) -> list[dict[str, str]]:
    out = []
    if failed:
        out.append(warning("caution", f"{count(len(failed), 'file')} gave no signals.", "See errors.csv."))
    review = [file for file in finished if file.facts.review]
    if review:
        out.append(warning("caution", f"For review: {count(len(review), 'page')}.",
                           "They may have been read wrong: compare their overlays. Each has its reasons below."))
    doubtful = [file for file in finished if file.facts.warnings]
    if doubtful:
        out.append(warning("caution", f"Doubts: {count(len(doubtful), 'page')}.", "Look at the overlays.",
                           "--points corrections.csv"))
    outside = [file for file in finished if unusual(file.facts.rhythm)]
    if outside:
        out.append(warning("note", f"Values outside their usual range: {count(len(outside), _FILE, _FILES)}.",
                           "They are marked in the rows below."))
    told = {file.facts.path for file in (*review, *doubtful, *outside)}
    uncertain = [summary for summary in summaries if summary.doubts and summary.path not in told]
    if uncertain:
        out.append(warning("note", f"Uncertain or missing waves: {count(len(uncertain), _FILE, _FILES)}.",
                           "See the list below its table."))
    return out


def _tiles(finished: Sequence[FinishedFile], failed: Sequence[FailedFile]) -> list[dict[str, str]]:
    layouts = sorted({file.facts.layout for file in finished})
    return [{"name": "Pages", "value": number(len(finished)), "range": "became signals"},
            {"name": "For review", "value": number(sum(file.facts.review for file in finished)), "range": "pages"},
            {"name": "Refused", "value": number(len(failed)), "range": "files"},
            {"name": "Layouts", "value": number(len(layouts)), "range": ", ".join(layouts)[:_LAYOUTS_LENGTH]}]


def _pages(finished: Sequence[FinishedFile]) -> dict[str, Any]:
    """What was measured on every page, what is doubtful, and how it was read: sixteen columns would not fit."""
    measured = [[cell(file.path, tone="name"), *_measured(file.facts)] for file in finished]
    head = ["Page", "Rate, /min", "PR, ms", "QRS, ms", "QTc, ms", "Axis, °"]
    head_of_reading = ["Page", "Least confidence", "Doubtful", "Layout", "Leads", "I + III − II", "mm/mV", "px/mm",
                       "Rotation"]
    told = [{"name": file.path, "texts": [text for text in (review_sentence(file.facts.review_reason),
                                                            *file.facts.warnings, *_also_unusual(file.facts)) if text]}
            for file in finished]
    return {"measured": table(head, measured, sortable=True, foot=(
                "▲ above and ▼ below what is usual in adults at rest. QTc by Bazett: from 450 ms on it is long in men, "
                "from 460 ms on in women.")),
            "told": [page for page in told if page["texts"]],
            "reading": table(head_of_reading, [_reading(file) for file in finished], sortable=True)}


def _reading(file: FinishedFile) -> list[object]:
    """How a page was read; a digital record has no paper."""
    facts = file.facts
    residual = facts.einthoven_residual_mv
    return [cell(file.path, tone="name"), cell(percent(facts.least_confidence), key=facts.least_confidence),
            cell(f"{facts.doubtful_s:.2f} s", key=facts.doubtful_s),
            facts.layout + (", vectors" if facts.read_from == "vectors" else ""),
            cell(number(len(facts.leads)), key=len(facts.leads)),
            cell(f"{number(residual)}\u00a0mV", key=_UNKNOWN if residual is None else residual), *_paper(facts)]


def _measured(facts: PageFacts) -> list[dict[str, Any]]:
    """The main measurements of a page, marked where they are not usual."""
    by_name = {m.name: m for m in measurements(facts.rhythm)}
    return [cell(number(m.value) + _MARKS[m.side], key=_UNKNOWN if m.value is None else m.value,
                 tone="bad" if m.side else "", title=m.beyond) for m in (by_name[name] for name in HEADLINES)]


def _also_unusual(facts: PageFacts) -> list[str]:
    """Sentences on measurements that are not usual and have no column."""
    others = [as_text(m) for m in unusual(facts.rhythm) if m.name not in HEADLINES]
    return [f"also unusual: {'; '.join(others)}"] if others else []


def _truth(finished: Sequence[FinishedFile]) -> dict[str, Any] | None:
    """dB of each lead of the pages that have true signals, the lowest page first; None without any."""
    rows = []
    for file in sorted(finished, key=lambda file: (_db_of(file) is None, _db_of(file), file.path)):
        score = file.facts.truth
        if score is not None:
            values = [score.db, *(score.leads.get(lead) for lead in LEADS)]
            rows.append([file.path, *(cell("" if value is None else f"{value:.1f}", key=value) for value in values),
                         score.error])
    return table(["Page", "All leads", *LEADS, "Not compared"], rows, sortable=True) if rows else None


def _db_of(file: FinishedFile) -> float | None:
    return None if file.facts.truth is None else file.facts.truth.db


def _paper(facts: PageFacts) -> list[str]:
    """mm/mV, px/mm and rotation; a digital record has no paper."""
    if facts.px_per_mm is None or facts.rotation_deg is None:
        return ["", "", ""]
    scales = dict.fromkeys(f"{scale:.3f}" for scale in (facts.px_per_mm.x, facts.px_per_mm.y))
    gains = dict.fromkeys(f"{gain:g}" for gain in (facts.mm_per_mv, facts.chest_mm_per_mv))
    return [" / ".join(gains), " × ".join(scales), f"{round(facts.rotation_deg, 2) + 0:.2f}°".replace("-", "−")]


def _overlays(file: FinishedFile, out: Path) -> list[dict[str, str]]:
    """The overlay of a page; of one that was corrected by hand also that of the run before."""
    before = out / f"{file.stem}.before.png"
    if not before.is_file():
        caption = f"{file.path}: for review" if file.facts.review else file.path
        return [_picture(out / f"{file.stem}.overlay.png", caption, file.path)]
    after = "after the corrections" + (", for review" if file.facts.review else "")
    return [_picture(before, f"{file.path}: before the corrections", file.path),
            _picture(out / f"{file.stem}.overlay.png", f"{file.path}: {after}", file.path)]


def _picture(path: Path, caption: str, page: str) -> dict[str, str]:
    """The overlay, reduced, as a data URI; a sentence where it is gone."""
    try:
        rgb = read_image(path).rgb
    except ImageError as error:
        return {"uri": "", "caption": f"{page}: the overlay is gone ({error})"}
    size = (_OVERLAY_WIDTH_PX, round(rgb.shape[0] * _OVERLAY_WIDTH_PX / rgb.shape[1]))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _OVERLAY_JPEG_QUALITY])[1]
    return {"uri": data_uri(data.tobytes(), "image/jpeg"), "caption": caption}


def _failed(failed: Sequence[FailedFile]) -> dict[str, Any] | None:
    return table(["File", "Reason", "What is wrong"], [[file.path, file.reason, file.error] for file in failed]) \
        if failed else None
