"""Paper speed and gain: what is printed against what pulses show."""
import numpy as np
import pytest

from ecg.layout.calibration import find_gain, find_speed, pulses_outside_leads
from ecg.layout.model import Cell, Pulse, RowPath
from ecg.scale import Scale
from ecg.text.speed_and_gain import Printed

PX = 8.0


def row(base: float) -> RowPath:
    level = np.full(2000, round(base), np.int32)
    return RowPath(base, 100.0, 1900.0, level, level, np.ones(2000, bool), 1800)


def cells(*leads: str) -> list[Cell]:
    """One lead a row."""
    return [Cell(lead, k, 100.0, 1900.0, 0.0, True) for k, lead in enumerate(leads)]


def pulse(high_mm: float, base: float, left: float = 50, wide_mm: float = 5) -> Pulse:
    return Pulse(left, left + wide_mm * PX, base - high_mm * PX, base)


def gain(pulses: list[Pulse], printed: list[Printed], *leads: str) -> tuple[float, float | None, list[str]]:
    rows = [row(200.0 * (k + 1)) for k in range(len(leads))]
    found = find_gain(pulses, printed, rows, cells(*leads), Scale.square(PX))
    return found.limb, found.chest, list(found.warnings)


def in_print(value: float, leads: str = "") -> Printed:
    return Printed("gain", value, leads, 0.9)


def test_a_pulse_is_a_millivolt() -> None:
    assert gain([pulse(5.2, 200)], [], "I") == (5, None, [])


def test_without_pulse_and_print_ten_is_assumed_with_a_warning() -> None:
    limb, chest, warnings = gain([], [], "I")
    assert (limb, chest) == (10, None)
    assert warnings == ["neither a calibration pulse nor a printed gain was found: 10 mm/mV is assumed"]


def test_a_gain_printed_for_the_chest_leads_holds_where_none_is_found_for_the_others() -> None:
    limb, chest, warnings = gain([], [in_print(5, "chest")], "I", "V1")
    assert (limb, chest) == (10, 5)
    assert warnings == ["neither a calibration pulse nor a printed gain was found for the limb leads: "
                        "10 mm/mV is assumed"]


def test_pulses_of_chest_rows_tell_the_gain_of_chest_leads() -> None:
    assert gain([pulse(10, 200), pulse(5, 400)], [], "I", "V1") == (10, 5, [])
    assert gain([pulse(10, 200), pulse(10, 400)], [], "I", "V1") == (10, None, [])


def test_gains_printed_apart_hold_though_all_pulses_are_those_of_the_limb_leads() -> None:
    printed = [in_print(10, "limb"), in_print(5, "chest")]
    assert gain([pulse(10, 200), pulse(10, 400)], printed, "I", "V1") == (10, 5, [])
    assert gain([], [in_print(20), in_print(10, "chest")], "I", "V1") == (20, 10, [])


@pytest.mark.parametrize(("count", "taken"), [(1, 10), (3, 5)])
def test_several_pulses_outdo_the_print_and_one_does_not(count: int, taken: float) -> None:
    pulses = [pulse(5, 200.0 * (k + 1)) for k in range(count)]
    limb, chest, warnings = gain(pulses, [in_print(10)], "I", "II", "III")
    assert (limb, chest) == (taken, None)
    assert warnings == [f"10 mm/mV is printed, but the calibration pulses are 5 mm high: {taken:g} mm/mV is taken"]


def test_a_pulse_of_an_odd_height_warns_and_the_print_is_taken() -> None:
    limb, _, warnings = gain([pulse(7.3, 200)], [in_print(20)], "I")
    assert limb == 20
    assert warnings == ["the calibration pulses are 7.3 mm high, 5, 10 or 20 mm were expected"]


@pytest.mark.parametrize(("printed", "wide_mm", "speed", "count"), [
    ([25.0], 5, 25, 0), ([50.0], 5, 50, 1), ([], 10, 50, 1), ([], 5, 25, 1), ([], 2.5, 25, 1),
    ([25.0, 50.0, 25.0], 5, 25, 0)])
def test_printed_speed_counts_more_than_the_width_of_pulses(printed: list[float], wide_mm: float, speed: float,
                                                            count: int) -> None:
    speeds = [Printed("speed", value, "", 0.9) for value in printed]
    found, warnings = find_speed([pulse(10, 200, wide_mm=wide_mm)], speeds, Scale.square(PX))
    assert found == speed and len(warnings) == count


def test_a_pulse_in_the_middle_of_a_lead_is_a_wave() -> None:
    before, behind = pulse(10, 200), pulse(10, 400, left=1840)
    between = pulse(5, 400, left=900)
    rows = [row(200.0), row(400.0)]
    assert pulses_outside_leads([before, between, behind], rows, cells("I", "II"), Scale.square(PX)) == [before, behind]
