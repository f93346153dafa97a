"""Where results may go, what each page is called there, and that nothing of a user is replaced or read twice."""
import itertools
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_records import STEADY, heart, write_csv

from ecg.job import PageJob
from ecg.output_folder import ERRORS, MARK, REPORT, RHYTHM, SCORES, claim, read_stems, with_own_stems
from ecg.run import DigitizeSettings, digitize_pages
from ecg.sources import find_pages
from featurize.errors import UserError


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((6, 6, 3), np.uint8)).save(path)
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


def run(given: Path, out: Path, **named: object) -> None:
    digitize_pages([given], out, DigitizeSettings(), jobs=1, **named)  # type: ignore[arg-type]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two records, one of them in a folder of its own."""
    for k, name in enumerate(("a.csv", "ward/b.csv")):
        write_csv(tmp_path / "in" / name, signals=heart(STEADY[:5], seconds=4, seed=k))
    return tmp_path / "in"


@pytest.mark.parametrize("out", ["in", "in/", "in/ward/..", ".", "in/ward"])
def test_an_output_that_is_holds_or_lies_among_the_sources_is_refused(out: str, records: Path) -> None:
    before = content(records)
    with pytest.raises(UserError, match="give a") as told:
        run(records, records.parent / out)
    assert "\n" not in str(told.value) and content(records.parent) == {f"in/{k}": v for k, v in before.items()}


def test_the_folder_of_a_named_file_is_refused(records: Path) -> None:
    with pytest.raises(UserError, match="is or holds"):
        run(records / "a.csv", records)
    link = records.parent / "link"
    link.symlink_to(records)
    with pytest.raises(UserError, match="is or holds"):
        run(records / "a.csv", link)


@pytest.mark.slow
def test_a_new_folder_among_the_sources_is_taken_and_never_read(records: Path, tmp_path: Path) -> None:
    before = content(records)
    for _ in range(2):
        run(records, records / "out")
    picture(records / "out/new.overlay.png")
    run(records, tmp_path / "elsewhere")
    after = content(records)
    assert {name: after[name] for name in before} == before
    assert [job.path for job in find_pages([records], {}, records / "out")] == ["a.csv", "ward/b.csv"]
    assert sorted(read_stems(tmp_path / "elsewhere")) == ["a.csv", "ward/b.csv"]
    with pytest.raises(UserError, match="out holds results of `ecg`: the folder of the pages was wanted"):
        run(records / "out", tmp_path / "again")


@pytest.mark.slow
def test_results_of_runs_before_the_mark_are_not_read(records: Path, tmp_path: Path) -> None:
    """As earlier versions left them when the output was the folder of the sources."""
    run(records, tmp_path / "out")
    (tmp_path / "out" / MARK).unlink()
    shutil.copytree(tmp_path / "out", records / "old")
    for path in (tmp_path / "out").iterdir():
        if path.name.startswith("a."):
            shutil.copy(path, records / f"z{path.name[1:]}")
    picture(records / "z.overlay.png")
    assert [job.path for job in find_pages([records], {})] == ["a.csv", "ward/b.csv"]


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.beats.csv", "ward/b.overlay.png", RHYTHM, REPORT, ERRORS])
def test_a_file_of_a_user_in_the_output_is_never_replaced(name: str, records: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(UserError, match="was not written by `ecg` and would be replaced: give another folder"):
        run(records, tmp_path / "out")
    assert content(tmp_path / "out") == {name: b"mine"}


@pytest.mark.parametrize("name", [ERRORS, SCORES])
def test_a_list_of_a_user_in_a_folder_of_results_is_never_removed(name: str, records: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    claim(out, find_pages([records], {}, out), {})
    (out / name).write_text("my,own\n")
    with pytest.raises(UserError, match=f"{name} was not written by `ecg`"):
        run(records, out)
    assert (out / name).read_text() == "my,own\n"


@pytest.mark.slow
def test_other_files_in_the_output_stay(records: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    run(records, tmp_path / "out")
    run(records, tmp_path / "out")
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_a_run_that_was_killed_may_go_on(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    claim(out, find_pages([records], {}, out), {})
    (out / "a.csv").write_text("half")
    (out / "ward").mkdir(exist_ok=True)
    half, foreign = out / "ward/.b.csv.abcdefgh.part", out / "ward/.notes.txt.abcdefgh.part"
    for place in (half, foreign):
        place.write_text("half")
        os.utime(place, (1e9, 1e9))
    run(records, out)
    assert (out / "a.csv").read_text() != "half" and not half.exists() and foreign.exists()


@pytest.mark.slow
def test_a_finished_run_of_an_older_version_is_gone_on_with(records: Path, tmp_path: Path) -> None:
    run(records, tmp_path / "out")
    (tmp_path / "out" / MARK).unlink()
    assert digitize_pages([records], tmp_path / "out", DigitizeSettings(), jobs=1).resumed == 2


def stems(*paths: str, earlier: dict[str, str] | None = None) -> dict[str, str]:
    return {job.path: job.stem for job in with_own_stems([PageJob(Path(p), p, "") for p in paths], earlier or {})}


def test_every_page_has_a_stem_of_its_own_in_any_order() -> None:
    names = ("a.png", "a-2.png", "a.jpg", "b.png")
    wanted = {"a.png": "a.png", "a-2.png": "a-2", "a.jpg": "a.jpg", "b.png": "b"}
    for order in itertools.permutations(names):
        assert stems(*order) == wanted


@pytest.mark.parametrize("paths", [
    ("x.png", "x.beats.png"), ("errors.png", "rhythm.png", "report.png", "truth_scores.png"), ("a.png", "A.PNG"),
    ("a.png", "a.jpg", "a.png.png", "a.png.jpg"), ("e\u0301.png", "\u00e9.png"),
    ("a" * 251 + ".png", "a" * 250 + "b.png"),
    ("x.png", "x.jpg", "x.beats.jpg", "x.png.beats.png")], ids=lambda paths: paths[0][:20])
def test_no_file_of_a_page_is_that_of_another_or_of_the_run(paths: tuple[str, ...]) -> None:
    found = stems(*paths)
    assert len(found) == len(paths)
    files = [unicodedata.normalize("NFC", stem + suffix).lower() for stem in found.values()
             for suffix in (".csv", ".beats.csv", ".json", ".overlay.png")]
    assert len(set(files)) == len(files) and not {ERRORS, RHYTHM, REPORT, "truth_scores.csv"} & set(files)
    # A temporary name in front of the suffix adds 15 characters.
    assert max(len(Path(file).name) for file in files) <= 240
    assert stems(*paths[::-1]) == found


def test_a_page_keeps_its_stem_when_others_come_or_go() -> None:
    earlier = stems("a.png", "b.png")
    both = stems("a.png", "a.jpg", earlier=earlier)
    assert both == {"a.png": "a", "a.jpg": "a.jpg"}
    assert stems("a.jpg", earlier=earlier) == {"a.jpg": "a.jpg"}


def test_pages_of_one_name_in_two_folders_are_told_apart_in_any_order(tmp_path: Path) -> None:
    wards = [picture(tmp_path / ward / "1.png").parent for ward in ("north", "south")]
    picture(tmp_path / "south/2.png")
    for given in (wards, wards[::-1]):
        assert {(job.path, job.stem) for job in find_pages(given, {})} == {
            ("north/1.png", "north/1"), ("south/1.png", "south/1"), ("2.png", "2")}


def test_a_file_that_is_named_twice_is_one_page(tmp_path: Path) -> None:
    page = picture(tmp_path / "in/sub/1.png")
    for given in itertools.permutations((tmp_path / "in", tmp_path / "in/sub", page)):
        assert [job.path for job in find_pages(given, {})] == ["sub/1.png"]


@pytest.mark.slow
def test_pages_whose_names_clash_are_all_written_under_their_own_names(tmp_path: Path) -> None:
    """Rates of 75, 60 and 100 a minute tell whose signals a file holds."""
    import json
    for name, apart in (("errors.csv", 0.8), ("x.csv", 1.0), ("x.beats.csv", 0.6)):
        write_csv(tmp_path / "in" / name, signals=heart(np.arange(0.5, 9.6, apart)))
    run(tmp_path / "in", tmp_path / "out")
    rates = {facts["path"]: facts["heart_rate_bpm"] for facts in
             (json.loads(file.read_text()) for file in (tmp_path / "out").glob("[!.]*.json"))}
    assert rates == {"errors.csv": pytest.approx(75, abs=1), "x.csv": pytest.approx(60, abs=1),
                     "x.beats.csv": pytest.approx(100, abs=1)}
    assert not (tmp_path / "out" / ERRORS).exists()
