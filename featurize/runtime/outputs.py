"""The name that a user gives for a result: checked before any work is done."""
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from featurize.errors import UserError
from featurize.runtime.cells import safe_cells
from featurize.runtime.files import replacing
from featurize.runtime.leftovers import remove_leftovers

# A page that this program wrote has this in its foot.
_MARK_OF_PAGES = b"Pellucid"
# First columns of every list of predictions.
_HEAD_OF_PREDICTIONS = b"image_id,path"
# First columns of every list of similar images.
_HEAD_OF_NEIGHBORS = b"rank,image_id"
# JSON that this program wrote holds this.
_MARK_OF_JSON = b'"program": "pellucid"'
# Header of every list of errors.
_HEAD_OF_ERRORS = b"path,error,reason"
# Program that made an ONNX file: its second field, so it stands at the beginning.
_HEAD_OF_ONNX = b"\x12\x08pellucid"
# Bytes that are read of a file to know whose it is.
_HEAD_BYTES = 64


def check_output(output: Path, suffixes: Sequence[str], inputs: Iterable[Path | None],
                 beside: Sequence[Path] = (), option: str = "-o") -> None:
    """Refuse a name with another ending, or one of the inputs; remove what killed runs left half written beside it.

    Parameters
    ----------
    output : Path
        As it was given.
    suffixes : sequence of str
        Endings that are taken, in small letters: ".html".
    inputs : iterable of Path or None
        What the command reads; None is an option that was not given.
    beside : sequence of Path
        Other files that the command writes.
    option : str
        The option that names the output on the command line.

    Raises
    ------
    UserError
    """
    if output.suffix.lower() not in suffixes:
        raise UserError(f"the output {output} was given, a name ending in {' or '.join(suffixes)} was wanted: "
                        f"{option} {output.stem or 'result'}{suffixes[0]}")
    given = [path for path in inputs if path is not None]
    for written in (output, *beside):
        if any(_same(written, path) for path in given):
            raise UserError(f"{written} is read by this command and would be replaced by its result: choose another "
                            f"name with {option}")
    remove_leftovers((output, *beside))


def _same(a: Path, b: Path) -> bool:
    if os.path.exists(a) and os.path.exists(b):
        return os.path.samefile(a, b)
    return os.path.realpath(a) == os.path.realpath(b)


def check_replaceable_file(path: Path, is_ours: Callable[[Path], bool], option: str = "-o") -> None:
    """Refuse to replace a file that this program did not write. An empty file may be replaced.

    Parameters
    ----------
    path : Path
    is_ours : callable
        Tells whether a file that exists is of the kind that would be written.
    option : str
        The option that names the file on the command line.

    Raises
    ------
    UserError
    """
    try:
        replaceable = not path.is_file() or not path.stat().st_size or is_ours(path)
    except OSError as error:
        raise UserError(f"{path} exists and cannot be read ({error.strerror}): choose another name with "
                        f"{option}") from error
    if not replaceable:
        raise UserError(f"{path} exists and was not written by Pellucid, so it is not replaced: choose another name "
                        f"with {option}, or move the file away")


def check_page(output: Path, inputs: Iterable[Path | None], option: str = "-o") -> None:
    """`check_output` and `check_replaceable_file` for a page that an option names."""
    check_output(output, (".html", ".htm"), inputs, option=option)
    check_replaceable_file(output, is_page, option)


def check_page_or_data(output: Path, inputs: Iterable[Path | None]) -> None:
    """`check_output` and `check_replaceable_file` for a page that may also be written as JSON or CSV."""
    check_output(output, tuple(_OURS), inputs)
    check_replaceable_file(output, _OURS[output.suffix.lower()])


def is_page(path: Path) -> bool:
    """Whether a file is a page of this program."""
    return _MARK_OF_PAGES in path.read_bytes()


def is_predictions(path: Path) -> bool:
    """Whether a file is a list of predictions."""
    return _head(path).startswith(_HEAD_OF_PREDICTIONS)


def is_errors(path: Path) -> bool:
    """Whether a file is a list of errors."""
    return _head(path).splitlines()[:1] == [_HEAD_OF_ERRORS]


def is_onnx(path: Path) -> bool:
    """Whether a file is a model that this program exported."""
    with path.open("rb") as file:
        return _HEAD_OF_ONNX in file.read(_HEAD_BYTES)


def _is_json(path: Path) -> bool:
    """Whether a file is JSON of this program."""
    return _MARK_OF_JSON in path.read_bytes()


def _is_csv(path: Path) -> bool:
    """Whether a file is a list of images of this program."""
    return _head(path).startswith((_HEAD_OF_PREDICTIONS, _HEAD_OF_NEIGHBORS))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").replace(b'"', b"")


def errors_path(out: Path) -> Path:
    """Where the errors of a result are listed: `t.errors.csv` beside `t.parquet`."""
    return out.with_name(f"{out.stem}.errors.csv")


def write_errors(errors: pd.DataFrame, path: Path) -> Path | None:
    """The list of errors; one of an earlier run does not stay where there is nothing to tell.

    Raises
    ------
    UserError
        There is a file of that name which is no list of errors.
    """
    check_replaceable_file(path, is_errors)
    if errors.empty:
        path.unlink(missing_ok=True)
        return None
    with replacing(path) as part:
        safe_cells(errors).to_csv(part, index=False, errors="backslashreplace")
    return path


# What tells, for each ending, that a page or its data were written by this program.
_OURS = {".html": is_page, ".json": _is_json, ".csv": _is_csv}
