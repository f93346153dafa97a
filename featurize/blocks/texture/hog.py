"""Histogram of oriented gradients over a coarse grid: for images that are all taken upright, such as chest films."""
import cv2
import numpy as np

from featurize.kernels.radiomics.counting import gradient_grid
from featurize.registry import Feature, block
from featurize.sample import Sample

_SIGMA_PX = 1.0       # Gaussian blur before gradients are taken
_CLIP = 0.2           # share of the norm; L2-Hys clips there, so that one strong edge doesn't outweigh the rest (Dalal)
_LEAST_NORM = 1e-9    # keeps an even region from dividing 0 by 0
_DESCRIBES = {"r*_c*_o*": Feature("1", "share of gradient magnitude in grid cell and direction, L2-Hys over the image")}


@block("hog", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Dalal & Triggs 2005, 10.1109/CVPR.2005.177; one block over the whole image, unsigned directions")
def hog(sample: Sample, *, regions: tuple[str, ...] = ("whole",), rows: int = 6, columns: int = 6,
        orientations: int = 6) -> dict[str, float]:
    """Oriented gradients of the bounding box of every region; NaN where the region is empty.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    rows, columns : int
        Cells of the grid.
    orientations : int
        Directions over half a turn.
    """
    row: dict[str, float] = {}
    for name in regions:
        mask = sample.regions[name]
        names = [f"{name}_hog_r{i}_c{j}_o{k}" for i in range(rows) for j in range(columns) for k in range(orientations)]
        if not mask.any():
            row |= dict.fromkeys(names, np.nan)
            continue
        y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = np.s_[y[0]: y[-1] + 1, x[0]: x[-1] + 1]
        plane = cv2.GaussianBlur(sample.gray, (0, 0), _SIGMA_PX)[box]
        dy, dx = cv2.Sobel(plane, cv2.CV_32F, 0, 1), cv2.Sobel(plane, cv2.CV_32F, 1, 0)
        grid = np.zeros((rows, columns, orientations))
        gradient_grid(dy, dx, mask[box], grid)
        unit = np.minimum(grid / max(float(np.linalg.norm(grid)), _LEAST_NORM), _CLIP).ravel()
        row |= dict(zip(names, (unit / max(float(np.linalg.norm(unit)), _LEAST_NORM)).tolist()))
    return row
