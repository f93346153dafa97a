"""Images named by path or held in memory become measurements, without an index and without a table on disk."""
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from featurize.batch.workers import FEW_IMAGES
from featurize.images.picture import ImageError, Picture
from featurize.images.read import from_array, read_image
from featurize.pipeline import measure_picture, sample_of
from featurize.presets.choose import SAMPLE_SIZE, choose_preset
from featurize.presets.load import Preset, load_preset
from featurize.runtime.processes import process_pool
from featurize.sample import Sample

Image = str | Path | NDArray[Any]

# Images sent to a process at a time.
_CHUNK = 16


def measure_image(image: Image, preset: str | Preset = "auto", mm_per_px: float | None = None) -> pd.Series:
    """The named measurements of one image.

    Parameters
    ----------
    image : path, or (H, W, 3) or (H, W) array
        An array holds sRGB or gray values of any depth; see `featurize.images.picture`.
    preset : str or Preset
        ``auto`` looks at the image and chooses; or ``cell``, ``smear``, ``tissue``, ``xray``, ``whole``.
    mm_per_px : float, optional
        Size of a pixel in millimetres. Without it the size is used that the file tells, if it does.

    Returns
    -------
    Series of float64
        Sorted by name; NaN where a region was not found. Its name is the path.

    Raises
    ------
    ImageError
        The image cannot be read.

    Examples
    --------
    >>> from featurize.simulate.smears import draw_cell
    >>> measured = measure_image(draw_cell("lymphocyte", seed=1).rgb, preset="cell")
    >>> print(measured["nucleus_morphology_lobes"], measured["nucleus_morphology_solidity"].round(2))
    1.0 0.98
    """
    row = measure_images([image], preset, mm_per_px).iloc[0]
    return row.rename(str(image) if isinstance(image, str | Path) else None)


def measure_images(images: Sequence[Image], preset: str | Preset = "auto", mm_per_px: float | None = None,
                   jobs: int = 1) -> pd.DataFrame:
    """The named measurements of several images.

    Parameters
    ----------
    images : sequence of paths or arrays
        Each as `measure_image` takes it.
    preset, mm_per_px
        As for `measure_image`. ``auto`` chooses one preset for all of them.
    jobs : int
        Processes. The result does not depend on it; fewer than 64 images are measured in this process.

    Returns
    -------
    DataFrame of float64
        A row an image, columns sorted by name. The index holds the paths if all images are paths, else 0, 1, ....

    Raises
    ------
    ImageError
        An image cannot be read; the message names it.

    Examples
    --------
    >>> from featurize.simulate.smears import draw_cell
    >>> cells = [draw_cell(kind, seed=1).rgb for kind in ("lymphocyte", "neutrophil")]
    >>> measure_images(cells, preset="cell")["nucleus_morphology_lobes"].tolist()
    [1.0, 3.0]
    """
    images = list(images)
    if not images:
        raise ValueError("no image came: a sequence of paths or arrays is wanted")
    measure = partial(_measured, preset=preset_for(images, preset), mm_per_px=mm_per_px)
    numbered = list(enumerate(images))
    if jobs == 1 or len(images) < FEW_IMAGES:
        rows = [measure(one) for one in numbered]
    else:
        with process_pool(jobs) as pool:
            rows = list(pool.map(measure, numbered, chunksize=_CHUNK))
    names = sorted({name for row in rows for name in row})
    paths = all(isinstance(image, str | Path) for image in images)
    return pd.DataFrame(rows, columns=names, index=[str(image) for image in images] if paths else None,
                        dtype=np.float64)


def segment_image(image: Image, preset: str | Preset = "auto", mm_per_px: float | None = None) -> Sample:
    """One image normalized and segmented as the preset says: its masks are what the measurements are made from.

    Parameters
    ----------
    image, preset, mm_per_px
        As for `measure_image`.

    Raises
    ------
    ImageError
        The image cannot be read.

    Examples
    --------
    >>> from featurize.simulate.smears import draw_cell
    >>> sample = segment_image(draw_cell("monocyte", seed=1).rgb, preset="cell")
    >>> sorted(sample.regions)
    ['cell', 'cytoplasm', 'nucleus']
    >>> bool(sample.regions["cell"].sum() > sample.regions["nucleus"].sum() > 0)
    True
    """
    return sample_of(_picture(0, image), preset_for([image], preset), mm_per_px)


def preset_for(images: Sequence[Image], preset: str | Preset) -> Preset:
    """The preset by its name; for ``auto`` the one that a look at up to 24 of the images chooses."""
    if isinstance(preset, Preset):
        return preset
    if preset == "auto":
        rows = np.unique(np.linspace(0, len(images) - 1, SAMPLE_SIZE).astype(int))
        preset, _ = choose_preset([_picture(row, images[row]).rgb for row in rows])
    return load_preset(preset)


def _measured(numbered: tuple[int, Image], preset: Preset, mm_per_px: float | None) -> dict[str, float]:
    return measure_picture(_picture(*numbered), preset, mm_per_px)


def _picture(number: int, image: Image) -> Picture:
    """The image, or an error that says which one cannot be read."""
    try:
        return read_image(Path(image)) if isinstance(image, str | Path) else from_array(np.asarray(image))
    except ImageError as error:
        which = image if isinstance(image, str | Path) else f"image {number}"
        raise type(error)(f"{which}: {error}") from error
