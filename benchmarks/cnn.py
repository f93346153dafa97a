"""A convolutional network on the rows of a table: same images, split, groups and scores as `classify`.

python -m benchmarks.cnn TABLE -o FOLDER [--net resnet18] [--recipe medmnist] [--seconds 900] [--resume]

TABLE is a table that `featurize` wrote; its images are read again from where it found them. A given split trains one
network: its val part chooses the epoch and the temperature, its test part is scored once, at the end. Without a split
each of the folds of `classify` trains one, and an eighth of its training rows, whole groups, chooses. FOLDER gets
predictions.csv, metrics.json, curves.csv and a checkpoint of each fold. `--seconds` are those of each network; on a CPU
those of its own cores. Needs PyTorch: pip install 'pellucid[cnn]'.
"""
import argparse
import hashlib
import json
import math
import shlex
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.cnn_images import RECIPES, read_images
from benchmarks.held_out import Parts, calibrated, parts_of, predictions, score
from benchmarks.record import versions
from classify.data.dataset import Dataset, prepare
from classify.runtime.tensorboard import EventFolder, check_event_folder
from classify.settings import TrainSettings
from featurize.arrays import Float64Array, UInt8Array
from featurize.errors import UserError
from featurize.runtime.files import write_csv, write_json
from featurize.table import read_table

try:
    import torch

    from benchmarks.cnn_nets import NETS, SMALL_STEM_PX, make_net
    from benchmarks.cnn_train import CURVE, Fit, State, predict, train
except ImportError as missing:
    raise SystemExit("PyTorch is not installed: pip install 'pellucid[cnn]'") from missing

PREDICTIONS, METRICS, CURVES, SETTINGS = "predictions.csv", "metrics.json", "curves.csv", "cnn.json"


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Train and score; the content of metrics.json."""
    data, _ = prepare(*read_table(given.table), TrainSettings(folds=given.folds, seed=given.seed))
    recipe, device = RECIPES[given.recipe], "cuda" if torch.cuda.is_available() else "cpu"
    if given.side:
        recipe = replace(recipe, stored_px=math.ceil(given.side * recipe.stored_px / recipe.side_px),
                         side_px=given.side)
    fit = Fit(recipe, given.epochs or recipe.epochs, given.seconds, given.seed, device, _key(given, data))
    _check_folder(given.out, fit.key, given.resume)
    started = time.process_time()
    images = read_images(data.frame, data.info, recipe.stored_px)
    read_s = (time.process_time() - started) / len(images)
    folds = parts_of(data, given.seed, given.rows)
    n, k = len(data.frame), len(data.task.classes)
    p, raw, changed, fold = np.full((n, k), np.nan), np.full((n, k), np.nan), np.full((n, k), np.nan), np.full(n, -1)
    facts, curves = [], []
    for number, parts in enumerate(folds):
        made = _fit_one(given, data, images, parts, fit, number, curves)
        fold[parts.test] = number
        p[parts.test], raw[parts.test], changed[parts.test] = made.p, made.raw, made.changed
        facts.append(made.facts)
    write_csv(predictions(data, p, fold), given.out / PREDICTIONS)
    content = _metrics(data, fold, p, raw, changed, facts)
    content["seconds_an_image"] = round(read_s + float(np.mean([f["predict_s"] for f in facts])), 6)
    content.update(table=given.table.name, index_hash=data.info.index_hash, net=given.net, recipe=given.recipe,
                   side_px=recipe.side_px, epochs_wanted=fit.epochs, seconds_wanted=given.seconds, seed=given.seed,
                   rows=given.rows, split=data.split.kind, device=device, threads=given.threads,
                   weights=given.weights.name if given.weights else None, versions=_versions(),
                   command=shlex.join(["python", "-m", "benchmarks.cnn", *(Path(a).name for a in sys.argv[1:])]),
                   date=date.today().isoformat())
    write_json(content, given.out / METRICS)
    return content


class _Made:
    """What one network predicts for its tested rows."""

    def __init__(self, p: Float64Array, raw: Float64Array, changed: Float64Array, facts: dict[str, Any]) -> None:
        self.p, self.raw, self.changed, self.facts = p, raw, changed, facts


def _fit_one(given: argparse.Namespace, data: Dataset, images: UInt8Array, parts: Parts, fit: Fit, number: int,
             curves: list[pd.DataFrame]) -> _Made:
    torch.manual_seed(given.seed)
    net = make_net(given.net, len(data.task.classes), fit.recipe.side_px, given.weights)
    checkpoint = given.out / f"fold_{number}.pt"
    curves.append(pd.DataFrame())

    def told(curve: list[list[float]]) -> None:
        curves[number] = pd.DataFrame(curve, columns=list(CURVE)).assign(fold=number)
        write_csv(pd.concat(curves)[["fold", *CURVE]], given.out / CURVES)
        print(f"fold {number}: " + ", ".join(f"{k} {v:.4g}" for k, v in zip(CURVE, curve[-1])), flush=True)
    state = train(net, images, data.task.y, parts, fit, checkpoint, told)
    curves[number] = pd.DataFrame(state.curve, columns=list(CURVE)).assign(fold=number)
    write_csv(pd.concat(curves)[["fold", *CURVE]], given.out / CURVES)
    if given.tensorboard:
        losses = curves[number][["train_loss", "valid_loss", "seconds"]].to_numpy()
        EventFolder(given.tensorboard, given.out.name).add_curve("", number, losses)
    valid = predict(net, images[parts.valid], fit.recipe, fit.device)
    started = fit.clock()
    logits = predict(net, images[parts.test], fit.recipe, fit.device)
    predict_s = (fit.clock() - started) / len(parts.test)
    other = predict(net, read_images(data.frame.iloc[parts.test], data.info, fit.recipe.stored_px, changed=True),
                    fit.recipe, fit.device)
    (p, temperature), (changed, _) = calibrated(valid, logits, data, parts), calibrated(valid, other, data, parts)
    return _Made(p, _softmax(logits), changed, _facts(net, state, fit, parts, predict_s, temperature))


def _facts(net: torch.nn.Module, state: State, fit: Fit, parts: Parts, predict_s: float,
           temperature: float) -> dict[str, Any]:
    """What a network cost, and what stopped it."""
    weights = sum(value.numel() for value in net.parameters())
    stopped = fit.seconds is not None and state.seconds >= fit.seconds
    return {"train_rows": len(parts.train), "valid_rows": len(parts.valid), "test_rows": len(parts.test),
            "epochs": len(state.curve), "best_epoch": state.best_epoch, "stopped_by": "seconds" if stopped else
            "epochs", "train_s": round(state.seconds, 1), "predict_s": predict_s, "temperature": round(temperature, 4),
            "weights": weights, "model_bytes": 4 * weights}


def _metrics(data: Dataset, fold: Any, p: Float64Array, raw: Float64Array, changed: Float64Array,
             facts: list[dict[str, Any]]) -> dict[str, Any]:
    tested = np.flatnonzero(fold >= 0)
    y, groups = data.task.y[tested], data.split.split_group[tested]
    return {"n": len(tested), "classes": list(data.task.classes), **score(y, p[tested], groups),
            "before_temperature": score(y, raw[tested]), "changed": score(y, changed[tested]),
            "train_s": round(sum(f["train_s"] for f in facts), 1), "model_bytes": facts[0]["model_bytes"],
            "folds": facts}


def _softmax(logits: Float64Array) -> Float64Array:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _versions() -> dict[str, str]:
    return {**versions(), "torch": torch.__version__}


def _key(given: argparse.Namespace, data: Dataset) -> str:
    """Of the table, the rows and every setting that changes the weights."""
    settings = {name: str(getattr(given, name)) for name in ("net", "recipe", "side", "epochs", "seconds", "seed",
                                                             "rows", "folds", "weights")}
    return hashlib.sha256(json.dumps([settings, data.info.index_hash, list(data.task.classes), data.split.kind,
                                      data.frame["label"].astype(str).tolist()]).encode()).hexdigest()


def _check_folder(out: Path, key: str, resume: bool) -> None:
    """Nobody's files are written over: a new folder, or with --resume that of the same command."""
    mark = out / SETTINGS
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not mark.is_file():
            raise UserError(f"{out} holds files that are not of this benchmark: give a new folder with -o")
        if not resume:
            raise UserError(f"{out} holds a network already: add --resume to go on with it, or give a new folder with "
                            "-o")
        if json.loads(mark.read_text(encoding="utf-8")).get("key") != key:
            raise UserError(f"{out} was begun with another table, network or setting: give the same command with "
                            "--resume, or a new folder with -o")
        return
    out.mkdir(parents=True, exist_ok=True)
    write_json({"key": key}, mark)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("table", type=Path)
    made.add_argument("-o", "--out", type=Path, required=True)
    made.add_argument("--net", choices=NETS, default="resnet18")
    made.add_argument("--recipe", choices=tuple(RECIPES), default="medmnist")
    made.add_argument("--side", type=int, help="side of the images that the network sees, pixels (default: the "
                      f"recipe's); ResNet-18 has its small stem up to {SMALL_STEM_PX}")
    made.add_argument("--epochs", type=int, help="default: the recipe's")
    made.add_argument("--seconds", type=float, help="stop each network after so many seconds of training")
    made.add_argument("--rows", type=int, help="learn from so many training rows only")
    made.add_argument("--folds", type=int, default=TrainSettings.folds)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--weights", type=Path, help="a state dict to begin with, such as torchvision's of ResNet-18")
    made.add_argument("--tensorboard", type=Path, metavar="FOLDER")
    made.add_argument("--resume", action="store_true", help="go on after the last whole epoch")
    return made


def main() -> None:
    given = parser().parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    try:
        if given.tensorboard:
            check_event_folder(given.tensorboard, given.out)
        found = run(given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    stopped = sum(f["stopped_by"] == "seconds" for f in found["folds"])
    if stopped:
        print(f"{stopped} of {len(found['folds'])} networks stopped after --seconds {given.seconds:g}, at epoch "
              f"{[f['epochs'] for f in found['folds']]} of {found['epochs_wanted']}")
    print({name: found[name] for name in ("n", "accuracy", "macro_f1", "auroc", "log_loss", "ece", "train_s")})


if __name__ == "__main__":
    main()
