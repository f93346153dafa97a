"""Properties of the picture, not of the patient: focus, noise, JPEG, exposure, dirt, lamp, print, framing.

A nuisance family: it stands in the table for audits and shortcut tests and is never offered to the model.
"""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import UInt8Array
from featurize.images.normalize import background_color, brightest_channel, darkest_channel, outside
from featurize.kernels.radiomics.sums import Opponent, opponent_sums, power_sums
from featurize.registry import Feature, block
from featurize.sample import Sample

_SIDE_PX = 384                # side of the middle in which sharpness, exposure and dirt are measured
_LEAST_SPREAD = 1.0           # gray levels; focus is measured against at least this spread of the luma
_HALF_SIGMA_PX = 1.0          # blur before the image is halved
_COARSE_SIGMAS_PX = 0.9, 1.9  # further blurs of the halved image
_JPEG_PX = 512                # side of the part in which the JPEG grid is sought
_JPEG_GRID_PX = 8             # side of JPEG's blocks
_LEAST_STEPS = 16             # steps between rows or columns; with fewer no grid can be seen
_STEP_OFFSET = 0.1            # gray levels; added to both means, so that an even image has a ratio of 1
_MEAN_WEIGHT = 0.3            # of the mean distance from gray in colorfulness (Hasler & Suesstrunk 2003)
_THUMBNAIL_PX = 96            # side of the thumbnail on which the background is measured
_SPECK_WINDOW_PX = 5          # window of the median that a speck is darker than
_SPECK_DEPTH = 40             # gray levels by which it must be darker
_SPECK_COLOR = 40             # gray levels between its channels that it must stay below
_PRINT_PX = 512               # side of the image in which print is sought
_PRINT_SIXTH = 6              # print is sought in one such part of the sides along the rim
_BLACK_INK = 60               # gray levels: the brightest channel of black ink is below this,
_RED_INK = 150                # the red channel of red ink above this
_RED_INK_REST = 90            # and its other channels below this
_PAPER = 240                  # the darkest channel of white beside print is above this
_PAPER_REACH_PX = 5           # side of the square in which white is sought around a stroke
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
    y, x = (max(0, (n - _SIDE_PX) // 2) for n in raw.shape[:2])
    return np.ascontiguousarray(raw[y: y + _SIDE_PX, x: x + _SIDE_PX])


def _sharpness(luma: UInt8Array) -> dict[str, float]:
    spread = max(float(cv2.meanStdDev(luma)[1][0, 0]), _LEAST_SPREAD)
    # Wide blurs on a quarter of the pixels: nothing finer is left in them.
    size = (max(1, luma.shape[1] // 2), max(1, luma.shape[0] // 2))
    half = cv2.resize(cv2.GaussianBlur(luma, (0, 0), _HALF_SIGMA_PX), size, interpolation=cv2.INTER_AREA)
    blurred = (cv2.GaussianBlur(half, (0, 0), sigma) for sigma in _COARSE_SIGMAS_PX)
    smooth = [plane.astype(np.int16) for plane in (half, *blurred)]
    fine, coarse = (_spread(smooth[k] - smooth[k + 1]) for k in (0, 1))
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    noise = cv2.norm(cv2.filter2D(luma, cv2.CV_16S, mask), cv2.NORM_L1) / luma.size * np.sqrt(np.pi / 2) / 6
    return {"focus": _spread(cv2.Laplacian(luma, cv2.CV_16S)) / spread * 100, "focus_coarse": fine / max(coarse, 1e-3),
            "noise": float(noise)}


def _spread(plane: NDArray[np.int16]) -> float:
    sums = np.zeros(2, np.int64)
    power_sums(np.asarray(plane), sums)
    return _moments(int(sums[0]), int(sums[1]), plane.size)[1]


def _moments(total: int, squares: int, n: int) -> tuple[float, float]:
    """Mean and standard deviation from the sums of values and squares."""
    mean = float(total) / n
    return mean, float(np.sqrt(max(float(squares) / n - mean * mean, 0.0)))


def _blockiness(gray: UInt8Array) -> float:
    """Steps across the grid of 8 px that JPEG codes in, against all others; 1 = no grid to be seen."""
    part, found = gray[:_JPEG_PX, :_JPEG_PX], []
    for axis, (after, before) in enumerate(((part[:, 1:], part[:, :-1]), (part[1:], part[:-1]))):
        if after.size == 0:
            continue
        mean = cv2.reduce(cv2.absdiff(after, before), axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        if mean.size >= _LEAST_STEPS:
            on = np.arange(mean.size) % _JPEG_GRID_PX == _JPEG_GRID_PX - 1
            found.append((mean[on].mean() + _STEP_OFFSET) / (mean[~on].mean() + _STEP_OFFSET))
    return float(np.mean(found)) if found else 1.0


def _exposure(part: UInt8Array, luma: UInt8Array) -> dict[str, float]:
    counts = np.cumsum(cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel())
    low, high = np.searchsorted(counts, np.array([0.05, 0.95]) * counts[-1])
    sums = np.zeros(len(Opponent), np.int64)
    red, green, blue = cv2.split(part)
    opponent_sums(red, green, blue, sums)
    rg, rg_std = _moments(int(sums[Opponent.RED_GREEN]), int(sums[Opponent.RED_GREEN_SQUARES]), luma.size)
    yb, yb_std = _moments(int(sums[Opponent.YELLOW_BLUE]), int(sums[Opponent.YELLOW_BLUE_SQUARES]), luma.size)
    # Summed up doubled, so that the mean of red and green stays whole.
    yb, yb_std = yb / 2, yb_std / 2
    means = cv2.mean(part)
    return {"mean_red": means[0], "mean_green": means[1], "mean_blue": means[2], "contrast": float(high - low),
            "colorfulness": float(np.hypot(rg_std, yb_std) + _MEAN_WEIGHT * np.hypot(rg, yb)),
            "dark_clipped": float(sums[Opponent.DARK] / luma.size),
            "bright_clipped": float(sums[Opponent.BRIGHT] / luma.size)}


def _slide(raw: UInt8Array) -> dict[str, float]:
    """Color and evenness of the background, on a thumbnail of 96 px."""
    small = cv2.resize(raw, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    black = outside(small)
    white = background_color(small, black)
    cell_px = _THUMBNAIL_PX // 3
    plane = darkest_channel(small).reshape(3, cell_px, 3, cell_px).transpose(0, 2, 1, 3).reshape(3, 3, -1)
    # The 90th percentile lies between two of the sorted bytes, .7 of the way.
    low, high = np.moveaxis(np.sort(plane, axis=2)[..., 920: 922].astype(np.float64), 2, 0)
    cells = high - (high - low) * (921 - 0.9 * 1023) + 1
    corners = float(np.mean(cells[::2, ::2]))
    return {"slide_red": float(white[0]), "slide_green": float(white[1]), "slide_blue": float(white[2]),
            "illumination": float(cells.max() / cells.min() - 1), "vignette": corners / float(cells[1, 1]) - 1,
            "black_background": float(black.any())}


def _dirt(part: UInt8Array, luma: UInt8Array) -> float:
    """Specks: much darker than a median over 5 px, and without color."""
    speck = cv2.subtract(cv2.medianBlur(luma, _SPECK_WINDOW_PX), luma)
    gray = cv2.subtract(brightest_channel(part), darkest_channel(part))
    return np.count_nonzero((speck > _SPECK_DEPTH) & (gray < _SPECK_COLOR)) / luma.size


def _print(raw: UInt8Array) -> float:
    """Strokes of print in the outer sixth: pure black or red beside pure white, in an image of at most 512 px."""
    step = max(1, max(raw.shape[:2]) // _PRINT_PX)
    part = np.ascontiguousarray(raw[::step, ::step])
    height, width = part.shape[:2]
    red, green, blue = cv2.split(part)
    ink = (brightest_channel(part) < _BLACK_INK) | ((red > _RED_INK) & (cv2.max(green, blue) < _RED_INK_REST))
    top, left = height // _PRINT_SIXTH, width // _PRINT_SIXTH
    ink[top: height - top, left: width - left] = False
    if not ink.any():
        return 0.0
    square = np.ones((_PAPER_REACH_PX, _PAPER_REACH_PX), np.uint8)
    near = cv2.dilate((darkest_channel(part) > _PAPER).astype(np.uint8), square) > 0
    return np.count_nonzero(ink & near) / ink.size
