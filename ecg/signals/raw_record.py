"""What a reader of records gives, before it is checked; names of leads; the error that all of them raise."""
from dataclasses import dataclass

from ecg.lead_table import LEADS
from featurize.arrays import Float64Array

_LEAD_OF_NAME = {lead.lower(): lead for lead in LEADS}
# What formats write in front of a lead's name.
_PREFIXES = ("mdc_ecg_lead_", "mdc_ecg_elec_potl_", "ecg ", "lead ")
# Millivolts of the units of formats; other units are taken to be mV.
_MV_OF_UNIT = {"uv": 1e-3, "µv": 1e-3, "nv": 1e-6, "v": 1e3}
# Machines may keep I, II and V1 to V6 only: the other limb leads follow from I and II, by these factors.
_DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}


class RecordError(Exception):
    """A record that cannot be used; `reason` is one word, the message says what came and what was wanted."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class RawRecord:
    """Signals as a file has them.

    Parameters
    ----------
    mv : (leads, n) float64
        NaN where a sample is missing.
    leads : tuple of str
        Of the twelve; each may stand there twice.
    fs_hz : float
    """

    mv: Float64Array
    leads: tuple[str, ...]
    fs_hz: float


def plain_lead(name: str) -> str | None:
    """The lead of a bare name, as csv files and WFDB headers have it.

    >>> plain_lead(" AVR"), plain_lead("Lead II")
    ('aVR', None)
    """
    return _LEAD_OF_NAME.get(name.strip().lower())


def lead_of(name: str) -> str | None:
    """The lead that a format calls so; None for another signal.

    >>> lead_of("MDC_ECG_LEAD_AVR"), lead_of("Lead V3 (Einthoven)"), lead_of("ECG aVL"), lead_of("Resp")
    ('aVR', 'V3', 'aVL', None)
    """
    text = name.strip().lower()
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return plain_lead(text.split(" ")[0].split("(")[0])


def mv_of_unit(unit: str) -> float:
    """Millivolts of one of a unit."""
    return _MV_OF_UNIT.get(unit.strip().lower(), 1.0)


def with_derived_leads(rows: dict[str, Float64Array]) -> dict[str, Float64Array]:
    """Leads of one length, with the limb leads that lack and follow from I and II (Einthoven 1912; Goldberger 1942)."""
    if not {"I", "II"} <= set(rows):
        return rows
    return rows | {lead: a * rows["I"] + b * rows["II"] for lead, (a, b) in _DERIVED.items() if lead not in rows}
