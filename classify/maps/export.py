"""Maps as plain data."""
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from classify.maps.orders import areas
from classify.maps.result import KINDS, TESTS, ImageMap, Maps
from classify.maps.sentences import counterfactual_sentence, verdict_sentence


def to_dict(found: Maps, frame: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """Every number of the section, for JSON: all log-odds are of the named class against the next one."""
    return {"images": [_image(image, frame, classes) for image in found.images], "seed": found.seed,
            "learned": found.learned, "note": found.note, "tests": [asdict(test) for test in found.tests],
            "says": verdict_sentence(found), "stability": asdict(found.stability)}


def _image(image: ImageMap, frame: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    row, answer, other = frame.iloc[image.row], image.answer, image.counterfactual
    found = {
        "image_id": row["image_id"], "path": row["path"], "label": row["label"],
        "named": classes[answer.named], "other": classes[answer.other], "p": answer.p, "log_odds": answer.margin,
        "limit": answer.limit,
        "base": answer.base, "rows": image.rows, "columns": image.columns,
        **{name: getattr(image, name).tolist() for name in ("attribution", "occlusion", "other_fill", "other_grid")},
        "curves": {kind: asdict(curves) for kind, curves in image.curves.items()},
        "random_curves": [asdict(curves) for curves in image.random],
        "areas": {kind: {test: dict(zip(("map", "random"), areas(image, kind, test))) for test in TESTS}
                  for kind in KINDS},
        "places": {name: dict(zip(("area", "attribution", "occlusion"), shares))
                   for name, shares in image.places.items()}}
    if other is not None:
        own = frame.iloc[other.row]
        found["counterfactual"] = {
            "image_id": own["image_id"], "path": own["path"], "called": classes[other.called],
            "learned": other.learned, "distance": other.distance, "reached": other.reached,
            "nearer": other.nearer, "swaps": [asdict(swap) for swap in other.swaps],
            "says": counterfactual_sentence(image, classes)}
    return found
