"""A folder of synthetic ECG pages, as a clinic would hand them over: layouts, scans, photographs, a stray picture."""
from pathlib import Path

import cv2
import numpy as np

from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from featurize.errors import UserError
from featurize.runtime.files import replacing

# A page with a blue grid.
_BLUE = Style(layout="6x2", row_mm=26, names="above", major=(120, 150, 220), minor=(200, 215, 245))
# Name of the file, how it is drawn, and what happened to it (`ecg.simulate.degrade.KINDS`).
_PAGES = (("clean", Style(), "clean"), ("scan", Style(), "scan"), ("photo", Style(), "photo"),
          ("stained", Style(), "stains"), ("blue_6x2", _BLUE, "clean"),
          ("twelve_rows", Style(layout="12x1", row_mm=18, separators="none"), "clean"))


def write_pages(folder: Path) -> Path:
    """Draw the demo's pages into `folder/pages`, each beside its true signals, and one picture that is no ECG.

    Raises
    ------
    UserError
        `folder` exists, holds something, and was not written by a demo.
    """
    mark = folder / ".pellucid-demo"
    if folder.is_dir() and any(folder.iterdir()) and not mark.exists():
        raise UserError(f"{folder} holds files that are not of the demo: give a new folder with -o")
    pages = folder / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    pages.mkdir(exist_ok=True)
    for seed, (name, style, kind) in enumerate(_PAGES):
        rgb, truth = draw_page(heartbeats(seed), style)
        _write_png(degrade(rgb, kind, seed), pages / f"{name}.png")
        with replacing(folder / "truth" / f"{name}.csv", durable=False) as part:
            truth.to_csv(part, index=False, float_format="%.3f")
    noise = np.random.default_rng(9).integers(0, 255, (40, 40, 3), np.uint8)
    _write_png(cv2.resize(noise, (800, 600), interpolation=cv2.INTER_CUBIC), pages / "not_an_ecg.png")
    return pages


def _write_png(rgb: "np.typing.NDArray[np.uint8]", path: Path) -> None:
    with replacing(path, durable=False) as part:
        part.write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
