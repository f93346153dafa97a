"""A simulated heart: twelve leads of beats with known waves.

The heart is a dipole that turns in space. Each wave is a Gaussian in time with a direction, and the leads are the
projections of the dipole (Dower's transform: Dower et al. 1980, doi:10.1016/S0022-0736(80)80030-9), so that
I + III = II holds as in real signals.
"""
import cv2
import numpy as np

from featurize.arrays import Float64Array

# Coefficients of Dower et al. 1980. Rows: I, II, V1..V6; columns: X (left), Y (down), Z (back).
_DOWER = np.array([[0.632, -0.235, 0.059], [0.235, 1.066, -0.132], [-0.515, 0.157, -0.917], [0.044, 0.164, -1.387],
                   [0.882, 0.098, -1.277], [1.213, 0.127, -0.601], [1.125, 0.127, -0.086], [0.831, 0.076, 0.230]])
# P, Q, R, S and T: time from R and standard deviation, s; amplitude along X, Y, Z, mV.
_WAVES = ((-0.16, 0.022, 0.06, 0.10, -0.02), (-0.034, 0.010, -0.12, -0.05, -0.20), (0.0, 0.012, 0.95, 0.80, 0.35),
          (0.028, 0.012, -0.25, 0.05, 0.75), (0.24, 0.050, 0.25, 0.22, -0.14))
# Heart rates that are drawn from, beats a minute.
_SLOWEST_BPM = 52
_FASTEST_BPM = 105
# Standard deviation of the RR interval as a share of it, and how often each is drawn: a steady heart, a heart that
# varies with breathing, an irregular one.
_RR_VARIATION = (0.02, 0.03, 0.15)
_RR_VARIATION_SHARE = (0.5, 0.3, 0.2)
# Standard deviation of the rotation of the dipole, radians.
_TURN_RAD = 0.25
# Waves this far behind R (T) move with the RR interval, s.
_REPOLARIZATION_S = 0.1
# Standard deviation of the amplitude of base line wander, mV.
_WANDER_MV = 0.06
# Standard deviation of the noise at a factor of 1, mV.
_NOISE_MV = 0.004


def heartbeats(seed: int, seconds: float = 10.0, fs_hz: float = 500.0, size: float = 1.0) -> Float64Array:
    """Twelve leads of one synthetic patient.

    Parameters
    ----------
    seed : int
        Rate, axis, shape and noise follow from it.
    seconds : float
    fs_hz : float
        Samples a second.
    size : float
        Factor on the amplitudes of waves.

    Returns
    -------
    (12, n) float64
        mV to three decimals, in the order of `ecg.lead_table.LEADS`.
    """
    rng = np.random.default_rng([seed, 40])
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    rate_s = 60 / rng.uniform(_SLOWEST_BPM, _FASTEST_BPM)
    irregular = rng.choice(_RR_VARIATION, p=_RR_VARIATION_SHARE)
    turn = rng.normal(0, _TURN_RAD, 3)
    shape = [(at, width * rng.uniform(0.85, 1.2), np.array(vector) * rng.uniform(0.7, 1.4) + rng.normal(0, 0.03, 3))
             for at, width, *vector in _WAVES]
    dipole = np.zeros((3, len(t)))
    beat = -rng.uniform(0, rate_s)
    while beat < seconds + 1:
        for at, width, vector in shape:
            stretch = np.sqrt(rate_s) if at > _REPOLARIZATION_S else 1.0
            dipole += vector[:, None] * np.exp(-0.5 * ((t - beat - at * stretch) / width) ** 2)[None, :]
        beat += rate_s * (1 + rng.normal(0, irregular))
    a, b = np.cos(turn[0]), np.sin(turn[0])
    dipole[:2] = np.array([[a, -b], [b, a]]) @ dipole[:2]
    eight = size * _DOWER @ dipole
    wander = rng.normal(0, _WANDER_MV, (8, 1))
    wander = wander * np.sin(2 * np.pi * (rng.uniform(0.1, 0.35) * t + rng.uniform(size=(8, 1))))
    noise = np.cumsum(rng.normal(0, 1, eight.shape), axis=1)
    noise -= cv2.blur(noise, (51, 1))
    eight += wander + _NOISE_MV * rng.uniform(0.3, 2.5) * noise / noise.std()
    return np.round(_with_derived_leads(eight), 3)


def _with_derived_leads(eight: Float64Array) -> Float64Array:
    """(12, n) leads of (8, n) I, II and V1 to V6: III, aVR, aVL and aVF follow from I and II."""
    i, ii = eight[0], eight[1]
    return np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, *eight[2:]])
