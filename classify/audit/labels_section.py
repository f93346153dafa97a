"""What labels from the place of a table would bring: the section of the page, and lines for the terminal."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from classify.audit.result import Audit
from classify.data.folds import split_groups
from classify.elsewhere.few_labels import DRAWS, FEWEST_TESTED, Gain, gains
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError
from featurize.report.numbers import count, number, score
from featurize.report.page import cell, table

# Seed of the draws.
SEED = 0
HEAD = ["Labels", "Tested on", "Accuracy", "Nine of ten draws", "Balanced accuracy", "Log-loss"]


@dataclass(frozen=True)
class LabelledRows:
    """Rows with a known label that the model was not trained on.

    Parameters
    ----------
    p : (n, K) float64
        Their probabilities.
    y, group : (n,) int64
        Their classes and split groups.
    novelty : (n,) float64
        Their out-of-distribution scores.
    """

    p: Float64Array
    y: Int64Array
    group: Int64Array
    novelty: Float64Array


def labelled_rows(result: Audit) -> LabelledRows:
    """Those of an audit.

    Raises
    ------
    UserError
        There is none.
    """
    if result.judged is None:
        raise UserError("no image of the table has a label, and --fit-labels and --fitted need some: give labels to "
                        "`python cli.py featurize` with --labels, or sort the images into folders")
    new = ~result.trained_on[result.judged.rows]
    rows = result.judged.rows[new]
    found = result.predictions
    return LabelledRows(found.p[rows], result.judged.y[new], split_groups(result.frame)[rows], found.novelty[rows])


def gains_of(result: Audit, counts: Sequence[int]) -> tuple[Gain, ...]:
    """What each number of labels brings.

    Raises
    ------
    UserError
        Too few labelled images.
    """
    known = labelled_rows(result)
    found = gains(known.p, known.y, known.group, counts, SEED)
    if not found:
        patients = len(np.unique(known.group))
        of = "" if patients == len(known.y) else f" of {count(patients, 'patient or group', 'patients or groups')}"
        raise UserError(f"{len(known.y)} labelled images{of} that the model was not trained on: --fit-labels "
                        f"{min(counts)} needs {min(counts) + FEWEST_TESTED}, because {FEWEST_TESTED} are left to test "
                        "on" + (", and patients stay whole" if of else ""))
    return tuple(found)


def section(found: Sequence[Gain]) -> dict[str, Any]:
    """Sentence and table."""
    return {"lead": lead(found), "table": table(HEAD, [row_of(gain) for gain in found])}


def lead(found: Sequence[Gain]) -> str:
    """What the most labels bring, in words."""
    most = found[-1]
    better = most.log_loss[0] < most.log_loss[1]
    says = (f"With {number(most.labels)} labelled images from here, accuracy on the others is "
            f"{score(most.accuracy[0])} in place of {score(most.accuracy[1])}, log-loss {score(most.log_loss[0])} in "
            f"place of {score(most.log_loss[1])}")
    return (f"{says} (means of {DRAWS} draws). " + (
        "The option --fitted writes a model that is fitted so." if better else
        "Labels bring nothing here: the model may stay as it is."))


def lines(found: Sequence[Gain]) -> list[str]:
    """For the terminal."""
    return [f"with {gain.labels} labels from here: accuracy {gain.accuracy[0]:.3f} in place of {gain.accuracy[1]:.3f}, "
            f"log-loss {gain.log_loss[0]:.3f} in place of {gain.log_loss[1]:.3f}" for gain in found]


def row_of(gain: Gain) -> list[Any]:
    """The cells of a number of labels."""

    def both(pair: tuple[float, float]) -> Any:
        return cell(f"{score(pair[0])} (as it is: {score(pair[1])})", key=pair[0])
    low, high = gain.accuracy_range
    return [cell(number(gain.labels), key=gain.labels), cell(number(gain.tested), key=gain.tested), both(gain.accuracy),
            cell(f"{score(low)} to {score(high)}", key=low), both(gain.balanced_accuracy), both(gain.log_loss)]
