"""From what the user names to one row an image: which images there are, and what is known about each.

Labels are the names of the folders that hold the files; ``train``, ``val`` and ``test`` folders above them are the
split (`featurize.index.splits`). A CSV or a MedMNIST-style npz may say it instead.
"""
import hashlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from featurize.errors import UserError
from featurize.images.read import EXTENSIONS, ImageError, read_bytes
from featurize.index.index_row import IndexRow
from featurize.index.labels import (Sheet, groups_by_pattern, label_column, label_columns_of, match_rows,
                                    patient_column, read_sheet, truth)
from featurize.index.medmnist import npz_rows
from featurize.index.sources import NPZ, Source, find_sources, load, printable, source_of, walk
from featurize.index.splits import (FolderRoles, are_parts, empty_class_folders, find_roles, odd_folders, split_of,
                                    told_empty)

__all__ = ["Index", "Source", "build_index", "load", "source_of"]

# Hex digits of an image_id: a hash over the source, the path and the content.
_ID_DIGITS = 16
# Paths without a group that a warning shows.
_MOST_MISSED = 3
_COLUMNS = ("image_id", "path", "label", "group", "site", "split", "sha256")


@dataclass(frozen=True)
class Index:
    """All images of a call.

    Parameters
    ----------
    frame : DataFrame
        One row an image, sorted by site and path: `image_id, path, label, group, site, split, sha256`, texts or None,
        and a column `label_<finding>` (Int8: 0, 1 or missing) for each of `label_columns`.
    errors : DataFrame
        `path, error, reason` of what is called like an image and cannot be read at all.
    sources : tuple of Source
    label_columns : tuple of str
        The findings of a multilabel task; empty where `label` says it.
    warnings : tuple of str
        What the user should know, one line each.
    """

    frame: pd.DataFrame
    errors: pd.DataFrame
    sources: tuple[Source, ...]
    label_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def build_index(sources: Path | str | Sequence[Path | str], *, labels: Path | str | None = None,
                label_columns: Sequence[str] = (), group_column: str | None = None, group_regex: str | None = None,
                site_column: str | None = None, path_column: str | None = None, cache: Path | None = None) -> Index:
    """Find all images and what is known about them.

    Parameters
    ----------
    sources : path or sequence of paths
        Folders, image files, zip archives, npz files. Each is a site if there are several.
    labels : path, optional
        A CSV with the path of each image relative to its source, in its first column or in `path_column`.
    label_columns : sequence of str
        Columns of it. One is the label; several are findings, 0 or 1 each.
    group_column, site_column : str, optional
        Columns of it with the patient (or slide) and the laboratory.
    group_regex : str, optional
        Searched in the relative path; its first parenthesis is the group.
    path_column : str, optional
        Column of it with the paths, if that is not the first.
    cache : Path, optional
        Where archives are unpacked; see `featurize.index.archives.cache_folder`.

    Raises
    ------
    UserError
        A source without images, labels that fit no image, columns or a pattern that do not fit.
    """
    paths = [Path(sources)] if isinstance(sources, (str, Path)) else [Path(path) for path in sources]
    if not paths:
        raise UserError("no folder of images was named")
    columns = _SheetColumns(tuple(label_columns), group_column, site_column)
    _check_call(columns, path_column, has_sheet=labels is not None, group_regex=group_regex)
    found = find_sources(paths, cache)
    if len(found) > 1 and site_column:
        raise UserError(f"--site-column with {len(found)} sources, each of which is a site already: leave it out")
    rows, errors, warnings = _read_sources(found, splits_without_classes=labels is not None)
    if labels is not None:
        sheet = read_sheet(Path(labels), path_column)
        rows, sheet_warnings = _with_sheet(rows, sheet, columns)
        warnings += [*([sheet.note] if sheet.note else []), *sheet_warnings]
        if not columns.group and not group_regex:
            warnings += _patients_offered(sheet, columns)
    if group_regex:
        rows, regex_warnings = _with_pattern(rows, group_regex)
        warnings += regex_warnings
    findings = tuple(dict.fromkeys(name for row in rows for name in row.findings))
    return Index(_frame(rows, findings), errors, tuple(source for source, _ in found), findings, tuple(warnings))


@dataclass(frozen=True)
class _SheetColumns:
    """The columns of a labels file that the user named."""

    labels: tuple[str, ...]
    group: str | None
    site: str | None


def _check_call(columns: _SheetColumns, path_column: str | None, *, has_sheet: bool, group_regex: str | None) -> None:
    named = {"--label-column": columns.labels, "--group-column": columns.group, "--site-column": columns.site,
             "--path-column": path_column}
    needing_sheet = [option for option, value in named.items() if value]
    if needing_sheet and not has_sheet:
        raise UserError(f"{needing_sheet[0]} names a column of a labels file: give the file with --labels F.csv")
    if columns.group and group_regex:
        raise UserError("--group-column and --group-regex both name the groups: give one of them")


def _read_sources(found: Sequence[tuple[Source, list[str]]], *,
                  splits_without_classes: bool) -> tuple[list[IndexRow], pd.DataFrame, list[str]]:
    """The images of all sources in their final order, what cannot be read, and warnings."""
    rows: list[IndexRow] = []
    errors: list[tuple[str, str, str]] = []
    warnings: list[str] = []
    for source, only in found:
        for path, row in _read_source(source, only, splits_without_classes, warnings):
            if isinstance(row, IndexRow):
                rows.append(row)
            else:
                errors.append((f"{source.site}/{path}" if source.site else path, str(row), row.reason))
    errors.sort()
    if not rows and not errors:
        raise UserError(f"{found[0][0].root} holds no image")
    if not rows:
        raise UserError(f"none of {len(errors)} images can be read, the first: {errors[0][0]}: {errors[0][1]}")
    rows.sort(key=lambda row: (row.site, row.path))
    if are_parts([source.site for source, _ in found]):
        rows = [replace(row, split=row.split or split_of(row.site)) for row in rows]
    return rows, pd.DataFrame(errors, columns=["path", "error", "reason"], dtype=object), warnings


def _read_source(source: Source, only: list[str], splits_without_classes: bool,
                 warnings: list[str]) -> Iterator[tuple[str, IndexRow | ImageError]]:
    """Everything in a source that is called like an image, as a row or as an error; warnings are appended.

    `only` names the folders and files of the source that are meant; all, if it is empty.
    """
    if source.kind == NPZ:
        yield from ((row.path, row) for row in npz_rows(source))
        return
    root = Path(source.files or source.root)
    entries = list(walk(root, only or [""]))
    names = [name for name, error in entries if error is None]
    if not names:
        raise UserError(f"{source.root} holds no image (looked for {', '.join(sorted(EXTENSIONS))}): "
                        "files and folders starting with . or _ are not read")
    single = set(only).intersection(names)
    roles = FolderRoles() if single else find_roles(names, splits_without_classes)
    if not splits_without_classes and not single:
        said = [*odd_folders([printable(name) for name in names], roles),
                *told_empty([printable(name) for name in empty_class_folders(root, names)])]
        warnings += [f"in {source.site}: {line}" if source.site else line for line in said]
    for name, error in entries:
        path = printable(name)
        try:
            digest = hashlib.sha256(_content(root / name, error)).hexdigest()
        except ImageError as fault:
            yield path, fault
            continue
        parts = path.split("/")
        label = roles.label(parts) if not single else None
        yield path, IndexRow(source.site, path, digest, label=label, split=roles.split(parts))


def _content(file: Path, error: ImageError | None) -> bytes:
    if error:
        raise error
    return read_bytes(file)


def _with_sheet(rows: list[IndexRow], sheet: Sheet, columns: _SheetColumns) -> tuple[list[IndexRow], list[str]]:
    """The rows with what the labels file says about them, and warnings."""
    labels = label_columns_of(sheet, columns.labels, (columns.group, columns.site))
    named = {"group": columns.group, "site_shown": columns.site}
    texts = {attribute: sheet.column(name) for attribute, name in named.items() if name}
    if len(labels) == 1:
        texts["label"] = label_column(sheet, labels[0])
    findings = {name: truth(sheet, name) for name in labels} if len(labels) > 1 else {}
    matched = match_rows(sheet, [row.site for row in rows], [row.path for row in rows])
    out = []
    for row, line in zip(rows, matched):
        # An image that the sheet does not name is unlabelled, whatever its folder is called.
        values: dict[str, str | None] = {name: None if line is None else cells[line] for name, cells in texts.items()}
        row = replace(row, **values)  # type: ignore[arg-type]
        if findings:
            truths = {name: None if line is None else cells[line] for name, cells in findings.items()}
            row = replace(row, label=None, findings=truths)
        out.append(row)
    return out, _warnings_of_unmatched(sheet, matched)


def _warnings_of_unmatched(sheet: Sheet, matched: Sequence[int | None]) -> list[str]:
    warnings = []
    without = sum(line is None for line in matched)
    if without:
        warnings.append(f"{without} of {len(matched)} images have no row in {sheet.path.name}: they stay unlabelled")
    unused = len(sheet.keys) - len({line for line in matched if line is not None})
    if unused:
        warnings.append(f"{unused} of {len(sheet.keys)} rows of {sheet.path.name} fit no image")
    return warnings


def _patients_offered(sheet: Sheet, columns: _SheetColumns) -> list[str]:
    """A line about a column with patients that the user has not named as such."""
    found = patient_column(sheet, (*columns.labels, columns.site))
    if found is None:
        return []
    name, n = found
    return [f"no groups are given, and the column {name!r} of {sheet.path.name} has {n} values in {len(sheet.keys)} "
            f"rows: if it names the patient, give --group-column {shlex.quote(name)}"]


def _with_pattern(rows: list[IndexRow], pattern: str) -> tuple[list[IndexRow], list[str]]:
    """The rows with their groups, and warnings."""
    groups = groups_by_pattern(pattern, [row.path for row in rows])
    missed = [row.path for row, group in zip(rows, groups) if group is None]
    warnings = []
    if missed:
        more = f" and {len(missed) - _MOST_MISSED} more" if len(missed) > _MOST_MISSED else ""
        warnings = [f"--group-regex matches {len(groups) - len(missed)} of {len(groups)} paths, and not "
                    f"{', '.join(missed[:_MOST_MISSED])}{more}: an image without a group counts as one of its own"]
    return [replace(row, group=group) for row, group in zip(rows, groups)], warnings


def _frame(rows: Sequence[IndexRow], findings: Sequence[str]) -> pd.DataFrame:
    facts = {
        "image_id": [_image_id(row) for row in rows], "path": [row.path for row in rows],
        "label": [row.label for row in rows], "group": [row.group for row in rows],
        "site": [row.site_shown or row.site or None for row in rows], "split": [row.split for row in rows],
        "sha256": [row.sha256 for row in rows]}
    frame = pd.DataFrame({name: pd.Series(facts[name], dtype=object) for name in _COLUMNS})
    for name in findings:
        frame[f"label_{name}"] = pd.array([row.findings.get(name) for row in rows], dtype="Int8")
    return frame


def _image_id(row: IndexRow) -> str:
    return hashlib.sha256(f"{row.site}\0{row.path}\0{row.sha256}".encode()).hexdigest()[:_ID_DIGITS]
