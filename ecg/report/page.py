"""report.html of a run over pages: what was read, what is doubtful, every lead over its page."""
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from ecg.report.heart import heart_of
from featurize.images.read import ImageError, read_image
from featurize.report.charts import data_uri
from featurize.report.numbers import count, number, percent
from featurize.report.page import contents, table, warning, write_page

if TYPE_CHECKING:
    from ecg.job import Done

SECTIONS = ("At a glance", "Pages", "Beats and intervals", "Leads over their pages", "Files that gave nothing")
# Pictures make the file large: the most doubtful pages are shown.
_MOST_SHOWN = 24
_WIDTH_PX = 1300
# Two charts a record: the first, the most doubtful ones, are enough to judge by.
_HEARTS = 12


def write_report(done: "Sequence[Done]", out: Path) -> None:
    """Write `out/report.html`.

    Parameters
    ----------
    done : sequence of Done
        Every file, in order.
    out : Path
        The folder that holds the overlays.
    """
    good = [d for d in done if d.facts is not None]
    failed = [d for d in done if d.facts is None]
    good.sort(key=lambda d: (_confidence(d.facts or {}), d.item.path))
    drawn = [d for d in good if (d.facts or {})["px_per_mm"]]
    shown = [_picture(d, out) for d in drawn[:_MOST_SHOWN]]
    content = {
        "kicker": "ECG pages", "title": "Waveforms, beats and intervals",
        "lead": f"{count(len(good), 'page or record', 'pages and records')} became signals.",
        "facts": [{"name": "Folder", "value": str(out), "wide": True, "code": True}],
        "contents": contents(SECTIONS),
        "warnings": _warnings(good, failed), "no_warnings": "Nothing doubtful was found.",
        "hearts": [heart_of(out, d.item.stem, d.facts or {}) for d in good[:_HEARTS]],
        "hearts_left": max(0, len(good) - _HEARTS), "tiles": _tiles(good, failed), "pages": _pages(good),
        "shown": shown,
        "left_out": max(0, len(drawn) - _MOST_SHOWN), "failed": _failed(failed)}
    write_page(out / "report.html", "ecg.html.j2", content, Path(__file__).parent)


def _confidence(facts: dict[str, Any]) -> float:
    return min((lead["confidence"] for lead in facts["leads"].values()), default=0.0)


def _doubtful_s(facts: dict[str, Any]) -> float:
    return float(sum(b - a for lead in facts["leads"].values() for a, b in lead["gaps"]))


def _warnings(good: "Sequence[Done]", failed: "Sequence[Done]") -> list[dict[str, str]]:
    out = []
    if failed:
        out.append(warning("caution", f"{count(len(failed), 'file')} gave no signals.", "See errors.csv."))
    doubtful = [d for d in good if (d.facts or {})["warnings"]]
    if doubtful:
        out.append(warning("caution", f"Doubts: {count(len(doubtful), 'page')}.", "Look at their overlays.",
                           "--points corrections.csv"))
    return out


def _tiles(good: "Sequence[Done]", failed: "Sequence[Done]") -> list[dict[str, str]]:
    layouts = sorted({(d.facts or {})["layout"] for d in good})
    return [{"name": "Pages", "value": number(len(good)), "range": "became signals"},
            {"name": "Refused", "value": number(len(failed)), "range": "files"},
            {"name": "Layouts", "value": number(len(layouts)), "range": ", ".join(layouts)[:60]}]


def _pages(good: "Sequence[Done]") -> dict[str, Any]:
    # What a table too wide for the page hides is what one asks for last.
    head = ["Page", "Layout", "Heart rate", "Least confidence", "Doubtful", "I + III − II", "Warnings", "mm/mV",
            "px/mm", "Rotation", "Leads"]
    rows = []
    for d in good:
        f = d.facts or {}
        rows.append([d.item.path, f["layout"], number(f["heart_rate_bpm"]), percent(_confidence(f)),
                     f"{_doubtful_s(f):.2f} s", f"{number(f['einthoven_residual_mv'])} mV", "; ".join(f["warnings"]),
                     *_paper(f), str(len(f["leads"]))])
    return table(head, rows, sortable=True)


def _paper(facts: dict[str, Any]) -> list[str]:
    """mm/mV, px/mm and rotation; a digital record has no paper."""
    if facts["px_per_mm"] is None:
        return ["", "", ""]
    scales = dict.fromkeys(f"{scale:.3f}" for scale in facts["px_per_mm"])
    gains = dict.fromkeys(f"{facts[name]:g}" for name in ("mm_per_mv", "chest_mm_per_mv"))
    return [" / ".join(gains), " × ".join(scales), f"{round(facts['rotation_deg'], 2) + 0:.2f}°"]


def _picture(done: "Done", out: Path) -> dict[str, str]:
    """The overlay, reduced, as a data URI; a sentence where it is gone."""
    try:
        rgb = read_image(out / f"{done.item.stem}.overlay.png").rgb
    except ImageError as error:
        return {"uri": "", "caption": f"{done.item.path}: the overlay is gone ({error})"}
    size = (_WIDTH_PX, round(rgb.shape[0] * _WIDTH_PX / rgb.shape[1]))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 72])[1]
    return {"uri": data_uri(data.tobytes(), "image/jpeg"), "caption": done.item.path}


def _failed(failed: "Sequence[Done]") -> dict[str, Any] | None:
    return table(["File", "Reason", "What is wrong"], [[d.item.path, d.reason, d.error] for d in failed]) \
        if failed else None
