"""What an earlier table knows is not measured again, and the table is the same as if it were."""
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from featurize import run
from featurize.batch import chunks
from featurize.errors import UserError
from featurize.images.picture import Picture
from featurize.index.build import Index, build_index
from featurize.presets.load import Preset, load_preset
from featurize.run import Summary, featurize
from featurize.table import perturbed_path, read_table, write_table


@pytest.fixture(scope="module")
def preset() -> Preset:
    whole = load_preset("whole")
    return replace(whole, blocks={name: whole.blocks[name] for name in ("color", "quality")})


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each call of the pipeline."""
    seen: list[str] = []
    measure = chunks.measure_picture

    def counted(*arguments: Any) -> dict[str, float]:
        seen.append("")
        return measure(*arguments)
    monkeypatch.setattr(chunks, "measure_picture", counted)
    return seen


@pytest.fixture
def images(cell_folder: Path, tmp_path: Path) -> Path:
    """20 of the cells, in a folder of their own."""
    for path in sorted(cell_folder.rglob("*.png"))[:20]:
        target = tmp_path / "in" / path.relative_to(cell_folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path / "in"


def same_bytes(a: Path, b: Path) -> bool:
    return (a.read_bytes() == b.read_bytes()
            and perturbed_path(a).read_bytes() == perturbed_path(b).read_bytes())


def both_ways(index: Index, preset: Preset, old: Path, measured: list[str]) -> tuple[Summary, int, bool]:
    """Over the old table and fresh: what the first said, how often it measured, and whether both wrote the same."""
    measured.clear()
    summary, fresh = featurize(index, preset, old, jobs=1, reuse=old), old.with_name("fresh.parquet")
    n_measured = len(measured)
    featurize(index, preset, fresh, jobs=1)
    return summary, n_measured, same_bytes(old, fresh)


@pytest.mark.slow
def test_new_labels_measure_nothing_and_give_the_bytes_of_a_fresh_run(images: Path, preset: Preset, tmp_path: Path,
                                                                      measured: list[str]) -> None:
    featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    names = [path.relative_to(images).as_posix() for path in sorted(images.rglob("*.png"))]
    lines = [f"{name},{'odd' if at % 2 else 'even'}" for at, name in enumerate(names)]
    (tmp_path / "new.csv").write_text("\n".join(["file,kind", *lines]))
    index = build_index(images, labels=tmp_path / "new.csv", label_columns=("kind",))
    summary, n_measured, same = both_ways(index, preset, tmp_path / "t.parquet", measured)
    assert (summary.reused, n_measured, same) == (20, 0, True)
    assert set(read_table(tmp_path / "t.parquet")[0]["label"]) == {"odd", "even"}


@pytest.mark.slow
def test_added_images_alone_are_measured(images: Path, cell_folder: Path, preset: Preset, tmp_path: Path,
                                         measured: list[str]) -> None:
    """One new picture is a near copy of a known one: both are in one group, as in a fresh run."""
    featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    first = sorted(images.rglob("*.png"))[0]
    Image.fromarray(np.rot90(np.asarray(Image.open(first)))).save(first.with_name("a_turned.png"))
    summary, n_measured, same = both_ways(build_index(images), preset, tmp_path / "t.parquet", measured)
    # The image and its changed copy: there are fewer than 48 images, so that each has one.
    assert (summary.reused, n_measured, same) == (20, 2, True)
    frame, _ = read_table(tmp_path / "t.parquet")
    group = frame.set_index("path")["duplicate_group"]
    relative = first.relative_to(images)
    assert group[relative.as_posix()] == group[relative.with_name("a_turned.png").as_posix()]


@pytest.mark.slow
def test_known_images_are_not_even_opened(images: Path, cell_folder: Path, preset: Preset, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """The table keeps what the search for copies needs."""
    featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    new = sorted(cell_folder.rglob("*.png"))[-1]
    shutil.copy(new, images / new.parent.name)
    opened, picture = set(), chunks.MeasureTask.picture

    def open_one(task: chunks.MeasureTask, request: chunks.ImageRequest) -> Picture:
        opened.add(request.path)
        return picture(task, request)
    monkeypatch.setattr(chunks.MeasureTask, "picture", open_one)
    summary = featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1, reuse=tmp_path / "t.parquet")
    assert opened == {f"{new.parent.name}/{new.name}"} and summary.reused == 20


@pytest.mark.slow
def test_tables_without_fingerprints_are_taken_over_all_the_same(images: Path, preset: Preset, tmp_path: Path) -> None:
    """Those of older versions: the fingerprints of their images are made again where images were added."""
    featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    frame, info = read_table(tmp_path / "t.parquet")
    write_table(frame.drop(columns="fingerprint"), info, tmp_path / "old.parquet")
    first = sorted(images.rglob("*.png"))[0]
    Image.open(first).convert("L").save(first.with_name("gray.png"))
    featurize(build_index(images), preset, tmp_path / "new.parquet", jobs=1, reuse=tmp_path / "old.parquet")
    now, _ = read_table(tmp_path / "new.parquet")
    assert now["fingerprint"].notna().all() and len(now) == 21 == now["duplicate_group"].nunique() + 1


@pytest.mark.slow
def test_images_taken_away_or_moved_are_not_measured(images: Path, preset: Preset, tmp_path: Path,
                                                     measured: list[str]) -> None:
    featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    paths = sorted(images.rglob("*.png"))
    paths[0].unlink()
    (images / "other").mkdir()
    shutil.move(paths[3], images / "other/renamed.png")
    summary, n_measured, same = both_ways(build_index(images), preset, tmp_path / "t.parquet", measured)
    # A renamed image has another id, which is the seed of its changed copy: that is measured anew.
    assert (summary.reused, n_measured, same) == (19, 1, True)


@pytest.mark.slow
def test_a_file_that_failed_is_tried_again(images: Path, preset: Preset, tmp_path: Path, measured: list[str]) -> None:
    whole = next(images.rglob("*.png")).read_bytes()
    (images / "cut.png").write_bytes(whole[:len(whole) // 2])
    featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    summary, n_measured, same = both_ways(build_index(images), preset, tmp_path / "t.parquet", measured)
    assert (summary.reused, summary.errors, n_measured, same) == (20, 1, 0, True)
    assert (tmp_path / "t.errors.csv").is_file()


@pytest.mark.slow
def test_rows_of_other_settings_or_versions_are_not_taken(images: Path, preset: Preset, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    index, old = build_index(images), tmp_path / "t.parquet"
    featurize(index, preset, old, jobs=1)
    fewer = replace(preset, blocks={"color": preset.blocks["color"]})
    assert featurize(index, fewer, tmp_path / "a.parquet", jobs=1, reuse=old).reused == 0
    coarser = replace(preset, blocks={**preset.blocks, "color": {**preset.blocks["color"], "bins": 4}})
    other = featurize(index, coarser, tmp_path / "d.parquet", jobs=1, reuse=old)
    assert (other.reused, other.not_reused) == (0, "it was measured with other settings (preset 'whole')")
    scaled = featurize(index, preset, tmp_path / "b.parquet", jobs=1, mm_per_px=.001, reuse=old)
    assert scaled.reused == 0 and "--mm-per-px None, now 0.001" in scaled.not_reused
    with monkeypatch.context() as later:
        later.setattr("featurize.reuse.versions_of", lambda names: {"color": 99, "quality": 1})
        newer = featurize(index, preset, tmp_path / "c.parquet", jobs=1, reuse=old)
    assert newer.reused == 0 and "color v" in newer.not_reused and "now with v99" in newer.not_reused


@pytest.mark.slow
def test_changed_copies_that_lack_a_feature_are_measured_anew(images: Path, preset: Preset, tmp_path: Path,
                                                              measured: list[str],
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """As where images are added that tell their scale: lengths then become features."""
    original = run.nuisance_columns
    with monkeypatch.context() as before:
        before.setattr(run, "nuisance_columns", lambda names, known: [*original(names, known), names[-1]])
        featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    summary, n_measured, same = both_ways(build_index(images), preset, tmp_path / "t.parquet", measured)
    assert (summary.reused, n_measured, same) == (20, 20, True)


@pytest.mark.slow
def test_a_csv_table_is_taken_from_too(images: Path, preset: Preset, tmp_path: Path, measured: list[str]) -> None:
    index = build_index(images)
    featurize(index, preset, tmp_path / "t.csv", jobs=1)
    measured.clear()
    summary = featurize(index, preset, tmp_path / "u.parquet", jobs=1, reuse=tmp_path / "t.csv")
    featurize(index, preset, tmp_path / "v.parquet", jobs=1)
    assert (summary.reused, same_bytes(tmp_path / "u.parquet", tmp_path / "v.parquet")) == (20, True)


@pytest.mark.parametrize("name", ["t.parquet", "t.errors.csv", "t.perturbed.parquet"])
def test_files_that_others_wrote_are_not_replaced(name: str, images: Path, preset: Preset, tmp_path: Path,
                                                  measured: list[str]) -> None:
    (tmp_path / name).write_text("my notes\n")
    with pytest.raises(UserError, match=f"{name} exists and was not written by Pellucid"):
        featurize(build_index(images), preset, tmp_path / "t.parquet", jobs=1)
    assert (tmp_path / name).read_text() == "my notes\n" and not measured


@pytest.mark.parametrize("name", ["t.csv", "t.csv.json"])
def test_a_csv_or_json_of_others_is_not_replaced(name: str, images: Path, preset: Preset, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"mine": 1}\n')
    with pytest.raises(UserError, match=f"{name} exists and was not written by Pellucid"):
        featurize(build_index(images), preset, tmp_path / "t.csv", jobs=1)
    assert (tmp_path / name).read_text() == '{"mine": 1}\n'
