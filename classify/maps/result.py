"""The result of maps, as plain data."""
import math
from dataclasses import dataclass

from featurize.arrays import Float64Array
from featurize.index.build import Source

# The two kinds of maps: exact contributions at the place of their measurement, and what hiding a cell changes.
ATTRIBUTION, OCCLUSION = "attribution", "occlusion"
KINDS = (ATTRIBUTION, OCCLUSION)
# The two tests: cells are hidden, or shown again, the most important first.
DELETION, INSERTION = "deletion", "insertion"
TESTS = (DELETION, INSERTION)


@dataclass(frozen=True)
class Answer:
    """What is explained: the log-odds of the named class against the next one.

    Parameters
    ----------
    named, other : int
        Numbers of the most probable class and of the next.
    p : float
        Calibrated probability of the named class.
    margin : float
        Uncalibrated log-odds of `named` against `other`: what the maps add up to, but for `base`.
    base : float
        Log-odds that the model gives without any measurement.
    limit : float
        Log-odds below which the answer is another one: 0, or those of a finding's threshold.
    """

    named: int
    other: int
    p: float
    margin: float
    base: float
    limit: float = 0.0


@dataclass(frozen=True)
class Curves:
    """Log-odds while cells are hidden or shown again, for one order of the cells.

    Parameters
    ----------
    deletion, insertion : tuple of float
        From no cell hidden to all, and from all hidden to none, in equal steps.
    """

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]


@dataclass(frozen=True)
class Swap:
    """One step on the way to another answer: measurements of one name take the values of the other image.

    Parameters
    ----------
    name, unit : str
        Of the measurement, or of what several are summed into.
    columns : tuple of str
    here, there : float
        Values in this image and in the other one; NaN where the name stands for several columns.
    margin : float
        Log-odds after this step.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    here: float
    there: float
    margin: float


@dataclass(frozen=True)
class Counterfactual:
    """The nearest image that is called otherwise, and what would change the answer.

    Parameters
    ----------
    row : int
        Of the table.
    called : int
        Number of its class, and what the model calls it.
    learned : bool
        The model learned from it.
    distance : float
        In the space of `classify.similar`.
    swaps : tuple of Swap
        Until the answer changes; empty where it does not.
    reached : float
        The lowest log-odds that as many measurements give as are exchanged at most.
    nearer : int
        Images that are nearer and called otherwise, too, but of which no few measurements change the answer.
    """

    row: int
    called: int
    learned: bool
    distance: float
    swaps: tuple[Swap, ...]
    reached: float = math.nan
    nearer: int = 0


@dataclass(frozen=True)
class ImageMap:
    """The maps of one image; c = rows x columns cells.

    Parameters
    ----------
    row : int
        Of the table.
    answer : Answer
    rows, columns : int
        Of the grid.
    attribution : (c,) float64
        Log-odds that the measurements made in each cell give to the named class.
    pixels : (H, W) float64
        The same by pixels of the work image; the sum is the margin less its base.
    box : (left, top, width, height)
        Where the work image lies in the picture, pixels of the picture: it may be a crop.
    occlusion : (c,) float64
        Fall of the log-odds when a cell is hidden; NaN where the changed image could not be measured.
    other_fill, other_grid : (c,) float64
        The same with another fill, and from a grid moved by a quarter of a cell.
    curves : dict of str to Curves
        Of the two orders `KINDS`.
    random : tuple of Curves
        Of random orders.
    places : dict of str to (float, float, float)
        Named part of the picture: shares of its area, of the sum of |attribution| and of that of |occlusion|.
    counterfactual : Counterfactual or None
        None where no image of the table is called otherwise.
    """

    row: int
    answer: Answer
    rows: int
    columns: int
    attribution: Float64Array
    pixels: Float64Array
    box: tuple[float, float, float, float]
    occlusion: Float64Array
    other_fill: Float64Array
    other_grid: Float64Array
    curves: dict[str, Curves]
    random: tuple[Curves, ...]
    places: dict[str, tuple[float, float, float]]
    counterfactual: Counterfactual | None


@dataclass(frozen=True)
class OrderTest:
    """Do the cells that a map names first matter more than cells in random order?

    Parameters
    ----------
    kind, test : str
        One of `KINDS`, one of `TESTS`.
    area, random : float
        Mean log-odds along the curve of the map's order and of random orders, mean over the images.
    better : int
        Images in which the map's order is better: lower in deletion, higher in insertion.
    n : int
        Images.
    p : float
        That the map is no better than chance: Wilcoxon's signed-rank test of the images, one-sided; NaN below 5 images.
    """

    kind: str
    test: str
    area: float
    random: float
    better: int
    n: int
    p: float


@dataclass(frozen=True)
class Stability:
    """Rank correlations of the cells of two maps, median over the images.

    Parameters
    ----------
    fill : float
        Occlusion with two different fills.
    grid : float
        Occlusion from two grids.
    both : float
        Attribution and occlusion.
    """

    fill: float
    grid: float
    both: float


@dataclass(frozen=True)
class Maps:
    """Maps of some images of a table.

    Parameters
    ----------
    images : tuple of ImageMap
    learned : bool
        The model learned from these images.
    note : str
        What must be known of the images, a sentence or "".
    seed : int
        Of the choice of the images and of random orders.
    tests : tuple of OrderTest
    stability : Stability
    sources : tuple of Source
        Where the images are.
    """

    images: tuple[ImageMap, ...]
    learned: bool
    note: str
    seed: int
    tests: tuple[OrderTest, ...]
    stability: Stability
    sources: tuple[Source, ...]
