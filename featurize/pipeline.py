"""The one way from a picture to numbers, for featurize, predict and similar alike."""
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import Int32Array
from featurize.families import measure
from featurize.images.picture import Picture
from featurize.presets.load import Preset
from featurize.sample import Sample
from featurize.segment.segmenters import every_cell, segment, segment_as_given


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


@dataclass(frozen=True)
class MeasuredCell:
    """One of the cells of a picture.

    Parameters
    ----------
    measured : dict of str to float
        By column name.
    x_px, y_px : float
        Middle of the cell in pixels of the picture, NaN where no cell was found.
    """

    measured: dict[str, float]
    x_px: float
    y_px: float


def measure_every_cell(picture: Picture, preset: Preset, mm_per_px: float | None = None) -> list[MeasuredCell]:
    """Every white cell of a picture, the central one first; its measurements are those of `measure_picture`.

    Parameters
    ----------
    preset : Preset
        One whose segmenter is ``cell``.
    """
    cv2.setNumThreads(1)
    samples = every_cell(picture.rgb, preset.normalize, mm_per_px or picture.mm_per_px)
    return [MeasuredCell(measure(sample, preset.blocks), *_middle(sample)) for sample in samples]


def _middle(sample: Sample) -> tuple[float, float]:
    y, x = np.nonzero(sample.regions["cell"])
    if not len(x):
        return float("nan"), float("nan")
    height, width = sample.regions["cell"].shape
    facts = sample.facts
    return (float(facts["crop_left"] + (x.mean() + .5) / width * facts["crop_width"]),
            float(facts["crop_top"] + (y.mean() + .5) / height * facts["crop_height"]))


def measure_as_given(picture: Picture, labels: Int32Array, preset: Preset, mm_per_px: float | None = None,
                     names: Mapping[int, str] | None = None) -> dict[str, float]:
    """As `measure_picture`, with regions that are given: labels (H, W) and their names, see `segment_as_given`."""
    cv2.setNumThreads(1)
    scale = mm_per_px or picture.mm_per_px
    sample = segment_as_given(preset.segment, picture.rgb, labels, preset.normalize, scale, names)
    return measure(sample, preset.blocks)
