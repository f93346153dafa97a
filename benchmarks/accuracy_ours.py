"""What `classify` reaches on a table, and what it costs; a result is kept and measured again when its models change."""
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from benchmarks.held_out import fewer, score
from classify.bundle import load_bundle
from classify.data.columns import matrix
from classify.data.dataset import Dataset, prepare
from classify.fitting import models
from classify.fitting.augment import perturbations_of
from classify.fitting.crossfit import cross_fit
from classify.fitting.fit_data import FitData
from classify.predict import apply_bundle
from classify.run_folder import PREDICTIONS
from classify.runtime.run_key import run_key
from classify.settings import TrainSettings
from classify.train import train
from classify.uncertainty.calibrate import logits
from featurize.arrays import Float64Array, Int64Array
from featurize.batch.chunks import ImageRequest, MeasureTask, measure_chunk
from featurize.index.sources import Source
from featurize.presets.load import preset_from_dict
from featurize.runtime.files import write_json
from featurize.table import TableInfo, read_perturbed, read_table

# Tested images that are measured again to time it.
_TIMED = 60


@dataclass(frozen=True)
class Ours:
    """One training: a table, `rows` of its training rows or all."""

    name: str
    table: Path
    folds: int
    rows: int | None
    seed: int

    @property
    def label(self) -> str:
        return self.name if self.rows is None else f"{self.name}_{self.rows}"


def ours(asked: Ours, work: Path, fresh: bool = False) -> dict[str, Any]:
    """Scores and costs, as benchmarks.cnn writes them of a network."""
    settings = TrainSettings(folds=asked.folds, seed=asked.seed)
    frame, info = read_table(asked.table)
    perturbed = read_perturbed(asked.table, info)
    if asked.rows is not None:
        frame = _with_fewer(frame, asked)
    data, _ = prepare(frame, info, settings)
    key, kept = run_key([data], settings, perturbed), work / f"{asked.label}.json"
    if kept.exists() and not fresh:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known.get("key") == key:
            return dict(known)
    made = _made(asked, data, settings, perturbed, work / f"{asked.label}_run")
    write_json({"key": key, **made}, kept)
    return made


def _with_fewer(frame: pd.DataFrame, asked: Ours) -> pd.DataFrame:
    """The table less the training rows that are not learned from."""
    labels = frame["label"].astype("category").cat.codes.to_numpy(np.int64)
    train_rows = np.flatnonzero((frame["split"] == "train").to_numpy())
    kept = fewer(train_rows, labels, asked.rows, asked.seed)
    return frame.drop(index=np.setdiff1d(train_rows, kept)).reset_index(drop=True)


def _made(asked: Ours, data: Dataset, settings: TrainSettings, perturbed: pd.DataFrame | None,
          out: Path) -> dict[str, Any]:
    started = time.process_time()
    train(data.frame, data.info, out, settings, perturbed=perturbed)
    train_s = time.process_time() - started
    table = pd.read_csv(out / PREDICTIONS, dtype={"label": str, "predicted": str})
    tested = np.flatnonzero(table["fold"].notna())
    p = table[[f"p_{c}" for c in data.task.classes]].to_numpy(np.float64)[tested]
    y, groups = data.task.y[tested], data.split.split_group[tested]
    measure_s = _seconds_to_measure(data, tested)
    predict_s, changed = _changed(data, settings, perturbed, tested, out)
    learned = (data.split.part == "train").sum() if data.split.kind == "given" else round(
        len(tested) * (asked.folds - 1) / asked.folds)
    measured = np.isin(data.split.part, ["train", "val", "fold"]).sum()
    rows = f" (with {asked.rows} of its training rows)" if asked.rows else ""
    split = "" if data.split.kind == "given" else f" --folds {asked.folds}"
    return {"n": len(tested), **score(y, p, groups), "changed": score(y, changed), "train_rows": int(learned),
            "train_s": round(train_s, 1), "measure_s": round(measure_s * float(measured)),
            "seconds_an_image": measure_s + predict_s,
            "model_bytes": sum(file.stat().st_size for file in (out / "model").iterdir()),
            "command": f"`python cli.py classify {asked.name}.parquet{split} --seed {asked.seed}`{rows}",
            "date": date.today().isoformat()}


def _task(info: TableInfo) -> MeasureTask:
    sources = tuple(Source(s["site"], s["root"], s["kind"]) for s in info.sources)
    return MeasureTask(sources, preset_from_dict(info.preset), info.mm_per_px)


def _measure(data: Dataset, rows: Int64Array, copy: int) -> pd.DataFrame:
    """`image_id` and measurements of some rows' images, or of their changed copies."""
    asked: Sequence[ImageRequest] = [ImageRequest(image_id, site, path, copy=copy) for image_id, site, path in
                                     data.frame[["image_id", "site", "path"]].iloc[rows].itertuples(index=False)]
    chunk = measure_chunk(_task(data.info), asked)
    return pd.DataFrame(chunk.values, columns=list(chunk.names)).assign(image_id=list(chunk.image_ids))


def _seconds_to_measure(data: Dataset, tested: Int64Array) -> float:
    """Of one image, on one core."""
    _measure(data, tested[:1], 0)  # compiles
    rows = tested[:: max(1, len(tested) // _TIMED)][:_TIMED]
    started = time.process_time()
    _measure(data, rows, 0)
    return (time.process_time() - started) / len(rows)


def _changed(data: Dataset, settings: TrainSettings, perturbed: pd.DataFrame | None, tested: Int64Array,
             out: Path) -> tuple[float, Float64Array]:
    """Seconds to predict a measured row, and (m, K) probabilities of changed copies of the tested images.

    Of folds those are not calibrated: the models of the folds are fitted again, and `classify` keeps none of them.
    """
    bundle = load_bundle(out)
    started = time.process_time()
    apply_bundle(bundle, matrix(data.frame.iloc[tested], bundle.model.features))
    predict_s = (time.process_time() - started) / len(tested)
    copies = data.frame[["image_id"]].iloc[tested].merge(_measure(data, tested, 1), on="image_id", how="left")
    if data.split.kind == "given":
        return predict_s, apply_bundle(bundle, matrix(copies, bundle.model.features)).p
    fitted = FitData(data.x, data.task.y, settings.weight_power, perturbations_of(data.frame, perturbed, data.x),
                     settings.balance)
    crossed = cross_fit(fitted, data.split, settings.fit_settings())
    x, p = matrix(copies, list(data.x.columns)), np.empty((len(tested), len(data.task.classes)))
    for number, model in enumerate(crossed.models):
        own = data.split.fold[tested] == number
        p[own] = softmax(logits(models.margin(model, x[own])), axis=1)
    return predict_s, p
