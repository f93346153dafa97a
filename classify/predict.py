"""Predict a table with a saved model."""
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.bundle import Bundle, load_bundle
from classify.data.columns import check_columns, matrix, region_and_family
from classify.elsewhere.alignment import aligned
from classify.evaluate.explain import Contributions, reasons
from classify.fitting import models
from classify.predictions import ModelPredictions, prediction_table
from classify.review import in_words, review_reasons
from classify.uncertainty import calibrate, conformal, novelty
from classify.uncertainty.batch import batch_p_values, named
from classify.uncertainty.known_images import copies_of, trained_on
from classify.uncertainty.reference import compared_leaves
from classify.words.model import said_of
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.errors import UserError
from featurize.table import TableInfo, read_table

# Contributions that `--explain` names for each row: the columns because_1 to because_5.
EXPLAINED_CONTRIBUTIONS = 5


def predict_file(run: Path, table: Path, explain: bool = False, device: str = "cpu", adapt: bool = False,
                 words: bool = False) -> pd.DataFrame:
    """`predict` of a run folder and a table's file."""
    bundle = load_bundle(run, device=device)
    frame, info = read_table(table)
    return predict(bundle, frame, info, explain, table.name, adapt, words)


def predict(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, explain: bool = False,
            name: str = "the table", adapt: bool = False, words: bool = False) -> pd.DataFrame:
    """The rows of predictions.csv for a table, with `trained_on`: the model knows this image, or a near copy of it.

    Parameters
    ----------
    bundle : Bundle
    frame, info
        As `featurize.table.read_table` gives them. More columns than the model reads are fine.
    explain : bool
        Add `because_1` to `because_5`: the largest contributions to the predicted class, as
        ``column=value (+0.83)``, in log-odds.
    name : str
        What to call the table in an error.
    adapt : bool
        Shift the measurements of each site to where the training images lie, see `classify.elsewhere.alignment`, and
        add the column `adapted`.
    words : bool
        Add what experts would say: `word_<subject>` and `word_<subject>_probability`, empty for images of a class of
        which the run's experts described none.

    Raises
    ------
    UserError
        The table was measured in another way than the model's, lacks columns, or has too few images to adapt to; the
        run was trained without words.

    Examples
    --------
    >>> from classify.settings import TrainSettings
    >>> from classify.train import train
    >>> rng, label = np.random.default_rng(0), np.repeat(["ant", "bee"], 20)
    >>> frame = pd.DataFrame({
    ...     "image_id": [f"{i:016x}" for i in range(40)], "path": [f"{i}.png" for i in range(40)], "label": label,
    ...     "group": None, "site": None, "split": None, "sha256": [f"{i:064x}" for i in range(40)],
    ...     "duplicate_group": range(40), "width_px": 64, "height_px": 64,
    ...     "cell_color_red": (rng.normal(size=40) + 8 * (label == "bee")).astype("float32")})
    >>> info = TableInfo(preset={"name": "whole", "normalize": "none", "segment": "whole", "blocks": {"color": {}}},
    ...                  blocks={"color": 1}, index_hash="", sources=[{"site": "", "root": ".", "kind": "folder"}],
    ...                  label_columns=[], features=["cell_color_red"])
    >>> result = train(frame, info, Path("run"), TrainSettings(folds=2, resamples=10))
    >>> predict(load_bundle(Path("run")), frame, info)["predicted"].iloc[[0, 39]].tolist()
    ['ant', 'bee']
    """
    check_columns(frame, info)
    check_compatible(bundle, info, name)
    if words:
        check_words(bundle)
    x = matrix(frame, bundle.model.features)
    used = adapted(bundle, x, frame) if adapt else x
    predictions = apply_bundle(bundle, used, x)
    table = table_of(bundle, frame, x, predictions)
    table = table.assign(adapted=True) if adapt else table
    if words and bundle.words:
        said = said_of(bundle.words, used.to_numpy(dtype=np.float32), predictions.p.argmax(axis=1))
        table = pd.concat([table, said.set_index(table.index)], axis=1)
    return table.assign(**_because(bundle, used, predictions.p.argmax(axis=1))) if explain else table


def table_of(bundle: Bundle, frame: pd.DataFrame, x: pd.DataFrame, predictions: ModelPredictions) -> pd.DataFrame:
    """The rows of `predict` for what `apply_bundle` said of the rows of a table; `x` are their features as measured."""
    together = unlike_together(bundle, x, predictions)
    reasons = in_words(review_reasons(bundle.review, predictions, frame, together))
    known = trained_on(bundle.train_ids, bundle.novelty.points, frame, predictions.distances,
                       copies_of(bundle.known_pictures, frame))
    return prediction_table(frame, bundle.classes, predictions, reasons,
                            further=bundle.further_columns).assign(trained_on=known)


def apply_bundle(bundle: Bundle, x: pd.DataFrame, measured: pd.DataFrame | None = None) -> ModelPredictions:
    """What a saved model predicts for (n, d) features; where they were shifted, `measured` tells how unlike home."""
    margins = models.margin(bundle.model, x)
    p = calibrate.probabilities(bundle.calibration, margins)
    sets, empty = conformal.prediction_sets(bundle.conformal, p)
    sets = conformal.runs_of_stages(sets) if bundle.kind == "ordinal" else sets
    own = x if measured is None else measured
    leaves = compared_leaves(bundle.model, own)
    score, distances, neighbours = novelty.score_rows(bundle.novelty, own.to_numpy(), leaves)
    return ModelPredictions(margins, p, sets, empty, score, distances, neighbours)


def apply_to_rows(bundle: Bundle, x: pd.DataFrame, rows: Int64Array) -> ModelPredictions:
    """`apply_bundle` of some of the (n, d) features; n rows, of which all others are zeros."""
    some = apply_bundle(bundle, x.iloc[rows])
    parts = {}
    for field in fields(ModelPredictions):
        own = getattr(some, field.name)
        parts[field.name] = np.zeros((len(x), *own.shape[1:]), own.dtype)
        parts[field.name][rows] = own
    return ModelPredictions(**parts)


def unlike_together(bundle: Bundle, x: pd.DataFrame, predictions: ModelPredictions) -> BoolArray | None:
    """(n,) which of the images of a table, all of them together, are unlike home; None in models of older versions."""
    if bundle.batch is None:
        return None
    points, classes = bundle.batch.known(bundle.novelty.points)
    new = novelty.to_points(bundle.novelty.space, x.to_numpy())
    return named(batch_p_values(points, classes, new, predictions.p.argmax(axis=1)), bundle.batch.rate)


def adapted(bundle: Bundle, x: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The (n, d) features, those of every site of the table shifted to where the training images lie.

    Raises
    ------
    UserError
        The model is of an older version, or a site has too few images.
    """
    if bundle.home is None:
        raise UserError("--adapt needs a model that knows where its classes lie, and this one is of an older version: "
                        "train it again with `python cli.py classify`")

    def probabilities(part: pd.DataFrame) -> Float64Array:
        return calibrate.probabilities(bundle.calibration, models.margin(bundle.model, part))
    site = frame["site"].reset_index(drop=True) if "site" in frame else pd.Series([None] * len(frame), dtype=object)
    return aligned(bundle.home, x.reset_index(drop=True), site, probabilities)


def check_words(bundle: Bundle) -> None:
    """Refuse a model that knows no words.

    Raises
    ------
    UserError
    """
    if bundle.words is None:
        raise UserError("--words was given, and the run has none: train it with `classify --words attributes.csv`")


def check_compatible(bundle: Bundle, info: TableInfo, name: str = "the table") -> None:
    """Refuse a table that was measured in another way than the one the model learned from.

    Raises
    ------
    UserError
        Another version of a feature family, another normalization or segmentation, or other settings of a family.
    """
    families = {c: region_and_family(c, list(bundle.blocks))[1] for c in bundle.model.features}
    for column, family in families.items():
        made, wanted = info.blocks.get(family), bundle.blocks.get(family)
        # A family that is wholly missing comes from another preset; that error is raised below.
        if made not in (wanted, None):
            raise UserError(f"{name} was made with {family} v{made}, the model expects v{wanted}: run `python cli.py "
                            f"featurize` again (first differing column: {column})")
    for key in ("normalize", "segment"):
        if info.preset.get(key) != bundle.preset.get(key):
            raise UserError(f"{name} was made with {key} = {info.preset.get(key)}, the model expects "
                            f"{bundle.preset.get(key)}: run `python cli.py featurize` again with --preset "
                            f"{bundle.preset.get('name')}")
    lost = [f for f in families.values() if f in bundle.blocks and f not in info.blocks]
    if lost:
        raise UserError(f"{name} was made without {lost[0]}, which the model reads: run `python cli.py featurize` "
                        f"again with --preset {bundle.preset.get('name')}")
    made_by, wanted_by = info.preset.get("blocks", {}), bundle.preset.get("blocks", {})
    other = [family for family in dict.fromkeys(families.values()) if made_by.get(family) != wanted_by.get(family)]
    if other:
        raise UserError(f"{name} was made with other settings of {other[0]} ({made_by.get(other[0])}) than the model "
                        f"expects ({wanted_by.get(other[0])}): run `python cli.py featurize` again with --preset "
                        f"{bundle.preset.get('name')} and the same --settings")


def _because(bundle: Bundle, x: pd.DataFrame, guess: Int64Array) -> dict[str, NDArray[np.object_]]:
    """Columns because_1..5. Rows are explained in parts: all contributions at once would fill gigabytes."""
    parts = []
    for start in range(0, len(x), models.EXPLAINED_ROWS_AT_ONCE):
        rows = np.arange(start, min(start + models.EXPLAINED_ROWS_AT_ONCE, len(x)))
        values = models.contributions(bundle.model, x.iloc[rows])
        explained = Contributions(rows, values, x.to_numpy()[rows], bundle.model.features, guess[rows])
        parts.append(reasons(explained, EXPLAINED_CONTRIBUTIONS))
    table = pd.concat(parts, ignore_index=True)
    text = [f"{f}={v:.4g} ({c:+.2f})" for f, v, c in zip(table["feature"], table["value"], table["contribution"])]
    columns = np.array(text, dtype=object).reshape(len(x), -1)
    return {f"because_{i + 1}": column for i, column in enumerate(columns.T)}
