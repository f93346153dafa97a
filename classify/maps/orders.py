"""Which cells are hidden in which order, and what the curves say: deletion and insertion against chance.

Petsiuk, Das & Saenko 2018, "RISE: Randomized input sampling for explanation of black-box models", BMVC: a map means
something if the answer falls fast when the cells that it names first are hidden, and comes back fast when they are
shown first. A random order is the comparison. The cells are hidden by another fill than the one that made the
occlusion map.
"""
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr, wilcoxon

from classify.maps.result import DELETION, KINDS, TESTS, Curves, ImageMap, OrderTest, Stability
from featurize.arrays import Float64Array, Int64Array
from featurize.images.occlude import Hidden

# Steps of a curve.
STEPS = 10
# Random orders of each image.
RANDOM_ORDERS = 5
# The fill that hides cells along a curve; `STABILITY_FILL` shows how much the map itself depends on the fill.
CURVE_FILL = 2
STABILITY_FILL = 1
# With fewer images no order of the cells could be told from chance at any level in use.
LEAST_IMAGES = 5


def random_orders(cells: int, image_id: str, seed: int) -> list[Int64Array]:
    """Random orders of the cells, the same for the same image and seed."""
    rng = np.random.default_rng([seed, zlib.crc32(image_id.encode())])
    return [np.asarray(rng.permutation(cells), dtype=np.int64) for _ in range(RANDOM_ORDERS)]


def order_of(values: Float64Array) -> Int64Array:
    """Cells by a map, the one that speaks most for the named class first; unknown ones last."""
    return np.asarray(np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable"), dtype=np.int64)


def hidden_along(order: Int64Array) -> dict[str, list[Hidden]]:
    """What is hidden at every step of the two curves."""
    cuts = [round(step * len(order) / STEPS) for step in range(STEPS + 1)]
    deleted = [Hidden(tuple(sorted(order[:cut].tolist())), fill=CURVE_FILL) for cut in cuts]
    inserted = [Hidden(tuple(sorted(order[cut:].tolist())), fill=CURVE_FILL) for cut in cuts]
    return dict(zip(TESTS, (deleted, inserted)))


def curves_of(order: Int64Array, margin: Mapping[str, float]) -> Curves:
    """The curves of an order from the log-odds by key of what is hidden; NaN where it could not be measured."""
    found = {test: tuple(margin.get(hidden.key, np.nan) for hidden in steps)
             for test, steps in hidden_along(order).items()}
    return Curves(**found)


def area(curve: Sequence[float]) -> float:
    """Mean height of a curve, trapezoids; steps without a value lie on the line between their neighbors.

    >>> area([2.0, 1.0, 0.0]), area([2.0, float("nan"), 0.0])
    (1.0, 1.0)
    """
    values, at = np.array(curve, dtype=np.float64), np.arange(len(curve))
    known = np.isfinite(values)
    if not known.any():
        return np.nan
    return float(np.trapezoid(np.interp(at, at[known], values[known])) / (len(curve) - 1))


def areas(image: ImageMap, kind: str, test: str) -> tuple[float, float]:
    """Of a map's order, and the mean of the random orders."""
    lots = [area(getattr(curves, test)) for curves in image.random]
    return area(getattr(image.curves[kind], test)), float(np.mean(lots))


def order_tests(images: Sequence[ImageMap]) -> tuple[OrderTest, ...]:
    """Both maps in both tests."""
    return tuple(_order_test(images, kind, test) for kind in KINDS for test in TESTS)


def _order_test(images: Sequence[ImageMap], kind: str, test: str) -> OrderTest:
    both = np.array([areas(image, kind, test) for image in images]).reshape(-1, 2)
    both = both[np.isfinite(both).all(axis=1)]
    gain = (both[:, 1] - both[:, 0]) * (1 if test == DELETION else -1)
    enough = len(gain) >= LEAST_IMAGES and bool(gain.any())
    p = float(wilcoxon(gain, alternative="greater").pvalue) if enough else np.nan
    mean, lots = both.mean(axis=0) if len(both) else (np.nan, np.nan)
    return OrderTest(kind, test, float(mean), float(lots), int((gain > 0).sum()), len(gain), p)


def stability(images: Sequence[ImageMap]) -> Stability:
    """How far the maps of these images depend on choices that should not matter."""
    return Stability(*(float(np.median(known)) if (known := [v for v in found if np.isfinite(v)]) else np.nan
                       for found in zip(*(_agreements(image) for image in images))))


def _agreements(image: ImageMap) -> tuple[float, float, float]:
    others = (image.other_fill, image.other_grid, image.attribution)
    fill, grid, both = (rank_correlation(image.occlusion, other) for other in others)
    return fill, grid, both


def rank_correlation(a: Float64Array, b: Float64Array) -> float:
    """Spearman's, over the cells that both know; NaN where one of them is even."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return np.nan
    return float(spearmanr(a[known], b[known]).statistic)
