"""Properties of the picture, not of the patient: focus, noise, JPEG, exposure, dirt, lamp, print, framing.

A nuisance family: it stands in the table for audits and shortcut tests and is never offered to the model.
"""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.normalize import background_color, outside
from featurize.registry import Feature, block
from featurize.sample import Sample

_SIDE = 384
_DESCRIBES = {
    "width_px": Feature("px", "of the file"), "height_px": Feature("px", "of the file"),
    "focus": Feature("gray level", "standard deviation of the Laplacian / standard deviation of the luma x 100"),
    "focus_coarse": Feature("1", "energy between 1 and 2 px / energy between 2 and 4 px (difference of Gaussians)"),
    "noise": Feature("gray level", "sigma = sqrt(pi/2) / 6 x mean |N * I| (Immerkaer 1996, 10.1006/cviu.1996.0060)"),
    "blockiness": Feature("1", "mean step across the 8 px JPEG grid / mean step elsewhere"),
    "dark_clipped": Feature("1", "share of pixels with a channel at 0"),
    "bright_clipped": Feature("1", "share of pixels with a channel at 255"),
    "mean_red": Feature("byte", "mean"), "mean_green": Feature("byte", "mean"), "mean_blue": Feature("byte", "mean"),
    "contrast": Feature("byte", "95th - 5th percentile of the luma"),
    "colorfulness": Feature("byte", "Hasler & Suesstrunk 2003, 10.1117/12.477378"),
    "slide_*": Feature("byte", "color of the empty slide"), "illumination": Feature("1", "largest / smallest mean of a 3 x 3 grid of bright backgrounds - 1"),
    "vignette": Feature("1", "background at the corners / at the centre - 1"),
    "dirt": Feature("1", "share of small, very dark, colorless specks"),
    "print": Feature("1", "share of pixels in flat pure black, white or red strokes near the rim: text or a scale bar"),
    "black_background": Feature("1", "1 = the surrounding was cut out"),
    "offset": Feature("sides", "distance of the cell from the centre of the image"),
    "cut_rim": Feature("1", "share of the cell's outline on the rim of the image"),
    "other_nuclei": Feature("count", "further nuclei in the image"), "red_share": Feature("1", "share of the image covered by red cells"),
    "found": Feature("1", "1 = a cell was found"),
}
_FROM_SEGMENTER = ("found", "offset", "cut_rim", "other_nuclei", "red_share")


@block("quality", version=1, needs=("raw", "facts"), describes=_DESCRIBES, nuisance=True,
       source="Immerkaer 1996; Hasler & Suesstrunk 2003; Wang, Sheikh & Bovik 2002, 10.1109/ICIP.2002.1038064 (blockiness)")
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


def _middle(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most 384 px around the centre, at the file's own resolution: scaling would hide focus and noise."""
    y, x = (max(0, (n - _SIDE) // 2) for n in raw.shape[:2])
    return np.ascontiguousarray(raw[y: y + _SIDE, x: x + _SIDE])


def _sharpness(luma: NDArray[np.uint8]) -> dict[str, float]:
    spread = max(float(luma.std()), 1.0)
    plane = luma.astype(np.float32)
    smooth = [plane, *(cv2.GaussianBlur(plane, (0, 0), s) for s in (1.0, 2.0, 4.0))]
    fine, coarse = (float(np.abs(smooth[k] - smooth[k + 1]).mean()) for k in (1, 2))
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    noise = float(np.abs(cv2.filter2D(plane, cv2.CV_32F, mask)).mean()) * np.sqrt(np.pi / 2) / 6
    return {"focus": float(cv2.Laplacian(luma, cv2.CV_32F).std()) / spread * 100, "focus_coarse": fine / max(coarse, 1e-3), "noise": float(noise)}


def _blockiness(gray: NDArray[np.uint8]) -> float:
    """Steps across the grid of 8 px that JPEG codes in, against all others; 1 = no grid to be seen."""
    found = []
    for plane in (gray, gray.T):
        steps = np.abs(np.diff(plane[:1024, :1024].astype(np.int16), axis=1)).mean(axis=0)
        if steps.size >= 16:
            on = np.arange(steps.size) % 8 == 7
            found.append((steps[on].mean() + 0.1) / (steps[~on].mean() + 0.1))
    return float(np.mean(found)) if found else 1.0


def _exposure(part: NDArray[np.uint8], luma: NDArray[np.uint8]) -> dict[str, float]:
    low, high = np.percentile(luma, [5, 95])
    r, g, b = (part[..., k].astype(np.float32) for k in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    colorful = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    return {"mean_red": float(r.mean()), "mean_green": float(g.mean()), "mean_blue": float(b.mean()), "contrast": float(high - low),
            "colorfulness": float(colorful), "dark_clipped": float((part == 0).any(axis=2).mean()),
            "bright_clipped": float((part == 255).any(axis=2).mean())}


def _slide(raw: NDArray[np.uint8]) -> dict[str, float]:
    """Color and evenness of the background, on a thumbnail of 96 px."""
    small = cv2.resize(raw, (96, 96), interpolation=cv2.INTER_AREA)
    black = outside(small)
    white = background_color(small, black)
    plane = small.min(axis=2).astype(np.float64)
    cells = np.array([[np.percentile(plane[i: i + 32, j: j + 32], 90) for j in (0, 32, 64)] for i in (0, 32, 64)]) + 1
    corners = float(np.mean([cells[0, 0], cells[0, 2], cells[2, 0], cells[2, 2]]))
    return {"slide_red": float(white[0]), "slide_green": float(white[1]), "slide_blue": float(white[2]),
            "illumination": float(cells.max() / cells.min() - 1), "vignette": corners / float(cells[1, 1]) - 1,
            "black_background": float(black.any())}


def _dirt(part: NDArray[np.uint8], luma: NDArray[np.uint8]) -> float:
    """Specks: much darker than a median over 7 px, and without color."""
    speck = cv2.medianBlur(luma, 7).astype(np.int16) - luma
    gray = part.max(axis=2).astype(np.int16) - part.min(axis=2) < 40
    return float(((speck > 40) & gray).mean())


def _print(raw: NDArray[np.uint8]) -> float:
    """Strokes of print in the outer sixth: pure black or red on a patch whose brightest neighbour is pure white."""
    height, width = raw.shape[:2]
    rim = np.ones((height, width), bool)
    rim[height // 6: height - height // 6, width // 6: width - width // 6] = False
    r, g, b = (raw[..., k].astype(np.int16) for k in range(3))
    ink = ((raw.max(axis=2) < 60) | ((r > 150) & (g < 90) & (b < 90))) & rim
    white = (raw.min(axis=2) > 240).astype(np.uint8)
    near = cv2.dilate(white, np.ones((5, 5), np.uint8)).astype(bool)
    return float((ink & near).mean())
