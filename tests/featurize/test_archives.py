"""Zip archives: unpacked once, whole or not at all, and nothing outside the cache."""
import os
import stat
import zipfile
from pathlib import Path

import pytest
from made_images import folder

from featurize.errors import UserError
from featurize.images.read import is_image_name
from featurize.index.archives import Caps, cache_folder, unpack
from featurize.index.build import build_index, load


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(path: Path, *members: str | zipfile.ZipInfo, body: bytes | None = None) -> Path:
    """A zip with one image under each name."""
    picture = folder(path.parent.parent / "made", "1.png") / "1.png"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, picture.read_bytes() if body is None else body)
    return path


def files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def test_a_zip_is_read_like_the_folder_it_holds(tmp_path, cache):
    archive = packed(tmp_path / "set.zip", "set/train/a/1.png", "set/test/b/2.png", "set/readme.txt",
                     "__MACOSX/set/train/a/._1.png", "set/train/a/.DS_Store", "set/_masks/1.png")
    index = build_index(archive)
    assert list(index.frame["path"]) == ["set/test/b/2.png", "set/train/a/1.png"]
    assert list(index.frame["split"]) == ["test", "train"] and list(index.frame["label"]) == ["b", "a"]
    assert load(index.sources[0], "set/test/b/2.png").width_px == 4
    # Only what is read is unpacked at all.
    assert [name.split("/", 2)[2] for name in files(cache)] == ["set/test/b/2.png", "set/train/a/1.png"]


def test_a_folder_of_zips_is_one_site_each(tmp_path):
    (tmp_path / "hida").mkdir()
    for lab in ("Acevedo_20", "Matek_19"):
        packed(tmp_path / f"hida/{lab}.zip", "BAS/1.png", "EOS/2.png")
    index = build_index(tmp_path / "hida")
    assert [source.site for source in index.sources] == ["Acevedo_20", "Matek_19"]
    assert list(index.frame["label"]) == ["BAS", "EOS"] * 2
    two = build_index([tmp_path / "hida/Acevedo_20.zip", tmp_path / "hida/Matek_19.zip"])
    assert two.frame.equals(index.frame)


def test_an_archive_is_unpacked_once(tmp_path, cache):
    archive = packed(tmp_path / "set.zip", "a/1.png")
    first = unpack(archive, is_image_name)
    before = os.stat(first / "a/1.png").st_mtime_ns
    assert unpack(archive, is_image_name) == first and os.stat(first / "a/1.png").st_mtime_ns == before
    packed(archive, "a/1.png", "a/2.png")
    assert unpack(archive, is_image_name) != first


def test_an_emptied_cache_is_filled_again(tmp_path):
    index = build_index(packed(tmp_path / "set.zip", "a/1.png"), cache=tmp_path / "other")
    (tmp_path / "other").rename(tmp_path / "gone")
    assert load(index.sources[0], "a/1.png").width_px == 4


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/evil.png", "C:/evil.png", "..\\evil.png",
                                  "\\\\host\\evil.png"])
def test_a_path_that_leads_out_is_refused(tmp_path, cache, name):
    with pytest.raises(UserError, match="leads out of it"):
        unpack(packed(tmp_path / "evil.zip", "a/1.png", name), is_image_name)
    assert files(cache) == [] and not list(tmp_path.rglob("evil.png"))


def test_backslashes_of_windows_are_folders(tmp_path):
    assert list(build_index(packed(tmp_path / "win.zip", "set\\a\\1.png")).frame["label"]) == ["a"]


def test_links_are_not_unpacked(tmp_path, cache):
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UserError, match="holds the link"):
        unpack(packed(tmp_path / "link.zip", link, body=b"/etc/passwd"), is_image_name)
    assert files(cache) == []


def test_caps_on_files_size_and_ratio_hold_before_anything_is_written(tmp_path, cache):
    archive = packed(tmp_path / "big.zip", "1.png", "2.png", body=b"\0" * 100_000)
    for caps, said in ((Caps(members=1), "2 files"), (Caps(bytes=199_999), "200,000 bytes"),
                       (Caps(ratio=100, ratio_from=0), "times its size")):
        with pytest.raises(UserError, match=said):
            unpack(archive, is_image_name, None, caps)
    assert files(cache) == []
    assert files(unpack(archive, is_image_name, None, Caps(members=2, bytes=200_000))) == ["1.png", "2.png"]


def test_a_damaged_archive_leaves_nothing_behind(tmp_path, cache):
    archive = packed(tmp_path / "set.zip", "a/1.png", "a/2.png")
    data = bytearray(archive.read_bytes())
    data[60] ^= 0xFF  # in the first member's data
    archive.write_bytes(data)
    with pytest.raises(UserError, match="not a whole zip archive"):
        unpack(archive, is_image_name)
    assert list((cache / "zips").iterdir()) == []


def test_the_same_file_twice_in_an_archive_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = packed(tmp_path / "two.zip", "a/1.png", "a/1.png")
    with pytest.raises(UserError, match="twice"):
        unpack(archive, is_image_name)


def test_an_archive_without_images_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no image"):
        build_index(packed(tmp_path / "text.zip", "readme.txt"))


def test_the_cache_is_where_the_user_says(tmp_path, monkeypatch):
    assert cache_folder(tmp_path) == tmp_path
    monkeypatch.setenv("PELLUCID_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("PELLUCID_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/x/.cache")
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == Path("/home/x/.cache/pellucid")


def test_a_cache_that_cannot_be_written_is_a_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="PELLUCID_CACHE"):
        unpack(packed(tmp_path / "set.zip", "a/1.png"), is_image_name, tmp_path / "file")


def test_the_line_about_a_damaged_archive_is_short_whatever_it_holds(tmp_path):
    name = "a" * 200 + ".png"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(name, b"x" * 50)
    content = bytearray((tmp_path / "x.zip").read_bytes())
    content[30] ^= 1  # the name in front of the file is not the one in the directory: zipfile cites both
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match="not a whole zip archive") as caught:
        unpack(tmp_path / "x.zip", lambda name: True, tmp_path / "cache")
    assert len(str(caught.value)) < 300 + len(str(tmp_path)) and "\n" not in str(caught.value)
