"""The schema of manifest.json: types, ranges, and sizes that must fit each other.

A checksum tells that a file is as somebody left it, not that it was left by `classify`. What is refused here is what no
training writes: a temperature of 0, a class twice, a calibration that is unknown.
"""
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from classify.data.tasks import is_class_name
from classify.run_folder import FINDING_NAME
from classify.stored.faults import StoredFault

# Longest text in a message about a value, characters.
_LONGEST_VALUE = 60

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
OpenShare = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """No type is turned into another, but a whole number into a float."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Calibration(Strict):
    method: Literal["none", "temperature", "bias", "isotonic", "matrix"]
    temperature: Positive
    floor: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
    # Of each class the knots of its step function: x and y.
    steps: list[Annotated[list[list[Share]], Field(min_length=2, max_length=2)]]
    matrix: list[list[Number]] = []
    bias: list[Number] = []
    losses: dict[str, Number]

    @model_validator(mode="after")
    def _knots(self) -> "_Calibration":
        for x, y in self.steps:
            if not len(x) == len(y) > 0 or sorted(x) != x or sorted(y) != y:
                raise ValueError("steps of an isotonic calibration do not rise, or have two lengths")
        return self


class _Limit(Strict):
    reason: Name
    column: Name
    sign: Literal[-1, 1]
    above: list[float]

    @model_validator(mode="after")
    def _numbers(self) -> "_Limit":
        if any(limit != limit for limit in self.above):
            raise ValueError(f"a limit of {self.column} is not a number")
        return self


class _Accepted(Strict):
    model_config = ConfigDict(strict=True, extra="forbid")
    error: OpenShare
    chosen: bool
    # Above 1 where no threshold keeps the promise: nothing is without review then.
    threshold: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
    images: Count
    wrong: Count
    bound: Share | None
    share: Share
    needed: Count


class _Review(Strict):
    by_set: bool
    least_probability: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
    most_novelty: Share
    limits: list[_Limit]
    accepted: _Accepted | None = None


class _OperatingPoint(Strict):
    class_: Name = Field(alias="class")
    threshold: Share
    wanted_sensitivity: Share | None
    chosen_by: Name


class _Preset(Strict):
    model_config = ConfigDict(strict=True, extra="forbid")
    name: Name
    normalize: Name
    segment: Name
    blocks: dict[Name, dict[str, Any]]


class _Subject(Strict):
    name: Name
    words: Annotated[list[Name], Field(min_length=1)]
    learned: Annotated[list[Count], Field(min_length=1)]

    @model_validator(mode="after")
    def _positions(self) -> "_Subject":
        if len(set(self.learned)) < len(self.learned) or max(self.learned) >= len(self.words):
            raise ValueError(f"the words {self.name} learned are {self.learned} of {len(self.words)}")
        return self


class _Words(Strict):
    subjects: list[_Subject]
    described: list[Count]


class _Finding(Strict):
    name: Name
    folder: Annotated[str, Field(pattern=rf"^{FINDING_NAME}$")]
    threshold: Share


class _Findings(Strict):
    findings: Annotated[list[_Finding], Field(min_length=1)]
    fingerprints_sha256: str | None = None

    @model_validator(mode="after")
    def _distinct(self) -> "_Findings":
        for what, names in (("name", [f.name for f in self.findings]), ("folder", [f.folder for f in self.findings])):
            if len(set(names)) < len(names):
                raise ValueError(f"two findings have the same {what}")
        odd = next((f.name for f in self.findings if not is_class_name(f.name)), None)
        if odd is not None:
            raise ValueError(f"{odd!r} is no name of a finding")
        return self


class Manifest(Strict):
    """manifest.json of a model of one label; keys that are absent in older formats have a default."""

    kind: Literal["binary", "multiclass", "ordinal"]
    classes: Annotated[list[str], Field(min_length=2)]
    features: Annotated[list[Name], Field(min_length=1)]
    blocks: dict[Name, Count]
    preset: _Preset
    mm_per_px: Positive | None
    library: Literal["xgboost", "lightgbm", "logistic"]
    rounds: Count
    thresholds: Count | None = None
    calibration: _Calibration
    alpha: OpenShare
    pooled: list[Count] = []
    off_axes: Positive
    discriminant_rest: Positive | None = None
    review: _Review | None = None
    operating_point: _OperatingPoint | None = None
    lineage: list[list[Name]] | None = None
    costs: list[list[NotNegative]] | None = None
    batch_rate: Share | None = None
    words: _Words | None = None
    settings: dict[str, Any]
    versions: dict[str, str]
    files: dict[Name, str]

    @model_validator(mode="after")
    def _names(self) -> "Manifest":
        odd = next((name for name in self.classes if not is_class_name(name)), None)
        if odd is not None:
            raise ValueError(f"{odd!r} is no name of a class")
        for what, names in (("class", self.classes), ("feature", self.features)):
            twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(
                names) else None
            if twice is not None:
                raise ValueError(f"the {what} {twice!r} stands in it twice")
        if (self.kind == "binary") != (len(self.classes) == 2):
            raise ValueError(f"the task is {self.kind} and has {len(self.classes)} classes")
        if self.operating_point and (self.kind != "binary" or self.operating_point.class_ not in self.classes):
            raise ValueError(f"the operating point is of the class {self.operating_point.class_!r}")
        return self

    @model_validator(mode="after")
    def _sizes(self) -> "Manifest":
        k = len(self.classes)
        sizes = {"steps of the calibration": {k} if self.calibration.method == "isotonic" else {0, k},
                 "rows of the matrix": {k} if self.calibration.method == "matrix" else {0, k},
                 "numbers of the bias": {k} if self.calibration.method in ("bias", "matrix") else {0},
                 "paths of the lineage": {k}, "rows of the costs": {k}}
        parts: tuple[Sequence[Any] | None, ...] = (self.calibration.steps, self.calibration.matrix,
                                                   self.calibration.bias, self.lineage, self.costs)
        for (what, right), part in zip(sizes.items(), parts):
            if part is not None and len(part) not in right:
                raise ValueError(f"{len(part)} {what} came with {k} classes")
        square = [*self.calibration.matrix, *(self.costs or ())]
        limits = [limit.above for limit in self.review.limits] if self.review else []
        if any(len(row) != k for row in [*square, *limits]):
            raise ValueError(f"a row of the matrix, of the costs or of the limits has not {k} numbers")
        if any(row[at] for at, row in enumerate(self.costs or ())):
            raise ValueError("a right answer has costs")
        if any(number >= k for number in self.pooled) or len(set(self.pooled)) < len(self.pooled):
            raise ValueError(f"the pooled classes are {self.pooled} of {k}")
        if self.thresholds not in (None, 0, k - 1) or self.thresholds and self.kind != "ordinal":
            raise ValueError(f"{self.thresholds} thresholds came with {k} classes of the task {self.kind}")
        return self


def check_manifest(content: dict[str, Any]) -> None:
    """Compare a manifest with the schema; raises `StoredFault` with the first thing that does not fit."""
    try:
        Manifest.model_validate(content)
    except ValidationError as error:
        raise StoredFault(first_fault(error)) from None


def check_findings(content: dict[str, Any]) -> None:
    """The same for the manifest of a model of several findings."""
    try:
        _Findings.model_validate(content)
    except ValidationError as error:
        raise StoredFault(first_fault(error)) from None


def first_fault(error: ValidationError) -> str:
    """Place, value and words of the first fault that pydantic found, in one line."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    place = ".".join(str(part) for part in first["loc"])
    came = "" if first["type"] == "missing" else f" is {shortened(repr(first['input']))}"
    return f"{place}{came}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def shortened(text: str) -> str:
    """At most `_LONGEST_VALUE` characters."""
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE - 3]}..."
