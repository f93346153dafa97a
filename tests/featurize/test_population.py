"""Population statistics of instances whose sizes and places are known."""
import cv2
import numpy as np
import pytest

from featurize.arrays import BoolArray
from featurize.blocks.population import population
from featurize.sample import Sample
from featurize.segment.segmenters import segment
from featurize.simulate.tissue_and_film import draw_tissue


def sample_of(disks: list[tuple[float, float, float]], size: int = 240, white: BoolArray | None = None,
              mm_per_px: float | None = None) -> Sample:
    """Disks (x, y, radius) as instances, dark on a pink ground."""
    objects = np.zeros((size, size), np.int32)
    rows, columns = np.ogrid[0:size, 0:size]
    for k, (x, y, radius) in enumerate(disks, 1):
        objects[(columns - x) ** 2 + (rows - y) ** 2 <= radius ** 2] = k
    rgb = np.full((size, size, 3), (230, 170, 200), np.uint8)
    rgb[objects > 0] = (90, 60, 140)
    empty = np.zeros((size, size), bool) if white is None else white
    rgb[empty] = 245
    nuclei = objects > 0
    return Sample(rgb, rgb, {"nuclei": nuclei, "matrix": ~nuclei & ~empty, "whole": np.ones_like(nuclei)}, objects,
                  mm_per_px)


def measured(sample: Sample) -> dict[str, float]:
    return {k.removeprefix("nuclei_population_").removeprefix("whole_population_"): v
            for k, v in population(sample).items()}


def lattice(step: float = 40, radius: float = 10, size: int = 240) -> list[tuple[float, float, float]]:
    return [(x, y, radius) for x in np.arange(step / 2, size, step) for y in np.arange(step / 2, size, step)]


def test_a_square_lattice_has_the_distances_of_a_square_lattice() -> None:
    """36 disks of radius 10 every 40 px: 4 radii to the nearest; the third nearest of the 4 corners is at 4 sqrt(2)."""
    row = measured(sample_of(lattice()))
    assert row["count"] == 36
    assert row["nearest_mean"] == pytest.approx(4, rel=0.02) and row["nearest_cv"] == pytest.approx(0, abs=1e-3)
    assert row["third_mean"] == pytest.approx((32 * 4 + 4 * 4 * np.sqrt(2)) / 36, rel=0.01)
    # Clark & Evans: 2 x 40 px x sqrt(36 / 240^2) = 2 for a square lattice, 1 for random points.
    assert row["clark_evans"] == pytest.approx(2, rel=0.01)
    # 8 x 8 disks: four in each cell of the 4 x 4 grid.
    assert measured(sample_of(lattice(30, 8)))["dispersion"] == 0


def test_random_points_are_random() -> None:
    rng = np.random.default_rng(0)
    row = measured(sample_of([(*rng.uniform(5, 595, 2), 2.0) for _ in range(300)], size=600))
    assert row["clark_evans"] == pytest.approx(1, abs=0.12)
    assert row["dispersion"] == pytest.approx(1, abs=0.6)


def test_sizes_are_told_in_median_areas() -> None:
    """Eight of ten disks have radius 8, one half the area, one four times."""
    places = lattice(60, 8)[:10]
    disks = [(x, y, 16.0 if k == 0 else 5.0 if k == 1 else 8.0) for k, (x, y, _) in enumerate(places)]
    row = measured(sample_of(disks))
    assert row["large_share"] == pytest.approx(0.1) and row["small_share"] == pytest.approx(0.1)
    assert row["size_mean"] == pytest.approx((8 + 4 + 25 / 64) / 10, rel=0.03)
    assert row["radius_px"] == pytest.approx(8, rel=0.03)
    assert row["elongation_mean"] == pytest.approx(1, abs=0.02) and row["fill_mean"] == pytest.approx(1, abs=0.02)


def test_magnification_changes_nothing_but_pixels() -> None:
    tissue = draw_tissue(1, size_px=240, radius_px=10, nuclei=30)

    def enlarged(times: int) -> Sample:
        rgb = np.ascontiguousarray(np.kron(tissue.rgb, np.ones((times, times, 1), np.uint8)))
        objects = np.kron(tissue.objects, np.ones((times, times), np.int32)).astype(np.int32)
        return Sample(rgb, rgb, {"nuclei": objects > 0, "matrix": objects == 0, "whole": objects >= 0}, objects)
    one, two = measured(enlarged(1)), measured(enlarged(2))
    changed = {k for k in one if not np.isclose(one[k], two[k], rtol=0.03, atol=0.01, equal_nan=True)}
    assert changed == {"radius_px"}


def test_aligned_ellipses_are_aligned_and_turned_ones_are_not() -> None:
    rng = np.random.default_rng(1)

    def spindles(turned: bool) -> dict[str, float]:
        objects = np.zeros((240, 240), np.int32)
        for k, (x, y, _) in enumerate(lattice(), 1):
            cv2.ellipse(objects, (int(x), int(y)), (14, 5), rng.uniform(0, 180) if turned else 30, 0, 360, k, -1)
        sample = sample_of([])
        return measured(Sample(sample.rgb, sample.raw, sample.regions, objects))
    assert spindles(False)["alignment"] > 0.97 and spindles(False)["local_alignment"] > 0.97
    assert spindles(True)["alignment"] < 0.4 and spindles(True)["local_alignment"] < 0.4
    assert spindles(False)["elongation_mean"] == pytest.approx(5 / 14, rel=0.1)


def test_clusters_are_counted() -> None:
    """Two groups of four disks far apart and one alone."""
    group = [(0, 0), (24, 0), (0, 24), (24, 24)]
    disks = [(at + x, at + y, 10.0) for at in (30, 180) for x, y in group] + [(200, 40, 10.0)]
    row = measured(sample_of(disks))
    assert row["clusters"] == pytest.approx(3 / 9) and row["largest_cluster"] == pytest.approx(4 / 9)
    assert row["lonely"] == pytest.approx(1 / 9) and row["touching"] == pytest.approx(8 / 9)


def test_white_space_is_measured_in_nuclei() -> None:
    """One enclosed lumen of radius 30 lined by nuclei of radius 6, one tear at the rim."""
    white = np.zeros((240, 240), np.uint8)
    cv2.circle(white, (120, 120), 30, 1, -1)
    white[:, :20] = 1
    lining = [(120 + 38 * np.cos(a), 120 + 38 * np.sin(a), 6.0) for a in np.arange(12) * np.pi / 6]
    row = measured(sample_of(lining, white=white > 0))
    assert row["white_share"] == pytest.approx((np.pi * 30 ** 2 + 20 * 240) / 240 ** 2, rel=0.02)
    assert row["white_enclosed"] == pytest.approx(np.pi * 30 ** 2 / 240 ** 2, rel=0.02)
    assert row["white_largest"] == pytest.approx(20 / 240, rel=0.02)
    assert row["white_parts"] == pytest.approx(2e6 / 240 ** 2)
    assert row["lining"] > 3


def test_a_known_pixel_size_gives_micrometres() -> None:
    row = measured(sample_of(lattice(radius=10), mm_per_px=0.0005))
    assert row["radius_um"] == pytest.approx(5, rel=0.02)
    assert np.isnan(measured(sample_of(lattice()))["radius_um"])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_few_nuclei_give_what_can_be_known(count: int) -> None:
    row = measured(sample_of(lattice(60)[:count]))
    assert row["count"] == count
    assert np.isnan(row["size_mean"]) == (count == 0)
    assert np.isnan(row["nearest_mean"]) == (count < 2)
    # Four disks in a column have no triangle.
    assert np.isnan(row["edge_mean"])


def test_numbers_missing_in_the_labels_do_not_count() -> None:
    sample = sample_of(lattice())
    objects = np.where(sample.objects > 30, sample.objects + 50, sample.objects).astype(np.int32)
    assert measured(Sample(sample.rgb, sample.raw, sample.regions, objects)) == pytest.approx(
        measured(sample), nan_ok=True)


def test_drawn_tissue_is_measured_from_its_picture() -> None:
    tissue = draw_tissue(4, size_px=320, radius_px=12, nuclei=30)
    row = measured(segment("tissue", tissue.rgb, "background"))
    assert row["count"] == pytest.approx(tissue.objects.max(), abs=2)
    assert row["share"] == pytest.approx((tissue.objects > 0).mean(), rel=0.1)
    assert row["stain_ratio"] > 2
