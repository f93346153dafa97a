"""What maps say, in words."""
from collections.abc import Sequence

import numpy as np

from classify.maps.counterfactual import MOST_SWAPS, NEAREST
from classify.maps.location import Location
from classify.maps.orders import LEAST_IMAGES
from classify.maps.result import ATTRIBUTION, DELETION, KINDS, ImageMap, Maps, OrderTest, Swap
from featurize.images.occlude import CELLS
from featurize.report.numbers import count, measurement, number, percent, score, signed

# One-sided level of the deletion and insertion tests.
LEVEL = 0.01
NAMES = {ATTRIBUTION: "contributions", "occlusion": "occlusion"}


def lead(found: Maps) -> str:
    """What was done."""
    rows, columns = found.images[0].rows, found.images[0].columns
    return (f"{count(len(found.images), 'labelled image')}, chosen evenly by class (seed {found.seed}). Two maps of "
            "each say what speaks for the named class (orange) and against it (blue), in log-odds of this class "
            "against the next one. Contributions: the exact share of every measurement, spread evenly over the region, "
            f"zone or ring in which it was made. Occlusion: {CELLS} cells along the longer side (here {rows} × "
            f"{columns}, a regular grid) are hidden behind their blurred surroundings, one at a time, and the image is "
            "measured again.")


def verdict_sentence(found: Maps) -> str:
    """Do the maps mean something?"""
    if max(test.n for test in found.tests) < LEAST_IMAGES:
        return (f"{count(len(found.images), 'image')}: too few for a test whether the maps show what matters "
                f"({LEAST_IMAGES} are needed).")
    good = [test for test in found.tests if test.p < LEVEL]
    told = "; ".join(_told(test) for test in found.tests)
    verdict = "In all four tests the maps are better than chance" if len(good) == len(found.tests) else \
        f"In {number(len(good))} of {number(len(found.tests))} tests the maps are better than chance"
    return f"{verdict} (p < {f'{LEVEL:g}'.removeprefix('0')}): {told}."


def _told(test: OrderTest) -> str:
    what = "fall" if test.test == DELETION else "come back"
    return (f"by {NAMES[test.kind]} the log-odds {what} faster than in random order in {number(test.better)} of "
            f"{number(test.n)} images ({p_value(test.p)})")


def p_value(p: float) -> str:
    """A p value; small ones by their bound."""
    if not np.isfinite(p):
        return "too few images for a test"
    return "p < .0001" if p < 1e-4 else f"p = {score(p)}"


def stability_sentence(found: Maps) -> str:
    """How far the maps depend on choices that should not matter."""
    own = found.stability
    return (f"Rank correlation of the cells, median over the images: occlusion with another fill {score(own.fill)}; on "
            f"a grid moved by a quarter of a cell {score(own.grid)}; contributions with occlusion {score(own.both)}. "
            "The first two say how far the map is one of the image and not of the way it was made; the third is low "
            "where measurements are made on regions much larger than a cell.")


def location_sentence(found: Location) -> str:
    """Does the map lie where the finding is seen?"""
    told = "; ".join(f"of {NAMES[kind]} {percent(share)} lie there, {number(share / found.area)} times the "
                     f"area ({p_value(p)})" for kind, share, p in zip(KINDS, found.shares, found.p))
    good = [NAMES[kind] for kind, p in zip(KINDS, found.p) if p < LEVEL]
    verdict = f"{' and '.join(good).capitalize()}: yes" if good else "Not shown"
    return (f"Does {found.finding} light {' and '.join(found.parts)}, where it is usually seen? {verdict}. In "
            f"{count(found.n, 'image')} called {found.finding} these parts cover {percent(found.area)} of the picture; "
            f"{told}.")


def answer_sentence(image: ImageMap, classes: Sequence[str]) -> str:
    """What the log-odds are made of."""
    own = image.answer
    given = own.margin - own.base
    return (f"Log-odds of {classes[own.named]} against {classes[own.other]}: {signed(own.margin)}, of which "
            f"{signed(own.base)} without any measurement and {signed(given)} from the measurements of the map.")


def counterfactual_sentence(image: ImageMap, classes: Sequence[str]) -> str:
    """What would change the answer."""
    other = image.counterfactual
    if other is None:
        return "No image of the table is rightly called otherwise."
    called = classes[other.called]
    which = "training image" if other.learned else "image of the table"
    if not other.swaps:
        return (f"No few measurements change the answer: with the {number(MOST_SWAPS)} that tell most as in the "
                f"nearest {which} that is rightly called {called} the log-odds fall from "
                f"{signed(image.answer.margin)} to "
                f"{signed(other.reached)}, and it takes less than {signed(image.answer.limit)}; with none of "
                f"the {number(NEAREST)} nearest it is otherwise. The answer rests on many measurements that agree.")
    told = "; ".join(_swap(swap) for swap in other.swaps)
    return f"{swaps_lead(image, classes)}: {told}."


def swaps_lead(image: ImageMap, classes: Sequence[str]) -> str:
    """How many kinds of measurements of which image change the answer; "" where no few of them do."""
    other = image.counterfactual
    if other is None or not other.swaps:
        return ""
    called = classes[other.called]
    which = "training image" if other.learned else "image of the table"
    several = "training images" if other.learned else "images of the table"
    near = f"one of the {number(NEAREST)} nearest {several}" if other.nearer else f"the nearest {which}"
    return (f"With {count(len(other.swaps), 'kind')} of measurements as in {near} rightly called {called}, the answer "
            "would be another")


def _swap(swap: Swap) -> str:
    after = f"log-odds then {signed(swap.margin)}"
    if not np.isfinite(swap.here) and not np.isfinite(swap.there):
        return f"{swap.name}, {count(len(swap.columns), 'measurement')} ({after})"
    return f"{swap.name} {measurement(swap.there, swap.unit)} in place of {measurement(swap.here, swap.unit)} ({after})"


def lines(found: Maps) -> list[str]:
    """For the terminal."""
    listed = [f"  {NAMES[test.kind]}, {test.test}: mean log-odds {test.area:.2f}, in random order {test.random:.2f}, "
              f"better in {test.better} of {test.n} images, {p_value(test.p)}" for test in found.tests]
    return [f"maps of {count(len(found.images), 'image')}: deletion and insertion against random order", *listed]
