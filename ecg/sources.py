"""Which files of the named folders are pages and records."""
import os
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ecg.job import PageJob
from ecg.output_folder import MARK, is_output_folder, is_result, read_stems, with_own_stems
from ecg.page.pdf import page_count
from ecg.signals.records import SUFFIXES, holds_record
from ecg.trace.corrections import PageCorrections
from featurize.errors import UserError
from featurize.images.read import is_image_name
from featurize.index.archives import hidden
from featurize.index.sources import printable, walk

PDF = ".pdf"


def find_pages(given: Sequence[Path], corrections: Mapping[str, PageCorrections], out: Path | None = None
               ) -> list[PageJob]:
    """Files named and files in folders named, each with a path and a stem of its own.

    Parameters
    ----------
    given : sequence of Path
    corrections : mapping of path to PageCorrections
    out : Path, optional
        The output folder: pages keep the stems that they have in it.

    Raises
    ------
    UserError
        A path that does not exist, or no image anywhere.
    """
    found: list[tuple[Path, str]] = []
    for path in given:
        if not os.path.lexists(path):
            raise UserError(f"{path} does not exist: a folder of pages or an image file was wanted")
        if path.is_dir():
            found += [(path / name, name) for name in _names_in(path)]
        elif is_image_name(path.name) or path.suffix.lower() in (*SUFFIXES, PDF):
            found.append((path, path.name))
        else:
            raise UserError(f"{path} is neither a folder nor a page nor a record: PNG, JPEG, TIFF or PDF pages, "
                            "csv signals, WFDB headers (.hea), aECG, MUSE or Philips (.xml), SCP-ECG, EDF or DICOM "
                            "records were wanted")
    if not found:
        raise UserError(f"no page and no record in {', '.join(map(str, given))}: a folder with PNG, JPEG or TIFF "
                        "images, csv signals or WFDB records was wanted")
    page_jobs = [_corrected(job, corrections.get(job.path, PageCorrections())) for file, path in _with_own_paths(found)
                 for job in _page_jobs(file, path)]
    return with_own_stems(page_jobs, read_stems(out) if out else {})


def _corrected(job: PageJob, own: PageCorrections) -> PageJob:
    return replace(job, points=own.points, corners=own.corners, given=own.given)


def _page_jobs(file: Path, path: str) -> list[PageJob]:
    """One job; of a PDF with several pages one a page, with paths `a.pdf/page 1` and so on."""
    pages = page_count(file) if file.suffix.lower() == PDF else 1
    if pages == 1:
        return [PageJob(file, path, "")]
    return [PageJob(file, f"{path}/page {number}", "", number=number) for number in range(1, pages + 1)]


def _with_own_paths(found: Sequence[tuple[Path, str]]) -> list[tuple[Path, str]]:
    """Each file once, with as many of the folders above it in its path as tell it from the others."""
    longest: dict[Path, int] = {}
    for file, name in found:
        place = Path(os.path.abspath(file))
        longest[place] = max(longest.get(place, 0), name.count("/") + 1)
    while True:
        paths = {place: "/".join(place.parts[-parts:]) for place, parts in longest.items()}
        count = Counter(paths.values())
        if len(count) == len(paths):
            return [(place, printable(path)) for place, path in paths.items()]
        longest = {place: parts + (count[paths[place]] > 1) for place, parts in longest.items()}


def _names_in(root: Path) -> list[str]:
    """Relative names of the pages and records of a folder, in order, without results of runs."""
    if (root / MARK).is_file():
        raise UserError(f"{root} holds results of `ecg`: the folder of the pages was wanted")
    left_out = _FoldersOfResults(root)
    pages = [name for name, fault in walk(root) if fault is None and os.path.dirname(name) not in left_out
             and not is_result(root / name)]
    return sorted([*pages, *_records(root, _of_pages(pages), left_out)])


def _of_pages(pages: Sequence[str]) -> set[str]:
    """What csv with the true signals of pages may be called, without ending: ``7/7`` of the page ``7/7-0001.png``."""
    names = set()
    for page in pages:
        folder, name = os.path.split(os.path.splitext(page)[0])
        names |= {os.path.join(folder, name[:end]) for end in range(1, len(name) + 1)
                  if end == len(name) or not name[end].isalnum()}
    return names


class _FoldersOfResults:
    """Which folders below a source hold results of runs: output folders, and all below them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = {"": False}

    def __contains__(self, relative: object) -> bool:
        if not isinstance(relative, str):
            return False
        if relative not in self._known:
            self._known[relative] = os.path.dirname(relative) in self or is_output_folder(self._root / relative)
        return self._known[relative]


def _records(root: Path, of_pages: set[str], left_out: Container[str]) -> list[str]:
    """Relative names of PDF pages and records; a csv that is called as a page beside it holds the page's truth."""
    found = []
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(name for name in inside if not hidden(name)
                           and Path(folder, name).relative_to(root).as_posix() not in left_out)
        for name in files:
            place = Path(folder, name)
            relative = place.relative_to(root).as_posix()
            if hidden(name) or place.suffix.lower() not in (*SUFFIXES, PDF) or is_result(place):
                continue
            if place.suffix.lower() == PDF:
                found.append(relative)
                continue
            truth = os.path.splitext(relative)[0] in of_pages
            if (place.suffix.lower() != ".csv" or not truth) and holds_record(place):
                found.append(relative)
    return found
