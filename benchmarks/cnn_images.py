"""Images as a network takes them: read as `featurize` reads them, made of one size, changed at random for training."""
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from featurize.arrays import Float32Array, UInt8Array
from featurize.images.perturb import perturbed
from featurize.index.sources import Source, load, source_of
from featurize.table import TableInfo

# Mean and standard deviation of ImageNet's red, green, blue: what torchvision's weights expect.
_IMAGENET = ((.485, .456, .406), (.229, .224, .225))
# MedMNIST's own normalization.
_HALF = ((.5, .5, .5), (.5, .5, .5))


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    stored_px, side_px : int
        Side to which an image is resized, and side of the crop that the network sees.
    rate, weight_decay : float
        Of Adam (AdamW where there is weight decay).
    batch, epochs : int
    schedule : str
        ``cosine`` to 0, or ``step``: a tenth after half and a hundredth after three quarters.
    best_by : str
        Score of the validation rows whose best epoch is kept: a name of `classify.evaluate.metrics.scores`.
    flip : bool
        Left and right are exchanged in half of the training images.
    turn_deg : float
        Training images are turned by up to this angle either way.
    color : pair of 3 float
        Mean and standard deviation that are removed, of values 0..1.
    """

    stored_px: int
    side_px: int
    rate: float
    weight_decay: float
    batch: int
    epochs: int
    schedule: str
    best_by: str
    flip: bool
    turn_deg: float
    color: tuple[tuple[float, float, float], tuple[float, float, float]]


# The recipe that users of small hospital sets report, and that of MedMNIST v2 (doi:10.1038/s41597-022-01721-8).
RECIPES = {"users": Recipe(256, 224, 1e-4, 1e-2, 32, 30, "cosine", "macro_f1", True, 10.0, _IMAGENET),
           "medmnist": Recipe(28, 28, 1e-3, 0.0, 128, 100, "step", "auroc", False, 0.0, _HALF)}


def read_images(frame: pd.DataFrame, info: TableInfo, side_px: int, changed: bool = False) -> UInt8Array:
    """(n, side, side, 3) images of the rows of a table.

    Parameters
    ----------
    frame, info
        A table that `featurize` wrote.
    side_px : int
        The whole image is resized to this square.
    changed : bool
        Each image as another laboratory might have pictured it: the first copy of `featurize.images.perturb`, the one
        that the table's second measurements are of.

    Raises
    ------
    ImageError
    """
    sources = [Source(s["site"], s["root"], s["kind"]) for s in info.sources]
    out = np.empty((len(frame), side_px, side_px, 3), np.uint8)
    for number, (image_id, site, path) in enumerate(zip(frame["image_id"], frame["site"], frame["path"])):
        picture = load(source_of(sources, site), path)
        if changed:
            picture = perturbed(picture, image_id, centred=info.preset["segment"] == "cell")
        out[number] = resized(picture.rgb, side_px)
    return out


def resized(rgb: UInt8Array, side_px: int) -> UInt8Array:
    if rgb.shape[:2] == (side_px, side_px):
        return rgb
    smaller = side_px < max(rgb.shape[:2])
    return np.asarray(cv2.resize(rgb, (side_px, side_px), interpolation=cv2.INTER_AREA if smaller
                                 else cv2.INTER_LINEAR))


def augmented(images: UInt8Array, recipe: Recipe, rng: np.random.Generator) -> UInt8Array:
    """Training images, turned, cropped and flipped at random."""
    if recipe.turn_deg:
        images = np.stack([_turned(image, rng.uniform(-recipe.turn_deg, recipe.turn_deg)) for image in images])
    spare = recipe.stored_px - recipe.side_px
    if spare:
        corners = rng.integers(0, spare + 1, (len(images), 2))
        images = np.stack([image[y:y + recipe.side_px, x:x + recipe.side_px]
                           for image, (y, x) in zip(images, corners)])
    if recipe.flip:
        mirrored = rng.random(len(images)) < .5
        images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    return images


def centred(images: UInt8Array, recipe: Recipe) -> UInt8Array:
    """Tested images: the crop in the middle."""
    edge = (recipe.stored_px - recipe.side_px) // 2
    return images[:, edge:edge + recipe.side_px, edge:edge + recipe.side_px]


def normalized(images: UInt8Array, recipe: Recipe) -> Float32Array:
    """(n, side, side, 3) float32."""
    mean, deviation = (np.array(values, np.float32) for values in recipe.color)
    return np.asarray((images.astype(np.float32) / 255 - mean) / deviation, dtype=np.float32)


def _turned(image: UInt8Array, angle_deg: float) -> UInt8Array:
    side = image.shape[0]
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle_deg, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side)))
