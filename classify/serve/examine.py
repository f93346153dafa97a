"""One image in memory: read, measured, predicted, explained, compared. What a worker process does for a request."""
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import featurize
from classify.data.columns import matrix, model_columns
from classify.evaluate.explain import to_predicted
from classify.evaluate.for_report import REASON_MEASUREMENTS, REASON_SUMS, largest_concepts
from classify.fitting import models
from classify.predict import apply_bundle, table_of
from classify.report.review import MEANING
from classify.report_numbers import Concept
from classify.serve.model import Served
from classify.serve.result import Answer, Contribution, Fault, NearCase, ReviewReason
from classify.similar.search import Similar, search_several
from classify.similar.sentences import alike_sentences, different_sentences
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError
from featurize.families import measure
from featurize.images.picture import ImageError, Limits, Picture
from featurize.images.read import read_image
from featurize.index.fingerprints import fingerprint, to_text
from featurize.pipeline import sample_of
from featurize.report.feature_names import feature_name
from featurize.report.numbers import measurement
from featurize.report.pictures import Edge, edges_of_sample
from featurize.runtime.processes import INTERNAL, MEASURE_FAULTS, fault_place
from featurize.sample import Sample

# Nearest cases of an answer.
NEAREST = 4
# What the image is called where a table would have its path: names that callers send are used nowhere.
IMAGE_NAME = "the image"
# Columns that only some models add to predictions.csv.
FURTHER = ("decision", "expected_cost", "branch_set", "lineage_answer")
# Digits of SHA-256 in the id of an image, as many as in a table.
_ID_DIGITS = 16
_PACKAGE = Path(featurize.__file__).parent


@dataclass(frozen=True)
class Segmented:
    """An image that was read, and the outlines in it."""

    picture: Picture
    sample: Sample
    edges: list[Edge]


@dataclass(frozen=True)
class Examined:
    """An image with all that is said of it; `similar` where the server knows a table and something was found."""

    segmented: Segmented
    answer: Answer
    similar: Similar | None


def segmented(served: Served, data: bytes, limits: Limits) -> Segmented:
    """Read an image and find what is measured in it.

    Raises
    ------
    ImageError
    """
    picture = read_image(data, limits=limits)
    sample = sample_of(picture, served.preset, served.bundle.mm_per_px)
    return Segmented(picture, sample, edges_of_sample(picture, sample))


def examine(served: Served, data: bytes, limits: Limits) -> Examined:
    """Everything that is said of one image, by the same code as `predict` and `similar`.

    Raises
    ------
    ImageError
        It cannot be read.
    """
    found = segmented(served, data, limits)
    frame = _row(served, data, found)
    bundle = served.bundle
    x = matrix(frame, bundle.model.features)
    predictions = apply_bundle(bundle, x)
    row = table_of(bundle, frame, x, predictions).iloc[0]
    similar = _similar(served, frame)
    attribution, others = _attribution(served, x, predictions.p.argmax(axis=1))
    nearest = _cases_of_table(similar) if similar else _training_cases(served, predictions.distances[0],
                                                                       predictions.neighbours[0])
    answer = Answer(
        predicted=str(row["predicted"]), probabilities={c: float(row[f"p_{c}"]) for c in bundle.classes},
        prediction_set=tuple(c for c, inside in zip(bundle.classes, predictions.sets[0]) if inside),
        review=bool(row["review"]),
        review_reasons=tuple(ReviewReason(word, MEANING.get(word, word))
                             for word in str(row["review_reason"]).split("|") if word),
        novelty=float(row["novelty"]), trained_on=bool(row["trained_on"]), attribution=attribution,
        other_contributions=others, nearest=nearest, width_px=found.picture.width_px,
        height_px=found.picture.height_px, sha256=str(frame["sha256"].iloc[0]),
        further={name: value if isinstance(value, str) else float(value)
                 for name in FURTHER if name in row and (value := row[name]) is not None})
    return Examined(found, answer, similar)


def fault_of_image(error: BaseException) -> Fault:
    """What a caller is told of an image that could not be read or measured.

    Parameters
    ----------
    error : ImageError, or one of MEASURE_FAULTS
    """
    if isinstance(error, ImageError):
        return Fault(str(error), error.reason)
    if isinstance(error, MemoryError):
        return Fault("measuring it takes more memory than is allowed here: send a smaller picture", "too_large")
    line = f"{fault_place(error, _PACKAGE)} {type(error).__name__}".splitlines()[0]
    return Fault(f"a measurement failed on it ({line}): please report this picture", INTERNAL)


# What reading and measuring one image can raise.
IMAGE_FAULTS = (ImageError, *MEASURE_FAULTS)


def _row(served: Served, data: bytes, found: Segmented) -> pd.DataFrame:
    """The image as a table of one row, as `featurize` writes it."""
    measured = measure(found.sample, served.preset.blocks)
    infinite = [name for name, value in measured.items() if np.isinf(value)]
    if infinite:
        raise ArithmeticError(f"{infinite[0]} is infinite")
    digest, picture = hashlib.sha256(data).hexdigest(), found.picture
    facts = {"image_id": digest[:_ID_DIGITS], "path": IMAGE_NAME, "label": None, "group": None, "site": None,
             "split": None, "sha256": digest, "duplicate_group": 0, "width_px": picture.width_px,
             "height_px": picture.height_px, "fingerprint": to_text(fingerprint(picture.rgb)[None])[0]}
    # A family may measure some columns only where it found something.
    wanted = [*served.bundle.model.features, *(model_columns(served.cases.info) if served.cases else ())]
    values = {**dict.fromkeys(wanted, float("nan")), **measured}
    return pd.concat([pd.DataFrame([facts], dtype=object).astype({"duplicate_group": np.int64}),
                      pd.DataFrame(np.array([list(values.values())], np.float32), columns=list(values))], axis=1)


def _attribution(served: Served, x: pd.DataFrame, chosen: Int64Array) -> tuple[tuple[Contribution, ...], float]:
    """The largest contributions, and the sum of the others."""
    own = to_predicted(models.contributions(served.bundle.model, x), chosen)[0, :-1].astype(np.float64)
    sums = np.array([own[concept.columns].sum() for concept in served.concepts])
    largest = largest_concepts(served.concepts, np.abs(sums), REASON_MEASUREMENTS, REASON_SUMS)
    listed = tuple(_contribution(served, x, served.concepts[at], own) for at in largest)
    return listed, float(sums.sum() - sums[largest].sum())


def _contribution(served: Served, x: pd.DataFrame, concept: Concept, own: Float64Array) -> Contribution:
    values = x.iloc[0].to_numpy(np.float64)
    # Of columns without any contribution the one that was measured: a diameter may lack one of its units.
    order = np.lexsort((np.isnan(values[concept.columns]), -np.abs(own[concept.columns])))
    at = int(concept.columns[order[0]])
    column = served.bundle.model.features[at]
    named = feature_name(column, served.preset.name)
    value = float(values[at]) if concept.by_itself and np.isfinite(values[at]) else None
    return Contribution(concept.name, measurement(value, named.unit) if concept.by_itself else "", value,
                        named.unit if concept.by_itself else "", float(own[concept.columns].sum()),
                        len(concept.columns), column, named.definition)


def _similar(served: Served, frame: pd.DataFrame) -> Similar | None:
    """The nearest images of the table; None without a table, and where nothing was found in the image."""
    cases = served.cases
    if cases is None:
        return None
    try:
        return search_several(cases.frame, cases.info, frame, NEAREST, served.info, index=cases.table).images[0]
    except UserError:
        return None


def _cases_of_table(similar: Similar) -> tuple[NearCase, ...]:
    labels, ids = similar.frame["label"], similar.frame["image_id"]
    return tuple(NearCase(str(ids.iloc[row]), None if pd.isna(labels.iloc[row]) else str(labels.iloc[row]),
                          float(similar.distances[row]), tuple(s["text"] for s in alike_sentences(similar, at)),
                          tuple(s["text"] for s in different_sentences(similar, at)))
                 for at, row in enumerate(similar.neighbors.tolist()))


def _training_cases(served: Served, distances: Float64Array, neighbours: Int64Array) -> tuple[NearCase, ...]:
    """The nearest training images; models of older versions do not know their labels."""
    bundle = served.bundle
    labels = None if bundle.batch is None else [bundle.classes[k] for k in bundle.batch.classes]
    return tuple(NearCase(str(bundle.train_ids[row]), labels[row] if labels else None, float(far))
                 for far, row in zip(distances.tolist(), neighbours.tolist()) if row >= 0)
