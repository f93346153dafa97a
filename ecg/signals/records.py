"""Digital records: csv files of twelve columns and WFDB records, as signals in mV."""
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecg.lead_table import LEADS
from featurize.arrays import Float64Array
from featurize.errors import UserError
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes

SUFFIXES = (".csv", ".hea")
# Most samples of a lead: an hour at 1000 Hz. More is a Holter recording, which the search for beats isn't made for.
_MOST_SAMPLES = 3_600_000
# Sampling rates that are taken, samples a second.
_LOWEST_RATE_HZ = 50
_HIGHEST_RATE_HZ = 20_000
# Bytes of the first line of a csv that are searched for names of leads.
_FIRST_LINE_BYTES = 4096
# Characters of a library's message that an error repeats.
_LONGEST_MESSAGE = 80
_LONGEST_WFDB_MESSAGE = 120
# Millivolts of the units that WFDB headers have; other units are taken to be mV.
_MV_OF_UNIT = {"uv": 1e-3, "v": 1e3}
_LEAD_OF_NAME = {lead.lower(): lead for lead in LEADS}


class RecordError(Exception):
    """A record that cannot be used; `reason` is one word, the message says what came and what was wanted."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


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
    """Whether the first line of a csv names a lead: other tables in a folder are not records."""
    try:
        with path.open("rb") as file:
            names = file.readline(_FIRST_LINE_BYTES).decode("utf-8-sig", "replace").split(",")
    except OSError:
        # Reading it will say what is wrong.
        return True
    return any(name.strip().strip('"').lower() in _LEAD_OF_NAME for name in names)


def read_record(path: Path, fs_hz: float) -> Record:
    """Read a csv (one column a lead, in mV) or a WFDB record (which has its own rate and gain).

    Parameters
    ----------
    path : Path
        A .csv or .hea file.
    fs_hz : float
        Samples a second of a csv.

    Raises
    ------
    RecordError
        It cannot be read as that.
    UserError
        A WFDB record, and the extra wfdb is not installed.
    """
    return _of_csv(path, fs_hz) if path.suffix.lower() == ".csv" else _of_wfdb(path)


def _of_csv(path: Path, fs_hz: float) -> Record:
    try:
        data = read_bytes(path)
    except ImageError as error:
        raise RecordError(str(error), error.reason) from error
    try:
        frame = pd.read_csv(io.BytesIO(data))
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        message = str(error).splitlines()[0][:_LONGEST_MESSAGE]
        raise RecordError(f"not a table ({message}): a csv with a column for each lead, in mV, was wanted",
                          "not_a_record") from error
    leads = [(column, _LEAD_OF_NAME.get(str(column).strip().lower())) for column in frame.columns]
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


def _of_wfdb(path: Path) -> Record:
    try:
        import wfdb
    except ImportError as error:
        raise UserError("WFDB records need the extra wfdb: pip install 'pellucid[wfdb]'") from error
    try:
        found = wfdb.rdrecord(str(path.with_suffix("")))
    except (ValueError, OSError, IndexError, KeyError, TypeError) as error:
        message = (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_WFDB_MESSAGE]
        raise RecordError(f"not a WFDB record ({message}): a .hea with its .dat beside it was wanted",
                          "damaged") from error
    names = [_LEAD_OF_NAME.get(str(name).strip().lower()) for name in found.sig_name or []]
    rows = [k for k, name in enumerate(names) if name]
    if not rows or found.p_signal is None:
        raise RecordError(f"no signal is called like a lead (it has {', '.join(map(str, found.sig_name or []))[:80]})",
                          "no_lead")
    scale = np.array([_MV_OF_UNIT.get(str(found.units[k]).lower(), 1.0) for k in rows])
    mv = found.p_signal.T[rows] * scale[:, None]
    return _checked(mv, tuple(str(names[k]) for k in rows), float(found.fs))


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
    twice = [lead for lead in dict.fromkeys(leads) if leads.count(lead) > 1]
    if twice:
        raise RecordError(f"the lead {twice[0]} stands there twice: one column a lead was wanted", "no_lead")
    return Record(mv, leads, fs_hz)
