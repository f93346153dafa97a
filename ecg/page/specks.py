"""The grid of a fax of which only specks are left: pale lines whose pixels came out black here and there.

Specks lie on lines, so the phases of their columns agree at one frequency, and those of their rows at the same one,
however few there are. That is tested on all of the page at once, for a fax lies flat: a turn and a scale.
"""
import cv2
import numpy as np

from ecg.page.grid import BOX_MM, GridHomography
from featurize.arrays import Float32Array, Float64Array

# Darkness above which a pixel of a fax is black.
_BLACK = 0.5
# A speck has so many pixels at most.
_MOST_PX = 4
# More specks than this are not needed: they are thinned out.
_MOST_SPECKS = 1500
# Fewer than this tell nothing.
_LEAST_SPECKS = 20
# Boxes are so wide, px.
_BOX_PX = (15.0, 100.0)
# Sheets are shorter than this, mm: of specks at every millimetre five make a box.
_LONGEST_PAPER_MM = 700.0
# The page is turned by no more than this, degrees.
_MOST_TURN_DEG = 1.5
# Phases at the page's ends change by less than this from one frequency, or turn, to the next, cycles.
_STEP_CYCLES = 0.25
# Harmonics of the lines that count.
_HARMONICS = 3
# Specks anywhere give powers of 1 on average for each direction and harmonic, and a sum of 45 in one of 10^12 trials.
_LEAST_POWER = 45.0
# Twice the lines' frequency is about as strong as itself, half of it has a third of that: the lowest is taken that has
# this share of the strongest's power.
_ABOUT_AS_STRONG = 0.6
# Rounds in which frequency and turn are measured more finely, each by a third of the step before.
_ROUNDS = 5
# A speck lies on a line within this distance, px.
_ON_LINE_PX = 1.5


def grid_of_specks(dark: Float32Array) -> GridHomography | None:
    """The grid on whose lines the specks of a fax lie; None where they lie anywhere.

    Parameters
    ----------
    dark : (H, W) float32

    Returns
    -------
    GridHomography or None
        Its strength is the share of the specks that lie on its lines.
    """
    specks = find_specks(dark)
    if len(specks) < _LEAST_SPECKS:
        return None
    span = float(max(dark.shape))
    step_f, step_turn = _STEP_CYCLES / (span * _HARMONICS), _STEP_CYCLES * _BOX_PX[0] / span
    turns = np.arange(-np.radians(_MOST_TURN_DEG), np.radians(_MOST_TURN_DEG) + step_turn, step_turn)
    frequencies = np.arange(1 / _BOX_PX[1], 1 / _BOX_PX[0], step_f)
    power, frequency, turn = max(_strongest(specks, frequencies, float(turn)) for turn in turns)
    if power < _LEAST_POWER:
        return None
    for _ in range(_ROUNDS):
        near = np.array([-1, 0, 1]) / 3
        step_f, step_turn = step_f * 2 / 3, step_turn * 2 / 3
        power, frequency, turn = max(_strongest(specks, frequency + near * step_f, turn + part * step_turn)
                                     for part in near)
    for part in (3, 2):
        if _strongest(specks, np.array([frequency / part]), turn)[0] > _ABOUT_AS_STRONG * power:
            frequency /= part
            break
    return _grid(specks, frequency, turn, span)


def find_specks(dark: Float32Array) -> Float64Array:
    """(n, 2) middles, x and y, of the pieces of at most 4 black pixels."""
    mask = (dark > _BLACK).astype(np.uint8)
    _, _, stats, middles = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    found = middles[1:][stats[1:, cv2.CC_STAT_AREA] <= _MOST_PX]
    return np.asarray(found[::max(1, -(-len(found) // _MOST_SPECKS))], np.float64)


def _strongest(specks: Float64Array, frequencies: Float64Array, turn: float) -> tuple[float, float, float]:
    """Power, frequency (cycles/px) and turn (rad) of the frequency at which the phases agree most."""
    power = np.zeros(len(frequencies))
    for along in (specks @ _axes(turn)).T:
        waves = np.exp(2j * np.pi * np.outer(frequencies, along))
        harmonic = np.ones_like(waves)
        for _ in range(_HARMONICS):
            harmonic *= waves
            power += np.abs(harmonic.sum(axis=1)) ** 2 / len(specks)
    best = int(power.argmax())
    return float(power[best]), float(frequencies[best]), turn


def _axes(turn: float) -> Float64Array:
    """(2, 2) unit vectors along and across the lines, in columns."""
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


def _grid(specks: Float64Array, frequency: float, turn: float, length_px: float) -> GridHomography:
    """The grid of a frequency and a turn, with the phases of the specks."""
    cycles = specks @ _axes(turn) * frequency
    phases = np.angle(np.exp(2j * np.pi * cycles).sum(axis=0)) / (2 * np.pi)
    off_px = np.abs((cycles - phases + 0.5) % 1 - 0.5).min(axis=1) / frequency
    on_line = off_px < _ON_LINE_PX
    boxes = 0.2 if length_px * frequency * BOX_MM > _LONGEST_PAPER_MM else 1.0
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = _axes(turn).T * frequency * boxes, -phases * boxes
    return GridHomography(matrix, float(np.median(off_px)), float(on_line.mean()))
