"""The output folder of a run: where it may lie, and what each field is called in it.

A mark in the folder names every field that was measured into it and its stem. So a field keeps its stem from run to
run, results are never read as fields, and nothing that a user put there is replaced.
"""
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurize.detect.job import CROPS, FACTS, MASKS, OVERLAYS, SUFFIXES, FieldJob
from featurize.errors import UserError
from featurize.runtime import stems
from featurize.runtime.files import write_json
from featurize.runtime.leftovers import is_filled
from featurize.runtime.seal import sealed

MARK = ".pellucid-detect.json"
BOXES, COCO, ERRORS, PAGE = "boxes.csv", "coco.json", "errors.csv", "detect.html"
_FOLDERS = (FACTS, OVERLAYS, MASKS, CROPS)


def check_place(given: Sequence[Path], out: Path) -> None:
    """Refuse an output folder that is, holds or lies among the sources, or that holds files of others.

    Raises
    ------
    UserError
    """
    if out.is_symlink() or out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file or a link, a folder was wanted: -o cells/")
    place = out.resolve()
    for path in given:
        source = path.resolve()
        if place == source or place in source.parents:
            raise UserError(f"the output {out} is or holds {path}: results would mix with the fields; give another "
                            "folder with -o")
    if is_filled(out, MARK) and not is_output_folder(out):
        raise UserError(f"the folder {out} holds files that `detect` did not write: give a new folder with -o, or "
                        "empty it")


def is_output_folder(folder: Path) -> bool:
    """Whether a run wrote into this folder."""
    return (folder / MARK).is_file()


def read_stems(out: Path) -> dict[str, str]:
    """Stem of every field that was ever measured into a folder, by its path; empty if there is no whole mark."""
    return stems.read_stems(out / MARK)


def with_stems(fields: Sequence[tuple[Path, str]], earlier: Mapping[str, str]) -> list[FieldJob]:
    """Jobs with stems none of which writes a file of another: the path without its extension, or a hash behind it.

    Parameters
    ----------
    fields : sequence of file and path as shown
        No two with the same path.
    earlier : mapping of path to stem
        Of earlier runs into the folder: they stay as they are, and nobody else gets them.
    """
    chosen = stems.choose_stems([path for _, path in fields], earlier)
    return [FieldJob(file, path, chosen[path]) for file, path in fields]


def claim(out: Path, jobs: Sequence[FieldJob], earlier: Mapping[str, str]) -> None:
    """Write into the mark which fields a run will measure, before it writes anything.

    Raises
    ------
    UserError
        A file or link of such a name exists and was not written by a run.
    """
    shared = [] if is_output_folder(out) else [out / name for name in (BOXES, COCO, ERRORS, PAGE)]
    new = [job.place(out, folder) for job in jobs if job.path not in earlier for folder in SUFFIXES]
    links = [out / folder for folder in _FOLDERS if (out / folder).is_symlink()]
    foreign = next((path for path in (*shared, *new) if os.path.lexists(path)), None) or next(iter(links), None)
    if foreign is not None:
        raise UserError(f"{foreign} was not written by `detect` and would be replaced: give another folder with -o")
    own = {job.path: job.stem for job in jobs}
    if not own.keys() <= earlier.keys() or not is_output_folder(out):
        write_json(sealed({"program": "pellucid", "command": "detect",
                           "stems": dict(sorted({**earlier, **own}.items()))}), out / MARK)
