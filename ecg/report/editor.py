"""editor.html of a run: corrections are placed on the overlays in a browser, and saved for `--points`."""
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ecg.lead_table import LEADS
from ecg.result import FinishedFile
from featurize.report.page import write_page


@dataclass(frozen=True)
class GivenByPerson:
    """What a person gave for the run: shown in the editor and saved again, that of other pages too.

    Parameters
    ----------
    points : mapping of path to sequence of mappings
        Corrections, with `lead, x, y, action`.
    corners : mapping of path to sequence of (x, y)
        Of the papers, px of the files.
    mm_per_mv, mm_per_s : float or None
        Gain and speed of all pages.
    """

    points: Mapping[str, Sequence[Mapping[str, Any]]]
    corners: Mapping[str, Sequence[tuple[float, float]]]
    mm_per_mv: float | None = None
    mm_per_s: float | None = None


def write_editor(finished: Sequence[FinishedFile], given: GivenByPerson, files: Mapping[str, Path], path: Path
                 ) -> None:
    """Write the editor, which shows the overlays that lie beside it; without pages none is there.

    Parameters
    ----------
    finished : sequence of FinishedFile
        In the order of the list: pages first whose leads were seen least surely.
    given : GivenByPerson
    files : mapping of path to Path
        The file of each page: corners are placed on it, through a link relative to `path`.
    path : Path
        In the folder of the overlays.
    """
    pages = [_page(file, files[file.path], path.parent) for file in finished if file.facts.px_per_mm]
    if not pages:
        path.unlink(missing_ok=True)
        return
    content = {"pages": pages, "leads": LEADS, "out": str(path.parent),
               "points": [{"page": page, **point} for page, own in given.points.items() for point in own],
               "corners": [{"page": page, "x": x, "y": y} for page, own in given.corners.items() for x, y in own],
               "gain": _text(given.mm_per_mv), "speed": _text(given.mm_per_s)}
    write_page(path, "editor.html.j2", content, Path(__file__).parent)


def _page(file: FinishedFile, source: Path, out: Path) -> dict[str, str]:
    before = out / f"{file.stem}.before.png"
    relative = Path(os.path.relpath(source.resolve(), out.resolve())).as_posix()
    return {"path": file.path, "overlay": quote(f"{file.stem}.overlay.png"), "file": quote(relative),
            "before": quote(f"{file.stem}.before.png") if before.is_file() else "",
            "gain": _text(file.facts.mm_per_mv), "speed": _text(file.facts.mm_per_s)}


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
