"""What exactly is measured by a column whose name on a page stands for many: statistic, filter, size, place, in words.

``nucleus_color_blue_p50`` is "color of the nucleus" to a reader who doesn't ask further; beside it stands "median of
blue". Sizes are in px of the picture as it was measured.
"""
import re
from collections.abc import Callable

from featurize.report.numbers import ordinal

_CHANNELS = {"l": "lightness", "a": "green to red (Lab a)", "b": "blue to yellow (Lab b)",
             "value": "brightness (HSV value)", "gray": "gray"}
# Directions of color of the stains, where the picture is not known to be stained with them.
_UNSTAINED = {"hematoxylin": "blue-violet density", "eosin": "pink density", "dab": "residual density"}
_STATISTICS = {"mean": "mean", "std": "standard deviation", "skewness": "skewness", "kurtosis": "kurtosis",
               "entropy": "entropy", "p50": "median", "cv": "relative spread"}
_PERCENTILE = r"p(\d+)|(\d+)_?percentile"
_MATRICES = {"glcm": "gray pairs (GLCM)", "glrlm": "runs of one gray (GLRLM)", "glszm": "areas of one gray (GLSZM)",
             "gldm": "neighbors of like gray (GLDM)", "ngtdm": "difference from the neighbors (NGTDM)",
             "ngldm": "neighbors of like gray (NGLDM)", "gldzm": "areas of one gray by depth (GLDZM)",
             "firstorder": "gray levels", "shape2d": "shape"}
_GRAINS = {"s1": "fine", "s2": "medium", "s3": "coarse"}
_OVER_REGION = {"mean": "strength", "spread": "unlike in its directions", "anisotropy": "in one direction"}
_OF_SCALE = {"energy": "strength", "share": "share of all scales", "skewness": "dark or bright spots"}
# Widths of the finer Gaussian of each scale of `featurize.blocks.zones`, px of a film of 256 px.
_FILM_SCALES = {"1": "1", "2": "2", "3": "4", "4": "8"}
_SIDES = {"asymmetry": ", right minus left", "difference": ", right against left without sign"}


def detail_words(family: str, feature: str, stained: str = "") -> str:
    """The part of a column behind region and family in words.

    Parameters
    ----------
    family, feature : str
        ``color`` and ``blue_p50`` of ``nucleus_color_blue_p50``.
    stained : str
        Name of the preset; only in ``tissue`` are the channels of hematoxylin and eosin called so.

    Examples
    --------
    >>> detail_words("color", "blue_p5"), detail_words("gabor", "w4_anisotropy"), detail_words("hog", "r4_c0_o2")
    ('5th percentile of blue', 'waves of 4 px, in one direction', 'row 5, column 1 of the grid, direction 3')
    """
    for pattern, phrase in _RULES.get(family, ()):
        found = re.fullmatch(pattern, feature)
        if found:
            return phrase(stained, *(part or "" for part in found.groups()))
    return _plain(feature, stained)


def _plain(feature: str, stained: str) -> str:
    """A feature without a rule: its own words, with channel and statistic readable."""
    what, _, how = feature.rpartition("_")
    if what and _is_statistic(how):
        return f"{_statistic(how)} of {_channel(what, stained)}"
    return _statistic(feature) if _is_statistic(feature) else _channel(feature, stained)


def _channel(name: str, stained: str) -> str:
    if stained != "tissue" and name in _UNSTAINED:
        return _UNSTAINED[name]
    return "residual stain" if name == "dab" else _CHANNELS.get(name, name.replace("_", " "))


def _is_statistic(name: str) -> bool:
    return name in _STATISTICS or re.fullmatch(_PERCENTILE, name) is not None


def _statistic(name: str) -> str:
    percentile = re.fullmatch(_PERCENTILE, name)
    if name in _STATISTICS or not percentile:
        return _STATISTICS.get(name, name.replace("_", " "))
    return f"{ordinal(int(percentile[1] or percentile[2]))} percentile"


def _nth(zero_based: str) -> int:
    return int(zero_based) + 1


def _pattern(_: str, radius: str, k: str) -> str:
    what = "irregular patterns" if k == "9" else f"{k} of 8 neighbors brighter"
    return f"{what}, {radius} px away"


def _co_occurrence(stained: str, channel: str, distance: str, what: str, over: str) -> str:
    of = f"{what.replace('_', ' ')} of {_channel(channel, stained)} {distance} px apart"
    return of + (", range over directions" if over else "")


def _zone(stained: str, zone: str, what: str, number: str, side: str) -> str:
    named = {"scale": f"detail of {_FILM_SCALES.get(number, number)} px", "edges": f"direction {int(number or 0) + 1}",
             "medial": "inner minus outer half", "coherence": "lines in one direction",
             "spots": "bright or dark spots"}.get(what, _statistic(what + number))
    return f"{f'{zone} zone, ' if zone else ''}{named}{_SIDES.get(side, '')}"


_Phrase = Callable[..., str]
# family: (pattern of the whole feature, phrase of its parts); the first that matches counts.
_RULES: dict[str, tuple[tuple[str, _Phrase], ...]] = {
    "color": (
        (r"(.+)_bin(\d+)", lambda s, c, k: f"share of pixels in range {_nth(k)} of {_channel(c, s)}"),
        (r"hue_(cos|sin)", lambda s, k: f"hue, {'red to cyan' if k == 'cos' else 'yellow-green to violet'}"),
        (r"hue_spread", lambda s: "spread of the hue"),
        (r"(.+)_difference", lambda s, c: f"difference of {_channel(c, s)}"),
        (r"(.+)_ratio", lambda s, c: f"ratio of {_channel(c, s)}")),
    "radial": (
        (r"ring(\d+)_([lab])_(mean|std)",
         lambda s, k, c, how: f"ring {_nth(k)} from the rim, {_statistic(how)} of {_channel(c, s)}"),
        (r"slope_([lab])", lambda s, c: f"middle minus rim, {_channel(c, s)}")),
    "haralick": ((r"([a-z]+)_d(\d+)_(.+?)(_range)?", _co_occurrence),),
    "lbp": ((r"r(\d+)_pattern(\d)", _pattern),),
    "gabor": ((r"w(\d+)_(mean|spread|anisotropy)", lambda s, w, how: f"waves of {w} px, {_OVER_REGION[how]}"),),
    "wavelet": (
        (r"([a-z]+)_scale(\d)_(energy|share|skewness)",
         lambda s, c, k, how: f"{_channel(c, s)}, scale {k}: {_OF_SCALE[how]}"),
        (r"([a-z]+)_anisotropy", lambda s, c: f"{_channel(c, s)}, in one direction")),
    "entropy": ((r"(mean|std)", lambda s, how: f"{_statistic(how)} of the local entropy"),),
    "granulometry": ((r"r(\d+)_(dark|light)",
                      lambda s, r, how: f"{'dark' if how == 'dark' else 'bright'} grains of radius {r} px"),),
    "granules": (
        (r"(s\d)_dark_(red|green|blue)", lambda s, k, c: f"{_GRAINS[k]} dark granules, more {c} density than the rest"),
        (r"share_(red|green|blue)", lambda s, c: f"share of {c} density")),
    "morphology": (
        (r"hu(\d)", lambda s, k: f"moment {k} of Hu"),
        (r"fourier(\d+)", lambda s, k: f"waves of the outline, {k} a turn"),
        (r"fourier_rest", lambda s: "all finer waves of the outline")),
    "population": ((r"([a-z]+)_(mean|std|cv|skewness|p\d+)",
                    lambda s, c, how: f"{_statistic(how)} of {_channel(c, s)} over the nuclei"),),
    "fractal": ((r"(shape|gray)_lacunarity(\d+)",
                 lambda s, of, px: f"gaps (lacunarity) of the {of}, boxes of {px} px"),),
    "radiomics": ((r"([a-z0-9]+?)_(.+)",
                   lambda s, m, what: f"{_MATRICES[m]}, {_statistic(what)}" if m in _MATRICES else
                   f"{m} {what}".replace("_", " ")),),
    "zernike": ((r"(shape|gray)_n(\d+)_l(\d+)", lambda s, of, n, m: f"Zernike moment {n}, {m} of the {of}"),),
    "hog": ((r"r(\d+)_c(\d+)_o(\d+)",
             lambda s, r, c, o: f"row {_nth(r)}, column {_nth(c)} of the grid, direction {_nth(o)}"),),
    "words": ((r"r(\d+)_c(\d+)_w(\d+)",
               lambda s, r, c, w: f"row {_nth(r)}, column {_nth(c)} of the grid, pattern {_nth(w)}"),),
    "zones": (
        (r"grid_r(\d+)_c(\d+)", lambda s, r, c: f"row {_nth(r)}, column {_nth(c)} of the grid"),
        (r"(?:(upper|middle|lower)_)?(scale|edges|medial|coherence|spots|skewness|level|spread|p)(\d*)"
         r"(?:_(asymmetry|difference))?", _zone)),
}
