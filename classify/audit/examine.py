"""A saved model meets a table from elsewhere: how good, how sure and how new is it there, compared with home?"""
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.audit import shift
from classify.audit.result import Audit, Judged
from classify.bundle import Bundle
from classify.data.columns import check_columns, matrix
from classify.data.folds import split_groups
from classify.data.tasks import NAMED_CLASSES, encode_as
from classify.evaluate import metrics
from classify.evaluate.by_class import class_scores
from classify.evaluate.curves import reliability_points
from classify.evaluate.decisions import decision_scores
from classify.evaluate.lineage import LineageRows, lineage_scores
from classify.evaluate.parts_of_table import coverage_of_parts, is_gray, nuisances_of, parts_of_table
from classify.evaluate.review_scores import abstention, review_scores
from classify.evaluate.sets import coverage_by_class, set_sizes, with_sets_of_all
from classify.evaluate.threshold import shares_of, threshold_scores
from classify.predict import apply_bundle, check_compatible, unlike_together
from classify.predictions import ModelPredictions, prediction_table
from classify.review import batch_line, count_reasons, in_words, review_reasons
from classify.run_folder import METRICS, restore_run
from classify.stored.metrics import MULTILABEL, read_metrics
from classify.uncertainty.known_images import Copies, copies_of, trained_on
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.errors import UserError
from featurize.table import TableInfo

# Scores that are 1 whatever the model says where a single class occurs.
TRIVIAL = ("macro_precision", "precision", "average_precision")


def home_metrics(bundle_dir: Path, finding: str = "") -> dict[str, Any] | None:
    """metrics.json of the run that the model belongs to, if it is there.

    Parameters
    ----------
    bundle_dir : Path
        A run folder, its model folder, or the folder of one finding in that.
    finding : str
        Of a run with several findings: the scores of this one.

    Raises
    ------
    UserError
        The file is damaged, or is no metrics.json of a run.
    """
    restore_run(bundle_dir)
    folder = bundle_dir.resolve()
    run = next((place for place in (folder, folder.parent) if (place / METRICS).is_file()), folder.parent.parent)
    home = run_metrics(run)
    if home is None:
        return None
    if home.get("task") != MULTILABEL:
        return home if run in (folder, folder.parent) else None
    own: dict[str, Any] | None = home["findings"].get(finding)
    return None if own is None else {**own, "operating_point": {"threshold": own["threshold"], **shares_of(own)}}


def run_metrics(run: Path) -> dict[str, Any] | None:
    """metrics.json of a run folder, if it is there.

    Raises
    ------
    UserError
        The file is damaged, or is no metrics.json of a run.
    """
    if not (run / METRICS).is_file():
        return None
    return read_metrics(run / METRICS)


def examine(bundle: Bundle, home: dict[str, Any] | None, frame: pd.DataFrame, info: TableInfo,
            copies: Copies | None = None) -> Audit:
    """Predict a table from elsewhere and compare it with what the model was trained on.

    Parameters
    ----------
    bundle : Bundle
    home : dict or None
        metrics.json of the run.
    frame, info
        As `featurize.table.read_table` gives them.
    copies : Copies, optional
        Of training images, where they are known already.

    Raises
    ------
    UserError
        The table was measured in another way than the model's, lacks columns, or has labels of which the model knows
        none.
    """
    check_columns(frame, info)
    check_compatible(bundle, info)
    frame = frame.reset_index(drop=True)
    y = encode_as(frame["label"], bundle.classes)
    unknown = frame.loc[(y < 0) & frame["label"].notna().to_numpy(), "label"].value_counts()
    if len(unknown) and not (y >= 0).any():
        raise UserError(f"no label of the table is a class of the model: the table has {_listed(unknown.index)}, the "
                        f"model knows {_listed(bundle.classes)}: give the images the model's names of the classes "
                        "(folders, or --labels) and run `python cli.py featurize` again")
    x = matrix(frame, bundle.model.features)
    predictions = apply_bundle(bundle, x)
    novelty = predictions.novelty
    copies = copies_of(bundle.train_fingerprints, frame) if copies is None else copies
    known = trained_on(bundle.train_ids, bundle.novelty.points, frame, predictions.distances, copies)
    together = unlike_together(bundle, x, predictions)
    words = in_words(review_reasons(bundle.review, predictions, frame, together))
    judged = _judge(bundle, frame, info, y, predictions, pd.Series(words)) if (y >= 0).any() else None
    return Audit(
        bundle=bundle, home=home, frame=frame, info=info, predictions=predictions,
        table=prediction_table(frame, bundle.classes, predictions, words, further=bundle.further_columns),
        batch_line=batch_line(novelty[~known]),
        review_reasons=count_reasons(pd.Series(words)),
        judged=judged, unknown=unknown, trained_on=known, shift=shift.feature_shift(bundle, x),
        novelty=metrics.novelty_shares(novelty), novel_share=float((novelty > bundle.review.most_novelty).mean()),
        most_novel=np.argsort(-predictions.distances.mean(axis=1), kind="stable"), gray=is_gray(frame))


def _listed(names: Iterable[str]) -> str:
    """The first names of many, quoted."""
    quoted = [repr(str(name)) for name in names]
    return ", ".join(quoted[:NAMED_CLASSES]) + (", ..." if len(quoted) > NAMED_CLASSES else "")


def _judge(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, code: Int64Array,
           predictions: ModelPredictions, words: pd.Series) -> Judged:
    """Score the rows with a known label.

    `code` is the number of each row's class, -1 where it is unknown; `words` says why a person should look at it.
    """
    rows = np.flatnonzero(code >= 0)
    y, classes = code[rows], bundle.classes
    p, sets, group = predictions.p[rows], predictions.sets[rows], split_groups(frame)[rows]
    chosen, confidence, ordered = p.argmax(axis=1), p.max(axis=1), bundle.kind == "ordinal"
    labelled = frame.iloc[rows].reset_index(drop=True)
    parts = parts_of_table(labelled, pd.Series(np.array(classes)[y]), nuisances_of(frame, info))
    judged = {**_metrics(y, p, sets, group, classes, ordered), **_of_model(bundle, y, p, sets, group),
              "review_share": float((words.iloc[rows] != "").mean()),
              "review": review_scores(words.iloc[rows], chosen == y, group),
              "abstention": abstention(y, p, group),
              "coverage_by_part": coverage_of_parts(parts, y, sets, group, 1 - bundle.conformal.alpha)}
    present = [name for name in classes if judged["per_class"][name]["n"]]
    wrong = np.flatnonzero(chosen != y)
    bins, sizes = metrics.reliability(y, p, classes, ordered), set_sizes(y, sets, classes).loc[present]
    coverage = coverage_by_class({c: judged["per_class"][c] for c in present}, 1 - bundle.conformal.alpha)
    return Judged(
        rows=rows, y=y, metrics=judged,
        confusion=pd.DataFrame(metrics.confusion(y, chosen, len(classes)), list(classes), list(classes)),
        reliability=bins, reliability_points=reliability_points(bins),
        set_sizes=sizes, set_coverage=with_sets_of_all(coverage, sizes),
        subgroups=shift.subgroups(parts, chosen == y, confidence),
        wrong=rows[wrong[np.argsort(-confidence[wrong], kind="stable")]],
        novelty=metrics.novelty_shares(predictions.novelty[rows[wrong]]))


def _of_model(bundle: Bundle, y: Int64Array, p: Float64Array, sets: BoolArray,
              split_group: Int64Array) -> dict[str, Any]:
    """Scores that only some models have: at a stored threshold, by branch of a lineage, by cost."""
    found: dict[str, Any] = {}
    if bundle.operating_point:
        positive = p[:, 1] >= bundle.operating_point.threshold
        found["operating_point"] = {**bundle.operating_point.to_dict(),
                                    **threshold_scores(y == 1, positive, split_group)}
    if bundle.lineage:
        rows = LineageRows(y, p, sets, split_group)
        found["lineage"] = lineage_scores(bundle.lineage, bundle.classes, rows, bundle.conformal.alpha)
    if bundle.costs:
        found["costs"] = decision_scores(bundle.costs, bundle.classes, y, p, split_group)
    return found


def _metrics(y: Int64Array, p: Float64Array, sets: BoolArray, split_group: Int64Array,
             classes: tuple[str, ...], ordered: bool) -> dict[str, Any]:
    found = metrics.scores(y, p, sets, ordered=ordered)
    overall: dict[str, Any] = {name: float(values[0]) for name, values in found.items()}
    tested = [name for c, name in enumerate(classes) if (y == c).any()]
    by_class = class_scores(y, p, sets, split_group, classes, ordered=ordered)
    if len(tested) == 1:
        _without_trivial(overall, by_class.intervals)
        _without_trivial(by_class.per_class[tested[0]])
    return {**overall, "n": len(y), "classes_tested": tested, "intervals": by_class.intervals,
            "per_class": by_class.per_class,
            "calibration_slope": shift.calibration_slope(y, p), "overconfidence": shift.overconfidence(y, p)}


def _without_trivial(scores: dict[str, Any], intervals: dict[str, list[float]] | None = None) -> None:
    """Make the scores undefined that say nothing of a single class, and their intervals."""
    for key in TRIVIAL:
        if key in scores:
            scores[key] = np.nan
        for place, name in ((scores, f"{key}_interval"), (intervals or {}, key)):
            if name in place:
                place[name] = [np.nan, np.nan]
