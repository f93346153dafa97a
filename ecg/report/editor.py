"""editor.html of a run: corrections are placed on the overlays in a browser, and saved for `--points`."""
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ecg.lead_table import LEADS
from ecg.result import FailedFile, FinishedFile
from featurize.report.page import write_page


@dataclass(frozen=True)
class GivenByPerson:
    """What a person gave for the run: shown in the editor and saved again, that of other pages too.

    Parameters
    ----------
    rows : mapping of path to sequence of mappings
        Corrections, with `lead, x, y, action` as in the file.
    mm_per_mv, mm_per_s : float or None
        Gain and speed of all pages.
    """

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    mm_per_mv: float | None = None
    mm_per_s: float | None = None


def write_editor(finished: Sequence[FinishedFile], failed: Sequence[FailedFile], given: GivenByPerson,
                 files: Mapping[str, Path], path: Path) -> None:
    """Write the editor, which shows the overlays that lie beside it; without pages none is there.

    Parameters
    ----------
    finished : sequence of FinishedFile
        In the order of the list: pages first whose leads were seen least surely.
    failed : sequence of FailedFile
        Pages that gave nothing, shown after the others as their files are.
    given : GivenByPerson
    files : mapping of path to Path
        The file of each page: corners are placed on it, through a link relative to `path`.
    path : Path
        In the folder of the overlays.
    """
    pages = [_page(file, files[file.path], path.parent) for file in finished if file.facts.px_per_mm]
    pages += [{"path": file.path, "overlay": "", "file": _link(files[file.path], path.parent), "before": "", "gain": "",
               "speed": "", "px_per_mm": None, "error": file.error} for file in failed]
    if not pages:
        path.unlink(missing_ok=True)
        return
    content = {"pages": pages, "leads": LEADS, "out": str(path.parent),
               "rows": [{"page": page, **row} for page, own in given.rows.items() for row in own],
               "gain": _text(given.mm_per_mv), "speed": _text(given.mm_per_s)}
    write_page(path, "editor.html.j2", content, Path(__file__).parent)


def _page(file: FinishedFile, source: Path, out: Path) -> dict[str, Any]:
    before, scale = out / f"{file.stem}.before.png", file.facts.px_per_mm
    return {"path": file.path, "overlay": quote(f"{file.stem}.overlay.png"), "file": _link(source, out),
            "before": quote(f"{file.stem}.before.png") if before.is_file() else "",
            "gain": _text(file.facts.mm_per_mv), "speed": _text(file.facts.mm_per_s),
            "px_per_mm": None if scale is None else [scale.x, scale.y], "error": ""}


def _link(source: Path, out: Path) -> str:
    return quote(Path(os.path.relpath(source.resolve(), out.resolve())).as_posix())


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
