"""Energy by scale: the undecimated B3-spline wavelet, and how strongly structures share one direction."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, UInt8Array
from featurize.kernels.radiomics.sums import Tensor, detail_sums, tensor_sums
from featurize.registry import Feature, block
from featurize.sample import Sample

_LEAST_SQUARE = 1e-6    # squared gray levels; flat regions leave rounding noise of that size, without a skewness
_LEAST_ENERGY = 1e-3    # gray levels; with less no scale has a share
_B3_SPLINE = np.array([1, 4, 6, 4, 1], np.float32) / 16
_DESCRIBES = {
    "*_scale*_energy": Feature("gray level", "mean |w| over the region, w = difference of successive smoothings"),
    "*_scale*_share": Feature("1", "energy of the scale / energy of all scales"),
    "*_scale*_skewness": Feature("1", "mean w^3 / (mean w^2)^1.5: dark (-) or bright (+) spots"),
    "*_anisotropy": Feature("1", "(l1 - l2) / (l1 + l2) of the structure tensor summed over the region"),
}


@block("wavelet", version=2, needs=("gray", "lab", "regions"), describes=_DESCRIBES,
       source="Starck & Murtagh 1994 (a trous, B3 spline); structure tensor: Bigun & Granlund 1987")
def wavelet(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
            channels: tuple[str, ...] = ("gray",), scales: int = 4, erode: int = 2) -> dict[str, float]:
    """Energies in every region, `erode` px inside it so that its outline isn't taken for texture.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    channels : tuple of {"gray", "l", "a", "b"}
    scales : int
        Steps of smoothing, each twice as wide as the one before.
    erode : int
        In px.
    """
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * erode + 1, 2 * erode + 1))
    row: dict[str, float] = {}
    inner = {name: cv2.erode(sample.regions[name].astype(np.uint8), disk, borderValue=1).astype(bool)
             for name in regions}
    for channel in channels:
        plane = sample.gray if channel == "gray" else cv2.extractChannel(sample.lab, {"l": 0, "a": 1, "b": 2}[channel])
        details = _details(plane.astype(np.float32), scales)
        for name in regions:
            row |= _energies(f"{name}_wavelet_{channel}", details, inner[name])
            row[f"{name}_wavelet_{channel}_anisotropy"] = _anisotropy(plane, inner[name])
    return row


def _details(plane: Float32Array, scales: int) -> Float32Array:
    """(scales, H, W): what each step of smoothing takes away."""
    details, smooth = [], plane
    for k in range(scales):
        taps = np.zeros(4 * 2 ** k + 1, np.float32)
        taps[:: 2 ** k] = _B3_SPLINE
        smoother = cv2.sepFilter2D(smooth, cv2.CV_32F, taps, taps, borderType=cv2.BORDER_REFLECT)
        details.append(smooth - smoother)
        smooth = smoother
    return np.stack(details)


def _energies(prefix: str, details: Float32Array, inner: BoolArray) -> dict[str, float]:
    n = np.count_nonzero(inner)
    if not n:
        return {f"{prefix}_scale{k + 1}_{key}": np.nan
                for k in range(len(details)) for key in ("energy", "share", "skewness")}
    sums = np.zeros((len(details), 3))
    detail_sums(details, inner, sums)
    energy, square, cube = sums.T / n
    skewness = np.where(square > _LEAST_SQUARE, cube / np.maximum(square, _LEAST_SQUARE) ** 1.5, 0.0)
    total = energy.sum()
    share = energy / total if total > _LEAST_ENERGY else np.zeros(len(details))
    return {f"{prefix}_scale{k + 1}_{key}": float(v[k]) for k in range(len(details))
            for key, v in (("energy", energy), ("share", share), ("skewness", skewness))}


def _anisotropy(plane: UInt8Array, inner: BoolArray) -> float:
    n = np.count_nonzero(inner)
    if not n:
        return np.nan
    sums = np.zeros(len(Tensor), np.int64)
    tensor_sums(plane, inner, sums)
    yy, xx, xy = sums[Tensor.YY] / n, sums[Tensor.XX] / n, sums[Tensor.XY] / n
    return float(np.hypot(yy - xx, 2 * xy) / (yy + xx)) if yy + xx > _LEAST_SQUARE else 0.0
