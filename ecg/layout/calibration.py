"""Paper speed and gain of a page: what is printed and what its pulses show, and which of the two is believed."""
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ecg.layout.model import Cell, Pulse, RowPath
from ecg.scale import Scale
from ecg.text.speed_and_gain import Printed

_GAINS = (2.5, 5.0, 10.0, 20.0, 40.0)
_SPEEDS = (12.5, 25.0, 50.0)
# How long a calibration pulse is by convention.
_PULSE_S = 0.2
# How far a pulse may be off a usual height and width; from this many on that agree this well they outdo the print.
_OFF_GAIN = 0.12
_OFF_SPEED = 0.1
_SURE = 2
_ALIKE = 0.03
# How far a pulse may stand from the lead that it belongs to.
_BESIDE_MM = 12.0


def find_speed(pulses: Sequence[Pulse], printed: Sequence[Printed], px_per_mm: Scale, warnings: list[str]) -> float:
    """Millimetres a second: as printed, else of the pulses (0.2 s by convention), else 25.

    The print counts more, for pulses of 0.1 s and of other lengths exist.
    """
    said = _usual_of([p.value for p in printed if p.kind == "speed"])
    shown = None
    if pulses:
        wide_mm = float(np.median([p.right - p.left for p in pulses])) / px_per_mm.x
        shown = _usual(wide_mm / _PULSE_S, _SPEEDS, _OFF_SPEED)
    if said is not None:
        if shown not in (None, said):
            warnings.append(f"{said:g} mm/s is printed, though the pulses are as wide as at {shown:g} mm/s")
        return said
    if shown not in (None, 25.0):
        warnings.append(f"no printed paper speed was found: {shown:g} mm/s is what the pulses are wide for")
        return float(shown or 25)
    warnings.append("no printed paper speed was found: 25 mm/s is assumed")
    return 25.0


def find_gain(pulses: Sequence[Pulse], printed: Sequence[Printed], rows: Sequence[RowPath], cells: Sequence[Cell],
              px_per_mm: Scale, warnings: list[str]
              ) -> tuple[float, float | None]:
    """Millimetres a millivolt: of the pulses (1 mV by convention), else as printed, else 10.

    Parameters
    ----------
    pulses : sequence of Pulse
    printed : sequence of Printed
    rows : sequence of RowPath
    cells : sequence of Cell
        In the rows; they tell which leads a pulse belongs to.
    px_per_mm : Scale
    warnings : list of str
        Gets what is doubtful.

    Returns
    -------
    float, float or None
        Of all leads, or of the limb leads; and of the chest leads where they have another.
    """
    gains = [p for p in printed if p.kind == "gain"]
    named = {p.leads for p in gains} - {""}
    # Where one of limb and chest was not read, what stands without is of the other.
    said = [_usual_of([p.value for p in gains if p.leads == (leads if leads in named else "")])
            for leads in ("limb", "chest")]
    heights = _heights(pulses, rows, cells, px_per_mm)
    every = [h for kind in ("limb", "chest", "step") for h in heights[kind]]
    shown = [_shown(heights["limb"] or heights["chest"]), _shown(heights["step"] or heights["chest"])]
    if every and shown[0] is None:
        warnings.append(f"the calibration pulses are {np.median(every):.1f} mm high, 5, 10 or 20 mm were expected")
    limb = _believed(shown[0], said, heights["limb"] or heights["chest"], warnings)
    if limb is None:
        whose = "" if said[1] is None else " for the limb leads"
        warnings.append(f"neither a calibration pulse nor a printed gain was found{whose}: 10 mm/mV is assumed")
        limb = 10.0
    # Where limb and chest are named apart in print, pulses of one height in all rows are those of the limb leads.
    chest = said[1] if named and said[1] is not None else shown[1]
    return limb, chest if chest != limb else None


def _believed(shown: float | None, said: Sequence[float | None], heights: Sequence[float], warnings: list[str]
              ) -> float | None:
    """The gain of the limb leads, of that which pulses show and that which is said of limb and chest leads."""
    if shown is None or said[0] is None or shown == said[0]:
        return said[0] if shown is None else shown
    if shown == said[1]:
        return said[0]  # pulses beside the chest leads
    sure = len(heights) >= _SURE and np.ptp(heights) < _ALIKE * np.median(heights)
    taken = shown if sure else said[0]
    warnings.append(f"{said[0]:g} mm/mV is printed, but the calibration pulses are {shown:g} mm high: "
                    f"{taken:g} mm/mV is taken")
    return taken


def _heights(pulses: Sequence[Pulse], rows: Sequence[RowPath], cells: Sequence[Cell], px_per_mm: Scale
             ) -> dict[str, list[float]]:
    """Heights of pulses in mm: of those that belong to limb or to all leads, to chest leads, and of lower steps."""
    out: dict[str, list[float]] = {"limb": [], "chest": [], "step": []}
    for pulse in pulses:
        row = min(range(len(rows)), key=lambda r: abs(rows[r].base - pulse.base))
        own = [c for c in cells if c.row == row]
        chest = [c for c in own if c.lead.startswith("V")]
        near = [c for c in own[1:] if -2 < (c.start - pulse.right) / px_per_mm.x < _BESIDE_MM]
        kind = "chest" if chest == own or near and near[0] in chest else "limb"
        out[kind].append((pulse.base - pulse.top) / px_per_mm.y)
        if pulse.step is not None:
            out["step"].append((pulse.base - pulse.step) / px_per_mm.y)
    return out


def _shown(heights: Sequence[float]) -> float | None:
    return _usual(float(np.median(heights)), _GAINS, _OFF_GAIN) if heights else None


def _usual(value: float, offered: Sequence[float], off: float) -> float | None:
    """What machines offer that a measured value is, None where it is none of it."""
    best = min(offered, key=lambda v: abs(np.log(v / value)))
    return best if abs(value / best - 1) < off else None


def _usual_of(said: Sequence[float]) -> float | None:
    """What is said most often, None where nothing is, or two things as often."""
    often = Counter(said).most_common(2)
    return often[0][0] if often and (len(often) == 1 or often[0][1] > often[1][1]) else None
