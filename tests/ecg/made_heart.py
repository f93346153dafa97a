"""Electrocardiograms with known waves: sums of Gaussians over twelve leads."""
from collections.abc import Sequence

import numpy as np

from featurize.arrays import Float64Array

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# Amplitudes in mV of I, II and V1 to V6; the others follow by Einthoven and Goldberger.
P = (0.08, 0.15, 0.05, 0.08, 0.08, 0.07, 0.07, 0.06)
Q = (-0.05, -0.06, 0.0, 0.0, 0.0, -0.05, -0.08, -0.08)
R = (0.6, 1.1, 0.2, 0.5, 0.9, 1.3, 1.2, 0.9)
S = (-0.1, -0.2, -0.8, -1.1, -0.7, -0.4, -0.2, -0.1)
T = (0.2, 0.3, -0.1, 0.35, 0.4, 0.4, 0.3, 0.25)
# Time of the top from R and width (standard deviation), seconds.
SHAPES = {"p": (-0.16, 0.018), "q": (-0.025, 0.008), "r": (0.0, 0.01), "s": (0.025, 0.009), "t": (0.28, 0.045)}
PR_S, T_S = 0.16, 0.28


def heart(beats_s: Sequence[float], seconds: float = 10.0, fs_hz: float = 500.0, *, p: bool = True, t: float = 1.0,
          flutter_hz: float = 0.0, noise_mv: float = 0.01, wide: Sequence[int] = (), seed: int = 0) -> Float64Array:
    """(12, n) mV with an R wave at each of the times given.

    `t` scales the T waves, `flutter_hz` adds a saw of .1 mV, beats numbered in `wide` are ectopic: broad and without P.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * fs_hz)) / fs_hz
    eight = np.zeros((8, len(time)))
    waves = (("p", P), ("q", Q), ("r", R), ("s", S), ("t", T))
    for k, beat in enumerate(beats_s):
        for name, sizes in waves:
            at, width = SHAPES[name]
            factor = t if name == "t" else 1.0
            if name == "p" and (not p or k in wide):
                continue
            if k in wide and name in "qrs":
                at, width, factor = 2.5 * at, 3 * width, 1.2
            eight += factor * np.outer(sizes, np.exp(-0.5 * ((time - beat - at) / width) ** 2))
    if flutter_hz:
        phase = np.cumsum(flutter_hz * (1 + 0.25 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6)))) / fs_hz
        eight += np.outer((0.05, 0.08, 0.1, 0.05, 0.03, 0.03, 0.02, 0.02), np.sin(2 * np.pi * phase))
    eight += noise_mv * rng.standard_normal(eight.shape)
    one, two = eight[0], eight[1]
    limbs = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    return np.concatenate([limbs, eight[2:]])


def page(signals: Float64Array, fs_hz: float = 500.0) -> Float64Array:
    """The same as a page of 3 x 4 with a strip of lead II shows it: NaN where a lead is not drawn."""
    out = np.full(signals.shape, np.nan)
    quarter = round(2.5 * fs_hz)
    for column, rows in enumerate(((0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11))):
        for row in rows:
            out[row, column * quarter:(column + 1) * quarter] = signals[row, column * quarter:(column + 1) * quarter]
    out[1] = signals[1]
    return out
