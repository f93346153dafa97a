"""The output folder of a run: where it may lie, what each page is called in it, and which files in it are ours.

A mark in the folder names every file that was read into it and its stem. So a page keeps its stem from run to run, a
folder of results is never read as pages, and nothing that a user put there is replaced.
"""
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ecg.job import PageJob, is_record
from ecg.result import PageFacts
from featurize.errors import UserError
from featurize.runtime import stems
from featurize.runtime.files import write_text
from featurize.runtime.leftovers import is_filled
from featurize.runtime.seal import sealed

MARK = ".pellucid-ecg.json"
# Files of one page or record: these behind its stem.
SIGNALS, BEATS, FACTS, OVERLAY = ".csv", ".beats.csv", ".json", ".overlay.png"
# The overlay of the run before, of a page that was read again with corrections.
BEFORE = ".before.png"
_SUFFIXES = (SIGNALS, BEATS, FACTS, OVERLAY, BEFORE)
# Files of the whole run: no page's file may have such a name.
ERRORS, RHYTHM, REPORT, SCORES = "errors.csv", "rhythm.parquet", "report.html", "truth_scores.csv"
EDITOR = "editor.html"
_SHARED = (ERRORS, RHYTHM, REPORT, SCORES, EDITOR)
# How those begin that a later run removes: others of these names are a user's.
_BEGINNINGS = {ERRORS: b"path,error,reason", SCORES: b"path,truth,all_db",
               EDITOR: b"<!doctype html><!-- pellucid ecg editor -->"}
# Ways to name a page: without extension, with it, with a hash.
_LAST_WAY = 2


def check_place(given: Sequence[Path], out: Path) -> None:
    """Refuse an output folder that is, holds or lies among the sources.

    A folder inside a source folder is allowed if it is new, empty, or holds results of an earlier run; it is not read.

    Raises
    ------
    UserError
    """
    if out.is_file():
        raise UserError(f"{out} is a file, a folder was wanted: -o out/")
    place = out.resolve()
    for path in given:
        source = path.resolve()
        if place == source or place in source.parents:
            raise UserError(f"the output {out} is or holds {path}: results would mix with the pages; give another "
                            "folder with -o")
        if source.is_dir() and source in place.parents and not _is_free(out):
            raise UserError(f"the output {out} lies inside {path} and holds other files: give a new folder with -o")


def is_output_folder(folder: Path) -> bool:
    """Whether a run wrote into this folder."""
    return (folder / MARK).is_file() or all((folder / name).is_file() for name in (RHYTHM, REPORT))


def _is_free(folder: Path) -> bool:
    return not folder.exists() or is_output_folder(folder) or not is_filled(folder, MARK)


def is_result(file: Path) -> bool:
    """Whether a file was written for a page or record: facts of that page lie beside it."""
    stems = (file.name[:-len(suffix)] for suffix in _SUFFIXES if file.name.endswith(suffix))
    return any(_are_facts(file.with_name(stem + FACTS)) for stem in stems)


def _are_facts(file: Path) -> bool:
    try:
        PageFacts.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _begins(file: Path, beginning: bytes) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(beginning)) == beginning
    except OSError:
        return False


def read_stems(out: Path) -> dict[str, str]:
    """Stem of every file that was ever read into a folder, by its path; empty if there is no whole mark."""
    return stems.read_stems(out / MARK)


def with_own_stems(page_jobs: Sequence[PageJob], earlier: Mapping[str, str]) -> list[PageJob]:
    """The jobs with stems none of which writes a file of another.

    A stem is the path without extension; where that would write a file of another page or of the whole run, the path
    with extension; where that would too, the path and a hash of it. The order of the jobs does not matter.

    Parameters
    ----------
    page_jobs : sequence of PageJob
        No two with the same path.
    earlier : mapping of path to stem
        Of earlier runs into the folder: they stay as they are, and nobody else gets them.
    """
    ways = {job.path: 0 for job in page_jobs if job.path not in earlier}
    taken = {name for stem in earlier.values() for name in _files_of(stem)}
    taken |= {stems.same_name(name) for name in _SHARED}
    while True:
        owners: dict[str, list[str]] = {}
        for path, way in ways.items():
            for name in _files_of(_stem(path, way)):
                owners.setdefault(name, []).append(path)
        clashing = {path for name, paths in owners.items() if len(paths) > 1 or name in taken for path in paths}
        clashing |= {path for path, way in ways.items() if stems.is_long(_stem(path, way))}
        moved = {path for path in clashing if ways[path] < _LAST_WAY}
        if not moved:
            break
        ways |= {path: ways[path] + 1 for path in moved}
    return [replace(job, stem=earlier.get(job.path) or _stem(job.path, ways[job.path])) for job in page_jobs]


def _stem(path: str, way: int) -> str:
    if way < _LAST_WAY:
        return path if way else os.path.splitext(path)[0]
    return stems.hashed_stem(path)


def _files_of(stem: str) -> list[str]:
    return [stems.same_name(stem + suffix) for suffix in _SUFFIXES]


def files_of_run(out: Path, page_jobs: Iterable[PageJob]) -> list[Path]:
    """All files that a run writes of its pages and of all together."""
    return [out / name for name in _SHARED] + [out / (job.stem + suffix) for job in page_jobs for suffix in _SUFFIXES]


def files_beside(job: PageJob) -> tuple[str, ...]:
    """Endings of the files that are written for a page or record before its facts."""
    return (SIGNALS, BEATS) if is_record(job) else (SIGNALS, BEATS, OVERLAY)


def claim(out: Path, page_jobs: Iterable[PageJob], earlier: Mapping[str, str]) -> None:
    """Write into the mark which files a run will write, before it writes them.

    Raises
    ------
    UserError
        One of these exists and was not written by a run.
    """
    own = {job.path: job.stem for job in page_jobs}
    names = [name for name, beginning in _BEGINNINGS.items() if not _begins(out / name, beginning)]
    names += [] if is_output_folder(out) else [RHYTHM, REPORT]
    names += [stem + suffix for path, stem in own.items() if path not in earlier for suffix in _SUFFIXES
              if not _are_facts(out / (stem + FACTS))]
    foreign = next((name for name in names if os.path.lexists(out / name)), None)
    if foreign is not None:
        raise UserError(f"{out / foreign} was not written by `ecg` and would be replaced: give another folder with -o")
    if not own.keys() <= earlier.keys():
        known = dict(sorted({**earlier, **own}.items()))
        mark = sealed({"program": "pellucid ecg", "stems": known})
        write_text(json.dumps(mark, indent=0, ensure_ascii=False) + "\n", out / MARK)
