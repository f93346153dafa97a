"""The demo's folders hold what real folders hold."""
from pathlib import Path

import numpy as np
import pytest

from featurize.errors import UserError
from featurize.images.read import ImageError
from featurize.index.build import build_index, load
from featurize.index.duplicates import duplicate_groups
from featurize.index.fingerprints import fingerprint
from featurize.simulate.demo import GROUP_REGEX, write_images
from featurize.simulate.smears import KINDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo")
    write_images(place, home=48, abroad=16, patients=4)
    return place


@pytest.mark.slow
def test_every_patient_has_every_kind(folder: Path) -> None:
    frame = build_index([folder / "home"], group_regex=GROUP_REGEX).frame
    assert sorted(frame["label"].unique()) == sorted(KINDS)
    assert (frame.groupby("group")["label"].nunique() == 4).all() and frame["group"].nunique() == 4


@pytest.mark.slow
def test_no_patient_is_in_both_laboratories(folder: Path) -> None:
    home, abroad = (set(build_index([folder / place], group_regex=GROUP_REGEX).frame["group"])
                    for place in ("home", "abroad"))
    assert not home & abroad


@pytest.mark.slow
def test_two_copies_and_one_file_cut_short_are_among_them(folder: Path) -> None:
    index = build_index([folder / "home"])
    pictures, faults = [], []
    for path in index.frame["path"]:
        try:
            pictures.append(fingerprint(load(index.sources[0], path).rgb))
        except ImageError as error:
            faults.append((path, error.reason))
    assert [reason for _, reason in faults] == ["truncated"] and faults[0][0].endswith("_cut.jpg")
    whole = index.frame[index.frame["path"] != faults[0][0]]
    assert len(pictures) - len(set(duplicate_groups(whole["sha256"].tolist(), np.stack(pictures)))) == 2


@pytest.mark.slow
def test_a_second_demo_replaces_the_first(tmp_path: Path) -> None:
    """Three of each kind at home: one is copied, one turned, one cut short."""
    write_images(tmp_path, home=16, abroad=4, patients=2)
    write_images(tmp_path, home=12, abroad=4, patients=1)
    assert len(list((tmp_path / "home").rglob("*.jpg"))) == 12 + 3
    assert len(list((tmp_path / "abroad").rglob("*.jpg"))) == 4


def test_a_folder_of_the_user_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="holds files that are not of the demo"):
        write_images(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
