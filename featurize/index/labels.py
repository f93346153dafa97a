"""What a CSV or a pattern says about images: labels, groups, sites."""
import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from featurize.errors import UserError
from featurize.index.sheets import Sheet, offered_path_column, read_sheet, stem

__all__ = ["Sheet", "groups_by_pattern", "label_column", "label_columns_of", "label_text", "match_rows",
           "patient_column", "read_sheet", "truth"]

# What a cell of a column of findings may say, in small letters.
_TRUTH = {"1": 1, "1.0": 1, "true": 1, "yes": 1, "0": 0, "0.0": 0, "false": 0, "no": 0}
# A whole number that is written with a decimal point.
_WHOLE_NUMBER = re.compile(r"-?\d+\.0*")
# A column called so, in small letters, is the label where the user names none.
_LABEL_NAMES = ("label", "class", "target")
# A column called so, in small letters, holds the patient.
_PATIENT_NAMES = re.compile("(patient|subject|case|participant|person)s?([ _-]?(id|nr|no|number|name|code))?")
# A message names at most so many lines.
_MOST_LINES = 5


def _line(row: int) -> int:
    """Number of a row's line in the file: lines count from 1, and the header is the first."""
    return row + 2


def match_rows(sheet: Sheet, sites: Sequence[str], paths: Sequence[str]) -> list[int | None]:
    """The row of the sheet for each image, None where it has none.

    An image is found by its path (also with the site before it), else where one path ends with the whole other, else by
    a base name that is unique on both sides, with or without its extension.

    Raises
    ------
    UserError
        No row fits any image, two rows that differ fit one, or one row fits several images.
    """
    exact = _rows_by(sheet, str)
    by_name, by_stem = _rows_by(sheet, _name), _rows_by(sheet, stem)
    names, stems = _counts(paths, _name), _counts(paths, stem)
    found: list[int | None] = []
    for site, path in zip(sites, paths):
        full = f"{site}/{path}" if site else path
        rows = exact.get(full) or exact.get(path)
        if not rows:
            near = by_name.get(_name(path), [])
            rows = [row for row in near if _ends_alike(sheet.keys[row], full)]
            if not rows and names[_name(path)] == 1 and len(near) == 1:
                rows = near
            bare = by_stem.get(stem(path), [])
            if not rows and stems[stem(path)] == 1 and len(bare) == 1 and _is_bare(sheet.keys[bare[0]], path):
                rows = bare
        found.append(_only_row(sheet, rows, full))
    _check_matches(sheet, found, sites, paths)
    return found


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_bare(key: str, path: str) -> bool:
    """The sheet leaves out the extension, or has another: "x" or "x.jpg" for "x.png"; and no other folder."""
    return "/" not in key or _ends_alike(key.rpartition("/")[0], path.rpartition("/")[0])


def _ends_alike(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return long == short or long.endswith(f"/{short}")


def _rows_by(sheet: Sheet, part: Callable[[str], str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(sheet.keys):
        rows[part(key)].append(row)
        if part is stem and _name(key) != stem(key):
            rows[_name(key)].append(row)  # a key without extension may hold a dot
    return rows


def _counts(paths: Sequence[str], part: Callable[[str], str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for path in paths:
        counts[part(path)] += 1
    return counts


def _only_row(sheet: Sheet, rows: list[int], path: str) -> int | None:
    """The row, if there is one; several must say the same."""
    if not rows:
        return None
    if any(not sheet.cells.iloc[row, 1:].equals(sheet.cells.iloc[rows[0], 1:]) for row in rows[1:]):
        raise UserError(f"{sheet.path} has {len(rows)} different rows for {path} (lines "
                        f"{', '.join(str(_line(row)) for row in rows[:_MOST_LINES])}): keep one")
    return rows[0]


def _check_matches(sheet: Sheet, found: Sequence[int | None], sites: Sequence[str], paths: Sequence[str]) -> None:
    if all(row is None for row in found):
        offered = offered_path_column(sheet, paths)
        raise UserError(f"no row of {sheet.path} fits an image: its column {sheet.cells.columns[0]!r} holds "
                        f"{sheet.keys[0]!r}, an image is called {paths[0]!r}: "
                        + (offered or "write paths relative to the folder of images, or name their column with "
                           "--path-column"))
    first: dict[int, str] = {}
    for row, site, path in zip(found, sites, paths):
        full = f"{site}/{path}" if site else path
        if row is not None and first.setdefault(row, full) != full:
            raise UserError(f"{sheet.path}, line {_line(row)}: {sheet.keys[row]!r} fits {first[row]} and {full}: write "
                            "the folder before the name")


def label_columns_of(sheet: Sheet, asked: Sequence[str], taken: Sequence[str | None]) -> tuple[str, ...]:
    """The columns with labels: those asked for, else one called label, class or target, else the only other one.

    Parameters
    ----------
    sheet : Sheet
    asked : sequence of str
        The columns that the user named.
    taken : sequence of str or None
        The columns that say something else (groups, sites).

    Raises
    ------
    UserError
        There are several candidates and no other use of the sheet.
    """
    if asked:
        return tuple(dict.fromkeys(asked))
    free = [name for name in sheet.cells.columns[1:] if name not in taken]
    named = [name for name in free if name.lower() in _LABEL_NAMES]
    if len(named) == 1:
        return (named[0],)
    if any(taken):
        return ()
    if len(free) == 1:
        return (free[0],)
    raise UserError(f"{sheet.path} has the columns {', '.join(free) or '(none)'}: say with --label-column which one is "
                    "the label")


def label_text(text: str | None) -> str | None:
    """A label as it stands in a table: whole numbers without a decimal point, so that 1.0 and 1 are the same class.

    Spreadsheets and pandas write 1.0 as soon as a column has a gap.

    >>> [label_text(text) for text in ("1.0", "1", "-2.00", "1.5", "v1.0", "1.", None)]
    ['1', '1', '-2', '1.5', 'v1.0', '1', None]
    """
    if text is None or not _WHOLE_NUMBER.fullmatch(text):
        return text
    return text.partition(".")[0]


def label_column(sheet: Sheet, name: str) -> list[str | None]:
    """A column of labels, each as `label_text` writes it, empty cells as None."""
    return [label_text(cell) for cell in sheet.column(name)]


def truth(sheet: Sheet, name: str) -> list[int | None]:
    """A column of findings as 0, 1 or None.

    Raises
    ------
    UserError
        A cell says something else.
    """
    found: list[int | None] = []
    for row, cell in enumerate(sheet.column(name)):
        if cell is not None and cell.lower() not in _TRUTH:
            raise UserError(f"{sheet.path}, line {_line(row)}: column {name!r} holds {cell!r}; with several label "
                            "columns each is a finding, 0 or 1 (empty where unknown)")
        found.append(None if cell is None else _TRUTH[cell.lower()])
    return found


def groups_by_pattern(pattern: str, paths: Sequence[str]) -> list[str | None]:
    """What the first parenthesis of a regular expression finds in each path, None where it does not match.

    Raises
    ------
    UserError
        No valid expression, no parenthesis in it, or it matches no path.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UserError(f"--group-regex {pattern!r} is not a regular expression: {error}") from None
    if not expression.groups:
        raise UserError(f"--group-regex {pattern!r} has no parenthesis: put one around the part that names the group, "
                        "for example '(patient[0-9]+)'")
    matches = [expression.search(path) for path in paths]
    groups = [(match[1] or None) if match else None for match in matches]
    if not any(groups):
        raise UserError(f"--group-regex {pattern!r} matches none of {len(paths)} paths, for example {paths[0]!r}")
    return groups


def patient_column(sheet: Sheet, taken: Sequence[str | None]) -> tuple[str, int] | None:
    """A column whose name says that it holds the patient, with its number of values; several rows must share some.

    Parameters
    ----------
    sheet : Sheet
    taken : sequence of str or None
        The columns that say something else (labels, sites).
    """
    for name in sheet.cells.columns[1:]:
        if name not in taken and _PATIENT_NAMES.fullmatch(name.strip().lower()):
            values = [value for value in sheet.column(name) if value is not None]
            if 1 < len(set(values)) < len(values):
                return name, len(set(values))
    return None
