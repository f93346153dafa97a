"""Gabor energies: how strongly the gray levels wave at each wavelength, and whether in one direction."""
import numpy as np

from featurize.arrays import Float64Array
from featurize.descriptors.texture import gabor_energies
from featurize.registry import Feature, block
from featurize.sample import Sample

_LEAST_ENERGY = 1e-6    # squared gray levels; below there is only rounding
_DESCRIBES = {
    "w*_mean": Feature("gray level", "square root of the energy averaged over orientations, at that wavelength in px"),
    "w*_spread": Feature("1", "standard deviation / mean of the energy over orientations, 0 without any energy"),
    "w*_anisotropy": Feature("1", "|sum E exp(2 i orientation)| / sum E, 0 without any energy"),
}


@block("gabor", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Petkov & Kruizinga 1997, 10.1007/s004220050358; Jain & Farrokhnia 1991, 10.1016/0031-3203(91)90143-S")
def gabor(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
          wavelengths: tuple[int, ...] = (4, 8, 16), orientations: int = 6) -> dict[str, float]:
    """Energies of every region, summed up so that a turn of the image leaves them the same.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    wavelengths : tuple of int
        In px.
    orientations : int
        Directions of the wave over half a turn.
    """
    row: dict[str, float] = {}
    for name in regions:
        energies = gabor_energies(sample.gray, sample.regions[name], tuple(map(float, wavelengths)), orientations)
        for wavelength, energy in zip(wavelengths, energies):
            row |= {f"{name}_gabor_w{wavelength}_{k}": v for k, v in _summary(energy).items()}
    return row


def _summary(energy: Float64Array) -> dict[str, float]:
    mean = float(energy.mean())
    turn = np.exp(2j * np.pi * np.arange(len(energy)) / len(energy))
    # NaN stays NaN.
    weak = mean < _LEAST_ENERGY
    return {"mean": float(np.sqrt(mean)), "spread": 0.0 if weak else float(energy.std() / mean),
            "anisotropy": 0.0 if weak else float(np.abs(turn @ energy) / energy.sum())}
