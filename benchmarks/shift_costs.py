"""What it costs to measure the pictures that a model of benchmarks.shift learns from."""
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from featurize.images.perturb import perturbed
from featurize.index.sources import Source, load, source_of
from featurize.pipeline import measure_picture
from featurize.presets.load import preset_from_dict
from featurize.table import TableInfo

# Pictures that are timed, evenly from the whole table.
TIMED = 40


@dataclass(frozen=True)
class PictureSeconds:
    """Mean processor seconds to read and measure a picture, and to change and measure a copy of it."""

    image: float
    copy: float


def picture_seconds(frame: pd.DataFrame, info: TableInfo) -> PictureSeconds | None:
    """Of pictures of a table; None where a source no longer lies where it was measured."""
    sources = tuple(Source(**one) for one in info.sources)
    if not all(Path(source.root).exists() for source in sources):
        return None
    preset = preset_from_dict(info.preset)
    chosen = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, TIMED).astype(int))]
    image, copy = [], []
    for number, (image_id, site, path) in enumerate(zip(chosen["image_id"], chosen["site"], chosen["path"])):
        start = time.process_time()
        picture = load(source_of(sources, site), path)
        measure_picture(picture, preset)
        middle = time.process_time()
        measure_picture(perturbed(picture, image_id, centred=preset.segment == "cell"), preset)
        # The first picture loads compiled kernels.
        if number:
            image.append(middle - start)
            copy.append(time.process_time() - middle)
    return PictureSeconds(float(np.mean(image)), float(np.mean(copy)))
