"""Digital records as signals in mV: csv files of twelve columns, WFDB, aECG, MUSE, Philips, SCP-ECG, EDF, DICOM."""
import codecs
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg.signals.dicom_record import is_dicom_record, read_dicom_record
from ecg.signals.edf import read_edf_record
from ecg.signals.raw_record import RawRecord, RecordError, mv_of_unit, plain_lead
from ecg.signals.scp_record import read_scp_record
from ecg.signals.xml_records import is_xml_record, read_xml
from featurize.arrays import Float64Array
from featurize.images.picture import ImageError, decoding
from featurize.images.read import read_bytes
from featurize.runtime.cells import MOST_COLUMNS

# DICOM files are pictures or records: `is_record_file` looks into them.
SUFFIXES = (".csv", ".hea", ".xml", ".scp", ".edf")
DICOM = ".dcm"
# Most samples of a lead: an hour at 1000 Hz. More is a Holter recording, which the search for beats isn't made for.
_MOST_SAMPLES = 3_600_000
# Sampling rates that are taken, samples a second.
_LOWEST_RATE_HZ = 50
_HIGHEST_RATE_HZ = 20_000
# Bytes of the first line of a csv that are searched for names of leads.
_FIRST_LINE_BYTES = 4096
# What may stand between the columns of a csv: spreadsheets write semicolons where numbers have decimal commas.
_SEPARATORS = (",", ";", "\t")
# What pandas writes behind a name that stands there again.
_REPEATED = re.compile(r"\.\d+$")
# Encodings of a csv: UTF-16 where it begins with that byte order mark.
_UTF8 = "utf-8-sig"
_UTF16 = "utf-16"
# Characters of a library's message that an error repeats.
_LONGEST_MESSAGE = 80
_LONGEST_WFDB_MESSAGE = 120
# Largest span of a lead, mV, without its lowest and highest percent. Chosen far above what electrodes give (a heart
# some mV, a wandering baseline some more) and below microvolts or counts of a converter taken for mV (hundreds).
_LARGEST_SPAN_MV = 50.0
_OUTER_PERCENT = 1.0
# Largest distance of any sample from the median of its lead, mV. Chosen above pulses of pacemakers.
_LARGEST_VALUE_MV = 1000.0
# A checksum in a WFDB header is the sum of the samples in this many bits.
_CHECKSUM_BITS = 16


@dataclass(frozen=True)
class Record:
    """Signals of one patient.

    Parameters
    ----------
    mv : (leads, n) float64
        NaN where a lead is not drawn or lost.
    leads : tuple of str
        I, II, III, aVR, aVL, aVF, V1 to V6 in the file's order; others are left out.
    fs_hz : float
    """

    mv: Float64Array
    leads: tuple[str, ...]
    fs_hz: float


def holds_leads(path: Path) -> bool:
    """Whether the first line of a csv names a lead: other tables in a folder are not records.

    A csv that is empty or no text counts as a record: reading it says what is wrong.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_FIRST_LINE_BYTES)
    except OSError:
        # Reading it will say what is wrong.
        return True
    if not start.strip() or _encoding(start) == _UTF8 and b"\0" in start:
        return True
    return _separator(_first_line(start)) is not None


def is_record_file(path: Path) -> bool:
    """Whether a file is a digital record by its name, or a DICOM file with signals."""
    return path.suffix.lower() in SUFFIXES or path.suffix.lower() == DICOM and is_dicom_record(path)


def holds_record(path: Path) -> bool:
    """Whether a file of a folder, called like a record, is one: other tables and XML lie in folders as well."""
    kind = path.suffix.lower()
    return holds_leads(path) if kind == ".csv" else is_xml_record(path) if kind == ".xml" else True


def read_record(path: Path, fs_hz: float) -> Record:
    """Read a csv (one column a lead, in mV), or a record that has its own rate and gain.

    Parameters
    ----------
    path : Path
        A .csv, .hea (WFDB), .xml (aECG, GE MUSE, Philips), .scp, .edf or .dcm file.
    fs_hz : float
        Samples a second of a csv.

    Raises
    ------
    RecordError
        It cannot be read as that, or the extra that reads it is not installed.
    """
    kind = path.suffix.lower()
    if kind == ".csv":
        return _of_csv(path, fs_hz)
    if kind == ".hea":
        return _of_wfdb(path)
    readers: dict[str, Callable[[bytes], RawRecord]] = {".xml": read_xml, ".scp": read_scp_record,
                                                        ".edf": read_edf_record, DICOM: read_dicom_record}
    found = readers[kind](_content(path))
    return _checked(found.mv, found.leads, found.fs_hz)


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except ImageError as error:
        raise RecordError(str(error), error.reason) from error


def _encoding(start: bytes) -> str:
    return _UTF16 if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else _UTF8


def _first_line(start: bytes) -> str:
    lines = start[:_FIRST_LINE_BYTES].decode(_encoding(start), "replace").splitlines()
    return lines[0] if lines else ""


def _separator(line: str) -> str | None:
    """What stands between the names of the first line; None if no way to part them gives a lead."""
    leads = {mark: sum(plain_lead(name.strip().strip('"')) is not None for name in line.split(mark))
             for mark in _SEPARATORS}
    best = max(leads, key=leads.__getitem__)
    return best if leads[best] else None


def _of_csv(path: Path, fs_hz: float) -> Record:
    try:
        frame = _table(_content(path))
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        message = str(error).splitlines()[0][:_LONGEST_MESSAGE]
        raise RecordError(f"not a table ({message}): a csv with a column for each lead, in mV, was wanted",
                          "not_a_record") from error
    leads = [(column, plain_lead(_REPEATED.sub("", str(column)))) for column in frame.columns]
    known = [(column, lead) for column, lead in leads if lead]
    if not known:
        raise RecordError(f"no column is called like a lead (it has {', '.join(map(str, frame.columns[:5]))}): I, II, "
                          "III, aVR, aVL, aVF, V1 to V6 were wanted", "no_lead")
    try:
        mv = frame[[column for column, _ in known]].to_numpy(np.float64).T
    except ValueError as error:
        message = str(error)[:_LONGEST_MESSAGE]
        raise RecordError(f"a cell is no number ({message}): values in mV were wanted", "not_a_record") from error
    return _checked(mv, tuple(lead for _, lead in known), fs_hz)


def _table(data: bytes) -> pd.DataFrame:
    """The columns of a csv; a comma at the end of every row begins no column.

    Between columns stand commas, semicolons or tabs; where it is not a comma, numbers may have decimal commas.

    Without `index_col=False` pandas would take the first column for row names then, and every lead for its neighbor.
    """
    encoding, separator = _encoding(data), _separator(_first_line(data)) or ","
    columns = data.partition(b"\n")[0].count(separator.encode()) + 1
    if columns > MOST_COLUMNS:
        raise ValueError(f"{columns:,} columns, at most {MOST_COLUMNS:,} are read")
    decimal = "," if separator != "," and b"," in data else "."
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(io.BytesIO(data), index_col=False, encoding=encoding, sep=separator, decimal=decimal)
        except pd.errors.ParserWarning as error:
            raise ValueError("rows have more values than the first line has names") from error


def signal_files(header: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """The files that a WFDB header names: its signals, or the headers of its segments and their signals.

    See header(5) of the WFDB manual. Files that are not there are named too.

    Parameters
    ----------
    header : Path
    above : tuple of Path
        Headers of which it is a segment: one that names itself is not followed.
    """
    try:
        lines = read_bytes(header).decode("utf-8", "replace").splitlines()
    except ImageError:
        return []
    record, *rest = [line.split() for line in lines if line.strip() and not line.startswith("#")] or [[""]]
    segmented = "/" in record[0]
    found: list[Path] = []
    for name, *_ in rest:
        # "~" is a segment without signals, "-" the standard input.
        if name in ("~", "-"):
            continue
        file = header.parent / (f"{name}.hea" if segmented else name)
        inner = segmented and file not in (*above, header)
        found += [file, *signal_files(file, (*above, header))] if inner else [file]
    return list(dict.fromkeys(found))


def _of_wfdb(path: Path) -> Record:
    try:
        import wfdb
    except ImportError as error:
        raise RecordError("a WFDB record, and wfdb is not installed: pip install 'pellucid[wfdb]'",
                          "unsupported") from error
    odd = next((file for file in signal_files(path) if file.exists() and not file.is_file()), None)
    if odd is not None:
        raise RecordError(f"its header names {odd.name}, which is a pipe, folder or device: files were wanted",
                          "not_a_file")
    try:
        with decoding("WFDB"):
            found = wfdb.rdrecord(str(path.with_suffix("")))
            wrong = _wrong_checksums(wfdb.rdrecord(str(path.with_suffix("")), physical=False, m2s=False,
                                                   smooth_frames=False))
    except (ImageError, MemoryError) as error:
        message = (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_WFDB_MESSAGE]
        raise RecordError(f"not a WFDB record ({message}): a .hea with its .dat beside it was wanted",
                          "damaged") from error
    if wrong:
        raise RecordError(f"the samples of {', '.join(wrong)[:_LONGEST_MESSAGE]} do not add up to the checksums in the "
                          "header: they are damaged, or those of another recording", "damaged")
    names = [plain_lead(str(name)) for name in found.sig_name or []]
    rows = [k for k, name in enumerate(names) if name]
    if not rows or found.p_signal is None:
        raise RecordError(f"no signal is called like a lead (it has {', '.join(map(str, found.sig_name or []))[:80]})",
                          "no_lead")
    scale = np.array([mv_of_unit(str(found.units[k])) for k in rows])
    mv = found.p_signal.T[rows] * scale[:, None]
    return _checked(mv, tuple(str(names[k]) for k in rows), float(found.fs))


def _wrong_checksums(record: Any) -> list[str]:
    """Names of the signals whose samples do not add up to what the header of a record, or of its segments, says.

    Parameters
    ----------
    record : wfdb.Record or wfdb.MultiRecord
        With the digital samples as they are in the file.
    """
    if hasattr(record, "segments"):
        return [name for segment in record.segments if segment is not None for name in _wrong_checksums(segment)]
    if record.e_d_signal is None or not record.checksum:
        return []
    sums = [int(np.sum(samples, dtype=np.int64)) for samples in record.e_d_signal]
    return [str(name) for name, total, known in zip(record.sig_name, sums, record.checksum)
            if known is not None and (total - int(known)) % 2 ** _CHECKSUM_BITS]


def _checked(mv: Float64Array, leads: tuple[str, ...], fs_hz: float) -> Record:
    if not _LOWEST_RATE_HZ <= fs_hz <= _HIGHEST_RATE_HZ:
        raise RecordError(f"{fs_hz:g} samples a second came, {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ:,} were wanted: "
                          "say it with --fs", "rate")
    if mv.shape[1] > _MOST_SAMPLES:
        raise RecordError(f"{mv.shape[1]:,} samples came, at most {_MOST_SAMPLES:,} are taken: cut the record",
                          "too_large")
    mv = np.where(np.isfinite(mv), mv, np.nan)
    if mv.shape[1] < fs_hz or not np.isfinite(mv).any():
        raise RecordError(f"{np.isfinite(mv).any(axis=0).sum() / fs_hz:.2f} s of signal came, at least one second was "
                          "wanted", "too_short")
    _check_range(mv, leads)
    twice = [lead for lead in dict.fromkeys(leads) if leads.count(lead) > 1]
    if twice:
        raise RecordError(f"the lead {twice[0]} stands there twice: one column a lead was wanted", "no_lead")
    return Record(mv, leads, fs_hz)


def _check_range(mv: Float64Array, leads: tuple[str, ...]) -> None:
    for lead, row in zip(leads, mv):
        known = row[np.isfinite(row)]
        if not known.size:
            continue
        low, middle, high = np.percentile(known, (_OUTER_PERCENT, 50, 100 - _OUTER_PERCENT))
        if high - low > _LARGEST_SPAN_MV or np.abs(known - middle).max() > _LARGEST_VALUE_MV:
            raise RecordError(f"{lead} runs from {known.min():.4g} to {known.max():.4g}, values in mV were wanted: "
                              "microvolts are to be divided by 1000, counts of a converter by its gain", "not_mv")
