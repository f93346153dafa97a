"""Signals as a DataFrame."""
import numpy as np
import pandas as pd

from ecg.digitize import Digitized
from ecg.lead_table import LEADS
from ecg.signals.records import Record


def to_frame(found: Digitized | Record) -> pd.DataFrame:
    """The twelve leads in millivolts.

    Parameters
    ----------
    found : Digitized or Record
        What `ecg.digitize_page` or `ecg.read_record` returned.

    Returns
    -------
    DataFrame of float64
        Columns I, II, III, aVR, aVL, aVF, V1 to V6 in mV, NaN where a lead is not drawn or not recorded. The index,
        called ``seconds``, is the time from the first sample.

    Examples
    --------
    >>> record = Record(np.array([[0.0, 0.1, 0.2]]), ("II",), fs_hz=500.0)
    >>> frame = to_frame(record)
    >>> frame["II"]
    seconds
    0.000    0.0
    0.002    0.1
    0.004    0.2
    Name: II, dtype: float64
    >>> frame.shape
    (3, 12)
    """
    if isinstance(found, Record):
        mv, leads, fs_hz = found.mv, found.leads, found.fs_hz
    else:
        mv, leads, fs_hz = found.signals.mv, LEADS, found.signals.fs_hz
    seconds = pd.Index(np.arange(mv.shape[1]) / fs_hz, name="seconds")
    return pd.DataFrame(mv.T, columns=list(leads), index=seconds).reindex(columns=list(LEADS))
