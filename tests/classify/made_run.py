"""A made-up training run for the tests of the pages: random features, true arithmetic, small pictures on disk.

Its numbers mean nothing; its shapes and columns are those of `classify.result`.
"""
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from classify.accepted_error import AcceptedError
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.result import Explanation, Predicted, RunResult, Scores, SuspectLabels
from classify.settings import TrainSettings
from featurize.table import TableInfo

FEATURES = tuple(f"{region}_{family}_{name}" for region in ("nucleus", "cell") for family, names in
                 (("morphology", ("area_px", "solidity", "lobes")), ("color", ("hue_mean", "saturation_p90")),
                  ("texture", ("lbp_r1_uniform", "haralick_contrast", "gabor_energy"))) for name in names)

# What metrics.json says of the threshold that a model of two classes keeps.
OPERATING_POINT = {"class": "yes", "threshold": .37, "chosen_by": "youden", "wanted_sensitivity": None,
                   "sensitivity": .8, "sensitivity_interval": [.7, .9], "specificity": .6,
                   "specificity_interval": [.5, .7], "ppv": None, "ppv_interval": [None, None], "npv": .9,
                   "npv_interval": [.8, .95], "f1": .7}


def made_run(folder: Path, classes: tuple[str, ...], n: int = 120, noise: float = 1.0, seed: int = 0,
             pictures: bool = True) -> RunResult:
    """A RunResult of `n` images; `noise` = 0 makes every prediction right."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % len(classes)
    frame = _frame(folder, classes, y, rng, noise)
    if pictures:
        draw_pictures(folder, frame)
    info = TableInfo(preset={"name": "whole", "normalize": "none", "segment": "whole", "blocks": {}},
                     blocks={"color": 1, "morphology": 1, "texture": 1}, index_hash="0123456789abcdef" * 4,
                     sources=[{"site": "images", "root": str(folder), "kind": "folder"}], label_columns=[],
                     features=list(FEATURES), nuisance=["whole_quality_focus"])
    task = Task("binary" if len(classes) == 2 else "multiclass", classes, y)
    contributions = _contributions(frame, y, classes, rng)
    margins = contributions.sum(axis=2).astype(float)
    logits = np.column_stack([-margins[:, 0], margins[:, 0]]) / 2 if len(classes) == 2 else margins
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    predicted = _predicted(frame, classes, y, margins, p, rng)
    return RunResult(out=folder / "run", frame=frame, info=info, task=task, settings=TrainSettings(model="lightgbm"),
                     features=FEATURES, split=_split(y, classes), predicted=predicted,
                     scores=_scores(classes, y, p, predicted.sets),
                     suspects=_suspects(frame, classes, y, p),
                     explanation=_explanation(frame, classes, contributions, p),
                     curves=pd.DataFrame([{"fold": f, "round": r, "train_loss": np.exp(-r / 8), "valid_loss":
                                           .2 + np.exp(-r / 7) + .002 * r} for f in range(5) for r in range(40)]),
                     accepted=AcceptedError(.02, False, .8, 60, 0, .03, .75, 0),
                     warnings=("3 classes have fewer than 50 images.", "A shortcut: focus alone tells the label."),
                     versions={"numpy": np.__version__, "lightgbm": "4.7.0"}, timings={"fit": 12.3, "explain": 3.21})


def draw_pictures(folder: Path, frame: pd.DataFrame) -> None:
    """A disk on gray for every row."""
    grid = np.hypot(*np.mgrid[-32:32, -32:32])
    for at, path in enumerate(frame["path"]):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        rgb = np.full((64, 64, 3), 225, np.uint8)
        rgb[grid < 12 + at % 12] = (120, 70 + at % 90, 160)
        Image.fromarray(rgb).save(place)


def _frame(folder: Path, classes: tuple[str, ...], y: np.ndarray, rng: np.random.Generator, noise: float
           ) -> pd.DataFrame:
    n = len(y)
    signal = rng.normal(size=(len(classes), len(FEATURES)))[y] * 2 + noise * rng.normal(size=(n, len(FEATURES)))
    signal[:, 1][rng.random(n) < .03] = np.nan
    text = {"image_id": [f"{i:016x}" for i in range(n)], "path": [f"c{k}/image_{i:04d}.png" for i, k in enumerate(y)],
            "label": [classes[k] for k in y], "group": [None] * n, "site": ["images"] * n, "split": [None] * n,
            "sha256": [f"{i:064x}" for i in range(n)], "duplicate_group": np.arange(n), "width_px": [64] * n,
            "height_px": [64] * n}
    values = {name: signal[:, at].astype(np.float32) for at, name in enumerate(FEATURES)}
    return pd.DataFrame({**text, **values, "whole_quality_focus": rng.normal(size=n).astype(np.float32)})


def _contributions(frame: pd.DataFrame, y: np.ndarray, classes: tuple[str, ...], rng: np.random.Generator
                   ) -> np.ndarray:
    """(n, k, d + 1): a linear model, whose Shapley values are weight times distance from the mean."""
    x = frame[list(FEATURES)].fillna(0).to_numpy(float)
    means = np.stack([x[y == k].mean(axis=0) for k in range(len(classes))]) - x.mean(axis=0)
    weights = means[1:2] - means[:1] if len(classes) == 2 else means
    values = (x - x.mean(axis=0))[:, None, :] * weights[None] / 6
    return np.concatenate([values, np.zeros((*values.shape[:2], 1))], axis=2).astype(np.float32)


def _predicted(frame: pd.DataFrame, classes: tuple[str, ...], y: np.ndarray, margins: np.ndarray, p: np.ndarray,
               rng: np.random.Generator) -> Predicted:
    n, chosen = len(y), p.argmax(axis=1)
    sets = p > .15
    sets[np.arange(n), chosen] = True
    novelty = rng.beta(2, 5, n)
    table = frame[["image_id", "path", "label", "group", "split"]].assign(
        fold=np.arange(n) % 5, predicted=[classes[k] for k in chosen], novelty=novelty, review=sets.sum(axis=1) > 1,
        review_reason=np.where(sets.sum(axis=1) > 1, "set", ""),
        prediction_set=["|".join(c for c, s in zip(classes, row) if s) for row in sets])
    near = np.stack([(np.arange(n) + k) % n for k in (1, 2, 3)], axis=1)
    return Predicted(table=table, held_out=np.ones(n, bool), margins=margins, raw=p, probabilities=p, sets=sets,
                     empty=np.zeros(n, bool), novelty=novelty, neighbours=near,
                     neighbour_distances=np.tile([1.23, 1.5, 2.04], (n, 1)))


def _suspects(frame: pd.DataFrame, classes: tuple[str, ...], y: np.ndarray, p: np.ndarray) -> SuspectLabels:
    """Every wrong answer is flagged."""
    n = len(y)
    table = frame[["image_id", "path", "label"]].assign(likely=[classes[k] for k in p.argmax(axis=1)],
                                                        score=1 - p[np.arange(n), y], flagged=p.argmax(axis=1) != y)
    table = table.sort_values("score", ascending=False, kind="stable")
    pairs = table[table["flagged"]].groupby(["label", "likely"]).size().reset_index(name="n")
    scores = {"accuracy": .9, "balanced_accuracy": .9, "macro_f1": .9, "auroc": .99, "log_loss": .2}
    copies = pd.DataFrame({"duplicate_group": [0, 0], "row": [0, 1], "path": ["a.png", "b.png"],
                           "label": list(classes[:2])})
    content = {"n": n, "flagged": int(table["flagged"].sum()), "surest": {"n": 30, "contradicted": 2, "low": .02},
               "copies_labelled_differently": 2, "pairs": pairs.to_dict("records"), "scores": scores,
               "scores_without_flagged": scores}
    return SuspectLabels(table, pairs, copies, content, True)


def _split(y: np.ndarray, classes: tuple[str, ...]) -> Split:
    fold = np.arange(len(y)) % 5
    counts = pd.DataFrame({f"fold {f}": np.bincount(y[fold == f], minlength=len(classes)) for f in range(5)},
                          index=list(classes))
    leaks = pd.DataFrame(columns=["split_group", "row", "image_id", "path", "group", "split"])
    return Split("folds", np.full(len(y), "fold", object), fold, np.arange(len(y)), leaks, counts)


def _scores(classes: tuple[str, ...], y: np.ndarray, p: np.ndarray, sets: np.ndarray) -> Scores:
    k, n, chosen = len(classes), len(y), p.argmax(axis=1)
    counts = np.zeros((k, k), int)
    np.add.at(counts, (y, chosen), 1)
    confusion = pd.DataFrame(counts, index=list(classes), columns=list(classes))
    right = float((chosen == y).mean())
    metrics = {"task": "multiclass", "n": n, "classes": list(classes), "accuracy": right, "balanced_accuracy": right,
               "macro_f1": right, "weighted_f1": right, "auroc": .99, "log_loss": .2, "brier": .1, "ece": .0123,
               "coverage": float(sets[np.arange(n), y].mean()), "mean_set_size": float(sets.sum(axis=1).mean()),
               "per_class": {c: {"n": int((y == i).sum()), "precision": .9, "recall": counts[i, i] / (y == i).sum(),
                                 "f1": .9, "specificity": .99, "auroc": .99, "average_precision": .97,
                                 "coverage": float(sets[y == i, i].mean())} for i, c in enumerate(classes)},
               "intervals": {m: [right - .02, min(right + .02, 1)] for m in
                             ("accuracy", "balanced_accuracy", "macro_f1")},
               "baselines": {"majority": {"accuracy": 1 / k, "macro_f1": .1, "auroc": .5},
                             "pca_logistic": {"accuracy": .8, "macro_f1": .79, "auroc": .95, "log_loss": .5}},
               "shortcuts": {}, "calibration": {"method": "temperature"}, "groups": n // 2, "split": "folds",
               "folds": 5, "review_share": .1,
               "class_counts": {"fold 0": {c: int((y == i).sum()) for i, c in enumerate(classes)}},
               "operating_point": OPERATING_POINT if k == 2 else None}
    sizes = np.stack([np.bincount(sets[y == i].sum(axis=1), minlength=k + 1)[1:] for i in range(k)])
    shortcuts = pd.DataFrame([{"name": "focus, noise, JPEG", "target": "label", "score": .41, "chance": 1 / k,
                               "warning": "Focus alone tells the label."}])
    return Scores(metrics, confusion, _reliability(classes, y, p), _risk(y, p),
                  pd.DataFrame(sizes, index=list(classes), columns=range(1, k + 1)), shortcuts)


def _reliability(classes: tuple[str, ...], y: np.ndarray, p: np.ndarray) -> pd.DataFrame:
    rows = []
    whole = [("", p.max(axis=1), p.argmax(axis=1) == y), *((c, p[:, i], y == i) for i, c in enumerate(classes))]
    for name, confidence, hit in whole:
        place = np.minimum((confidence * 15).astype(int), 14)
        for b in range(15):
            here = place == b
            rows.append({"class": name, "bin": b, "n": int(here.sum()),
                         "confidence": confidence[here].mean() if here.any() else np.nan,
                         "frequency": hit[here].mean() if here.any() else np.nan})
    return pd.DataFrame(rows)


def _risk(y: np.ndarray, p: np.ndarray) -> pd.DataFrame:
    order = np.argsort(-p.max(axis=1))
    wrong = (p.argmax(axis=1) != y)[order]
    n = np.arange(1, len(y) + 1)
    return pd.DataFrame({"coverage": n / len(y), "risk": wrong.cumsum() / n, "confidence": p.max(axis=1)[order]})


def _explanation(frame: pd.DataFrame, classes: tuple[str, ...], contributions: np.ndarray, p: np.ndarray
                 ) -> Explanation:
    values = np.abs(contributions[:, :, :-1]).mean(axis=0)
    order = np.argsort(-values.mean(axis=0))
    parts = [name.split("_", 2) for name in FEATURES]
    rows = [{"feature": FEATURES[i], "family": parts[i][1], "region": parts[i][0], "unit": "px",
             "formula": "sum(mask) over the region", "importance": values[:, i].mean()} for i in order]
    features = pd.DataFrame(rows)
    sums = {key: features.groupby(key, as_index=False)["importance"].sum() for key in ("family", "region")}
    reasons = []
    for row in range(len(frame)):
        chosen = p[row].argmax() if contributions.shape[1] > 1 else 0
        mine = contributions[row, chosen, :-1] * (1 if contributions.shape[1] > 1 or p[row].argmax() else -1)
        for rank, at in enumerate(np.argsort(-np.abs(mine))[:8]):
            reasons.append({"row": row, "rank": rank, "feature": FEATURES[at], "value": frame[FEATURES[at]].iloc[row],
                            "contribution": mine[at]})
    return Explanation(np.arange(len(frame)), contributions, features, sums["family"], sums["region"],
                       pd.DataFrame(columns=["class", "feature", "rank", "row", "value", "level", "contribution"]),
                       pd.DataFrame(reasons), pd.DataFrame({"part": [], "importance": []}))
