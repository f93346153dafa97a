"""The nearest images as data: JSON with all that the page says, CSV with a row for each neighbor."""
from typing import Any

import pandas as pd

from classify.evaluate.summary import plain
from classify.similar.search import Similar, SimilarToSeveral, alike, different, unusual
from classify.similar.sentences import alike_sentences, different_sentences, sums_sentence
from classify.similar.warnings import warnings
from featurize.runtime.folders import PROGRAM


def to_csv(result: Similar) -> pd.DataFrame:
    """`rank, image_id, path, site, label, distance, alike, different`; columns of the table joined by ``|``."""
    rows = result.neighbors
    names = result.features
    return pd.DataFrame({
        "rank": range(1, len(rows) + 1), **{name: result.frame[name].iloc[rows].to_numpy() for name in
                                            ("image_id", "path", "site", "label")},
        "distance": result.distances[rows],
        "alike": ["|".join(names[c] for c in alike(result, at)) for at in range(len(rows))],
        "different": ["|".join(names[c] for c in different(result, at)) for at in range(len(rows))]})


def several_to_csv(results: SimilarToSeveral) -> pd.DataFrame:
    """The rows of `to_csv` for each image, with its path in `query`; those of all together last."""
    every = [*results.images, *([results.together] if results.together else [])]
    tables = []
    for result in every:
        tables.append(to_csv(result).assign(query=result.name))
    return pd.concat(tables, ignore_index=True)


def several_to_json(results: SimilarToSeveral) -> dict[str, Any]:
    """What `to_json` says of each image, and of all together."""
    return {"program": PROGRAM, "images": [to_json(result) for result in results.images],
            "together": to_json(results.together) if results.together else None,
            "nothing_found": list(results.nothing_found)}


def to_json(result: Similar) -> dict[str, Any]:
    """The image, what is unusual about it, its neighbors with sentences, and the warnings of the page."""
    table = to_csv(result).drop(columns=["alike", "different"]).astype(object)
    neighbors = [{**row, "alike": [s["text"] for s in alike_sentences(result, at)],
                  "different": [s["text"] for s in different_sentences(result, at)], "sums": sums_sentence(result, at)}
                 for at, row in enumerate(table.where(table.notna(), None).to_dict("records"))]
    return dict(plain({
        "program": PROGRAM, "image": result.name, "images_compared": len(result.frame),
        "measurements_compared": len(result.features), "metric": result.metric,
        "usual_distance": result.usual_distance, "recall_of_index": result.recall,
        "same_file": result.frame["path"].iloc[result.same_file].tolist(),
        "warnings": [{key: w[key] for key in ("level", "text", "advice")} for w in warnings(result)],
        "unusual": unusual(result).to_dict("records"), "neighbors": neighbors}))
