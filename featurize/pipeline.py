"""The one way from a picture to numbers, for featurize, predict and similar alike."""
import cv2

from featurize.families import measure
from featurize.images.picture import Picture
from featurize.presets.load import Preset
from featurize.sample import Sample
from featurize.segment.segmenters import segment


def sample_of(picture: Picture, preset: Preset, mm_per_px: float | None = None) -> Sample:
    """The picture normalized and segmented as the preset says; a size given by hand goes before one from the file."""
    cv2.setNumThreads(1)
    return segment(preset.segment, picture.rgb, preset.normalize, mm_per_px or picture.mm_per_px)


def measure_picture(picture: Picture, preset: Preset, mm_per_px: float | None = None) -> dict[str, float]:
    """Every measurement that the preset asks for, by column name; NaN where a region is empty.

    Examples
    --------
    >>> from featurize.images.read import from_array
    >>> from featurize.presets.load import load_preset
    >>> from featurize.simulate.smears import draw_cell
    >>> measured = measure_picture(from_array(draw_cell("neutrophil", seed=1).rgb), load_preset("cell"))
    >>> measured["nucleus_morphology_lobes"]
    3.0
    """
    return measure(sample_of(picture, preset, mm_per_px), preset.blocks)
