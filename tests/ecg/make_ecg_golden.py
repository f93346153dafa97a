"""Make tests/golden/ecg_v<VERSION>.json: what drawn pages and a record give. Run it after raising a version.

    PYTHONPATH=. python tests/ecg/make_ecg_golden.py
"""
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from made_heart import LEADS, heart

from ecg.beats.delineate import find_beats
from ecg.digitize import digitize
from ecg.job import VERSION
from ecg.page_facts import BeatFacts, SourceFacts, facts_of_page
from ecg.rhythm.features import FAMILIES, rhythm_row
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from featurize.arrays import UInt8Array
from featurize.runtime.seal import unsealed

FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = FOLDER / f"ecg_v{VERSION}.json"
# Every 25th sample, 20 a second at 500 Hz: all leads are compared in a file of some kB.
EVERY = 25


def _fax() -> UInt8Array:
    rgb, _ = draw_page(heartbeats(0), Style(layout="1x1", px_per_mm=6))
    return np.asarray(cv2.resize(rgb, None, fx=1.03, fy=1.0, interpolation=cv2.INTER_CUBIC))


# Small pages, each of which needs other parts of the code.
PAGES: dict[str, Callable[[], UInt8Array]] = {
    "complexes of several leads overlap": lambda: draw_page(heartbeats(3, size=2.0), Style(
        layout="3x4", row_mm=18, px_per_mm=6, separators="none", names="above"))[0],
    "gray ink on a gray grid": lambda: draw_page(heartbeats(1), Style(
        layout="3x1", px_per_mm=5.9, pen_mm=0.2, major=(165, 165, 165), minor=(218, 218, 218), ink=(70, 70, 75)))[0],
    "a photograph": lambda: degrade(draw_page(heartbeats(2), Style(layout="1x1", px_per_mm=6))[0], "photo", 0),
    "a fax, 3 % wider than high": _fax}


def of_page(rgb: UInt8Array) -> dict[str, Any]:
    """Facts of a page, and its leads in mV, None where one is not drawn; leads that are nowhere drawn are left out."""
    found = digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    mv = {lead: row for lead, row in zip(LEADS, found.signals.mv[:, ::EVERY]) if np.isfinite(row).any()}
    facts = facts_of_page(found, BeatFacts({"heart_rr_rate_bpm": None}, []), SourceFacts("", "", ""))
    content = unsealed(json.loads(facts.to_json()))
    for name in ("path", "key", "sha256", "rhythm", "files"):
        del content[name]
    return {"facts": content,
            "mv": {lead: [_number(round(value, 4)) for value in row.tolist()] for lead, row in mv.items()}}


def of_record() -> dict[str, float | None]:
    """The row of rhythm of a heart with one broad beat and an irregular rhythm."""
    signals = heart(np.cumsum([0.5, 0.71, 0.92, 0.6, 0.83, 0.79, 0.95, 0.7, 0.88, 0.75, 0.8]), wide=(4,), seed=1)
    return {name: _number(value) for name, value in rhythm_row(signals, find_beats(signals, LEADS, 500)).items()}


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None


def main() -> None:
    """Write the file, and remove those of other versions."""
    content = {"version": VERSION, "families": FAMILIES, "rhythm": of_record(),
               "pages": {name: of_page(draw()) for name, draw in PAGES.items()}}
    for old in FOLDER.glob("ecg_v*.json"):
        old.unlink()
    GOLDEN.write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
