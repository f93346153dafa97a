"""What cardiologists ask for before they write a statement: a measured number, its limit, and who set the limit.

Limits are those of recommendations where there is one; those called "chosen" were set on the first half of the records
of PTB-XL that benchmarks/ecg_rhythm.py names, together with all steps: how far beyond a limit a number has to lie
before it is sure, mostly the error of the measurement.
"""
from collections.abc import Sequence
from dataclasses import dataclass

from ecg.usual_ranges import HANCOCK, KUSUMOTO, LIU, RAUTAHARJU, SURAWICZ

THYGESEN = "Thygesen et al. 2018, 10.1161/CIR.0000000000000617"
HINDRICKS = "Hindricks et al. 2020, 10.1093/eurheartj/ehaa612"
CHOSEN = "chosen"


@dataclass(frozen=True)
class Criterion:
    """A number of the rhythm row beyond a limit.

    Parameters
    ----------
    column : str
    name, unit : str
        As a sentence calls it.
    factor : float
        From the column's unit to that.
    side : str
        ``above`` or ``below``: on which side of the limit it speaks for the statement.
    limit, step : float
        In that unit.
    source : str
    """

    column: str
    name: str
    unit: str
    factor: float
    side: str
    limit: float
    step: float
    source: str = CHOSEN


@dataclass(frozen=True)
class Statement:
    """A statement and what it asks for.

    Parameters
    ----------
    code : str
        SCP-ECG's (ISO 11073-91064).
    name : str
    asks : sequence of sequences of Criterion
        All of them must hold; of a sequence with several one suffices.
    """

    code: str
    name: str
    asks: Sequence[Sequence[Criterion]]


def _above(column: str, name: str, unit: str, factor: float, limit: float, step: float, source: str = CHOSEN
           ) -> Criterion:
    return Criterion(column, name, unit, factor, "above", limit, step, source)


def _below(column: str, name: str, unit: str, factor: float, limit: float, step: float, source: str = CHOSEN
           ) -> Criterion:
    return Criterion(column, name, unit, factor, "below", limit, step, source)


# A pacemaker's QRS and T have shapes and sizes of their own: these statements are not made beside PACE.
NOT_WHEN_PACED = ("CRBBB", "IRBBB", "CLBBB", "IVCD", "LAFB", "LVH", "IMI", "ASMI", "ISC_", "NDT", "PVC", "1AVB")
_RATE = ("heart_rr_rate_bpm", "heart rate", "/min", 1.0)
_QRS = ("heart_ventricles_qrs_s", "QRS duration", "ms", 1000.0)
_P_SHARE = ("heart_atria_p_share", "beats with a P wave", "%", 100.0)
_P_ALIKE = ("heart_atria_p_coherence", "likeness of what precedes QRS, over the beats,", "%", 100.0)
_STEPS = ("heart_rr_usual_step_share", "RR differs from the next, ectopic beats left out, by", "%", 100.0)
_R_PRIME = ("V1_shape_r_prime_mv", "r' in V1", "mV", 1.0)
_R_V6 = ("V6_shape_r_peak_s", "time to the peak of R in V6", "ms", 1000.0)
_AXIS = ("heart_ventricles_axis_deg", "electrical axis", "°", 1.0)

_HAS_P = (_above(*_P_ALIKE, 35, 10),)
_REGULAR = (_below(*_STEPS, 8, 4),)
_WIDE = (_above(*_QRS, 120, 8, SURAWICZ),)
_NO_R_PRIME = (_below(*_R_PRIME, 0.1, 0.05),)

STATEMENTS = (
    Statement("SR", "sinus rhythm", (
        (_above(*_RATE, 60, 4, LIU),), (_below(*_RATE, 100, 4, LIU),), _HAS_P, _REGULAR,
        (_below("heart_rr_variation", "spread of RR", "%", 100, 6, 3),))),
    Statement("SBRAD", "sinus bradycardia", ((_below(*_RATE, 60, 4, LIU),), _HAS_P)),
    Statement("STACH", "sinus tachycardia", ((_above(*_RATE, 100, 4, LIU),), _HAS_P, _REGULAR)),
    Statement("SARRH", "sinus arrhythmia", (
        (_above("heart_rr_variation", "spread of RR", "%", 100, 6, 3),), _HAS_P,
        (_below("heart_ventricles_unusual_share", "beats of another shape", "%", 100, 5, 5),))),
    Statement("AFIB", "atrial fibrillation", (
        (_above(*_STEPS, 6, 3, f"irregular: {HINDRICKS}; the number is chosen"),
         _above("heart_rr_trendless_variation", "RR without trend varies by", "%", 100, 20, 8)),
        (_below(*_P_ALIKE, 30, 10, f"no P waves: {HINDRICKS}; the number is chosen"), _below(*_P_SHARE, 40, 15)))),
    Statement("1AVB", "first-degree atrioventricular block", (
        (_above("heart_atria_pr_s", "PR interval", "ms", 1000, 200, 10, KUSUMOTO),), _HAS_P,
        (_above(*_P_SHARE, 60, 15),))),
    Statement("PACE", "pacemaker", (
        (_above("heart_pacing_spikes_per_beat", "spikes a beat", "", 1, 0.25, 0.15),),
        (_above("heart_pacing_spike_mv", "height of the spikes", "mV", 1, 0.12, 0.06),))),
    Statement("PVC", "premature wide beats", (
        (_above("heart_ventricles_unusual_share", "beats of another shape", "%", 100, 3, 3),),
        (_above("heart_ventricles_qrs_widest_s", "widest QRS", "ms", 1000, 120, 10, SURAWICZ),),
        (_below("heart_rr_shortest_to_median", "shortest RR by the median", "%", 100, 88, 6),))),
    Statement("CRBBB", "complete right bundle branch block", (
        _WIDE, (_above(*_R_PRIME, 0.1, 0.05, SURAWICZ),))),
    Statement("IRBBB", "incomplete right bundle branch block", (
        (_above(*_R_PRIME, 0.1, 0.05, SURAWICZ),), (_below(*_QRS, 124, 8, SURAWICZ),))),
    Statement("CLBBB", "complete left bundle branch block", (
        _WIDE, _NO_R_PRIME, (_above(*_R_V6, 60, 8, SURAWICZ),))),
    Statement("IVCD", "nonspecific intraventricular conduction disturbance", (
        (_above(*_QRS, 110, 6, SURAWICZ),), _NO_R_PRIME)),
    Statement("LAFB", "left anterior fascicular block", (
        (_below(*_AXIS, -40, 8, f"from −45°: {SURAWICZ}"),), (_above(*_AXIS, -95, 5, SURAWICZ),),
        (_below(*_QRS, 150, 20),))),
    Statement("LVH", "high voltage of the left ventricle", (
        (_above("heart_shape_sokolow_lyon_mv", "S in V1 and R in V5 or V6", "mV", 1, 3.5, 0.5, HANCOCK),
         _above("heart_shape_cornell_mv", "R in aVL and S in V3", "mV", 1, 2.4, 0.4,
                f"2.0 in women, 2.8 in men: {HANCOCK}")),)),
    Statement("IMI", "Q waves of an inferior infarct", (
        (_above("heart_shape_q_inferior_s", "Q in two of II, III, aVF", "ms", 1000, 30, 8, THYGESEN),),
        (_above("heart_shape_q_inferior_mv", "Q in two of II, III, aVF", "mV", 1, 0.1, 0.05, THYGESEN),))),
    Statement("ASMI", "loss of R of an anteroseptal infarct", (
        (_below("heart_shape_r_v3_mv", "R in V3", "mV", 1, 0.3, 0.1),),
        (_above("heart_shape_q_anterior_s", "Q in two of V1 to V4", "ms", 1000, 20, 10, THYGESEN),
         _below("heart_shape_r_v3_mv", "R in V3", "mV", 1, 0.2, 0.1)))),
    Statement("ISC_", "negative lateral T with low ST", (
        (_below("heart_shape_least_lateral_t_mv", "T in I, aVL, V5 or V6", "mV", 1, -0.1, 0.06, THYGESEN),),
        (_below("heart_shape_least_lateral_st_mv", "ST in I, aVL, V5 or V6", "mV", 1, -0.03, 0.03),))),
    Statement("NDT", "flat lateral T", (
        (_above("heart_shape_flat_t_leads", "leads of I, II, V4 to V6 with a T under 0.1 mV", "", 1, 1.5, 1,
                RAUTAHARJU),),
        (_below("heart_shape_t_to_r", "T by R, median of these leads,", "%", 100, 10, 4, RAUTAHARJU),))),
    Statement("LVOLT", "low voltage of the limb leads", (
        (_below("heart_shape_limb_voltage_mv", "largest QRS of the limb leads", "mV", 1, 0.5, 0.1, SURAWICZ),),)))
