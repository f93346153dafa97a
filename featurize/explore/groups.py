"""Which part of the paths may name the patient or the slide: suggested only where the paths themselves speak for it.

A wrong suggestion is worse than none: grouping by a running number or a coordinate keeps nobody's images together, and
the leak stays. So the part must be in all paths, several images must share a value, and running numbers, coordinates,
dates and classes are never suggested.
"""
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

# Words before a number or a name that say what it is.
_WORDS = ("patient", "subject", "participant", "person", "case", "slide", "pat", "subj", "sub", "pt")
# Fewer images than this are too few to tell a patient from a running number.
_LEAST_IMAGES = 10
# Share of the images that must share their value with another image.
_LEAST_SHARED = 0.2
# Letters before the number of a position, a frame or a tile.
_POSITION_LETTERS = frozenset(("x", "y", "z", "row", "col", "r", "c", "idx", "tile", "frame"))
# Numbers that are all multiples of one step, but for a common offset, are positions: the least step, and the fewest
# values to tell by (five numbers at random have a common step of 5 or more in 1 of 400 cases).
_LEAST_STEP = 5
_FEWEST_POSITIONS = 5
# Numbers written with so many digits are no rows or columns.
_PATIENT_DIGITS = 5
_YEAR_OR_DAY = re.compile(r"(19|20)\d\d((0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]))?")

# Whether images with the same value look as if they came from one slide or device.
Alike = Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class _Part:
    """A part of every path: its values, and the expression that finds it."""

    values: Sequence[str]
    expression: str


def guess_group_regex(frame: pd.DataFrame, alike: Alike | None = None) -> tuple[str, int] | None:
    """A part of the paths that looks like the patient or the slide, as a regular expression, and its number of values.

    Parameters
    ----------
    frame : DataFrame
        Columns `path` and `label` of an index.
    alike : callable, optional
        Told a value for each row: do images of the same value share background or stain? Asked only where the numbers
        alone may as well be rows and columns of a grid.

    Notes
    -----
    Folders called ``Patient 1`` go first, then such words in the names of files, then the first number in the names of
    files: the patient in ``00000013_005``, ``10253_idx5_x1351_y1101_class0`` and ``UID_45_12_3_all``.
    """
    paths = frame["path"].astype(str).tolist()
    if len(paths) < _LEAST_IMAGES:
        return None
    for part in (_after_word(paths, "[^/]*/"), _after_word(paths, ""), _first_number(frame, paths, alike)):
        if part and len(set(part.values)) > 1 and _shared(part.values) >= _LEAST_SHARED:
            return part.expression, len(set(part.values))
    return None


def _shared(values: Sequence[object]) -> float:
    """Share of the values that occur more than once."""
    counts = Counter(values)
    return sum(n for n in counts.values() if n > 1) / len(values)


def _after_word(paths: Sequence[str], end: str) -> _Part | None:
    """The name after a word such as "patient" in every path; with `end` the name of a folder, else of a file."""
    start = "(?:^|/)" if end else "(?:^|[/_ -])"
    for word in _WORDS:
        expression = rf"(?i){start}({word}[_ -]?[a-z]?\d+){end}"
        found = [re.search(expression, path) for path in paths]
        if all(found):
            return _Part([match[1].lower() for match in found if match], expression)
    return None


def _first_number(frame: pd.DataFrame, paths: Sequence[str], alike: Alike | None) -> _Part | None:
    """The first part with a number in the names of the files, if it can be a patient's."""
    for separators in ("_", "_-"):
        names = [re.split(f"[{separators}]", PurePosixPath(path).stem) for path in paths]
        if len({len(name) for name in names}) == 1 and len(names[0]) > 1:
            break
    else:
        return None
    columns = list(zip(*names))
    classes = frame["label"].astype(str).tolist()
    at = next((at for at, values in enumerate(columns) if _can_name(values, classes)), None)
    if at is None or _is_position(columns[at]) or _is_running_number(names, paths, at):
        return None
    if _is_grid(columns, at) and not (alike and alike(columns[at])):
        return None
    one = separators if len(separators) == 1 else f"[{separators}]"
    expression = "(?:^|/)" + f"[^/{separators}]*{one}" * at + f"([^/{separators}]+)[^/]*$"
    return _Part(columns[at], expression)


def _can_name(values: Sequence[str], classes: Sequence[str]) -> bool:
    """Every value has a digit, they differ, and they do not just repeat the class."""
    pairs = len(set(zip(values, classes)))
    repeats_class = pairs == len(set(values)) == len(set(classes))
    return len(set(values)) > 1 and not repeats_class and all(any(c.isdigit() for c in value) for value in values)


def _is_position(values: Sequence[str]) -> bool:
    """Coordinates, rows, tiles, years and days."""
    if all(_YEAR_OR_DAY.fullmatch(value) for value in values):
        return True
    numbered = [re.fullmatch(r"([A-Za-z]*)(\d+)", value) for value in values]
    if not all(numbered):
        return False
    if {match[1].lower() for match in numbered if match} <= _POSITION_LETTERS:
        return True
    numbers = sorted({int(match[2]) for match in numbered if match})
    return len(numbers) >= _FEWEST_POSITIONS and math.gcd(*(n - numbers[0] for n in numbers)) >= _LEAST_STEP


def _is_running_number(names: Sequence[Sequence[str]], paths: Sequence[str], at: int) -> bool:
    """Within a folder and the same words in the names, hardly any value comes twice: ``Lymphoblast_0003``."""
    keys = [(path.rpartition("/")[0], *(part for part in name if part.isalpha()), name[at])
            for path, name in zip(paths, names)]
    return _shared(keys) < _LEAST_SHARED


def _is_grid(columns: Sequence[Sequence[str]], at: int) -> bool:
    """Numbers without a gap, each of which meets the same numbers without a gap further on.

    These are rows and columns, or patients 1, 2, 3, ... with as many images each.
    """
    if not _is_run(columns[at]):
        return False
    for later in columns[at + 1:]:
        met: dict[str, set[str]] = defaultdict(set)
        for value, other in zip(columns[at], later):
            met[value].add(other)
        if _is_run(later) and all(others == set(later) for others in met.values()):
            return True
    return False


def _is_run(values: Sequence[str]) -> bool:
    """Several whole numbers without a gap, too short to be written as a hospital writes a patient's number."""
    if not all(value.isdigit() and len(value) < _PATIENT_DIGITS for value in values):
        return False
    numbers = {int(value) for value in values}
    return len(numbers) > 1 and max(numbers) - min(numbers) == len(numbers) - 1
