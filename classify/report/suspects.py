"""Labels that the predictions contradict: pictures, class pairs, scores with and without, disagreeing copies."""
from typing import Any

from classify.report.performance import METRICS
from classify.report.single_images import WRONG_PX, neighbors, place_of, probabilities
from classify.report_numbers import WrongPrediction
from classify.result import RunResult
from featurize.report.numbers import count, number, percent, score
from featurize.report.page import cell, table
from featurize.report.pictures import album_of, show

# Pictures of suspect labels, most suspect first.
SHOWN = 8
# Rows of the tables of class pairs and of copies.
MOST_PAIRS = 12
MOST_COPIES = 20


def suspects(result: RunResult) -> dict[str, Any]:
    """Content of the section."""
    found, album = result.suspects, album_of(result.info)
    flagged = found.table[found.table["flagged"]]
    images = []
    for row in flagged.index[:SHOWN].tolist():
        label, likely = str(flagged.loc[row, "label"]), str(flagged.loc[row, "likely"])
        site, path = place_of(result.frame, row)
        doubted = WrongPrediction(row, int(result.task.y[row]), list(result.task.classes).index(likely), ())
        images.append({"title": f"labelled {label}, looks like {likely}",
                       "picture": show(album, site, path, caption=path, side=WRONG_PX),
                       "probabilities": probabilities(result, doubted), "neighbors": neighbors(result, album, row)})
    return {"sentence": _sentence(result, len(images)), "images": images, "pairs": _pairs(result),
            "scores": _scores(result) if len(flagged) else None, "copies": _copies(result)}


def _sentence(result: RunResult, shown: int) -> str:
    found = result.suspects.metrics
    sure = found["surest"]
    usual = "more than hard images explain" if result.suspects.unusual else "no more than hard images explain"
    first = (f"Confident learning flags {number(found['flagged'])} of {count(found['n'], 'label')}. In the quarter of "
             f"the images of which the model is surest, {number(sure['contradicted'])} of {number(sure['n'])} labels "
             f"say something else: {usual}. ")
    last = (f"Shown: the {number(shown)} most suspect; suspects.csv lists every image. A flag is a question to a "
            "person: it may also be a rare look that the model has not learned." if shown
            else "suspects.csv lists every image.")
    return first + last


def _pairs(result: RunResult) -> dict[str, Any] | None:
    pairs, counts = result.suspects.pairs, result.suspects.table["label"].value_counts()
    if pairs.empty:
        return None
    rows = [[cell(r["label"]), cell(r["likely"]),
             cell(number(r["n"]), key=float(r["n"]), bar=r["n"] / pairs["n"].max()),
             cell(percent(r["n"] / counts[r["label"]]), key=r["n"] / counts[r["label"]])]
            for r in pairs.head(MOST_PAIRS).to_dict("records")]
    return table(["Label", "Looks like", "Flagged", "Of the label's images"], rows, sortable=True,
                 caption="Flagged labels by pair of classes")


def _scores(result: RunResult) -> dict[str, Any]:
    found = result.suspects.metrics
    rows = [[cell(METRICS[key][0]), cell(score(value)), cell(score(found["scores_without_flagged"][key]))]
            for key, value in found["scores"].items()]
    return table(["Metric", "All labels", "Without the flagged ones"], rows, caption="Scores with and without",
                 foot="The right column is too good where flagged labels are true: errors of the model are among them. "
                      "Only corrected labels give a fair score.")


def _copies(result: RunResult) -> dict[str, Any] | None:
    copies = result.suspects.copies
    if copies.empty:
        return None
    rows = [[cell(number(r["duplicate_group"]), key=r["duplicate_group"]), cell(r["path"]), cell(r["label"])]
            for r in copies.head(MOST_COPIES).to_dict("records")]
    more = f"{number(len(copies) - MOST_COPIES)} more." if len(copies) > MOST_COPIES else ""
    return table(["Cluster", "Image", "Label"], rows, foot=more,
                 caption="The same picture, or nearly, with different labels: at least one of them is wrong")
