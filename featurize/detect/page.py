"""detect.html: what was found in every field, how large it is, and the white cells to look at."""
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from featurize.detect.figures import PLATELET_COLOR, RED_COLOR, WHITE_COLOR, platelets_per_white, sizes
from featurize.detect.job import OVERLAYS, CellFacts, FailedField, FieldFacts, FinishedField
from featurize.detect.result import PLATELET, RED, WHITE
from featurize.detect.summary import FieldSummary, diameters, is_cut, summarize, uncut, white_by_size
from featurize.images.read import ImageError, read_image
from featurize.report.numbers import MISSING, count, number, percent
from featurize.report.page import cell, contents, figure, table, warning, write_page
from featurize.report.pictures import thumbnail

SECTIONS = ("At a glance", "Sizes", "White cells", "Fields with outlines", "Counts of every field",
            "Files that gave nothing")
# Pictures make the page large: so many are shown.
_MOST_CROPS = 96
_MOST_OVERLAYS = 12
_CROP_SIDE_PX = 110
_OVERLAY_SIDE_PX = 640
# Charts end here, in red-cell diameters.
_LARGEST_RED, _LARGEST_WHITE, _LARGEST_PLATELET = 2.0, 4.0, 1.5
# A size that is missing stands below all when a column is sorted.
_UNKNOWN = -1.0


def warnings_of(finished: Sequence[FinishedField], failed: Sequence[FailedField]) -> list[dict[str, str]]:
    """What a reader should know before the numbers."""
    out = []
    if failed:
        out.append(warning("caution", f"{count(len(failed), 'file')} could not be read.", "See errors.csv."))
    unknown = [one for one in finished if np.isnan(one.facts.red_diameter_px)]
    if unknown:
        out.append(warning("caution", f"Too few clear red cells to measure sizes: {count(len(unknown), 'field')}.",
                           "Their diameters are missing."))
    empty = [one for one in finished if not one.facts.cells]
    if empty:
        out.append(warning("caution", f"Nothing was found: {count(len(empty), 'field')}.",
                           "Are these stained blood smears?"))
    return out


def write_detect_page(finished: Sequence[FinishedField], failed: Sequence[FailedField], out: Path, page: Path) -> None:
    """Write the page.

    Parameters
    ----------
    finished, failed : sequences
    out : Path
        The folder with overlays and crops.
    page : Path
    """
    facts = [one.facts for one in finished]
    summaries = [summarize(one) for one in facts]
    crops = [(one, number, c) for one in finished for number, c in enumerate(one.facts.of(WHITE), 1)]
    content = {
        "kicker": "Blood smears", "title": "Cells in whole fields",
        "lead": f"{count(len(finished), 'field')}: {_counted(facts)}.",
        "facts": [{"name": "Folder", "value": str(out), "wide": True, "code": True}], "contents": contents(SECTIONS),
        "warnings": warnings_of(finished, failed), "no_warnings": "Every file was read, and cells were found in each.",
        "tiles": _tiles(facts, summaries), "fields": _fields(summaries), "charts": _charts(facts, summaries),
        "by_size": _by_size(facts),
        "crops": [_crop(one, number, c, out) for one, number, c in crops[:_MOST_CROPS]],
        "crops_left": max(0, len(crops) - _MOST_CROPS),
        "overlays": [_picture(one.job.place(out, OVERLAYS), "", one.job.path, _OVERLAY_SIDE_PX)
                     for one in finished[:_MOST_OVERLAYS]],
        "overlays_left": max(0, len(finished) - _MOST_OVERLAYS),
        "failed": table(["File", "Reason", "What is wrong"],
                        [[one.job.path, one.reason, one.error] for one in failed]) if failed else None}
    write_page(page, "detect.html.j2", content, Path(__file__).parent)


def _counted(facts: Sequence[FieldFacts]) -> str:
    whites, reds, platelets = (sum(len(one.of(kind)) for one in facts) for kind in (WHITE, RED, PLATELET))
    return f"{count(whites, 'white cell')}, {count(reds, 'red cell')}, {count(platelets, 'platelet')}"


def _tiles(facts: Sequence[FieldFacts], summaries: Sequence[FieldSummary]) -> list[dict[str, str]]:
    red = diameters(facts, RED)
    whites, platelets = (sum(s.counts[kind] for s in summaries) for kind in (WHITE, PLATELET))
    spread = float(red.std() / red.mean()) if len(red) > 1 else None
    return [{"name": "White cells", "value": number(whites), "range": f"{number(whites / len(facts))} per field"},
            {"name": "Red cells", "value": number(len([c for f in facts for c in f.of(RED)])),
             "range": f"size varies by {percent(spread)}"},
            {"name": "Platelets", "value": number(platelets),
             "range": f"{number(platelets / whites) if whites else MISSING} per white cell"}]


def _fields(summaries: Sequence[FieldSummary]) -> dict[str, Any]:
    head = ["Field", "White cells", "Red cells", "Platelets", "Per white cell", "Red cell, px", "Spread"]
    rows = [[cell(s.path, tone="name"), *(cell(number(s.counts[kind]), key=s.counts[kind])
                                          for kind in (WHITE, RED, PLATELET)),
             _known(s.platelets_per_white, number), _known(s.red_diameter_px, number), _known(s.red_spread, percent)]
            for s in summaries]
    return table(head, rows, sortable=True, foot="Per white cell: platelets over white cells. Red cell: median "
                 "diameter of those clearly outlined. Spread: standard deviation over mean of the diameters of those "
                 "that the border does not cut.")


def _known(value: float, shown: Any) -> dict[str, Any]:
    return cell(shown(value), key=_UNKNOWN if np.isnan(value) else value)


def _charts(facts: Sequence[FieldFacts], summaries: Sequence[FieldSummary]) -> list[dict[str, str]]:
    reading = "Of cells that the border does not cut; the line is the median."
    return [
        figure(sizes(diameters(facts, RED), RED_COLOR, "diameter, in those of the field's red cells", _LARGEST_RED),
               "Red cells", reading + " A wide or two-peaked chart is anisocytosis, or cells that were not parted."),
        figure(sizes(diameters(facts, WHITE), WHITE_COLOR, "diameter, in red-cell diameters", _LARGEST_WHITE),
               "White cells", reading),
        figure(sizes(diameters(facts, PLATELET), PLATELET_COLOR, "diameter, in red-cell diameters", _LARGEST_PLATELET),
               "Platelets", reading),
        figure(platelets_per_white(list(summaries)), "Platelets per white cell", "Fields without a white cell are left "
               "out.")]


def _by_size(facts: Sequence[FieldFacts]) -> dict[str, Any]:
    classes = white_by_size(facts)
    total = max(sum(c.count for c in classes), 1)
    cut = sum(len(one.of(WHITE)) for one in facts) - len(uncut(facts, WHITE))
    left_out = (f"Without {count(cut, 'white cell')} that the border cuts, as in the charts: what is seen of a cut "
                "cell is smaller than it is. " if cut else "")
    return table(["Diameter, in red-cell diameters", "White cells", "Share", "Nucleus"],
                 [[c.name, cell(number(c.count), key=c.count), cell(percent(c.count / total), key=c.count / total),
                   _known(c.nucleus_share, percent)] for c in classes],
                 foot=f"{left_out}Nucleus: median share of the cell's area. The kinds of white cells are told by a "
                 "model: featurize the folder crops, then predict.")


def _crop(one: FinishedField, number_of: int, found: CellFacts, out: Path) -> dict[str, Any]:
    words = ("cut by the border" if is_cut(found, one.facts) else f"{number(found.diameter_red)} red-cell diameters"
             if math.isfinite(found.diameter_red) else "size unknown")
    return _picture(one.job.crop(out, number_of), words, one.job.path, _CROP_SIDE_PX)


def _picture(path: Path, caption: str, small: str, side: int) -> dict[str, Any]:
    """A thumbnail, or a sentence where the picture is gone."""
    texts = {"caption": caption, "small": small, "alarm": False, "alt": f"{small} {caption}".strip()}
    try:
        return {**thumbnail(read_image(path).rgb, side), **texts}
    except ImageError as error:
        return {"uri": None, "missing": "not found again", "why": str(error), "outlines": [], **texts}
