"""boxes.csv, coco.json and errors.csv of a run."""
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from featurize.detect.job import FailedField, FieldFacts
from featurize.detect.result import KINDS
from featurize.runtime.files import write_csv, write_text

COLUMNS = ("file", "xmin", "ymin", "xmax", "ymax", "kind", "score", "diameter_red")


def write_boxes(fields: Sequence[FieldFacts], path: Path) -> None:
    """A row for each cell; `diameter_red` is empty where the field's red cells could not be measured."""
    rows = [(facts.path, *cell.box, cell.kind, cell.score, cell.diameter_red)
            for facts in fields for cell in facts.cells]
    write_csv(pd.DataFrame(rows, columns=list(COLUMNS)), path)


def write_coco(fields: Sequence[FieldFacts], path: Path) -> None:
    """The same as COCO's instances, with scores, outlines as polygons, https://cocodataset.org/#format-data."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, facts in enumerate(fields, 1):
        images.append({"id": image_id, "file_name": facts.path, "width": facts.width, "height": facts.height})
        for cell in facts.cells:
            left, top, right, bottom = cell.box
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id, "category_id": KINDS.index(cell.kind) + 1,
                "bbox": [left, top, right - left, bottom - top], "area": cell.area_px, "iscrowd": 0,
                "segmentation": [list(cell.outline)], "score": cell.score})
    categories = [{"id": number, "name": kind} for number, kind in enumerate(KINDS, 1)]
    content = {"info": {"program": "pellucid"}, "images": images, "categories": categories, "annotations": annotations}
    # Without indents: Python's own encoder, which makes these, takes seconds for the many corners.
    write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", path)


def write_failed(failed: Sequence[FailedField], path: Path) -> Path | None:
    """The list of errors; without any, that of an earlier run is removed."""
    if not failed:
        path.unlink(missing_ok=True)
        return None
    rows = [(one.job.path, one.error, one.reason) for one in failed]
    write_csv(pd.DataFrame(rows, columns=["path", "error", "reason"]), path)
    return path
