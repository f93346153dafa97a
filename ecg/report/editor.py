"""editor.html of a run: corrections are placed on the overlays in a browser, and saved for `--points`."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ecg.lead_table import LEADS
from ecg.result import FinishedFile
from featurize.report.page import write_page


def write_editor(finished: Sequence[FinishedFile], points: Mapping[str, Sequence[Mapping[str, Any]]], path: Path
                 ) -> None:
    """Write the editor, which shows the overlays that lie beside it; without pages none is there.

    Parameters
    ----------
    finished : sequence of FinishedFile
        In the order of the list: pages first whose leads were seen least surely.
    points : mapping of path to sequence of mappings
        Corrections that were given, with `lead, x, y, action`: shown and saved again, those of other pages too.
    path : Path
        In the folder of the overlays.
    """
    pages = [{"path": file.path, "overlay": quote(f"{file.stem}.overlay.png")} for file in finished
             if file.facts.px_per_mm]
    if not pages:
        path.unlink(missing_ok=True)
        return
    given = [{"page": path, **point} for path, own in points.items() for point in own]
    content = {"pages": pages, "leads": LEADS, "points": given, "out": str(path.parent)}
    write_page(path, "editor.html.j2", content, Path(__file__).parent)
