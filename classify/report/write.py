"""Put the page together: every section is prepared as plain content, then the template places it."""
from pathlib import Path

from classify.predictions import REVIEW_ABOVE_NOVELTY
from classify.report import card, cases, meaning, overview, performance
from classify.result import RunResult
from featurize.report.page import contents, write_page

SECTIONS = ("At a glance", "Data, splits and leaks", "Performance", "Confusion and classes",
            "Calibration and selection", "Prediction sets", "What the model looks at", "Single images", "Training",
            "Model card", "Reporting checklist", "How to make it again")


def write_report(path: Path, result: RunResult) -> None:
    """Write report.html.

    Parameters
    ----------
    path : Path
        Where the page goes, whole or not at all.
    result : RunResult
        Metrics are shown as they stand there; only pictures are read again, and a picture that is gone leaves a
        sentence in its place.
    """
    honest, matrix = overview.honest_rows(result), result.scores.confusion
    content = {
        **overview.head(result, honest), "contents": contents(SECTIONS),
        "novelty_percent": f"{100 * REVIEW_ABOVE_NOVELTY:g}",
        "tiles": overview.tiles(result, honest), "data": overview.data(result),
        "performance": performance.metrics(result), "confusion": performance.confusion(matrix),
        "per_class": performance.per_class(result.scores.metrics["per_class"], matrix),
        "certainty": performance.certainty(result, honest),
        "sets": performance.sets(result), "meaning": meaning.importance(result), "cases": cases.cases(result, honest),
        "training": performance.training(result), "card": card.card(result), "settings": card.settings(result),
        "checklist": card.checklist(), "reproduce": card.reproduce(result)}
    write_page(path, "report.html.j2", content, Path(__file__).parent)
