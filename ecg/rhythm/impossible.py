"""Numbers that no heart has: they are left out, with the reason.

The limits are chosen: far beyond the 340 records of LUDB and of PTB-XL that were looked at, whose own extremes stand
beside each. What lies between these limits and what is usual (`ecg.usual_ranges`) is shown and marked.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ecg.rhythm.features import FEATURES

# Columns that depend on the times between beats.
OF_INTERVALS = tuple(name for name in FEATURES if name.startswith("heart_rr_") or "_qtc_" in name)
_QT = tuple(f"heart_ventricles_{name}" for name in ("qt_s", "qtc_bazett_s", "qtc_fridericia_s", "jt_s"))
_QTC = tuple(name for name in _QT if "_qtc_" in name)
_PR = tuple(f"heart_atria_{name}" for name in ("pr_s", "pr_sd_s", "pr_segment_s", "p_peak_to_qrs_s"))
_QRS = tuple(f"heart_ventricles_{name}" for name in ("qrs_s", "qrs_sd_s", "qrs_widest_s", "wide_share", "jt_s"))


@dataclass(frozen=True)
class Limit:
    """What a heart can have at the least and at the most.

    Parameters
    ----------
    column : str
        Of the rhythm row.
    name, unit : str
        As a sentence calls it.
    factor : float
        From the column's unit to that.
    low, high : float
        In that unit.
    leaves_out : sequence of str
        Columns that are wrong where this one is.
    """

    column: str
    name: str
    unit: str
    factor: float
    low: float
    high: float
    leaves_out: Sequence[str]


LIMITS = (
    # The records have 37 to 175.
    Limit("heart_rr_rate_bpm", "the heart rate", "/min", 1, 10, 300, OF_INTERVALS),
    # The records have up to 252. One wrong beat makes two wrong intervals.
    Limit("heart_rr_rate_highest_bpm", "the rate over one interval", "/min", 1, 10, 300, OF_INTERVALS),
    # The records have 103 to 264.
    Limit("heart_atria_pr_s", "PR", "ms", 1000, 50, 500, _PR),
    # The records have 68 to 204.
    Limit("heart_ventricles_qrs_s", "QRS", "ms", 1000, 40, 300, _QRS),
    # The records have 273 to 575.
    Limit("heart_ventricles_qt_s", "QT", "ms", 1000, 150, 750, _QT),
    # The records have 347 to 667.
    Limit("heart_ventricles_qtc_bazett_s", "QTc (Bazett)", "ms", 1000, 200, 750, _QTC))


def without_impossible(row: dict[str, float]) -> tuple[dict[str, float], list[str]]:
    """A rhythm row without the numbers that no heart has, and a sentence for each of them.

    >>> row = dict.fromkeys(FEATURES, math.nan) | {"heart_ventricles_qtc_bazett_s": 0.914, "heart_ventricles_qt_s": .6}
    >>> row, told = without_impossible(row)
    >>> row["heart_ventricles_qtc_bazett_s"], row["heart_ventricles_qt_s"]
    (nan, 0.6)
    >>> told
    ['QTc (Bazett) of 914 ms is above 750 ms, which no heart has: it is left out']
    """
    kept, told, left_out = dict(row), list[str](), set[str]()
    for limit in LIMITS:
        value = limit.factor * row[limit.column]
        if not math.isfinite(value) or limit.low <= value <= limit.high or limit.column in left_out:
            continue
        side = f"below {limit.low:g}" if value < limit.low else f"above {limit.high:g}"
        what = "what depends on the times between beats" if limit.leaves_out is OF_INTERVALS else "it"
        told.append(f"{limit.name} of {value:.0f} {limit.unit} is {side} {limit.unit}, which no heart has: {what} is "
                    "left out")
        left_out |= set(limit.leaves_out)
    return {**kept, **dict.fromkeys(left_out, math.nan)}, told
