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
# An hour of twelve leads at 1000 Hz; more is a Holter recording, which the search for beats isn't made for.
_MOST_SAMPLES = 3_600_000
_KNOWN = {lead.lower(): lead for lead in LEADS}


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
            names = file.readline(4096).decode("utf-8-sig", "replace").split(",")
    except OSError:
        # Reading it will say what is wrong.
        return True
    return any(name.strip().strip('"').lower() in _KNOWN for name in names)


def read_record(path: Path, fs_hz: float) -> Record:
    """Read a csv (one column a lead, in mV, at `fs_hz`) or a WFDB header (its own rate and gain).

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
        said = str(error).splitlines()[0][:80]
        raise RecordError(f"not a table ({said}): a csv with a column for each lead, in mV, was wanted",
                          "not_a_record") from error
    known = [(c, _KNOWN[str(c).strip().lower()]) for c in frame.columns if str(c).strip().lower() in _KNOWN]
    if not known:
        raise RecordError(f"no column is called like a lead (it has {', '.join(map(str, frame.columns[:5]))}): I, II, "
                          "III, aVR, aVL, aVF, V1 to V6 were wanted", "no_lead")
    try:
        mv = frame[[c for c, _ in known]].to_numpy(np.float64).T
    except ValueError as error:
        said = str(error)[:80]
        raise RecordError(f"a cell is no number ({said}): values in mV were wanted", "not_a_record") from error
    return _checked(mv, tuple(lead for _, lead in known), fs_hz)


def _of_wfdb(path: Path) -> Record:
    try:
        import wfdb
    except ImportError as error:
        raise UserError("WFDB records need the extra wfdb: pip install 'pellucid[wfdb]'") from error
    try:
        found = wfdb.rdrecord(str(path.with_suffix("")))
    except (ValueError, OSError, IndexError, KeyError, TypeError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise RecordError(f"not a WFDB record ({said}): a .hea with its .dat beside it was wanted",
                          "damaged") from error
    names = [_KNOWN.get(str(name).strip().lower()) for name in found.sig_name or []]
    rows = [k for k, name in enumerate(names) if name]
    if not rows or found.p_signal is None:
        raise RecordError(f"no signal is called like a lead (it has {', '.join(map(str, found.sig_name or []))[:80]})",
                          "no_lead")
    scale = np.array([{"uv": 1e-3, "v": 1e3}.get(str(found.units[k]).lower(), 1.0) for k in rows])
    mv = found.p_signal.T[rows] * scale[:, None]
    return _checked(mv, tuple(str(names[k]) for k in rows), float(found.fs))


def _checked(mv: Float64Array, leads: tuple[str, ...], fs_hz: float) -> Record:
    if not 50 <= fs_hz <= 20_000:
        raise RecordError(f"{fs_hz:g} samples a second came, 50 to 20,000 were wanted: say it with --fs", "rate")
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
