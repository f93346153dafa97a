"""A saved model meets a table from elsewhere: how good, how sure and how new is it there, compared with home?"""
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.audit import shift
from classify.audit.result import Audit, Judged
from classify.bundle import Bundle
from classify.data.columns import check_columns, matrix
from classify.data.folds import split_groups
from classify.evaluate import metrics
from classify.evaluate.sets import coverage_by_class, set_sizes
from classify.predict import apply_bundle, check_compatible
from classify.predictions import ModelPredictions, prediction_table
from classify.review import batch_line, count_reasons, in_words, review_reasons
from classify.uncertainty.operating_point import at_threshold
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.table import TableInfo


def home_metrics(bundle_dir: Path) -> dict[str, Any] | None:
    """metrics.json of the run that the model belongs to, if it is there."""
    place = next((p for p in (bundle_dir / "metrics.json", bundle_dir.parent / "metrics.json") if p.is_file()), None)
    return None if place is None else dict(json.loads(place.read_text(encoding="utf-8")))


def examine(bundle: Bundle, home: dict[str, Any] | None, frame: pd.DataFrame, info: TableInfo) -> Audit:
    """Predict a table from elsewhere and compare it with what the model was trained on.

    Parameters
    ----------
    bundle : Bundle
    home : dict or None
        metrics.json of the run.
    frame, info
        As `featurize.table.read_table` gives them.

    Raises
    ------
    UserError
        The table was measured in another way than the model's, or lacks columns.
    """
    check_columns(frame, info)
    check_compatible(bundle, info)
    frame = frame.reset_index(drop=True)
    x = matrix(frame, bundle.model.features)
    predictions = apply_bundle(bundle, x)
    novelty = predictions.novelty
    words = in_words(review_reasons(bundle.review, predictions, frame))
    code = frame["label"].map({name: at for at, name in enumerate(bundle.classes)})
    return Audit(
        bundle=bundle, home=home, frame=frame, info=info, predictions=predictions,
        table=prediction_table(frame, bundle.classes, predictions, words), batch_line=batch_line(novelty),
        review_reasons=count_reasons(pd.Series(words)),
        judged=_judge(bundle, frame, info, code, predictions) if code.notna().any() else None,
        unknown=frame.loc[code.isna() & frame["label"].notna(), "label"].value_counts(),
        n_trained_on=int(frame["image_id"].isin(bundle.train_ids).sum()), shift=shift.feature_shift(bundle, x),
        novelty=metrics.novelty_shares(novelty), novel_share=float((novelty > bundle.review.most_novelty).mean()),
        most_novel=np.argsort(-predictions.distances.mean(axis=1), kind="stable"))


def _judge(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, code: pd.Series,
           predictions: ModelPredictions) -> Judged:
    """Score the rows with a known label; `code` is the number of each row's class, NaN where it is unknown."""
    rows = np.flatnonzero(code.notna())
    y, classes = np.asarray(code.iloc[rows], dtype=np.int64), bundle.classes
    p, sets = predictions.p[rows], predictions.sets[rows]
    chosen, confidence = p.argmax(axis=1), p.max(axis=1)
    judged = _metrics(y, p, sets, split_groups(frame)[rows], classes)
    if bundle.operating_point:
        positive = p[:, 1] >= bundle.operating_point.threshold
        judged["operating_point"] = {**bundle.operating_point.to_dict(), **at_threshold(y == 1, positive)}
    labelled = frame.iloc[rows].reset_index(drop=True)
    present = [name for name in classes if judged["per_class"][name]["n"]]
    wrong = np.flatnonzero(chosen != y)
    nuisance = [c for c in info.nuisance if c in frame.columns]
    return Judged(
        rows=rows, y=y, metrics=judged,
        confusion=pd.DataFrame(metrics.confusion(y, chosen, len(classes)), list(classes), list(classes)),
        reliability=metrics.with_intervals(metrics.reliability(y, p, classes)),
        risk_coverage=metrics.risk_coverage(y, p), set_sizes=set_sizes(y, sets, classes).loc[present],
        set_coverage=coverage_by_class({c: judged["per_class"][c] for c in present}, 1 - bundle.conformal.alpha),
        subgroups=shift.subgroups(labelled, labelled["label"], nuisance, chosen == y, confidence),
        wrong=rows[wrong[np.argsort(-confidence[wrong], kind="stable")]],
        novelty=metrics.novelty_shares(predictions.novelty[rows[wrong]]))


def _metrics(y: Int64Array, p: Float64Array, sets: BoolArray, split_group: Int64Array,
             classes: tuple[str, ...]) -> dict[str, Any]:
    overall: dict[str, Any] = {name: float(values[0]) for name, values in metrics.scores(y, p, sets).items()}
    tested = [name for c, name in enumerate(classes) if (y == c).any()]
    return {**overall, "n": len(y), "classes_tested": tested, "intervals": metrics.intervals(y, p, sets, split_group),
            "per_class": metrics.per_class(y, p, sets, classes),
            "calibration_slope": shift.calibration_slope(y, p), "overconfidence": shift.overconfidence(y, p)}
