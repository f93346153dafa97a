"""The table is the same however it came about: with one job or two, in one go or resumed."""
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import featurize as package
from featurize import run
from featurize.batch import chunks, execute
from featurize.blocks import quality
from featurize.errors import Stopped, UserError
from featurize.index.build import Index, build_index
from featurize.presets.load import Preset, load_preset
from featurize.run import featurize, index_hash, measure_index
from featurize.runtime.progress import Part
from featurize.table import read_perturbed, read_table

GROUPS = r"(p\d+)_"


@pytest.fixture(autouse=True)
def nothing_again(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of measured images are easier to state without the second measurements, which have tests of their own."""
    if "again" not in request.node.name:
        monkeypatch.setattr(run, "images_to_perturb", lambda image_ids: [])


@pytest.fixture(scope="module")
def preset() -> Preset:
    """Two quick families, one of them of nuisances."""
    whole = load_preset("whole")
    return replace(whole, blocks={name: whole.blocks[name] for name in ("color", "quality")})


@pytest.fixture(scope="module")
def index(cell_folder: Path) -> Index:
    return build_index([cell_folder], group_regex=GROUPS)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the measured images; `calls.append` happens once for each."""
    seen: list[int] = []
    measure = chunks.measure_picture

    def counted(*arguments: Any) -> dict[str, float]:
        seen.append(1)
        return measure(*arguments)
    monkeypatch.setattr(chunks, "measure_picture", counted)
    return seen


def test_table_has_a_row_per_image_and_the_promised_columns(index: Index, preset: Preset, tmp_path: Path) -> None:
    summary = featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    frame, info = read_table(tmp_path / "t.parquet")
    assert len(frame) == summary.rows == 24 and summary.errors == 0 and summary.errors_csv is None
    assert list(frame.columns[:11]) == ["image_id", "path", "label", "group", "site", "split", "sha256",
                                        "duplicate_group", "width_px", "height_px", "fingerprint"]
    assert list(frame.columns[11:]) == sorted([*info.features, *info.nuisance])
    assert (frame[info.features].dtypes == np.float32).all()
    assert set(frame["group"]) == {"p0", "p1", "p2", "p3", "p4"}
    assert (frame["width_px"] == 120).all()


def test_rows_stand_in_the_order_of_the_index(index: Index, preset: Preset) -> None:
    frame, _, _ = measure_index(index, preset, jobs=1)
    assert frame["image_id"].tolist() == index.frame["image_id"].tolist()


@pytest.mark.slow
def test_one_worker_and_two_write_the_same_bytes(index: Index, preset: Preset, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featurize.batch.workers.FEW_IMAGES", 0)
    featurize(index, preset, tmp_path / "one.parquet", jobs=1)
    featurize(index, preset, tmp_path / "two.parquet", jobs=2)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def stop_after(monkeypatch: pytest.MonkeyPatch, chunks_done: int) -> None:
    """The run dies after so many chunks, as if it were killed between two of them."""
    original = execute.measure_chunks

    def stopping(*arguments: Any, **named: Any) -> Any:
        for count, finished in enumerate(original(*arguments, **named)):
            if count == chunks_done:
                raise KeyboardInterrupt
            yield finished
    monkeypatch.setattr(execute, "measure_chunks", stopping)


def test_a_stopped_run_goes_on_and_gives_the_same_bytes(index: Index, preset: Preset, tmp_path: Path,
                                                        calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "CHUNK_SIZE", 5)
    featurize(index, preset, tmp_path / "whole.parquet", jobs=1)
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stop_after(stopping, 3)
        featurize(index, preset, tmp_path / "cut.parquet", jobs=1)
    assert not (tmp_path / "cut.parquet").exists()
    calls.clear()
    summary = featurize(index, preset, tmp_path / "cut.parquet", jobs=1)
    assert summary.resumed == 15 and len(calls) == 24 - 15
    assert (tmp_path / "cut.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.parquet", "whole.parquet"]


@pytest.mark.slow
def test_images_measured_again_are_counted_apart(index: Index, preset: Preset, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[str, list[int]] = {}

    @contextmanager
    def parts_seen(parts: list[Part], *, shown: bool) -> Iterator[Any]:
        counted.update({part.what: [part.total, part.done] for part in parts})

        def advance(what: str, steps: int) -> None:
            counted[what][1] += steps
        yield advance
    monkeypatch.setattr(execute, "tracking_parts", parts_seen)
    featurize(index, preset, tmp_path / "t.parquet", jobs=1, progress=True)
    assert counted == {"images": [24, 24], "changed copies": [24, 24]}


def test_ctrl_c_says_how_many_images_are_kept(index: Index, preset: Preset, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "CHUNK_SIZE", 5)
    for chunks_done, words in ((0, "stopped: nothing is measured yet, and "),
                               (3, "stopped: 15 of 24 images are measured and kept in ")):
        with monkeypatch.context() as stopping, pytest.raises(Stopped, match=words):
            stop_after(stopping, chunks_done)
            featurize(index, preset, tmp_path / "t.parquet", jobs=1)


@pytest.mark.slow
def test_a_run_resumed_while_it_measured_again_says_how_many_images_were_done(
        index: Index, preset: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "CHUNK_SIZE", 6)
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stop_after(stopping, 6)
        featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert featurize(index, preset, tmp_path / "t.parquet", jobs=1).resumed == 24


def test_shards_of_other_settings_are_replaced_and_never_mixed(index: Index, preset: Preset, tmp_path: Path,
                                                               calls: list[int],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "CHUNK_SIZE", 5)
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stop_after(stopping, 3)
        featurize(index, preset, tmp_path / "t.parquet", jobs=1, mm_per_px=.001)
    calls.clear()
    summary = featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert summary.resumed == 0 and len(calls) == 24
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.slow
def test_a_damaged_shard_is_measured_again(index: Index, preset: Preset, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "CHUNK_SIZE", 5)
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stop_after(stopping, 3)
        featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    first, second, _ = sorted((tmp_path / "t.parquet.shards").rglob("*.npz"))
    first.write_bytes(first.read_bytes()[:-40])
    second.write_bytes(b"")
    assert featurize(index, preset, tmp_path / "t.parquet", jobs=1).resumed == 5


def test_files_of_others_in_the_folder_of_shards_stay(index: Index, preset: Preset, tmp_path: Path) -> None:
    mine = tmp_path / "t.parquet.shards/notes.txt"
    mine.parent.mkdir()
    mine.write_text("keep me")
    featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert mine.read_text() == "keep me"


def test_unreadable_files_are_listed_and_the_rest_goes_on(cell_folder: Path, preset: Preset, tmp_path: Path) -> None:
    shutil.copytree(cell_folder, tmp_path / "in")
    (tmp_path / "in/monocyte/empty.png").write_bytes(b"")
    whole = (tmp_path / "in/monocyte/p0_02.png").read_bytes()
    (tmp_path / "in/monocyte/cut.png").write_bytes(whole[:len(whole) // 2])
    summary = featurize(build_index([tmp_path / "in"]), preset, tmp_path / "t.parquet", jobs=1)
    assert (summary.rows, summary.errors, summary.internal) == (24, 2, 0)
    assert summary.errors_csv == tmp_path / "t.errors.csv"
    errors = pd.read_csv(tmp_path / "t.errors.csv")
    assert list(errors.columns) == ["path", "error", "reason"]
    assert errors["path"].tolist() == ["monocyte/cut.png", "monocyte/empty.png"]
    assert errors["reason"].tolist() == ["truncated", "empty"]


def test_errors_of_several_sources_name_the_source(cell_folder: Path, preset: Preset, tmp_path: Path) -> None:
    for site in ("north", "south"):
        (tmp_path / site / "x").mkdir(parents=True)
        whole = (cell_folder / "monocyte/p0_02.png").read_bytes()
        (tmp_path / site / "x/g.png").write_bytes(whole)
        (tmp_path / site / "x/cut.png").write_bytes(whole[:len(whole) // 2])
        (tmp_path / site / "x/empty.png").touch()
    frame, _, errors = measure_index(build_index([tmp_path / "north", tmp_path / "south"]), preset, jobs=1)
    assert errors["path"].tolist() == [f"{site}/x/{name}.png" for site in ("north", "south")
                                       for name in ("cut", "empty")]
    assert frame["site"].tolist() == ["north", "south"] and frame["image_id"].is_unique


def test_an_old_list_of_errors_does_not_stay(index: Index, preset: Preset, tmp_path: Path) -> None:
    (tmp_path / "t.errors.csv").write_text("path,error,reason\n")
    featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert not (tmp_path / "t.errors.csv").exists()


def test_a_fault_in_a_block_is_a_row_that_says_where(index: Index, preset: Preset, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    measure, count = chunks.measure_picture, iter(range(24))

    def odd(*arguments: Any) -> dict[str, float]:
        if next(count) == 3:
            return {"whole_color_mean": 1 / 0}
        return measure(*arguments)
    monkeypatch.setattr(chunks, "measure_picture", odd)
    summary = featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert (summary.rows, summary.errors, summary.internal) == (23, 1, 1)
    errors = pd.read_csv(tmp_path / "t.errors.csv")
    assert errors["error"][0].endswith("ZeroDivisionError: division by zero")
    assert "batch/chunks.py:" in errors["error"][0]


@pytest.mark.parametrize("module", ["chunks.py", "batch/chunks.py"])
def test_a_fault_is_told_with_the_line_of_the_block_wherever_the_worker_stands(
        module: str, index: Index, preset: Preset, monkeypatch: pytest.MonkeyPatch) -> None:
    """The innermost line of the package, though the fault is raised outside (here in a test, elsewhere in numpy)."""
    def broken(raw: object) -> float:
        raise ValueError("no ink")
    monkeypatch.setattr(quality, "_print", broken)
    monkeypatch.setattr(chunks, "__file__", str(Path(package.__file__).parent / module))
    source = Path(quality.__file__).read_text(encoding="utf-8").splitlines()
    line, = (number for number, text in enumerate(source, 1) if '"print": _print(raw)' in text)
    request = chunks.ImageRequest(*index.frame[["image_id", "site", "path"]].iloc[0])
    fault, = chunks.measure_chunk(chunks.MeasureTask(tuple(index.sources), preset, None), [request]).faults
    assert (fault.error, fault.reason) == (f"blocks/quality.py:{line} ValueError: no ink", "internal")


def test_an_infinite_feature_is_a_fault_that_is_named(index: Index, preset: Preset,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    measure, count = chunks.measure_picture, iter(range(24))

    def odd(*arguments: Any) -> dict[str, float]:
        return measure(*arguments) | ({"whole_color_mean": np.inf} if next(count) == 0 else {})
    monkeypatch.setattr(chunks, "measure_picture", odd)
    _, _, errors = measure_index(index, preset, jobs=1)
    assert errors[["error", "reason"]].to_numpy().tolist() == [["whole_color_mean is infinite", "internal"]]


def test_a_program_that_fails_on_every_image_ends_the_run(index: Index, preset: Preset,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "measure_picture", lambda picture: {})
    with pytest.raises(RuntimeError, match=r"the first 16 images all failed .*: batch/chunks.py:\d+ TypeError: "):
        measure_index(index, preset, jobs=1)


def test_nothing_measured_is_refused_but_listed(tmp_path: Path, preset: Preset) -> None:
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/a/text.png").write_bytes(b"hello")
    with pytest.raises(UserError, match="not one of 1 images could be measured; the first, a/text.png: "):
        featurize(build_index([tmp_path / "in"]), preset, tmp_path / "t.parquet", jobs=1)
    assert not (tmp_path / "t.parquet").exists() and (tmp_path / "t.errors.csv").exists()


def test_duplicates_share_a_cluster(cell_folder: Path, preset: Preset, tmp_path: Path) -> None:
    shutil.copytree(cell_folder, tmp_path / "in")
    shutil.copy(tmp_path / "in/monocyte/p0_02.png", tmp_path / "in/lymphocyte/copy.png")
    frame, _, _ = measure_index(build_index([tmp_path / "in"]), preset, jobs=1)
    cluster = frame.set_index("path")["duplicate_group"]
    assert cluster["monocyte/p0_02.png"] == cluster["lymphocyte/copy.png"]
    assert cluster.nunique() == 24


def test_labels_change_the_hash_of_the_index_but_not_the_measurements(cell_folder: Path, preset: Preset) -> None:
    plain, grouped = build_index([cell_folder]), build_index([cell_folder], group_regex=GROUPS)
    assert index_hash(plain) != index_hash(grouped) == index_hash(build_index([cell_folder], group_regex=GROUPS))
    a, info, _ = measure_index(plain, preset, jobs=1)
    b, _, _ = measure_index(grouped, preset, jobs=1)
    assert a[info.features].equals(b[info.features])


def test_nuisances_are_kept_apart_from_features(index: Index, preset: Preset) -> None:
    _, info, _ = measure_index(index, preset, jobs=1)
    assert info.features and not set(info.features) & set(info.nuisance)
    assert not [name for name in info.features if "_quality_" in name]


@pytest.mark.slow
def test_images_measured_again_stand_beside_the_table_and_repeat(index: Index, preset: Preset, tmp_path: Path) -> None:
    for name in ("a", "b"):
        featurize(index, preset, tmp_path / f"{name}.parquet", jobs=1)
    frame, info = read_table(tmp_path / "a.parquet")
    again = read_perturbed(tmp_path / "a.parquet", info)
    assert again is not None and set(again["image_id"]) == set(frame["image_id"])  # fewer than 48 images: all of them
    assert again.equals(read_perturbed(tmp_path / "b.parquet", info))
    both = frame.merge(again, on="image_id", suffixes=("", "_again"))
    changed = [f for f in info.features if not np.allclose(both[f], both[f"{f}_again"], equal_nan=True)]
    assert len(changed) > len(info.features) / 2


@pytest.mark.slow
def test_training_images_are_measured_again_as_often_as_wanted(cell_folder: Path, preset: Preset,
                                                               tmp_path: Path) -> None:
    index = build_index([cell_folder])
    part = np.where(np.arange(len(index.frame)) % 3 == 0, "test", "train")
    index = replace(index, frame=index.frame.assign(split=part))
    featurize(index, preset, tmp_path / "a.parquet", jobs=1)
    _, info = read_table(tmp_path / "a.parquet")
    one = read_perturbed(tmp_path / "a.parquet", info)
    for name, augment in (("a", 2), ("b", 2)):
        featurize(index, preset, tmp_path / f"{name}.parquet", jobs=1, augment=augment, reuse=tmp_path / "a.parquet")
    again, other = (read_perturbed(tmp_path / f"{name}.parquet", info) for name in "ab")
    featurize(index, preset, tmp_path / "c.parquet", jobs=1, augment=2)
    fresh = read_perturbed(tmp_path / "c.parquet", info)
    assert one is not None and again is not None and fresh is not None
    assert again.equals(other) and again.equals(fresh)
    learned = index.frame.loc[part == "train", "image_id"]
    assert sorted(again["image_id"]) == sorted([*learned, *learned]) and set(again["copy"]) == {1, 2}
    first, second = (again[again["copy"] == copy][info.features].to_numpy() for copy in (1, 2))
    assert not np.allclose(first, second, equal_nan=True)
    same = one.set_index("image_id").loc[again.loc[again["copy"] == 1, "image_id"], info.features].to_numpy()
    np.testing.assert_array_equal(first, same)


@pytest.mark.slow
def test_again_of_another_table_is_not_taken(index: Index, preset: Preset, tmp_path: Path) -> None:
    featurize(index, preset, tmp_path / "a.parquet", jobs=1)
    _, info = read_table(tmp_path / "a.parquet")
    assert read_perturbed(tmp_path / "a.parquet", replace(info, index_hash="0" * 64)) is None
