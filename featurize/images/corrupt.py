"""One change of a picture at a time, at five strengths: what `audit --sweep` measures again.

`featurize.images.perturb` draws many changes at once, as mild as another laboratory makes them, to learn from. Here
each change stands alone and goes on until a picture is hardly usable: a person sees at which strength a model fails.
The kinds follow Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions",
arXiv:1903.12261, with those of slides and films in place of weather. The strengths were chosen by eye on drawn cells.
"""
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.images.perturb import as_jpeg, magnified, with_density
from featurize.images.picture import Picture

# Raised whenever a change or a strength gives other pictures: guards sweeps that are resumed.
VERSION = 2
# Pixels of a picture before a change, at most: a larger one is made smaller. Noise takes about 80 bytes a pixel, and
# one job has 1.5 GB.
_MOST_PX = 10_000_000
# Strengths of every change, 1 to 5.
STRENGTHS = 5

# Optical density of red, green and blue (columns) of hematoxylin, eosin and DAB (rows): Ruifrok & Johnston 2001,
# "Quantification of histochemical staining by color deconvolution", Anal Quant Cytol Histol 23:291.
_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
# Exponent between sRGB values and light, ITU-R BT.1886 in round numbers.
_DISPLAY_GAMMA = 2.2
# Subpixels a side of which the disk of defocus is summed.
_FINE = 8
# A disk of this radius is one pixel: nothing is out of focus.
_SHARP_RADIUS_PX = 0.5
# Drawn uniformly: radius of a speck of dust, share of the longer side.
_SPECK_RADIUS = (0.004, 0.018)
# Drawn uniformly: share of the light that a speck takes.
_SPECK_SHADE = (0.35, 0.8)
# Standard deviation of the blur of specks, share of their radius: dust lies outside the plane of focus.
_SPECK_BLUR = 0.4
# Height of a scale bar and distance from the edges, shares of the height.
_BAR_HEIGHT = 0.018
_BAR_MARGIN = 0.04
_BAR_TEXT = "50 um"
# Gray level below which a corner is dark, so that the bar is white.
_DARK = 100
# Height of the letters of OpenCV's plain font at scale 1, pixels.
_LETTER_PX = 22

# Pixels, the amount, random numbers and whether the change goes up.
Change = Callable[[UInt8Array, float, np.random.Generator, bool], UInt8Array]


@dataclass(frozen=True)
class LongerSides:
    """Longer sides of the pictures that are changed.

    Parameters
    ----------
    low_px, high_px : float
        Of the smallest and of the largest picture.
    mm_per_px : float or None
    """

    low_px: float
    high_px: float
    mm_per_px: float | None = None


@dataclass(frozen=True)
class Corruption:
    """A kind of change.

    Parameters
    ----------
    amounts : tuple of 5 float
        By strength, from 1 on.
    told : str
        What an amount means, with ``{}`` in its place.
    change : callable
        ``(rgb, amount, rng, up) -> rgb``.
    both_ways : bool
        Half of the images are changed one way, half the other, by their ids.
    needs_color : bool
        Not for pictures without color.
    of_longer_side : bool
        The amounts are lengths, per mille of the longer side.
    """

    amounts: tuple[float, float, float, float, float]
    told: str
    change: Change
    both_ways: bool = False
    needs_color: bool = False
    of_longer_side: bool = False

    def words(self, strength: int, sides: LongerSides | None = None) -> str:
        """What a strength, 1 to 5, means, in these pictures.

        >>> CORRUPTIONS["blur"].words(3, LongerSides(320, 320, .0001))
        'Gaussian, standard deviation 2.6 px, 0.26 µm (0.8 % of the longer side)'
        """
        amount = self.amounts[strength - 1]
        return self.told.format(_as_length(amount, sides) if self.of_longer_side else f"{amount:g}")


def corrupted(picture: Picture, image_id: str, name: str, strength: int) -> Picture:
    """A picture with one change; the same picture, id, change and strength always give the same copy.

    Parameters
    ----------
    picture : Picture
    image_id : str
        Seed of what is drawn: places of dust, direction of a shift, noise. It is the same for all strengths.
    name : str
        One of `CORRUPTIONS`.
    strength : int
        1 to 5.

    Examples
    --------
    >>> from featurize.images.read import from_array
    >>> picture = from_array(np.full((40, 60, 3), 128, np.uint8))
    >>> corrupted(picture, "a", "scale bar", 5).rgb.min(), corrupted(picture, "a", "rotation", 5).rgb.shape
    (np.uint8(0), (40, 60, 3))
    """
    kind = CORRUPTIONS[name]
    rng = np.random.default_rng(zlib.crc32(f"{image_id} {name}".encode()))
    up = bool(rng.integers(2))
    shrunk = np.sqrt(_MOST_PX / (picture.rgb.shape[0] * picture.rgb.shape[1]))
    before = magnified(picture.rgb, shrunk) if shrunk < 1 else picture.rgb
    rgb = kind.change(before, kind.amounts[strength - 1], rng, up)
    height, width = rgb.shape[:2]
    scale = width / picture.rgb.shape[1]
    return replace(picture, rgb=rgb, width_px=width, height_px=height,
                   mm_per_px=picture.mm_per_px and picture.mm_per_px / scale)


def _blur(rgb: UInt8Array, per_mille: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), _pixels(rgb, per_mille)))


def _defocus(rgb: UInt8Array, per_mille: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    """Every point becomes a disk, in light."""
    radius = max(_pixels(rgb, per_mille), _SHARP_RADIUS_PX)
    reach = int(np.ceil(radius + .5))
    fine = (np.arange((2 * reach + 1) * _FINE) + .5) / _FINE - reach - .5
    inside = (fine[:, None] ** 2 + fine[None] ** 2 <= radius ** 2).astype(np.float32)
    disk = inside.reshape(2 * reach + 1, _FINE, 2 * reach + 1, _FINE).mean(axis=(1, 3))
    return _pixel_values(cv2.filter2D(_light(rgb), -1, disk / disk.sum(), borderType=cv2.BORDER_REFLECT_101))


def _noise(rgb: UInt8Array, deviation: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    channels = 1 if np.array_equal(rgb[..., 0], rgb[..., 2]) else 3
    return _rounded(rgb + deviation * rng.standard_normal((*rgb.shape[:2], channels)))


def _jpeg(rgb: UInt8Array, quality: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    return as_jpeg(rgb, round(quality))


def _brightness(rgb: UInt8Array, stops: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    return _pixel_values(_light(rgb) * np.float32(2.0 ** (stops if up else -stops)))


def _contrast(rgb: UInt8Array, left: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    mean = rgb.mean()
    return _rounded(mean + left * (rgb - mean))


def _gamma(rgb: UInt8Array, exponent: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    return _rounded(255 * np.power(rgb / 255, exponent if up else 1 / exponent))


def _white_balance(rgb: UInt8Array, per_cent: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    change = per_cent / 100 if up else -per_cent / 100
    return _rounded(rgb * np.array([1 + change, 1, 1 - change]))


def _stain_strength(rgb: UInt8Array, factor: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    return _rounded(with_density(rgb, np.eye(3) * (factor if up else 1 / factor), np.ones(3)))


def _stain_hue(rgb: UInt8Array, per_cent: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    """More hematoxylin and less eosin, or the other way; DAB stays."""
    change = per_cent / 100 if up else -per_cent / 100
    mixing = _HED.T @ np.diag([1 + change, 1 - change, 1]) @ np.linalg.inv(_HED.T)
    return _rounded(with_density(rgb, mixing, np.ones(3)))


def _dust(rgb: UInt8Array, specks: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    """Dark, unsharp specks; a stronger change has those of a weaker one, too."""
    height, width = rgb.shape[:2]
    shade = np.ones((height, width), np.float32)
    for _ in range(round(specks)):
        at_x, at_y = rng.uniform(0, width), rng.uniform(0, height)
        radius = rng.uniform(*_SPECK_RADIUS) * max(height, width)
        softness = max(_SPECK_BLUR * radius, .5)
        reach = int(radius + softness + 1)
        top, left = max(0, int(at_y) - reach), max(0, int(at_x) - reach)
        part = shade[top:int(at_y) + reach + 1, left:int(at_x) + reach + 1]
        y, x = np.ogrid[top:top + part.shape[0], left:left + part.shape[1]]
        near = np.clip((radius - np.hypot(x - at_x, y - at_y)) / softness + .5, 0, 1)
        part *= (1 - rng.uniform(*_SPECK_SHADE) * near).astype(np.float32)
    return _rounded(rgb * shade[..., None])


def _scale(rgb: UInt8Array, factor: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    return magnified(rgb, factor if up else 1 / factor)


def _rotation(rgb: UInt8Array, degrees: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees if up else -degrees, 1.0)
    return _moved(rgb, np.asarray(turn, np.float64))


def _shift(rgb: UInt8Array, per_cent: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    height, width = rgb.shape[:2]
    direction, share = rng.uniform(0, 2 * np.pi), per_cent / 100
    right, down = share * width * np.cos(direction), share * height * np.sin(direction)
    return _moved(rgb, np.array([[1, 0, right], [0, 1, down]]))


def _scale_bar(rgb: UInt8Array, per_cent: float, rng: np.random.Generator, up: bool) -> UInt8Array:
    """A bar with its number above, in the lower right corner: black on bright, white on dark."""
    height, width = rgb.shape[:2]
    length, thick = round(width * per_cent / 100), max(1, round(height * _BAR_HEIGHT))
    margin = round(height * _BAR_MARGIN)
    bottom, right = height - 1 - margin, width - 1 - margin
    tone = 255 if float(rgb[height // 2:, width // 2:].mean()) < _DARK else 0
    marked = np.ascontiguousarray(rgb.copy())
    cv2.rectangle(marked, (right - length, bottom - thick + 1), (right, bottom), (tone, tone, tone), -1)
    letter, pen = 3 * thick / _LETTER_PX, max(1, thick // 3)
    (written, _), _ = cv2.getTextSize(_BAR_TEXT, cv2.FONT_HERSHEY_SIMPLEX, letter, pen)
    cv2.putText(marked, _BAR_TEXT, (right - max(length, written), bottom - 2 * thick), cv2.FONT_HERSHEY_SIMPLEX, letter,
                (tone, tone, tone), pen, cv2.LINE_AA)
    return marked


def _moved(rgb: UInt8Array, matrix: Float64Array) -> UInt8Array:
    """Turned or shifted; what comes in from outside is the mirrored picture."""
    size = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def _as_length(per_mille: float, sides: LongerSides | None) -> str:
    """A share of the longer side as pixels, micrometers where the scale is known, and per cent."""
    share = f"{per_mille / 10:g} % of the longer side"
    if sides is None:
        return share
    pixels = [per_mille / 1000 * side for side in (sides.low_px, sides.high_px)]
    lengths = [f"{_from_to(pixels)} px"]
    if sides.mm_per_px:
        lengths.append(f"{_from_to([1000 * sides.mm_per_px * length for length in pixels])} µm")
    return f"{', '.join(lengths)} ({share})"


def _from_to(ends: Sequence[float]) -> str:
    """Two lengths, two digits each; one where they read alike."""
    low, high = (f"{end:.2g}" if end < 10 else f"{end:.0f}" for end in ends)
    return low if low == high else f"{low} to {high}"


def _pixels(rgb: UInt8Array, per_mille: float) -> float:
    return per_mille / 1000 * max(rgb.shape[:2])


def _light(rgb: UInt8Array) -> Float32Array:
    """(H, W, 3) light 0..1 that sRGB values stand for."""
    return np.asarray((rgb / np.float32(255)) ** np.float32(_DISPLAY_GAMMA), dtype=np.float32)


def _pixel_values(light: Float32Array) -> UInt8Array:
    """The inverse of `_light`; brighter than white is white."""
    return _rounded(255 * np.clip(light, 0, 1) ** (1 / _DISPLAY_GAMMA))


def _rounded(values: Float32Array | Float64Array) -> UInt8Array:
    return np.asarray(np.clip(np.round(values), 0, 255), dtype=np.uint8)


# Every change by name, in the order in which pages show them.
CORRUPTIONS: Mapping[str, Corruption] = {
    "blur": Corruption((2, 4, 8, 14, 22), "Gaussian, standard deviation {}", _blur,
                       of_longer_side=True),
    "defocus": Corruption((3, 6, 12, 20, 32), "disk, radius {}", _defocus, of_longer_side=True),
    "noise": Corruption((4, 8, 16, 28, 45), "standard deviation of {} gray levels", _noise),
    "JPEG": Corruption((60, 40, 25, 12, 5), "quality {}", _jpeg),
    "brightness": Corruption((.15, .3, .6, 1, 1.5), "{} stops up or down (1 is twice the light)",
                             _brightness, both_ways=True),
    "contrast": Corruption((.85, .7, .5, .35, .25), "{} of the contrast", _contrast),
    "gamma": Corruption((1.15, 1.3, 1.6, 2, 2.6), "exponent {} or its inverse", _gamma, both_ways=True),
    "white balance": Corruption((5, 10, 18, 28, 40), "red and blue {} % apart either way", _white_balance,
                                both_ways=True, needs_color=True),
    "stain strength": Corruption((1.15, 1.3, 1.6, 2, 2.6), "{} times as strong or as weak", _stain_strength,
                                 both_ways=True, needs_color=True),
    "stain hue": Corruption((10, 20, 35, 55, 80), "hematoxylin and eosin {} % up and down", _stain_hue,
                            both_ways=True, needs_color=True),
    "dust": Corruption((3, 8, 16, 32, 64), "{} specks", _dust),
    "scale": Corruption((1.1, 1.2, 1.35, 1.5, 1.75), "{} times larger or smaller", _scale, both_ways=True),
    "rotation": Corruption((5, 15, 30, 45, 90), "{}° either way", _rotation, both_ways=True),
    "shift": Corruption((3, 6, 12, 20, 30), "{} % of the sides", _shift),
    "scale bar": Corruption((10, 15, 20, 30, 40), "{} % of the width", _scale_bar),
}
