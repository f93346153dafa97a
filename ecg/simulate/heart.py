"""A simulated heart: twelve leads of beats with known waves."""
import cv2
import numpy as np

from featurize.arrays import Float64Array

# Rows: I, II, V1..V6; columns: X (left), Y (down), Z (back). Dower et al. 1980, table of coefficients.
_DOWER = np.array([[0.632, -0.235, 0.059], [0.235, 1.066, -0.132], [-0.515, 0.157, -0.917], [0.044, 0.164, -1.387],
                   [0.882, 0.098, -1.277], [1.213, 0.127, -0.601], [1.125, 0.127, -0.086], [0.831, 0.076, 0.230]])
# Wave: seconds from R, width in s, direction X, Y, Z in mV.
_WAVES = ((-0.16, 0.022, 0.06, 0.10, -0.02), (-0.034, 0.010, -0.12, -0.05, -0.20), (0.0, 0.012, 0.95, 0.80, 0.35),
          (0.028, 0.012, -0.25, 0.05, 0.75), (0.24, 0.050, 0.25, 0.22, -0.14))


def heartbeats(seed: int, seconds: float = 10.0, fs_hz: float = 500.0, size: float = 1.0) -> Float64Array:
    """(12, n) mV of one synthetic patient, in the order of `LEADS`.

    Parameters
    ----------
    seed : int
        Rate, axis, shape and noise follow from it.
    size : float
        Factor on all amplitudes.
    """
    rng = np.random.default_rng([seed, 40])
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    rate_s, irregular = 60 / rng.uniform(52, 105), rng.choice([0.02, 0.03, 0.15], p=[0.5, 0.3, 0.2])
    turn = rng.normal(0, 0.25, 3)
    shape = [(at, width * rng.uniform(0.85, 1.2), np.array(vector) * rng.uniform(0.7, 1.4) + rng.normal(0, 0.03, 3))
             for at, width, *vector in _WAVES]
    dipole = np.zeros((3, len(t)))
    beat = -rng.uniform(0, rate_s)
    while beat < seconds + 1:
        for at, width, vector in shape:
            stretch = np.sqrt(rate_s) if at > 0.1 else 1.0
            dipole += vector[:, None] * np.exp(-0.5 * ((t - beat - at * stretch) / width) ** 2)[None, :]
        beat += rate_s * (1 + rng.normal(0, irregular))
    a, b = np.cos(turn[0]), np.sin(turn[0])
    dipole[:2] = np.array([[a, -b], [b, a]]) @ dipole[:2]
    eight = size * _DOWER @ dipole
    wander = rng.normal(0, 0.06, (8, 1)) * np.sin(2 * np.pi * (rng.uniform(0.1, 0.35) * t + rng.uniform(size=(8, 1))))
    noise = np.cumsum(rng.normal(0, 1, eight.shape), axis=1)
    noise -= cv2.blur(noise, (51, 1))
    eight += wander + 0.004 * rng.uniform(0.3, 2.5) * noise / noise.std()
    return np.round(_twelve(eight), 3)


def _twelve(eight: Float64Array) -> Float64Array:
    one, two = eight[0], eight[1]
    return np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *eight[2:]])
