"""Make tests/golden/detect_v<VERSION>.json: what drawn fields give. Run it after raising VERSION.

    PYTHONPATH=. python tests/featurize/make_detect_golden.py
"""
import json
from pathlib import Path
from typing import Any

from featurize.detect.field import detect
from featurize.detect.job import VERSION
from featurize.simulate.fields import draw_field

GOLDEN = Path(__file__).parents[1] / "golden" / f"detect_v{VERSION}.json"
SEEDS = (0, 6)


def of_field(seed: int) -> dict[str, Any]:
    """Diameter of the red cells, and kind, box, score and area of each cell of a drawn field, in a fixed order."""
    field = detect(draw_field(seed, whites=("monocyte", "lymphocyte"), alone=4).rgb)
    cells = sorted((one.kind, *one.box, round(one.score, 3), round(one.area_px, 1)) for one in field.found)
    return {"red_diameter_px": round(field.red_diameter_px, 2), "cells": [list(cell) for cell in cells]}


def main() -> None:
    content = {str(seed): of_field(seed) for seed in SEEDS}
    GOLDEN.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
