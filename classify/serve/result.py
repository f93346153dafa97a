"""What the server answers, as plain data: the JSON of the endpoints has these names."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """An image without an answer.

    Parameters
    ----------
    error : str
        One line for people.
    reason : str
        One word, as in errors.csv.
    """

    error: str
    reason: str


@dataclass(frozen=True)
class ReviewReason:
    """Why a person should look: the word of predictions.csv, and what it means."""

    word: str
    text: str


@dataclass(frozen=True)
class Contribution:
    """What a measurement, or a sum of those that nobody can check by eye, contributed to the predicted class.

    Parameters
    ----------
    name : str
        In words.
    text : str
        Value and unit as a page writes them; "" for a sum.
    value : float or None
        None for a sum, and where nothing was measured.
    unit : str
    contribution : float
        Log-odds; positive speaks for the predicted class.
    measurements : int
        Columns that were added up.
    column : str
        The one of them with the largest contribution.
    definition : str
        Its formula and unit.
    """

    name: str
    text: str
    value: float | None
    unit: str
    contribution: float
    measurements: int
    column: str
    definition: str


@dataclass(frozen=True)
class NearCase:
    """A measured image like this one.

    Parameters
    ----------
    image_id : str
        Its id in the table.
    label : str or None
    distance : float
        In the space of the model or, where the server knows a table, as `similar` measures it.
    alike, different : tuple of str
        In what; empty without a table.
    """

    image_id: str
    label: str | None
    distance: float
    alike: tuple[str, ...] = ()
    different: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """All that is said of one image.

    Parameters
    ----------
    predicted : str
        The most probable class.
    probabilities : dict of str to float
        Calibrated, by class.
    prediction_set : tuple of str
        The classes that fit.
    review : bool
        A person should look.
    review_reasons : tuple of ReviewReason
    novelty : float
        0..1, 1 = unlike all training images.
    trained_on : bool
        The model knows this image or a near copy of it: the answer says nothing about new images.
    attribution : tuple of Contribution
        Measurements by themselves, then sums, each largest first.
    other_contributions : float
        Sum of all that is not listed, log-odds.
    nearest : tuple of NearCase
    width_px, height_px : int
        Of the image as stored.
    sha256 : str
        Of the bytes that came.
    further : dict of str to str or float
        What the model says besides: `decision`, `expected_cost`, `branch_set`, `lineage_answer`.
    overlay_png : str or None
        The image with the outlines of what was measured, PNG in base64, where it was asked for.
    """

    predicted: str
    probabilities: dict[str, float]
    prediction_set: tuple[str, ...]
    review: bool
    review_reasons: tuple[ReviewReason, ...]
    novelty: float
    trained_on: bool
    attribution: tuple[Contribution, ...]
    other_contributions: float
    nearest: tuple[NearCase, ...]
    width_px: int
    height_px: int
    sha256: str
    further: dict[str, str | float] = field(default_factory=dict)
    overlay_png: str | None = None


@dataclass(frozen=True)
class BatchAnswers:
    """Of several images, in the order in which they came."""

    answers: list[Answer | Fault]


@dataclass(frozen=True)
class Version:
    """Which model answers, with which program.

    Parameters
    ----------
    program : str
    model_sha256 : str
        Stands for every byte of the model folder.
    kind : str
        ``binary``, ``multiclass`` or ``ordinal``.
    classes : tuple of str
    preset : str
        How images are measured.
    libraries, trained_with : dict of str to str
        Versions here, and where the model was trained.
    """

    program: str
    model_sha256: str
    kind: str
    classes: tuple[str, ...]
    preset: str
    libraries: dict[str, str]
    trained_with: dict[str, str]
