"""The facts of a page or record, put together from what was read and what was found in its beats."""
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecg.digitize import Digitized
from ecg.lead_table import LEADS
from ecg.result import LeadFacts, PageFacts, StatementFacts
from ecg.scale import Scale
from ecg.signals.records import Record
from ecg.signals.residual import einthoven_residual_mv

# Decimals that `<stem>.json` keeps.
_SCALE_DIGITS = 4
_RESIDUAL_DIGITS = 4
_CONFIDENCE_DIGITS = 3
_ROTATION_DIGITS = 3
_RATE_DIGITS = 1


@dataclass(frozen=True)
class SourceFacts:
    """The file that facts are of: `path`, `key` and `sha256` as in `ecg.result.PageFacts`."""

    path: str
    key: str
    sha256: str


@dataclass(frozen=True)
class BeatFacts:
    """What the beats of a page or record give.

    Parameters
    ----------
    rhythm : mapping of str to float or None
        Row of rhythm.parquet, with `heart_rr_rate_bpm`.
    warnings : sequence of str
    delineator : str
        What found the waves.
    statements : sequence of StatementFacts
    """

    rhythm: Mapping[str, float | None]
    warnings: Sequence[str]
    delineator: str = "pellucid"
    statements: Sequence[StatementFacts] = ()

    @property
    def rate_bpm(self) -> float | None:
        """Heart rate, rounded."""
        rate = self.rhythm["heart_rr_rate_bpm"]
        return None if rate is None else round(rate, _RATE_DIGITS)


def facts_of_page(found: Digitized, beats: BeatFacts, source: SourceFacts) -> PageFacts:
    """The facts of a digitized page."""
    page, layout, signals = found.page, found.layout, found.signals
    leads = {lead: LeadFacts(round(signals.confidence(lead), _CONFIDENCE_DIGITS), signals.gaps(lead))
             for lead in LEADS if signals.confidence(lead) > 0}
    return PageFacts(
        fs_hz=signals.fs_hz,
        px_per_mm=Scale(round(page.px_per_mm.x, _SCALE_DIGITS), round(page.px_per_mm.y, _SCALE_DIGITS)),
        mm_per_mv=layout.mm_per_mv, chest_mm_per_mv=layout.gain("V1"), mm_per_s=layout.mm_per_s, layout=layout.name,
        # Adding 0 turns -0.0, which JSON would show, into 0.0.
        rotation_deg=round(page.rotation_deg, _ROTATION_DIGITS) + 0.0, leads=leads,
        einthoven_residual_mv=_rounded_or_none(signals.einthoven_residual_mv, _RESIDUAL_DIGITS),
        heart_rate_bpm=beats.rate_bpm, warnings=[*found.warnings, *beats.warnings], path=source.path, key=source.key,
        sha256=source.sha256, rhythm=beats.rhythm,
        review=bool(found.review), review_reason="|".join(found.review), delineator=beats.delineator,
        read_from=found.read_from, statements=beats.statements)


def facts_of_record(record: Record, beats: BeatFacts, source: SourceFacts) -> PageFacts:
    """The facts of a digital record; what only paper has is None."""
    residual = None
    if {"I", "II", "III"} <= set(record.leads):
        limb = (record.mv[record.leads.index(lead)] for lead in ("I", "II", "III"))
        residual = _rounded_or_none(einthoven_residual_mv(*limb), _RESIDUAL_DIGITS)
    return PageFacts(
        fs_hz=record.fs_hz, px_per_mm=None, mm_per_mv=None, chest_mm_per_mv=None, mm_per_s=None, layout="record",
        rotation_deg=None, leads={lead: LeadFacts(1.0, []) for lead in LEADS if lead in record.leads},
        einthoven_residual_mv=residual, heart_rate_bpm=beats.rate_bpm, warnings=beats.warnings, path=source.path,
        key=source.key, sha256=source.sha256, rhythm=beats.rhythm, delineator=beats.delineator, read_from="record",
        statements=beats.statements)


def _rounded_or_none(value: float, digits: int) -> float | None:
    """JSON knows no NaN."""
    return round(value, digits) if math.isfinite(value) else None
