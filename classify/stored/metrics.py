"""The schema of metrics.json, as far as another command reads it: types, and which keys belong together.

Runs of older versions lack keys of the first level: they may be missing. What a key holds is whole, or the file was
not written by `classify`.
"""
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from classify.stored.manifest import Name, Number, Strict, first_fault
from featurize.errors import UserError
from featurize.runtime.seal import unsealed

# Images, groups, errors ...: larger numbers are no counts, and could not be written as a share.
Count = Annotated[int, Field(ge=0, le=10 ** 12)]
# A score; None where it is not defined.
Score = Number | None
Pair = Annotated[list[Score], Field(min_length=2, max_length=2)]
NumberPair = Annotated[list[Number], Field(min_length=2, max_length=2)]
MULTILABEL = "multilabel"


class _Scores(Strict):
    accuracy: Score = None
    balanced_accuracy: Score = None
    macro_precision: Score = None
    macro_specificity: Score = None
    macro_f1: Score = None
    weighted_f1: Score = None
    mcc: Score = None
    auroc: Score = None
    average_precision: Score = None
    log_loss: Score = None
    brier: Score = None
    ece: Score = None
    coverage: Score = None
    mean_set_size: Score = None
    qwk: Score = None
    mae: Score = None
    adjacent_error_share: Score = None
    intervals: dict[str, Pair | None] = {}


class _AtThreshold(Strict):
    threshold: Number
    sensitivity: Score
    specificity: Score
    ppv: Score
    npv: Score
    f1: Score
    sensitivity_interval: Pair
    specificity_interval: Pair
    ppv_interval: Pair
    npv_interval: Pair


class _OperatingPoint(_AtThreshold):
    class_: Name = Field(alias="class")
    chosen_by: Name


class _Calibration(Strict):
    method: Name


class _Step(Strict):
    kept: Number
    errors: Number
    errors_interval: NumberPair
    confidence: Number


class _Finding(_Scores, _AtThreshold):
    n: Count
    positives: Count
    auroc: Score
    ece: Number
    coverage: Number
    calibration: _Calibration
    abstention: list[_Step] = []

    @model_validator(mode="after")
    def _interval(self) -> "_Finding":
        if not self.intervals.get("auroc"):
            raise ValueError("the interval of auroc is missing")
        return self


class _Review(Strict):
    errors_kept: Score = None
    errors_found: Score = None
    by_reason: dict[str, Number] = {}


class _Answer(Strict):
    level: str | int
    share: Number
    right: Score
    right_interval: Pair


class _Lineage(Strict):
    levels: list[_Scores]
    answers: list[_Answer] = []
    errors_inside: Count
    errors_across: Count


class _CostIntervals(Strict):
    mean: NumberPair
    predicted_mean: NumberPair


class _Costs(Strict):
    mean: Number
    predicted_mean: Number
    constant_mean: Number
    intervals: _CostIntervals


class _Site(Strict):
    site: str
    balanced_accuracy: Score


class _Suspects(Strict):
    n: Count
    flagged: Count


class _Baseline(Strict):
    accuracy: Score = None


class _Metrics(_Scores):
    task: Name = ""
    n: Count = 0
    classes: list[Name] = []
    groups: Count = 0
    split: Name = ""
    folds: Count = 0
    class_counts: dict[str, dict[str, Count]] = {}
    review_share: Number = 0.0
    review: _Review | None = None
    abstention: list[_Step] = []
    operating_point: _OperatingPoint | None = None
    per_class: dict[str, _Scores] | None = None
    lineage: _Lineage | None = None
    costs: _Costs | None = None
    left_out_sites: list[_Site] | None = None
    suspects: _Suspects | None = None
    calibration: _Calibration | None = None
    baselines: dict[str, _Baseline] | None = None
    shortcuts: dict[str, Score] | None = None
    versions: dict[str, str] = {}
    files: dict[str, str] = {}
    findings: dict[str, _Finding] = {}
    threshold_rule: Name = ""

    @model_validator(mode="after")
    def _together(self) -> "_Metrics":
        # Scores of a run of one class an image are told beside these; those of several findings are in `findings`.
        needed = ("findings", "n", "auroc", "review_share", "threshold_rule") if self.task == MULTILABEL else \
            ("n", "balanced_accuracy") if self.accuracy is not None else ()
        for key in needed:
            if key not in self.model_fields_set or key != "auroc" and getattr(self, key) is None:
                raise ValueError(f"{key} is missing")
        return self


def read_metrics(path: Path) -> dict[str, Any]:
    """metrics.json of a run.

    Parameters
    ----------
    path : Path
        A file that exists.

    Raises
    ------
    UserError
        The file is damaged, or is no metrics.json of a run.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no object")
        found = unsealed(found)
        _Metrics.model_validate(found)
    except ValidationError as error:
        wrong = first_fault(error)
    except (OSError, ValueError, RecursionError) as error:
        wrong = str(error).splitlines()[0]
    else:
        return found
    raise UserError(f"{path} is not the metrics.json of a run ({wrong}): give a folder that `python cli.py classify` "
                    "wrote, or a copy of its model folder alone")
