"""Properties of the picture, not of the patient: focus, noise, JPEG, exposure, dirt, lamp, print, framing.

A nuisance family: it stands in the table for audits and shortcut tests and is never offered to the model.
"""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import UInt8Array
from featurize.images.normalize import background_color, brightest_channel, darkest_channel, outside
from featurize.kernels.radiomics.sums import opponent_sums, power_sums
from featurize.registry import Feature, block
from featurize.sample import Sample

_SIDE = 384
_DESCRIBES = {
    "width_px": Feature("px", "of the file", in_pixels=True), "height_px": Feature("px", "of the file", in_pixels=True),
    "focus": Feature("gray level", "standard deviation of the Laplacian / standard deviation of the luma x 100"),
    "focus_coarse": Feature("1", "deviation between 1 and 2 px / between 2 and 4 px (differences of Gaussians)"),
    "noise": Feature("gray level", "sigma = sqrt(pi/2) / 6 x mean |N * I| (Immerkaer 1996, 10.1006/cviu.1996.0060)"),
    "blockiness": Feature("1", "mean step across the 8 px JPEG grid / mean step elsewhere"),
    "dark_clipped": Feature("1", "share of pixels with a channel at 0"),
    "bright_clipped": Feature("1", "share of pixels with a channel at 255"),
    "mean_red": Feature("byte", "mean"), "mean_green": Feature("byte", "mean"), "mean_blue": Feature("byte", "mean"),
    "contrast": Feature("byte", "95th - 5th percentile of the luma"),
    "colorfulness": Feature("byte", "Hasler & Suesstrunk 2003, 10.1117/12.477378"),
    "slide_*": Feature("byte", "color of the empty slide"),
    "illumination": Feature("1", "largest / smallest background of a 3 x 3 grid - 1"),
    "vignette": Feature("1", "background at the corners / at the centre - 1"),
    "dirt": Feature("1", "share of small, very dark, colorless specks"),
    "print": Feature("1", "share of pixels in flat pure black, white or red strokes near the rim: text or a scale bar"),
    "black_background": Feature("1", "1 = the surrounding was cut out"),
    "offset": Feature("sides", "distance of the cell from the centre of the image"),
    "cut_rim": Feature("1", "share of the cell's outline on the rim of the image"),
    "other_nuclei": Feature("count", "further nuclei in the image"),
    "red_share": Feature("1", "share of the image covered by red cells"),
    "found": Feature("1", "1 = a cell was found"),
}
_FROM_SEGMENTER = ("found", "offset", "cut_rim", "other_nuclei", "red_share")


@block("quality", version=1, needs=("raw", "facts"), describes=_DESCRIBES, nuisance=True,
       source="Immerkaer 1996; Hasler & Suesstrunk 2003; Wang, Sheikh & Bovik 2002, 10.1109/ICIP.2002.1038064")
def quality(sample: Sample, *, segmenter: bool = True) -> dict[str, float]:
    """Nuisances of the image as read; those that the segmenter saw unless `segmenter` is false."""
    raw = sample.raw
    height, width = raw.shape[:2]
    gray = cv2.cvtColor(raw, cv2.COLOR_RGB2GRAY)
    row = {"width_px": float(width), "height_px": float(height), "blockiness": _blockiness(gray)}
    part = _middle(raw)
    luma = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    row |= _sharpness(luma) | _exposure(part, luma) | _slide(raw) | {"dirt": _dirt(part, luma), "print": _print(raw)}
    if segmenter:
        row |= {k: float(sample.facts.get(k, np.nan)) for k in _FROM_SEGMENTER}
    return {f"image_quality_{k}": v for k, v in row.items()}


def _middle(raw: UInt8Array) -> UInt8Array:
    """At most 384 px around the centre, at the file's own resolution: scaling would hide focus and noise."""
    y, x = (max(0, (n - _SIDE) // 2) for n in raw.shape[:2])
    return np.ascontiguousarray(raw[y: y + _SIDE, x: x + _SIDE])


def _sharpness(luma: UInt8Array) -> dict[str, float]:
    spread = max(float(cv2.meanStdDev(luma)[1][0, 0]), 1.0)
    # Wide blurs on a quarter of the pixels: nothing finer is left in them.
    size = (max(1, luma.shape[1] // 2), max(1, luma.shape[0] // 2))
    half = cv2.resize(cv2.GaussianBlur(luma, (0, 0), 1.0), size, interpolation=cv2.INTER_AREA)
    smooth = [plane.astype(np.int16) for plane in (half, *(cv2.GaussianBlur(half, (0, 0), s) for s in (0.9, 1.9)))]
    fine, coarse = (_spread(smooth[k] - smooth[k + 1]) for k in (0, 1))
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    noise = cv2.norm(cv2.filter2D(luma, cv2.CV_16S, mask), cv2.NORM_L1) / luma.size * np.sqrt(np.pi / 2) / 6
    return {"focus": _spread(cv2.Laplacian(luma, cv2.CV_16S)) / spread * 100, "focus_coarse": fine / max(coarse, 1e-3),
            "noise": float(noise)}


def _spread(plane: NDArray[np.int16]) -> float:
    sums = np.zeros(2, np.int64)
    power_sums(np.asarray(plane), sums)
    return _moments(int(sums[0]), int(sums[1]), plane.size)[1]


def _moments(one: int, two: int, n: int) -> tuple[float, float]:
    """Mean and standard deviation from the sums of values and squares."""
    mean = float(one) / n
    return mean, float(np.sqrt(max(float(two) / n - mean * mean, 0.0)))


def _blockiness(gray: UInt8Array) -> float:
    """Steps across the grid of 8 px that JPEG codes in, against all others; 1 = no grid to be seen."""
    part, found = gray[:512, :512], []
    for axis, (after, before) in enumerate(((part[:, 1:], part[:, :-1]), (part[1:], part[:-1]))):
        if after.size == 0:
            continue
        mean = cv2.reduce(cv2.absdiff(after, before), axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        if mean.size >= 16:
            on = np.arange(mean.size) % 8 == 7
            found.append((mean[on].mean() + 0.1) / (mean[~on].mean() + 0.1))
    return float(np.mean(found)) if found else 1.0


def _exposure(part: UInt8Array, luma: UInt8Array) -> dict[str, float]:
    counts = np.cumsum(cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel())
    low, high = np.searchsorted(counts, np.array([0.05, 0.95]) * counts[-1])
    sums = np.zeros(6, np.int64)
    red, green, blue = cv2.split(part)
    opponent_sums(red, green, blue, sums)
    (rg, rg_std), (yb, yb_std) = (_moments(int(sums[k]), int(sums[k + 1]), luma.size) for k in (0, 2))
    # Summed up doubled, so that the mean of red and green stays whole.
    yb, yb_std = yb / 2, yb_std / 2
    means = cv2.mean(part)
    return {"mean_red": means[0], "mean_green": means[1], "mean_blue": means[2], "contrast": float(high - low),
            "colorfulness": float(np.hypot(rg_std, yb_std) + 0.3 * np.hypot(rg, yb)),
            "dark_clipped": float(sums[4] / luma.size), "bright_clipped": float(sums[5] / luma.size)}


def _slide(raw: UInt8Array) -> dict[str, float]:
    """Color and evenness of the background, on a thumbnail of 96 px."""
    small = cv2.resize(raw, (96, 96), interpolation=cv2.INTER_AREA)
    black = outside(small)
    white = background_color(small, black)
    plane = darkest_channel(small).reshape(3, 32, 3, 32).transpose(0, 2, 1, 3).reshape(3, 3, -1)
    # The 90th percentile lies between two of the sorted bytes, .7 of the way.
    low, high = np.moveaxis(np.sort(plane, axis=2)[..., 920: 922].astype(np.float64), 2, 0)
    cells = high - (high - low) * (921 - 0.9 * 1023) + 1
    corners = float(np.mean(cells[::2, ::2]))
    return {"slide_red": float(white[0]), "slide_green": float(white[1]), "slide_blue": float(white[2]),
            "illumination": float(cells.max() / cells.min() - 1), "vignette": corners / float(cells[1, 1]) - 1,
            "black_background": float(black.any())}


def _dirt(part: UInt8Array, luma: UInt8Array) -> float:
    """Specks: much darker than a median over 5 px, and without color."""
    speck = cv2.subtract(cv2.medianBlur(luma, 5), luma)
    gray = cv2.subtract(brightest_channel(part), darkest_channel(part))
    return np.count_nonzero((speck > 40) & (gray < 40)) / luma.size


def _print(raw: UInt8Array) -> float:
    """Strokes of print in the outer sixth: pure black or red beside pure white, in an image of at most 512 px."""
    step = max(1, max(raw.shape[:2]) // 512)
    part = np.ascontiguousarray(raw[::step, ::step])
    height, width = part.shape[:2]
    red, green, blue = cv2.split(part)
    ink = (brightest_channel(part) < 60) | ((red > 150) & (cv2.max(green, blue) < 90))
    ink[height // 6: height - height // 6, width // 6: width - width // 6] = False
    if not ink.any():
        return 0.0
    near = cv2.dilate((darkest_channel(part) > 240).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.count_nonzero(ink & near) / ink.size
