"""Put the page together: every section is prepared as plain content, then the template places it."""
from pathlib import Path

from classify.crosswalk.section import ABOUT, CHECKLIST, about, checklist
from classify.report import (calibration_and_sets, explanation, lineage_and_costs, model_card, overview, performance,
                             single_images)
from classify.report.reporting import answers_of
from classify.report.review import review_table, rule_in_words
from classify.report.suspects import suspects
from classify.report.words import in_words
from classify.report_numbers import ReportNumbers
from classify.result import RunResult
from classify.review import FRAMING
from featurize.report.page import contents, write_page

# Only where words were given.
WORDS = "Words of experts"
SECTIONS = ("At a glance", "Data, splits and leaks", "Performance", "Confusion and classes",
            "Calibration and selection", "Prediction sets", "What the model looks at", WORDS, "Single images",
            "Suspect labels", "Training", "Model card", ABOUT, CHECKLIST, "How to make it again")


def write_report(path: Path, result: RunResult, numbers: ReportNumbers) -> None:
    """Write report.html.

    Parameters
    ----------
    path : Path
        Where the page goes, whole or not at all.
    result : RunResult
        Metrics are shown as they stand there; only pictures are read again, and a picture that is gone leaves a
        sentence in its place.
    numbers : ReportNumbers
        Of the same run, as `classify.evaluate.for_report.report_numbers` gives them.
    """
    scored, matrix = numbers.scored, result.scores.confusion
    sections = [name for name in SECTIONS if name != WORDS or result.words is not None]
    reasons = single_images.review_reasons(result)
    content = {
        **overview.head(result, scored), "contents": contents(sections),
        "asked": rule_in_words(result.accepted, any(f.column in result.frame.columns for f in FRAMING)),
        "tiles": overview.tiles(result, numbers), "data": overview.data(result),
        "performance": performance.metrics(result), "confusion": performance.confusion(matrix),
        "curves": performance.operating_points(result, numbers),
        "review": review_table([reasons[row] for row in scored.rows]),
        "per_class": performance.per_class(result.scores.metrics["per_class"], matrix),
        "further": performance.further_per_class(result.scores.metrics["per_class"]),
        "lineage": lineage_and_costs.lineage(result.scores.metrics, result.settings.alpha),
        "costs": lineage_and_costs.decisions(result.scores.metrics, result.task.classes),
        "calibration": calibration_and_sets.calibration(result, numbers),
        "sets": calibration_and_sets.sets(result, numbers),
        "explanation": explanation.importance(result, numbers),
        "words": in_words(result), "decision": performance.decision_curve(result), "suspects": suspects(result),
        "images": single_images.single_images(result, numbers), "training": performance.training(result),
        "card": model_card.model_card(result, numbers.missing_share), "settings": model_card.settings(result),
        "about": about(result.study), "checklist": checklist(answers_of(result, path.name), path.name),
        "reproduce": model_card.reproduce(
            result.info, result.table, overview.command(result.table, result.out, result.settings))}
    write_page(path, "report.html.j2", content, Path(__file__).parent)
