"""Paper speed and gain of a page, from what is printed and from the calibration pulses."""
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecg.layout.model import Cell, Pulse, RowPath
from ecg.scale import Scale
from ecg.text.speed_and_gain import Printed

# Gains that machines offer, mm/mV.
_GAINS = (2.5, 5.0, 10.0, 20.0, 40.0)
# Paper speeds that machines offer, mm/s.
_SPEEDS = (12.5, 25.0, 50.0)
# Speed that is assumed where neither print nor pulses tell it, mm/s.
_USUAL_SPEED = 25.0
# Gain that is assumed where neither print nor pulses tell it, mm/mV.
_USUAL_GAIN = 10.0
# Length of a calibration pulse by convention.
_PULSE_S = 0.2
# The height of a pulse may be off that of an offered gain by this share.
_GAIN_TOLERANCE = 0.12
# The width of a pulse may be off that at an offered speed by this share.
_SPEED_TOLERANCE = 0.1
# This many pulses that agree outweigh a printed gain.
_LEAST_PULSES = 2
# Pulses agree if their heights differ by less than this share.
_AGREEING = 0.03
# A pulse stands no farther than this before the lead that it belongs to, or behind it.
_PULSE_DISTANCE_MM = 12.0
# A pulse overlaps the columns of that lead by no more than this.
_PULSE_OVERLAP_MM = 2


@dataclass(frozen=True)
class Gain:
    """Millimetres a millivolt.

    Parameters
    ----------
    limb : float
        Of all leads, or of the limb leads.
    chest : float or None
        Of the chest leads, where they have another.
    warnings : sequence of str
        What is doubtful.
    """

    limb: float
    chest: float | None
    warnings: Sequence[str]


def find_speed(pulses: Sequence[Pulse], printed: Sequence[Printed], px_per_mm: Scale, given: float | None = None
               ) -> tuple[float, list[str]]:
    """Millimetres a second, and what is doubtful: as printed, else of wide pulses (0.2 s by convention), else 25.

    The print counts more, for pulses of 0.1 s and of other lengths exist: narrow ones tell no speed. What a person has
    given is taken without a doubt.
    """
    if given is not None:
        return given, []
    in_print = _most_frequent([p.value for p in printed if p.kind == "speed"])
    of_pulses = None
    if pulses:
        wide_mm = float(np.median([p.right - p.left for p in pulses])) / px_per_mm.x
        of_pulses = _nearest_offered(wide_mm / _PULSE_S, _SPEEDS, _SPEED_TOLERANCE)
    if in_print is not None:
        if of_pulses in (None, in_print):
            return in_print, []
        return in_print, [f"{in_print:g} mm/s is printed, though the pulses are as wide as at {of_pulses:g} mm/s"]
    if of_pulses is not None and of_pulses < _USUAL_SPEED:
        # Pulses of 0.1 s are more frequent than unprinted slow paper.
        return _USUAL_SPEED, [f"no printed paper speed was found: {_USUAL_SPEED:g} mm/s is assumed, though the pulses "
                              f"are as wide as at {of_pulses:g} mm/s"]
    if of_pulses is not None and of_pulses != _USUAL_SPEED:
        return of_pulses, [f"no printed paper speed was found: {of_pulses:g} mm/s is what the pulses are wide for"]
    return _USUAL_SPEED, [f"no printed paper speed was found: {_USUAL_SPEED:g} mm/s is assumed"]


def pulses_outside_leads(pulses: Sequence[Pulse], rows: Sequence[RowPath], cells: Sequence[Cell], px_per_mm: Scale
                         ) -> list[Pulse]:
    """The pulses without those in the middle of a lead: two narrow beats and what lies between them look like one.

    Parameters
    ----------
    pulses : sequence of Pulse
    rows : sequence of RowPath
    cells : sequence of Cell
        In the rows.
    px_per_mm : Scale
    """
    beside = _PULSE_DISTANCE_MM * px_per_mm.x

    def is_inside(pulse: Pulse) -> bool:
        row = min(range(len(rows)), key=lambda r: abs(rows[r].base - pulse.base))
        return any(cell.row == row and cell.start + beside < pulse.left and pulse.right < cell.end - beside
                   for cell in cells)
    return [pulse for pulse in pulses if not is_inside(pulse)]


def find_gain(pulses: Sequence[Pulse], printed: Sequence[Printed], rows: Sequence[RowPath], cells: Sequence[Cell],
              px_per_mm: Scale, given: float | None = None) -> Gain:
    """Millimetres a millivolt: of the pulses (1 mV by convention), else as printed, else 10.

    Parameters
    ----------
    pulses : sequence of Pulse
    printed : sequence of Printed
    rows : sequence of RowPath
    cells : sequence of Cell
        In the rows; they tell which leads a pulse belongs to.
    px_per_mm : Scale
    given : float, optional
        As a person knows it, of all leads: taken without a doubt.
    """
    if given is not None:
        return Gain(given, None, [])
    gains = [p for p in printed if p.kind == "gain"]
    named = {p.leads for p in gains} - {""}
    # Where only one of limb and chest gain was read, a gain printed without leads is of the other.
    in_print = [_most_frequent([p.value for p in gains if p.leads == (leads if leads in named else "")])
                for leads in ("limb", "chest")]
    heights = _heights(pulses, rows, cells, px_per_mm)
    every = [h for kind in ("limb", "chest", "step") for h in heights[kind]]
    limb_heights = heights["limb"] or heights["chest"]
    of_pulses = [_gain_of(limb_heights), _gain_of(heights["step"] or heights["chest"])]
    warnings = []
    if every and of_pulses[0] is None:
        warnings.append(f"the calibration pulses are {np.median(every):.1f} mm high, 5, 10 or 20 mm were expected")
    limb, doubts = _limb_gain(of_pulses[0], in_print, limb_heights)
    warnings += doubts
    if limb is None:
        whose = "" if in_print[1] is None else " for the limb leads"
        warnings.append(f"neither a calibration pulse nor a printed gain was found{whose}: {_USUAL_GAIN:g} mm/mV is "
                        "assumed")
        limb = _USUAL_GAIN
    # Where limb and chest are named apart in print, pulses of one height in all rows are those of the limb leads.
    chest = in_print[1] if named and in_print[1] is not None else of_pulses[1]
    return Gain(limb, chest if chest != limb else None, warnings)


def _limb_gain(of_pulses: float | None, in_print: Sequence[float | None], heights: Sequence[float]
               ) -> tuple[float | None, list[str]]:
    """The gain of the limb leads, and what is doubtful; in_print is that of limb and of chest leads, heights in mm."""
    limb, chest = in_print
    if of_pulses is None or limb is None or of_pulses == limb:
        return (limb if of_pulses is None else of_pulses), []
    if of_pulses == chest:
        return limb, []  # pulses beside the chest leads
    sure = len(heights) >= _LEAST_PULSES and np.ptp(heights) < _AGREEING * np.median(heights)
    taken = of_pulses if sure else limb
    return taken, [f"{limb:g} mm/mV is printed, but the calibration pulses are {of_pulses:g} mm high: "
                   f"{taken:g} mm/mV is taken"]


def _heights(pulses: Sequence[Pulse], rows: Sequence[RowPath], cells: Sequence[Cell], px_per_mm: Scale
             ) -> dict[str, list[float]]:
    """Heights of pulses in mm: of those that belong to limb or to all leads, to chest leads, and of lower steps."""
    out: dict[str, list[float]] = {"limb": [], "chest": [], "step": []}
    for pulse in pulses:
        row = min(range(len(rows)), key=lambda r: abs(rows[r].base - pulse.base))
        own = [c for c in cells if c.row == row]
        chest = [c for c in own if c.lead.startswith("V")]
        near = [c for c in own[1:] if -_PULSE_OVERLAP_MM < (c.start - pulse.right) / px_per_mm.x < _PULSE_DISTANCE_MM]
        kind = "chest" if chest == own or near and near[0] in chest else "limb"
        out[kind].append((pulse.base - pulse.top) / px_per_mm.y)
        if pulse.step is not None:
            out["step"].append((pulse.base - pulse.step) / px_per_mm.y)
    return out


def _gain_of(heights: Sequence[float]) -> float | None:
    """The gain at which pulses of 1 mV have such heights (mm)."""
    return _nearest_offered(float(np.median(heights)), _GAINS, _GAIN_TOLERANCE) if heights else None


def _nearest_offered(value: float, offered: Sequence[float], tolerance: float) -> float | None:
    """The offered value that a measured one is, None where it is none of them."""
    best = min(offered, key=lambda v: abs(np.log(v / value)))
    return best if abs(value / best - 1) < tolerance else None


def _most_frequent(values: Sequence[float]) -> float | None:
    """The most frequent value, None where there is none or two are as frequent."""
    often = Counter(values).most_common(2)
    return often[0][0] if often and (len(often) == 1 or often[0][1] > often[1][1]) else None
