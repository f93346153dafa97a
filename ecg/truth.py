"""Digitized pages beside csv files of their true signals: dB of each lead."""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ecg.job import PageJob, is_record
from ecg.lead_table import LEADS
from ecg.output_folder import FACTS, SCORES, SIGNALS
from ecg.result import FailedFile, FinishedFile, JobResult, TruthScore, TruthSummary
from ecg.signals.records import RecordError, read_record
from ecg.simulate.score import decibels, page_ratio
from featurize.errors import UserError
from featurize.index.sources import real_name
from featurize.runtime.cells import safe_cells
from featurize.runtime.files import replacing, write_text

# Decimals of dB in json and csv.
_DB_DIGITS = 2
# Rows of true signals may differ from those of a page by this share: other numbers are of another rate.
_MOST_ROWS_OFF = 0.1
# Where true signals are known throughout, a lead that is drawn for less than this share of them has a window on the
# page, and is compared within it.
_WINDOW_SHARE = 0.6


def find_truths(page_jobs: Sequence[PageJob], folder: Path) -> dict[str, Path]:
    """The csv of true signals of each page, by the page's path: of its path without extension, else of its name.

    Raises
    ------
    UserError
        No such folder, or no csv for any page.
    """
    if not folder.is_dir():
        raise UserError(f"--truth {folder} is no folder: one with csv files of true signals was wanted")
    found = {}
    for job in page_jobs:
        path = PurePosixPath(real_name(job.path)).with_suffix(SIGNALS)
        places = [place for place in (folder / path, folder / path.name) if place.is_file()]
        if places and not is_record(job):
            found[job.path] = places[0]
    if not found:
        first = PurePosixPath(page_jobs[0].path)
        raise UserError(f"--truth {folder} has no csv called as a page: {first.with_suffix(SIGNALS).name} was wanted "
                        f"for {first.name}")
    return found


def with_truth(results: Sequence[JobResult], truths: Mapping[str, Path], out: Path, fs_hz: float
               ) -> tuple[list[JobResult], TruthSummary | None]:
    """The results with scores in the facts of pages that have true signals, written into `<stem>.json` and a csv.

    Parameters
    ----------
    results : sequence of JobResult
    truths : mapping of path to Path
        Of `find_truths`; empty where nobody gave a folder: then scores of an earlier run are taken off.
    out : Path
    fs_hz : float
        Samples a second of the true signals.
    """
    scored = [_scored(result, truths.get(result.path), out, fs_hz) for result in results]
    if not truths:
        (out / SCORES).unlink(missing_ok=True)
        return scored, None
    rows = [_row(result, truths[result.path]) for result in scored if result.path in truths]
    with replacing(out / SCORES) as part:
        safe_cells(pd.DataFrame(rows)).to_csv(part, index=False, errors="backslashreplace")
    known = {result.path: result.facts.truth.db for result in scored if isinstance(result, FinishedFile)
             and result.facts.truth is not None and result.facts.truth.db is not None}
    lowest = min(known, key=lambda path: known[path], default="")
    mean = decibels([10 ** (db / 10) for db in known.values()]) if known else np.nan
    return scored, TruthSummary(len(known), len(rows) - len(known), mean, known.get(lowest, np.nan), lowest,
                                out / SCORES)


def _scored(result: JobResult, truth: Path | None, out: Path, fs_hz: float) -> JobResult:
    if isinstance(result, FailedFile):
        return result
    score = None if truth is None else _score(out / (result.stem + SIGNALS), truth, fs_hz)
    if score == result.facts.truth:
        return result
    facts = replace(result.facts, truth=score)
    write_text(facts.to_json(), out / (result.stem + FACTS))
    return replace(result, facts=facts)


def _score(signals: Path, truth: Path, fs_hz: float) -> TruthScore:
    try:
        record = read_record(truth, fs_hz)
    except RecordError as error:
        return TruthScore(truth.name, None, {}, str(error))
    true = pd.DataFrame(dict(zip(record.leads, record.mv)))
    found = pd.read_csv(signals, dtype=float)
    if abs(len(true) - len(found)) > _MOST_ROWS_OFF * len(found):
        return TruthScore(truth.name, None, {}, f"{len(true):,} rows came, {len(found):,} were wanted "
                          f"({len(found) / fs_hz:g} s at {fs_hz:g} a second): say their rate with --fs")
    found = found.reindex(range(len(true)))
    true = _in_windows(true, found)
    leads: dict[str, float] = {lead: _db(true[[lead]], found, fs_hz) for lead in LEADS
                               if lead in true and true[lead].notna().any()}
    return TruthScore(truth.name, _db(true, found, fs_hz), leads)


def _in_windows(true: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """True signals that are known throughout, where a page shows only a part of each lead, cut to what it shows."""
    out = true.copy()
    for lead in true.columns:
        if true[lead].notna().all() and 0 < found[lead].notna().mean() < _WINDOW_SHARE:
            out[lead] = true[lead].where(found[lead].notna())
    return out


def _db(true: pd.DataFrame, found: pd.DataFrame, fs_hz: float) -> float:
    return round(decibels([page_ratio(true, found, fs_hz)]), _DB_DIGITS)


def _row(result: JobResult, truth: Path) -> dict[str, object]:
    """One row of the csv; `error` says why a page has no numbers."""
    if isinstance(result, FinishedFile) and result.facts.truth is not None:
        score = result.facts.truth
    else:
        score = TruthScore(truth.name, None, {}, result.error if isinstance(result, FailedFile) else "")
    return {"path": result.path, "truth": score.file, "all_db": score.db,
            **{f"{lead}_db": score.leads.get(lead) for lead in LEADS}, "error": score.error}
