"""Maps of pictures whose class is a bright patch in a known cell."""
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classify.audit.page.write import write_audit
from classify.audit.result import Audit
from classify.audit.run import audit
from classify.audit.shortcuts.parts_evidence import PartScore
from classify.audit.warnings import warnings
from classify.bundle import load_bundle
from classify.data.columns import matrix
from classify.fitting import models
from classify.maps import counterfactual as counterfactual_module
from classify.maps.counterfactual import MOST_KINDS, MOST_SWAPS, Candidates
from classify.maps.export import to_dict
from classify.maps.figures import by_cells, by_pixels, full_color, over
from classify.maps.kept import store_of
from classify.maps.margins import against
from classify.maps.orders import area, curves_of, hidden_along, order_of, order_tests, random_orders, rank_correlation
from classify.maps.result import Answer, Curves, ImageMap, Maps, OrderTest, Swap
from classify.maps.sentences import counterfactual_sentence, lines, p_value, verdict_sentence
from classify.predictions import named_and_other
from classify.settings import TrainSettings
from classify.sweep.choose import Remeasure
from classify.train import train
from featurize.batch import hidden
from featurize.errors import UserError
from featurize.images.occlude import Hidden, hide
from featurize.index.build import Index, build_index, load
from featurize.pipeline import measure_picture
from featurize.presets.load import Preset, preset_from_dict
from featurize.run import measure_index
from featurize.table import TableInfo

SIDE_PX = 64
# The patch covers cell 10 of the 8 x 8 grid, row 1 and column 2.
CELL = 10
PRESET = Preset("whole", "none", "whole", {"hog": {"regions": ("whole",), "rows": 8, "columns": 8}})
IMAGES = 4
Made = tuple[Path, Index, pd.DataFrame, TableInfo]


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Folder with a run, the index of the images, and their table."""
    folder, rng, arrays = tmp_path_factory.mktemp("patches"), np.random.default_rng(0), {}
    for part, count in {"train": 60, "val": 20, "test": 20}.items():
        y = np.arange(count) % 2
        # Coarse squares of their own: pictures must not be taken for copies of each other.
        coarse = rng.integers(80, 110, (count, 8, 8)).repeat(8, axis=1).repeat(8, axis=2)
        images = (coarse + rng.integers(0, 10, (count, SIDE_PX, SIDE_PX))).astype(np.uint8)
        images[y == 1, 9:15, 17:23] += 90
        arrays |= {f"{part}_images": images, f"{part}_labels": y[:, None]}
    np.savez(folder / "patches.npz", **arrays)
    index = build_index([folder / "patches.npz"])
    frame, info, _ = measure_index(index, PRESET, jobs=1)
    train(frame, info, folder / "run", TrainSettings(resamples=10, model="logistic"))
    return folder, index, frame, info


@pytest.fixture(scope="module")
def found(patches: Made) -> Audit:
    folder, index, frame, info = patches
    return audit(folder / "run", frame, info, folder / "audit.html", map_settings=Remeasure(index, IMAGES))


def maps_of(found: Audit) -> Maps:
    assert found.maps is not None
    return found.maps


def with_patch(found: Audit) -> list[ImageMap]:
    return [image for image in maps_of(found).images if image.answer.named == 1]


def test_the_map_adds_up_to_the_answer(found: Audit, patches: Made) -> None:
    bundle, frame = load_bundle(patches[0] / "run"), patches[2]
    for image in maps_of(found).images:
        margin = models.margin(bundle.model, matrix(frame.iloc[[image.row]], bundle.model.features))[0, 0]
        own = image.answer
        assert own.margin == pytest.approx(margin if own.named == 1 else -margin)
        assert image.pixels.sum() + own.base == pytest.approx(own.margin, abs=1e-4)
        assert image.attribution.sum() == pytest.approx(image.pixels.sum())


def test_both_maps_name_the_cell_of_the_patch(found: Audit) -> None:
    assert len(with_patch(found)) == 2
    for image in with_patch(found):
        assert image.occlusion.argmax() == CELL, "hiding the patch costs most"
        assert image.other_fill.argmax() == CELL
        assert image.attribution.argmax() == CELL


def test_occlusion_is_the_fall_of_the_log_odds_of_the_picture_hidden_by_hand(found: Audit, patches: Made) -> None:
    folder, index, frame, info = patches
    bundle, image = load_bundle(folder / "run"), with_patch(found)[0]
    path = frame["path"].iloc[image.row]
    image_id = index.frame.set_index("path")["image_id"][path]
    picture = load(index.sources[0], path)
    rows = [measure_picture(hide(picture, image_id, Hidden(cells)), preset_from_dict(info.preset))
            for cells in ((), (CELL,))]
    before, after = models.margin(bundle.model, matrix(pd.DataFrame(rows, dtype=np.float32),
                                                       bundle.model.features))[:, 0]
    assert image.occlusion[CELL] == pytest.approx(before - after) and before - after > 1
    assert image.curves["occlusion"].deletion[0] == pytest.approx(before)


def test_the_patch_is_deleted_first(found: Audit) -> None:
    image = with_patch(found)[0]
    curves = image.curves["occlusion"]
    assert curves.deletion[1] < np.mean([other.deletion[1] for other in image.random]) - 1
    assert area(curves.deletion) < np.mean([area(other.deletion) for other in image.random])
    assert area(curves.insertion) > np.mean([area(other.insertion) for other in image.random])


def test_only_new_images_are_mapped_evenly_by_class(found: Audit) -> None:
    rows = [image.row for image in maps_of(found).images]
    chosen = found.frame.iloc[rows]
    assert (chosen["split"] == "test").all() and chosen["label"].value_counts().tolist() == [2, 2]
    assert not maps_of(found).learned


def test_the_exchanged_measurements_change_the_answer(found: Audit, patches: Made) -> None:
    bundle = load_bundle(patches[0] / "run")
    x = matrix(found.frame, bundle.model.features)
    for image in maps_of(found).images:
        other = image.counterfactual
        assert other is not None and other.called != image.answer.named
        assert found.frame["label"].iloc[other.row] == str(other.called) and other.learned
        assert 0 < len(other.swaps) <= max(MOST_SWAPS, MOST_KINDS)
        changed = x.iloc[[image.row]].copy()
        for swap in other.swaps:
            changed[list(swap.columns)] = x.iloc[[other.row]][list(swap.columns)].to_numpy()
        margin = against(models.margin(bundle.model, changed), image.answer.named, other.called)[0]
        assert margin == pytest.approx(other.swaps[-1].margin) and margin < 0
        assert all(swap.margin >= 0 for swap in other.swaps[:-1])


def test_no_training_image_is_nearer_than_the_one_that_is_shown(found: Audit, patches: Made) -> None:
    bundle = load_bundle(patches[0] / "run")
    image = maps_of(found).images[0]
    other = image.counterfactual
    assert other is not None
    called = found.predictions.p.argmax(axis=1)
    rows = np.flatnonzero((called != image.answer.named) & (found.frame["label"].astype(int) == called) &
                          found.trained_on)
    x = matrix(found.frame, bundle.model.features).to_numpy(float)
    middle, scale = np.median(x, axis=0), np.subtract(*np.percentile(x, [75, 25], axis=0)) / 1.349
    z = np.clip((x - middle) / np.where(scale > 1e-9 * np.abs(middle), scale, 1), -5, 5)
    z = np.sign(z) * np.log1p(np.abs(z))
    nearest = rows[np.argmin(((z[rows] - z[image.row]) ** 2).mean(axis=1))]
    assert other.row == nearest


def test_the_same_images_are_not_measured_again(found: Audit, patches: Made,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    folder, index, frame, info = patches
    assert len(list((folder / "audit.maps").glob("*.json"))) == IMAGES and not list(folder.glob("*.shards"))

    def measured(*_: object) -> None:
        raise AssertionError("measured again")
    monkeypatch.setattr(hidden, "measure_hidden", measured)
    again = audit(folder / "run", frame, info, folder / "audit.json", map_settings=Remeasure(index, IMAGES))
    read = json.loads((folder / "audit.json").read_text(encoding="utf-8"))["maps"]
    assert maps_of(again).tests == maps_of(found).tests
    assert [image["occlusion"] for image in read["images"]] == [list(i.occlusion) for i in maps_of(found).images]
    with pytest.raises(AssertionError, match="measured again"):
        audit(folder / "run", frame, info, folder / "audit.json", map_settings=Remeasure(index, IMAGES, seed=1))


def test_a_damaged_file_of_kept_results_is_measured_again(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a.html", ["model"])
    store.write("f" * 64, {"0.0.0": 1.5, "1.0.0": float("nan")})
    read = store.read("f" * 64)
    assert read is not None and read["0.0.0"] == 1.5 and np.isnan(read["1.0.0"])
    assert store.read("e" * 64) is None and store_of(tmp_path / "a.html", ["other"]).read("f" * 64) is None
    next((tmp_path / "a.maps").iterdir()).write_text("{", encoding="utf-8")
    assert store.read("f" * 64) is None


def test_the_page_shows_images_maps_and_tests(found: Audit, patches: Made, tmp_path: Path) -> None:
    page = (patches[0] / "audit.html").read_text(encoding="utf-8")
    assert 'id="maps"' in page and 'href="#maps"' in page
    assert page.count("log-odds a cell or more") == 2 * IMAGES and page.count(">Nearest class") == IMAGES
    assert "speaks for the named class" in page and "in random order" in page and "Log-odds then" in page
    assert not re.findall(r'(?:src|href)="http', page)
    write_audit(tmp_path / "plain.html", replace(found, maps=None))
    assert 'id="maps"' not in (tmp_path / "plain.html").read_text(encoding="utf-8")


def test_parts_that_tell_the_label_without_the_subject_are_warned_of(found: Audit, tmp_path: Path) -> None:
    parts = (PartScore("entire picture", 90, 500, .99, .9, (.98, 1), False),
             PartScore("rim alone", 90, 500, .8, .7, (.7, .9), True))
    write_audit(tmp_path / "a.html", replace(found, parts=parts))
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<h3>Parts of the picture</h3>" in page
    assert page.count("rim alone (AUROC .800, 95\u00a0% interval .700–.900)") == 2
    quiet = replace(found, parts=parts[:1])
    assert not any("without the subject" in warning["text"] for warning in warnings(quiet))


def test_json_names_units_and_images(found: Audit) -> None:
    read = to_dict(maps_of(found), found.frame, found.bundle.classes)
    image = next(image for image in read["images"] if image["named"] == "1")
    assert image["rows"] == image["columns"] == 8 and len(image["occlusion"]) == 64
    assert image["places"].keys() == {"middle", "rim"}
    assert sum(part["area"] for part in image["places"].values()) == pytest.approx(1)
    assert image["counterfactual"]["says"].startswith("With ")
    json.dumps(read)


def test_without_images_nothing_is_mapped(patches: Made, tmp_path: Path) -> None:
    folder, index, frame, info = patches
    with pytest.raises(UserError, match="--maps: of 100 labelled images of the table, none is among the images"):
        audit(folder / "run", frame.assign(sha256="0"), info, tmp_path / "a.html",
              map_settings=Remeasure(index, IMAGES))
    with pytest.raises(UserError, match="--maps was given, and the table was measured with --masks"):
        audit(folder / "run", frame.assign(mask="m"), info, tmp_path / "a.html",
              map_settings=Remeasure(index, IMAGES))


def test_log_odds_of_a_class_against_the_next() -> None:
    assert named_and_other(np.array([[.1, .6, .3]])).tolist() == [[1, 2]]
    margins = np.array([[.5, 2.0, 1.0]])
    assert against(margins, 1, 2) == 1.0 and against(margins, 2, 1) == -1.0
    assert against(np.array([[1.5]]), 1, 0) == 1.5 and against(np.array([[1.5]]), 0, 1) == -1.5


def test_a_curve_goes_from_nothing_hidden_to_everything_and_back() -> None:
    steps = hidden_along(order_of(np.array([0.0, 3.0, np.nan, 1.0])))
    assert [part.cells for part in steps["deletion"]][::5] == [(), (1, 3), (0, 1, 2, 3)]
    assert [part.cells for part in steps["insertion"]][::5] == [(0, 1, 2, 3), (0, 2), ()]
    margin = {part.key: float(4 - len(part.cells)) for part in [*steps["deletion"], *steps["insertion"]]}
    curves = curves_of(order_of(np.array([0.0, 3.0, np.nan, 1.0])), margin)
    assert curves.deletion[0] == 4 and curves.deletion[-1] == 0 and curves.insertion == curves.deletion[::-1]


def test_random_orders_are_the_same_again_and_differ_by_image() -> None:
    first, again, other = (random_orders(20, name, 0) for name in ("a", "a", "b"))
    assert all(np.array_equal(x, y) for x, y in zip(first, again))
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[0], first[1])


def test_maps_no_better_than_chance_are_not_called_better(found: Audit) -> None:
    image = maps_of(found).images[0]
    same = replace(image, curves={kind: image.random[0] for kind in image.curves}, random=(image.random[0],) * 5)
    tests = order_tests([same] * 6)
    assert all(np.isnan(test.p) and test.better == 0 for test in tests)
    told = verdict_sentence(replace(maps_of(found), tests=tests))
    assert told.startswith("In 0 of 4 tests the maps are better than chance (p < .01): ")
    few = replace(maps_of(found), tests=order_tests([same] * 4))
    assert verdict_sentence(few) == "4 images: too few for a test whether the maps show what matters (5 are needed)."
    good = Curves((1.0, 0.0), (0.0, 1.0))
    lots = Curves((1.0, 1.0), (0.0, 0.0))
    better = replace(image, curves={kind: good for kind in image.curves}, random=(lots,) * 5)
    # All 6 differences have one sign: the exact probability is 2 ** -6.
    assert [test.p for test in order_tests([better] * 6)] == pytest.approx([2 ** -6] * 4)


def test_small_p_values_and_rank_correlations_of_even_maps() -> None:
    assert p_value(1e-6) == "p < .0001" and p_value(np.nan) == "too few images for a test"
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5.0)))
    assert rank_correlation(np.array([1, 2, np.nan, 4.0]), np.array([2, 3, 9, 5.0])) == pytest.approx(1)


def test_the_terminal_and_the_page_say_the_same(found: Audit) -> None:
    told = lines(maps_of(found))
    assert told[0] == "maps of 4 images: deletion and insertion against random order" and len(told) == 5
    assert isinstance(maps_of(found).tests[0], OrderTest)


def test_an_image_that_no_few_measurements_change_is_said_to_be_so(found: Audit) -> None:
    image = maps_of(found).images[0]
    assert image.counterfactual is not None
    hard = replace(image, counterfactual=replace(image.counterfactual, swaps=()))
    assert "No few measurements change the answer" in counterfactual_sentence(hard, ("a", "b"))
    assert counterfactual_sentence(replace(image, counterfactual=None), ("a", "b")) == (
        "No image of the table is rightly called otherwise.")


def test_colors_say_for_and_against(found: Audit) -> None:
    image = with_patch(found)[0]
    values = by_cells(np.where(np.arange(64) == CELL, 2.0, np.where(np.arange(64) == 0, -2.0, 0)), 8, 8, 64, 64)
    shown = over(np.full((64, 64, 3), 128, np.uint8), values, 2.0).astype(int)
    assert shown[12, 20, 0] > shown[12, 20, 2] and shown[0, 0, 2] > shown[0, 0, 0] and np.ptp(shown[40, 40]) == 0
    assert by_pixels(image, 64, 64).mean() * 64 == pytest.approx(image.pixels.sum(), rel=.01)
    assert full_color(np.zeros((3, 3))) == 0 and not np.isnan(over(shown.astype(np.uint8), values * 0, 0.0)).any()


def test_a_farther_image_is_taken_where_no_few_measurements_of_the_nearest_change_the_answer(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurements of the nearest image are said to change nothing; the second one's do, or none of all."""
    points = np.arange(4.0)[:, None]
    x = pd.DataFrame({"a": np.arange(4.0, dtype=np.float32)})
    called = np.array([0, 1, 1, 1])
    given = Candidates(points, x, called, called, np.zeros(4, bool))
    swap = Swap("a", "", ("a",), 0., 2., -1.)
    answer = Answer(0, 1, .9, 2., 0.)

    def swaps_of(*good: float) -> None:
        monkeypatch.setattr(counterfactual_module, "_swaps", lambda bundle, own, other, goal, preset: (
            ((swap,), -1.) if other["a"].iloc[0] in good else ((), 1.)))
    swaps_of(2)
    found = counterfactual_module.counterfactual(None, given, 0, answer, "whole")  # type: ignore[arg-type]
    assert found is not None and (found.row, found.nearer, found.reached) == (2, 1, -1)
    swaps_of()
    none = counterfactual_module.counterfactual(None, given, 0, answer, "whole")  # type: ignore[arg-type]
    assert none is not None and (none.row, none.swaps, none.reached) == (1, (), 1)
