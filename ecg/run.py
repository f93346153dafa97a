"""Many pages and records: found in folders, worked on in processes, resumed; the ones that fail become rows of
errors.csv, the others rows of rhythm.parquet."""
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from ecg.job import Done, Item, Settings, content_of, is_record, key_of
from ecg.signals.records import SUFFIXES, holds_leads
from ecg.trace.corrections import Point, read_points
from featurize.errors import UserError
from featurize.images.picture import ImageError
from featurize.images.read import is_image_name
from featurize.index.labels import read_sheet
from featurize.index.sources import printable, walk
from featurize.runtime.files import replacing
from featurize.runtime.progress import tracking

_FEW = 4
PDF = ".pdf"


@dataclass(frozen=True)
class Summary:
    """What a run did: pages digitized, refused, found done by an earlier run, wall time, where errors are listed."""

    pages: int
    errors: int
    resumed: int
    seconds: float
    errors_csv: Path | None
    done: Sequence[Done]


def digitize_pages(given: Sequence[Path], out: Path, settings: Settings, *, jobs: int, points: Path | None = None,
                   labels: Path | None = None, label_columns: Sequence[str] = (), group_column: str | None = None,
                   progress: bool = False) -> Summary:
    """Digitize files and folders of files; find beats and rhythm.

    Parameters
    ----------
    given : sequence of Path
    out : Path
        Folder that gets `<stem>.csv`, `.beats.csv`, `.json`, for pages `.overlay.png`; `rhythm.parquet`, `errors.csv`
        and `report.html`.
    settings : Settings
    jobs : int
        Processes.
    points : Path, optional
        CSV of corrections, see `ecg.trace.corrections`.
    labels : Path, optional
        CSV whose first column is the file; `label_columns` and `group_column` of it go into rhythm.parquet.
    progress : bool
        Show a bar.

    Raises
    ------
    UserError
        Nothing to read, or not one page could be digitized (errors.csv is written all the same).
    """
    start = time.perf_counter()
    if settings.fs_hz <= 0 or settings.fs_hz > 10_000:
        raise UserError(f"--fs {settings.fs_hz:g} was given, 1 to 10000 Hz was wanted")
    if out.is_file():
        raise UserError(f"{out} is a file, a folder was wanted: -o out/")
    if labels is not None:
        # Read again at the end; a mistake in it should show before an hour's work.
        read_sheet(labels)
    items = find_pages(given, read_points(points) if points else {})
    kept = {item.stem: done for item in items for done in [_earlier(item, out, settings)] if done}
    missing = [item for item in items if item.stem not in kept]
    with tracking(len(items), "pages", shown=progress, done=len(kept)) as advance:
        for done in _run(missing, out, settings, jobs):
            kept[done.item.stem] = done
            advance(1)
    every = [kept[item.stem] for item in items]
    failed = [d for d in every if d.facts is None]
    errors_csv = _write_errors(failed, out / "errors.csv")
    if len(failed) == len(every):
        raise UserError(f"not one of {len(every)} pages could be digitized; the first, {failed[0].item.path}: "
                        f"{failed[0].error}")
    from ecg.report.page import write_report
    from ecg.rhythm.table import write_rhythm
    rows = [{**_numbers(d.facts), "path": d.item.path, "sha256": d.facts["sha256"]} for d in every if d.facts]
    write_rhythm(rows, out / "rhythm.parquet", labels, label_columns, group_column)
    write_report(every, out)
    return Summary(len(every) - len(failed), len(failed), len(items) - len(missing), time.perf_counter() - start,
                   errors_csv, every)


def find_pages(given: Sequence[Path], points: dict[str, list[Point]]) -> list[Item]:
    """Files named and files in folders named, each with a name of its own for what is written.

    Raises
    ------
    UserError
        A path that does not exist, or no image anywhere.
    """
    items: list[Item] = []
    for path in given:
        if not os.path.lexists(path):
            raise UserError(f"{path} does not exist: a folder of pages or an image file was wanted")
        if path.is_dir():
            pages = [name for name, fault in walk(path) if fault is None]
            files = sorted([*pages, *_records(path, {os.path.dirname(name) for name in pages})])
            items += [_item(path / name, name, points) for name in files]
        elif is_image_name(path.name) or path.suffix.lower() in (*SUFFIXES, PDF):
            items.append(_item(path, path.name, points))
        else:
            raise UserError(f"{path} is neither a folder nor a page nor a record: PNG, JPEG or TIFF pages, csv signals "
                            "or WFDB headers (.hea) were wanted")
    if not items:
        raise UserError(f"no page and no record in {', '.join(map(str, given))}: a folder with PNG, JPEG or TIFF "
                        "images, csv signals or WFDB records was wanted")
    seen: dict[str, int] = {}
    out = []
    for item in items:
        seen[item.stem] = seen.get(item.stem, 0) + 1
        number = seen[item.stem]
        out.append(item if number == 1 else Item(item.file, item.path, f"{item.stem}-{number}", item.points))
    return out


def _records(root: Path, with_pages: set[str]) -> list[str]:
    """Relative names of PDF pages, csv files with leads and WFDB headers; csv beside pages are the pages' own truth."""
    found = []
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(name for name in inside if not name.startswith((".", "_")))
        for name in files:
            place = Path(folder, name)
            relative = place.relative_to(root).as_posix()
            if name.startswith((".", "_")) or place.suffix.lower() not in (*SUFFIXES, PDF):
                continue
            if place.suffix.lower() == PDF:
                found.append(relative)
                continue
            truth = os.path.dirname(relative) in with_pages
            if place.suffix.lower() == ".hea" or (not truth and holds_leads(place)):
                found.append(relative)
    return found


def _numbers(told: dict[str, Any]) -> dict[str, float]:
    """The row of rhythm.parquet that a page's JSON holds: JSON has null for NaN."""
    return {name: float("nan") if value is None else float(value) for name, value in told["rhythm"].items()}


def _item(file: Path, name: str, points: dict[str, list[Point]]) -> Item:
    shown = printable(name)
    return Item(file, shown, printable(os.path.splitext(name)[0]), tuple(points.get(shown, ())))


def _earlier(item: Item, out: Path, settings: Settings) -> Done | None:
    """The page as an earlier run left it, if file and settings are the same."""
    place = out / f"{item.stem}.json"
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        same = content.get("key") == key_of(content_of(item), item, settings)
    except (OSError, ValueError, ImageError):
        return None
    ends = (".csv", ".beats.csv") if is_record(item) else (".csv", ".beats.csv", ".overlay.png")
    whole = all((out / f"{item.stem}{end}").exists() for end in ends)
    return Done(item, content) if same and whole else None


def _run(items: Sequence[Item], out: Path, settings: Settings, jobs: int) -> Iterator[Done]:
    if jobs == 1 or len(items) < _FEW:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            for item in items:
                yield _digitize_one(item, out, settings)
        finally:
            cv2.setNumThreads(threads)
        return
    yield from _in_processes(list(items), out, settings, jobs)


def _digitize_one(item: Item, out: Path, settings: Settings) -> Done:
    # All that digitizes is loaded where it is done: processes need not wait until it is loaded here as well.
    from ecg.process_file import digitize_one
    return digitize_one(item, out, settings)


def _load_end() -> None:
    """Load what a run ends with, while processes digitize."""
    for name in ("ecg.rhythm.table", "ecg.report.page"):
        import_module(name)


def _in_processes(items: list[Item], out: Path, settings: Settings, jobs: int) -> Iterator[Done]:
    """A few pages ahead at a time; when a process dies, those under way are tried again one by one."""
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from loky import BrokenProcessPool

    from featurize.runtime.processes import process_pool
    while items:
        pool, running, suspects = process_pool(jobs), dict[Future[Done], Item](), list[Item]()
        try:
            while items or running:
                while items and len(running) < 2 * jobs:
                    running[pool.submit(_digitize_one, items[0], out, settings)] = items[0]
                    items.pop(0)
                _load_end()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield future.result()
                    running.pop(future)
        except BrokenProcessPool:
            suspects = list(running.values())
        finally:
            pool.shutdown(wait=True, kill_workers=True)
        for item in suspects:
            alone = process_pool(1)
            try:
                yield alone.submit(_digitize_one, item, out, settings).result()
            except BrokenProcessPool:
                yield Done(item, None, "the process that digitized it died (crash or out of memory)", "crashed")
            finally:
                alone.shutdown(wait=True, kill_workers=True)


def _write_errors(failed: Sequence[Done], path: Path) -> Path | None:
    """The list of errors; one of an earlier run does not stay where there is nothing to tell."""
    if not failed:
        path.unlink(missing_ok=True)
        return None
    frame = pd.DataFrame([(d.item.path, d.error, d.reason) for d in failed], columns=["path", "error", "reason"])
    with replacing(path) as part:
        frame.to_csv(part, index=False, errors="backslashreplace")
    return path
