"""What the explore page says about a folder, and what it warns of."""
import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from featurize.errors import UserError
from featurize.explore import figures
from featurize.explore.by_class import chance_of, percentiles_by_class, rank_eta_squared
from featurize.explore.census import Census, stratified_sample, take_census, with_label
from featurize.explore.image_stats import image_statistics
from featurize.explore.page import explore, next_commands
from featurize.explore.shortcuts import shortcuts
from featurize.explore.warnings import warnings
from featurize.images.read import Picture, read_image
from featurize.index.build import Index, build_index, load
from featurize.index.listing import with_listed_findings
from featurize.index.sources import Source
from featurize.report.charts import percentile_ranges
from featurize.report.numbers import score


def picture(path: Path, seed: int, ground: tuple[int, int, int] = (230, 220, 210), side: int = 64) -> None:
    """A noisy disk of its own place and color on a plain ground."""
    rng = np.random.default_rng(seed)
    rgb = np.empty((side, side, 3), np.uint8)
    rgb[:] = ground
    for _ in range(6):
        middle, color = rng.integers(8, side - 8, 2), rng.integers(20, 200, 3)
        cv2.circle(rgb, tuple(int(v) for v in middle), int(rng.integers(4, 12)), tuple(int(v) for v in color), -1)
    noise = rng.normal(0, 4, rgb.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(rgb + noise, 0, 255).astype(np.uint8)).save(path)


def folder(root: Path, counts: dict[str, int], ground: dict[str, tuple[int, int, int]] | None = None) -> Path:
    """`root/<label>/<number>.png`, all different."""
    for at, (label, n) in enumerate(counts.items()):
        for number in range(n):
            color = (ground or {}).get(label.split("/")[-1], (230, 220, 210))
            picture(root / label / f"{number:03d}.png", 1000 * at + number, color)
    return root


def page_of(index: Index, out: Path) -> str:
    explore(index, out / "explore.html")
    return (out / "explore.html").read_text(encoding="utf-8")


def warnings_of(page: str) -> str:
    """The text of the warnings, without tags."""
    listed = re.search(r'<ul class="warnings".*?</ul>', page, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", listed.group())) if listed else ""


@pytest.mark.slow
def test_explore_links_to_nothing_outside_itself(tmp_path: Path) -> None:
    page = page_of(build_index(folder(tmp_path / "i", {"ant": 5, "bee": 5})), tmp_path)
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)
    assert page.count("data:image/jpeg") >= 10


@pytest.mark.slow
def test_a_label_with_html_is_escaped(tmp_path: Path) -> None:
    page = page_of(build_index(folder(tmp_path / "i", {"<b>bold": 4, "a & b": 4})), tmp_path)
    assert "<b>bold" not in page and "&lt;b&gt;bold" in page


@pytest.mark.parametrize(("n_black", "n_white", "said"), [
    (1, 30, "1 image lies on black, the others do not, such as black/000.png."),
    (30, 1, "1 image does not lie on black, the others do, such as white/000.png."),
    (2, 4, "33.3\u00a0% of the images lie on black, the others do not."), (0, 6, ""), (6, 0, "")])
def test_a_single_image_on_black_is_no_second_kind_of_pictures(n_black: int, n_white: int, said: str) -> None:
    paths = [f"{name}/{n:03d}.png" for name, many in (("black", n_black), ("white", n_white)) for n in range(many)]
    frame = pd.DataFrame({"path": paths, "label": [path[:5] for path in paths], "group": None, "site": None,
                          "split": None, "sha256": paths, "image_id": paths})
    rng = np.random.default_rng(0)
    stats = image_statistics(Picture(rng.integers(0, 255, (60, 60, 3), dtype=np.uint8), 60, 60, "RGB", 8))
    census = take_census(frame, pd.DataFrame(columns=["path", "error", "reason"]), np.arange(len(paths)),
                         [replace(stats, black_frame=path < "c") for path in paths])
    told = {w["text"]: w["level"] for w in warnings(census, len(paths)) if "on black" in w["text"]}
    assert told == ({said: "caution" if "%" in said else "note"} if said else {})


@pytest.mark.slow
def test_a_copy_with_another_label_is_serious_and_shown_in_red(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"ant": 12, "bee": 12})
    turned = np.rot90(np.asarray(Image.open(root / "ant/003.png")))
    Image.fromarray(turned).save(root / "bee/copy.png")
    page = page_of(build_index(root), tmp_path)
    assert "1 picture has two different labels." in warnings_of(page)
    cluster = page[page.index("different labels</h3>"):]
    assert cluster.index("picture alarm") < cluster.index("ant/003.png") and "bee/copy.png" in cluster


def test_a_copy_in_another_part_is_warned_of(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {f"{s}/{c}": 6 for s in ("train", "test") for c in ("ant", "bee")})
    (root / "test/ant/copy_of_001.png").write_bytes((root / "train/ant/001.png").read_bytes())
    assert "1 picture stands in several parts." in warnings_of(page_of(build_index(root), tmp_path))


@pytest.mark.slow
def test_a_group_in_several_parts_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {f"{s}/{c}": 6 for s in ("train", "test") for c in ("ant", "bee")})
    index = build_index(root, group_regex=r"(\d+)\.png")
    assert "6 groups stand in several parts: 000, 001, 002, 003, 004, 005." in warnings_of(page_of(index, tmp_path))


@pytest.mark.slow
def test_a_part_without_a_class_is_warned_of(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"train/ant": 6, "train/bee": 6, "test/ant": 4})
    assert "The part test has no image of class “bee”." in warnings_of(page_of(build_index(root), tmp_path))


@pytest.mark.slow
def test_unequal_and_tiny_classes_are_warned_of(tmp_path: Path) -> None:
    text = warnings_of(page_of(build_index(folder(tmp_path / "i", {"ant": 32, "bee": 8})), tmp_path))
    assert "Class “ant” has 4 times as many images as class “bee” (32 and 8)." in text
    assert "Too few images to learn from: “bee” (8)." in text and "--folds 3" in text


def test_a_background_that_goes_with_the_class_is_called_a_shortcut(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"ant": 15, "bee": 15}, {"ant": (240, 225, 200), "bee": (200, 220, 240)})
    assert "The tint of the background differs by class" in warnings_of(page_of(build_index(root), tmp_path))


@pytest.mark.slow
def test_gray_films_have_no_tiles_of_color(tmp_path: Path) -> None:
    colored = folder(tmp_path / "colored", {"ant": 3, "bee": 3})
    gray = tmp_path / "gray"
    for path in sorted(colored.rglob("*.png")):
        (gray / path.parent.name).mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("L").save(gray / path.parent.name / path.name)
    assert 'class="swatch"' in page_of(build_index(colored), tmp_path)
    page = page_of(build_index(gray), tmp_path)
    assert 'class="swatch"' not in page and 'alt="saturation"' not in page
    assert 'alt="saturation"' in page_of(build_index(colored), tmp_path)


@pytest.mark.slow
def test_equal_backgrounds_are_no_shortcut(tmp_path: Path) -> None:
    text = warnings_of(page_of(build_index(folder(tmp_path / "i", {"ant": 60, "bee": 60})), tmp_path))
    assert "shortcut" not in text


def census_of(brightness: Sequence[float], labels: Sequence[str], ground: Sequence[float] | None = None) -> Census:
    """Images of a plain ground that differ in their mean gray level alone."""
    one = image_statistics(Picture(np.full((16, 16, 3), 120, np.uint8), 16, 16, "RGB", 8))
    grounds = [120.] * len(labels) if ground is None else ground
    images = [replace(one, mean=np.full(3, light), background=np.full(3, under))
              for light, under in zip(brightness, grounds)]
    frame = pd.DataFrame({"label": labels, "path": "x.png", "sha256": [str(n) for n in range(len(labels))]})
    return Census(frame, pd.DataFrame(), np.arange(len(labels)), images, np.arange(len(labels)))


def test_brightness_alone_is_told_and_not_called_a_shortcut() -> None:
    light, labels = np.random.default_rng(0).normal(100, 10, 80), ["ant", "bee"] * 40
    darker = np.where(np.arange(80) % 2, light - 30, light)
    told, = shortcuts(census_of(darker, labels))
    assert told["level"] == "note" and "see the shortcut check in the report of classify" in told["advice"]
    auroc = roc_auc_score(np.arange(80) % 2, -darker)
    assert told["text"].startswith(f"The brightness of the pictures differs between classes (AUROC {score(auroc)} for ")
    assert not list(shortcuts(census_of(light, labels)))
    both = list(shortcuts(census_of(darker, labels, ground=darker)))
    assert "The brightness of the background differs by class" in both[0]["text"] and "shortcut" in both[0]["text"]


def test_a_difference_that_chance_explains_is_not_told() -> None:
    """With 3 images a class a difference may be all there is, and yet mean nothing."""
    labels, light = ["a", "b"] * 3, np.array([1., 2, 3, 4, 5, 6])[[0, 3, 1, 4, 2, 5]]
    assert rank_eta_squared(light, labels) > .7 and chance_of(light, labels) == pytest.approx(.0495, abs=.0001)
    assert not list(shortcuts(census_of(light, labels, ground=light)))
    assert list(shortcuts(census_of(np.tile(light, 6), labels * 6, ground=np.tile(light, 6))))


@pytest.mark.slow
def test_files_that_cannot_be_read_are_listed_with_the_fault(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"ant": 5, "bee": 5})
    (root / "ant/broken.png").write_bytes((root / "ant/000.png").read_bytes()[:400])
    page = page_of(build_index(root), tmp_path)
    assert "1 file (9.1 %) could not be read." in warnings_of(page) and "ant/broken.png" in page


def test_a_folder_without_labels_still_makes_a_page(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / "i" / f"{number}.png", number)
    page = page_of(build_index(tmp_path / "i"), tmp_path)
    assert "No image has a label." in warnings_of(page) and "--labels F.csv" in page


@pytest.mark.slow
def test_few_groups_are_warned_of_with_the_folds_that_they_allow(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"ant": 10, "bee": 10})
    text = warnings_of(page_of(build_index(root, group_regex=r"00([0-2])\.png"), tmp_path))
    assert "There are only 3 groups." in text and "--folds 3" in text


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("small"), {"ant": 7, "bee": 7})


def serious_of(index: Index) -> list[str]:
    """The serious warnings of an index, without a page."""
    images = [image_statistics(load(index.sources[0], path)) for path in index.frame["path"]]
    frame, findings = with_listed_findings(index.frame, index.label_columns)
    census = take_census(with_label(frame, findings), index.errors, np.arange(len(images)), images, findings)
    return [f"{w['text']} {w['advice']} {w['command']}".rstrip() for w in warnings(census, len(images))
            if w["level"] == "serious"]


def test_a_class_of_fewer_groups_than_folds_is_warned_of(small_folder: Path) -> None:
    """`ant` has the groups 0 to 6, `bee` three of its own: classify refuses five folds."""
    by_image = build_index(small_folder)
    group = [str(n) for n in range(7)] + ["a", "b", "c", "a", "b", "c", "a"]
    told = serious_of(replace(by_image, frame=by_image.frame.assign(group=group)))
    assert "Too few groups for 5 folds: “bee” (3). Each fold keeps back whole groups of every class. Add groups, or " \
        "make fewer folds: --folds 3" in told
    assert not [text for text in serious_of(by_image) if "Too few groups" in text], "no groups are given"
    split = by_image.frame.assign(group=group, split=["train"] * 5 + ["test"] * 2 + ["train"] * 5 + ["test"] * 2)
    assert not [text for text in serious_of(replace(by_image, frame=split)) if "Too few groups" in text]


def test_folds_are_offered_only_where_there_are_no_parts(small_folder: Path) -> None:
    index = build_index(small_folder)
    assert any(text.startswith("Too few images") and text.endswith("--folds 3") for text in serious_of(index))
    divided = replace(index, frame=index.frame.assign(split=["train", "test"] * 7))
    assert "Too few images to learn from: “ant” (7), “bee” (7). Add images, or merge the class with another one." \
        in serious_of(divided)


def test_a_label_that_lists_findings_counts_for_each_of_them(small_folder: Path) -> None:
    """`Edema|Mass` is no class of its own: 8 images have Edema, 7 have Mass, 4 have neither."""
    index = build_index(small_folder)
    label = ["Edema|Mass"] * 6 + ["No Finding"] * 4 + ["Mass", "Edema", "Edema", None]
    told = serious_of(replace(index, frame=index.frame.assign(label=label)))
    assert "Too few images to learn from: “Edema” (5 without it), “Mass” (6 without it). classify trains no model of " \
        "these findings: add images, or do without them." in told
    assert not [text for text in told if "Edema|Mass" in text]


@pytest.mark.slow
def test_the_patient_in_the_names_is_offered_once(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"ant": 12})
    for number, path in enumerate(sorted((root / "ant").iterdir())):
        path.rename(path.with_name(f"P{number // 3}7_{number}.png"))
    text = warnings_of(page_of(build_index(root), tmp_path))
    assert "a part of the paths has 4 values that repeat" in text and "--group-regex" in text
    rows = "".join(f"P{n // 3}7_{n}.png,{n // 3},x\n" for n in range(12))
    (tmp_path / "l.csv").write_text(f"image,patient,label\n{rows}")
    text = warnings_of(page_of(build_index(root, labels=tmp_path / "l.csv"), tmp_path))
    assert "--group-column patient" in text and "--group-regex" not in text


def test_one_image_alone_makes_a_page(tmp_path: Path) -> None:
    picture(tmp_path / "i/ant/0.png", 0)
    assert "There is only one class, “ant”." in warnings_of(page_of(build_index(tmp_path / "i"), tmp_path))


def test_a_folder_without_a_readable_image_is_refused_and_leaves_no_page(tmp_path: Path) -> None:
    for label in ("ant", "bee"):
        (tmp_path / "i" / label).mkdir(parents=True)
        (tmp_path / "i" / label / "0.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="none of 2 images can be read"):
        page_of(build_index(tmp_path / "i"), tmp_path)
    assert not (tmp_path / "explore.html").exists()


def test_blurred_pictures_are_less_sharp() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(60, 200, (120, 120, 3)).astype(np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.5))
    sharp, soft = (image_statistics(Picture(p, 120, 120, "RGB", 8)).sharpness for p in (rgb, blurred))
    assert soft < sharp / 3


def test_jpeg_blocks_are_seen_at_low_quality_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.integers(0, 255, (160, 160, 3)).astype(np.uint8), (0, 0), 4)
    found = {}
    for quality in (10, 98):
        Image.fromarray(smooth).save(tmp_path / "x.jpg", quality=quality)
        found[quality] = image_statistics(read_image(tmp_path / "x.jpg")).blockiness
    assert found[10] > 2 and found[98] == pytest.approx(1, abs=.15)


def test_a_cut_out_object_is_told_from_a_whole_picture() -> None:
    rgb = np.zeros((60, 60, 3), np.uint8)
    rgb[20:40, 20:40] = 180
    on_black, on_gray = (image_statistics(Picture(p, 60, 60, "RGB", 8)) for p in (rgb, rgb + 30))
    assert on_black.black_frame and not on_gray.black_frame


def test_class_tells_nothing_or_everything() -> None:
    rng = np.random.default_rng(0)
    assert rank_eta_squared(rng.normal(size=900), ["a", "b", "c"] * 300) < .02
    # Ranks 1 2 3 | 4 5 6: between 13.5 of a total of 17.5; less chance (1/5): (.7714 - .2) / .8 = .714.
    assert rank_eta_squared(np.array([1.0, 2, 3, 10, 20, 30]), ["a"] * 3 + ["b"] * 3) == pytest.approx(.714, abs=.001)
    assert rank_eta_squared(np.array([np.nan, np.nan]), ["a", "b"]) == 0


def test_percentiles_of_each_class_are_numpys_and_nan_where_nothing_was_measured() -> None:
    table = pd.DataFrame({"label": ["a"] * 12 + ["b"] * 5 + ["c"], "x": [*range(11), *[np.nan] * 6, 7.0]})
    found = percentiles_by_class(table, ["x"], most=2)["x"]
    # Of 0, 1, ... 10 the p-th percentile is p / 10; the third class is left out.
    assert list(found.index) == ["a", "b"] and list(found.columns) == [5, 25, 50, 75, 95]
    assert found.loc["a"].tolist() == pytest.approx([.5, 2.5, 5, 7.5, 9.5]) and found.loc["b"].isna().all()


def frame_of(paths: list[str], labels: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"path": paths, "label": labels, "split": None, "sha256": [str(i) for i in range(len(paths))]})


def test_a_big_folder_is_sampled_by_class_and_the_same_each_time() -> None:
    frame = frame_of([f"{n}.png" for n in range(1000)], ["ant"] * 900 + ["bee"] * 100)
    rows = stratified_sample(frame, 100)
    assert (rows == stratified_sample(frame, 100)).all() and len(rows) == 100
    assert dict(frame["label"].iloc[rows].value_counts()) == {"ant": 90, "bee": 10}


def test_exact_copies_are_always_in_the_sample() -> None:
    frame = frame_of([f"{n}.png" for n in range(1000)], ["ant"] * 1000)
    frame.loc[[17, 503], "sha256"] = "same"
    assert {17, 503} <= set(stratified_sample(frame, 50))


def test_several_findings_become_one_label_that_says_them_all() -> None:
    frame = pd.DataFrame({"label_flu": pd.array([1, 0, 1, 0, None], dtype="Int8"),
                          "label_cold": pd.array([0, 0, 1, None, None], dtype="Int8")})
    found = list(with_label(frame, ("flu", "cold"))["label"])
    assert found == ["flu", "none of them", "flu, cold", "none of them", None]


@pytest.fixture(scope="module")
def findings_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """30 films: 12 with flu, of which 10 have a cold too; 20 with a cold in all; 8 with neither; nobody has a rash."""
    root = folder(tmp_path_factory.mktemp("films"), {"films": 30})
    lines = [f"{n:03d}.png,{int(n < 12)},{int(2 <= n < 22)},0" for n in range(30)]
    (root / "labels.csv").write_text("\n".join(["file,flu,cold,rash", *lines]))
    return page_of(build_index(root, labels=root / "labels.csv", label_columns=("flu", "cold", "rash")), root)


@pytest.mark.slow
def test_each_finding_counts_all_images_that_have_it(findings_page: str) -> None:
    text = warnings_of(findings_page)
    assert "Few images: “flu” (12 with it), “cold” (10 without it)." in text
    assert "Too few images to learn from: “rash” (0 with it)." in text
    assert "times as many images" not in text
    rows = dict(re.findall(r'<tr><td class="">(\w[\w ]*)</td><td class="right " data-key="(\d+)"', findings_page))
    assert {"cold": "20", "flu": "12", "none of them": "8", "rash": "0"}.items() <= rows.items()
    assert "30 images, 3 findings: “cold”, “flu”, “rash”." in findings_page
    assert "<h3>flu (12)</h3>" in findings_page and "<h3>cold (20)</h3>" in findings_page


@pytest.mark.slow
def test_findings_that_come_together_are_counted(findings_page: str) -> None:
    assert "Images that have two findings" in findings_page
    assert 'title="10 of 20 images with cold: flu"' in findings_page
    assert 'title="10 of 12 images with flu: cold"' in findings_page
    assert 'title="0 of 12 images with flu: rash"' in findings_page


@pytest.mark.slow
def test_a_shortcut_names_the_finding(tmp_path: Path) -> None:
    ground = {"a": (240, 225, 200), "b": (200, 220, 240)}
    root = folder(tmp_path / "i", {"a": 15, "b": 15}, ground)
    lines = [f"{c}/{n:03d}.png,{int(c == 'a')},{n % 2}" for c in "ab" for n in range(15)]
    (root / "l.csv").write_text("\n".join(["file,flu,cold", *lines]))
    page = page_of(build_index(root, labels=root / "l.csv", label_columns=("flu", "cold")), tmp_path)
    assert "The tint of the background differs by the finding “flu”, which explains" in warnings_of(page)


def listed(labels: list[str | None], root: str = "cells of June", kind: str = "folder") -> Index:
    """An index of images without files."""
    paths = [f"{n} a.png" for n in range(len(labels))]
    frame = pd.DataFrame({"path": paths, "site": None, "label": pd.Series(labels, dtype=object)})
    return Index(frame, pd.DataFrame(), (Source("", root, kind),))


def test_the_next_step_is_quoted_and_names_labels_groups_and_sites() -> None:
    options = {"--labels": Path("my labels.csv"), "--label-column": "kind", "--group-column": None,
               "--group-regex": r"p(\d+)_", "--site-column": "lab"}
    assert next_commands(listed(["a", "b"]), ["cells of June"], options) == (
        "python cli.py featurize 'cells of June' -o table.parquet --labels 'my labels.csv' --label-column kind "
        "--group-regex 'p(\\d+)_' --site-column lab\npython cli.py classify table.parquet -o run/")


@pytest.mark.parametrize(("labels", "kind", "image"), [
    ([None, None], "folder", "'cells of June/0 a.png'"), (["a", "a"], "folder", "'cells of June/0 a.png'"),
    ([None, None], "zip", "IMAGE")])
def test_without_two_classes_the_next_step_is_similar_and_giving_labels(labels: list[str | None], kind: str,
                                                                        image: str) -> None:
    lines = next_commands(listed(labels, kind=kind), ["cells of June"], {"--group-regex": r"p(\d+)"}).splitlines()
    assert lines == [
        r"python cli.py featurize 'cells of June' -o table.parquet --group-regex 'p(\d+)'",
        f"python cli.py similar table.parquet {image} -o similar.html",
        "# classify needs at least two classes; labels are read from a CSV:",
        r"python cli.py featurize 'cells of June' -o table.parquet --group-regex 'p(\d+)' --labels F.csv "
        "--label-column C", "python cli.py classify table.parquet -o run/"]


@pytest.mark.slow
def test_the_page_counts_what_it_returns(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"ant": 6, "bee": 5})
    whole = (root / "ant/000.png").read_bytes()
    (root / "ant/broken.png").write_bytes(whole[:len(whole) // 2])
    (root / "bee/empty.png").write_bytes(b"")
    found = explore(build_index(root), tmp_path / "e.html")
    assert (found.images, found.unreadable) == (11, 2)
    assert "11 images, 2 classes" in (tmp_path / "e.html").read_text(encoding="utf-8")
    assert [text for text in found.serious if text.startswith("Too few images") and text.endswith("--folds 3")]
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert len(found.serious) + found.others == len(re.findall('<li class="(?:serious|caution|note)"', page))


ODD_NAMES = ["白血球 嗜酸性", "🩸", "$x_{^$", "a_b$c", "_hidden", "all", "50 % & <b>", "W" * 80, "العربية"]


@pytest.mark.slow
@pytest.mark.parametrize("names", [ODD_NAMES, ODD_NAMES[2:3], [f"{name} {n}" for name in ODD_NAMES for n in range(4)]],
                         ids=["odd", "one", "many"])
def test_charts_draw_any_name_without_a_warning(names: list[str]) -> None:
    """Warnings are errors in these tests; a name is shown as it is, a dollar sign begins no formula."""
    counts = pd.DataFrame({"train": range(len(names)), "test": 3}, index=names)
    shares = {name: np.full((3, 32), 1 / 32) for name in names}
    uris = [figures.class_bars(counts), figures.channel_means({n: (np.full(3, 9.), np.ones(3)) for n in names}, True),
            figures.histograms(shares, True),
            percentile_ranges({c: pd.DataFrame([range(5)] * len(names), index=names) for c in "abcd"})]
    drawn = [base64.b64decode(uri.partition(",")[2]).decode() for uri in uris]
    assert all("$x_{^$" in chart for chart in drawn)


def test_a_chart_of_no_image_is_drawn() -> None:
    figures.class_bars(pd.DataFrame({"all": [0, 0]}, index=["flu", "cold"]))


@pytest.mark.slow
def test_a_class_called_all_reads_well(tmp_path: Path) -> None:
    root = folder(tmp_path / "i", {"train/all": 12, "train/hem": 12, "test/hem": 4, "rest/all": 2})
    page = page_of(build_index(root), tmp_path)
    assert "The part test has no image of class “all”." in warnings_of(page)
    assert "Few images: “hem” (16), “all” (14)." in warnings_of(page)
    assert "2 classes: “all”, “hem”." in page and "part no part" not in page
    assert [head for head in re.findall(r">([A-Z][a-z ]+)</button>", page)][:6] == [
        "Class", "Train", "Test", "No part", "Sum", "Share"]
