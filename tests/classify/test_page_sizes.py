"""Pages of many images are no larger than those of some: pictures, points and rows of tables are capped."""
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_table import made_table

from classify.audit.examine import examine
from classify.audit.page.write import write_audit
from classify.bundle import load_bundle
from classify.settings import TrainSettings
from classify.similar.map import MOST_POINTS, table_map
from classify.similar.map_page import fewer_pictures, write_map
from classify.train import train
from featurize.explore.page import explore
from featurize.index.build import build_index

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
# Images of each of three classes: both numbers lie above every cap of a page but that of the map's points.
SOME, MANY = 120, 480
# Four times the images, and a page that is larger by this share at most: longer numbers, charts of other shapes.
MOST_GROWTH = 0.1


def audited(n: int, out: Path) -> None:
    frame, info = made_table((n, n, n), features=4, seed=5)
    write_audit(out, examine(load_bundle(GOLDEN), None, frame.assign(image_id="x" + frame["image_id"]), info))


def reported(n: int, out: Path) -> None:
    frame, info = made_table((n, n, n), features=4, seed=5)
    run = train(frame, info, out.with_name(f"run{n}"), TrainSettings(folds=2, rounds=10, resamples=10, model="lightgbm",
                                                                     jobs=1)).out
    out.write_bytes((run / "report.html").read_bytes())


def explored(n: int, out: Path) -> None:
    rng, y = np.random.default_rng(0), np.arange(3 * n) % 3
    images = rng.integers(0, 120, (3 * n, 16, 16, 3)).astype(np.uint8)
    images[:, 0, 0, 0] = y
    np.savez(out.with_name(f"set{n}.npz"), train_images=images, train_labels=y[:, None])
    explore(build_index([out.with_name(f"set{n}.npz")]), out)


@pytest.mark.slow
@pytest.mark.parametrize("made", [audited, reported, explored])
def test_a_page_does_not_grow_with_the_images(made: Callable[[int, Path], None], tmp_path: Path) -> None:
    sizes = []
    for n in (SOME, MANY):
        made(n, tmp_path / f"{n}.html")
        sizes.append((tmp_path / f"{n}.html").stat().st_size)
    assert sizes[1] <= sizes[0] * (1 + MOST_GROWTH), sizes


def test_a_map_draws_no_more_points_than_its_cap(tmp_path: Path) -> None:
    frame, info = made_table((MOST_POINTS, MOST_POINTS), features=3)
    write_map(tmp_path / "m.html", table_map(frame, info), info)
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert page.count("<use ") - page.count("<use own") <= MOST_POINTS + 10 and len(page) < 1.5e6


def test_pictures_beyond_the_budget_of_a_map_are_left_out_evenly() -> None:
    points = [{"uri": "x" * 100} for _ in range(1000)]
    kept = [at for at, point in enumerate(fewer_pictures(points, 25_000)) if point["uri"]]
    assert len(kept) == 250 and set(np.diff(kept).tolist()) == {4}
    assert fewer_pictures(points, 100_000) == points and fewer_pictures([], 5) == []
