"""Copies of a picture are found in all their disguises; other pictures are left alone."""
import hashlib
import io
import itertools
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurize.images.read import read_image
from featurize.index import duplicates
from featurize.index.duplicates import _band, duplicate_groups, near_pairs
from featurize.index.fingerprints import fingerprint
from featurize.simulate.smears import HOME, KINDS, draw_cell

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CELLS = [draw_cell(KINDS[n % 4], n, HOME, n // 4).rgb for n in range(16)]


def texture(seed: int, side: int = 96) -> np.ndarray:
    """(side, side, 3) smooth random blobs."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 226, (12, 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def prints(*images: np.ndarray) -> np.ndarray:
    return np.stack([fingerprint(image) for image in images])


def are_copies(a: np.ndarray, b: np.ndarray) -> bool:
    return len(near_pairs(prints(a, b))[0]) == 1


def orientations(image: np.ndarray) -> list[np.ndarray]:
    turns = [np.rot90(image, k) for k in range(4)]
    return [np.ascontiguousarray(view) for turn in turns for view in (turn, turn[:, ::-1])]


def jpeg(image: np.ndarray, quality: int = 60) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return read_image(buffer.getvalue()).rgb


def scaled(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    return np.asarray(Image.fromarray(image).resize((round(width * factor), round(height * factor))))


def brighter(image: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(image * factor, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("image", [CELLS[0], texture(1), texture(2, 33), texture(3)[:70]],
                         ids=["cell", "large", "small", "oblong"])
def test_a_picture_is_found_in_all_eight_orientations(image):
    assert all(are_copies(image, turned) for turned in orientations(image))


@pytest.mark.parametrize("change", [
    jpeg, lambda i: scaled(i, 0.5), lambda i: scaled(i, 1.7), lambda i: brighter(i, 1.1), lambda i: brighter(i, 0.9),
    lambda i: jpeg(scaled(brighter(i, 1.1), 0.5))], ids=["jpeg", "half", "larger", "brighter", "darker", "all"])
def test_a_picture_is_found_encoded_scaled_and_brightened(change):
    for image in CELLS + [texture(n) for n in range(10)]:
        assert are_copies(image, change(np.rot90(image)))


def test_other_cells_on_the_same_background_are_not_copies():
    pairs, _ = near_pairs(prints(*CELLS))
    assert len(pairs) == 0


def test_cut_out_cells_are_not_copies_for_their_outline():
    """Two textures under the same disc on black: their thumbnails correlate by the disc alone."""
    y, x = np.mgrid[:96, :96] - 48
    disc = (x * x + y * y < 30 ** 2)[..., None]
    one, other = (np.where(disc, 60 + texture(n) // 4, 0).astype(np.uint8) for n in (1, 2))
    thumbs = prints(one, other)
    assert np.corrcoef(thumbs)[0, 1] > 0.9
    assert not are_copies(one, other) and are_copies(one, jpeg(np.rot90(one)))


def test_empty_pictures_are_copies_only_if_their_files_are():
    rng = np.random.default_rng(0)
    blanks = [np.clip(240 + rng.normal(0, 1, (64, 64, 3)), 0, 255).astype(np.uint8) for _ in range(4)]
    images = [np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64, 3), np.uint8), *blanks]
    assert duplicate_groups(["a", "b", "c", "d", "e", "c"], prints(*images)).tolist() == [0, 1, 2, 3, 4, 2]


def test_groups_are_numbered_by_first_appearance_and_joined_through_others():
    a, b = texture(1), texture(2)
    images = prints(b, a, np.rot90(a), b, texture(3), jpeg(a))
    assert duplicate_groups(["1", "2", "3", "1", "4", "5"], images).tolist() == [0, 1, 1, 0, 2, 1]
    # The fourth has the first's file; that its fingerprint is not looked at shows in a wrong one.
    images[3] = 0
    assert duplicate_groups(["1", "2", "3", "1", "4", "5"], images).tolist() == [0, 1, 1, 0, 2, 1]


def test_no_images_and_one_image_have_no_duplicates():
    assert duplicate_groups([], np.zeros((0, 1024), np.float32)).tolist() == []
    assert duplicate_groups(["a"], prints(texture(1))).tolist() == [0]


def test_the_order_of_the_images_changes_nothing_but_the_numbers():
    images = [view for n in range(6) for view in orientations(texture(n))[:n + 1]]
    order = np.random.default_rng(0).permutation(len(images))
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    straight = duplicate_groups(digests, prints(*images))
    mixed = duplicate_groups([digests[i] for i in order], prints(*(images[i] for i in order)))
    same = straight[order][:, None] == straight[order][None]
    assert np.array_equal(mixed[:, None] == mixed[None], same) and straight.max() == 5


def naive_pairs(thumbs: np.ndarray) -> set[tuple[int, int]]:
    """The definition of a near duplicate outside black: every pair in every orientation."""
    band = _band(thumbs.reshape(-1, 32, 32), np.ones((len(thumbs), 32, 32), np.float32))
    found = set()
    for i, j in itertools.combinations(range(len(thumbs)), 2):
        views = [view.ravel() for view in orientations(band[j].reshape(32, 32))]
        cosines = [band[i] @ v / np.linalg.norm(band[i]) / np.linalg.norm(v) for v in views]
        if max(cosines) >= 0.93:
            found.add((i, j))
    return found


def test_the_quick_search_finds_what_trying_everything_finds():
    """Mixtures of two textures cross the threshold of similarity at all distances."""
    rng = np.random.default_rng(1)
    images = []
    for n, share in enumerate(np.linspace(0, 1, 40)):
        mixed = texture(1) * (1 - share) + texture(2) * share
        images.append(orientations(mixed.astype(np.uint8))[rng.integers(8)])
    thumbs = prints(*images)
    pairs, values = near_pairs(thumbs)
    assert {tuple(pair) for pair in pairs.tolist()} == naive_pairs(thumbs)
    assert 100 < len(pairs) < 700 and (values >= 0.93).all() and (values <= 1.0001).all()


def test_copies_of_known_images_are_the_pairs_with_them(monkeypatch):
    """Also where the known images are compared in several parts, and some of both are flat."""
    monkeypatch.setattr(duplicates, "_KNOWN_AT_ONCE", 3)
    blank = np.full((64, 64, 3), 255, np.uint8)
    known = prints(*(texture(n) for n in range(7)), blank, CELLS[0])
    new = prints(jpeg(np.rot90(texture(6))), texture(8), blank, scaled(texture(2), .5), CELLS[1], jpeg(CELLS[0]))
    pairs, _ = near_pairs(np.concatenate([new, known]))
    of_pairs = np.isin(np.arange(6), pairs[pairs[:, 1] >= 6, 0])
    assert duplicates.are_copies(new, known).tolist() == of_pairs.tolist() == [True, False, False, True, False, True]
    assert not duplicates.are_copies(new, known[:0]).any() and not len(duplicates.are_copies(new[:0], known))
    prepared = duplicates.KnownPictures(known)
    assert [bool(duplicates.are_copies(new[[at]], prepared)[0]) for at in range(6)] == of_pairs.tolist()


@pytest.mark.slow
def test_thousands_of_images_take_seconds():
    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 226, (2000, 12, 12, 3), dtype=np.uint8)
    thumbs = np.stack([fingerprint(image) for image in coarse])
    start = time.perf_counter()
    assert len(np.unique(duplicate_groups([str(n) for n in range(2000)], thumbs))) == 2000
    assert time.perf_counter() - start < 10


def real(pattern: str, every: int = 1) -> tuple[list[Path], np.ndarray]:
    files = sorted(DATA.glob(pattern))[::every]
    if not files:
        pytest.skip("the real images are not here")
    return files, prints(*(read_image(file).rgb for file in files))


@pytest.mark.slow
def test_films_of_different_patients_are_not_copies():
    files, thumbs = real("chest_nih/images/*.jpg")
    patients = pd.read_csv(DATA / "chest_nih/labels.csv").set_index("image")["patient_id"]
    pairs, _ = near_pairs(thumbs)
    assert all(patients[files[i].name] == patients[files[j].name] for i, j in pairs)


@pytest.mark.slow
def test_the_copies_in_the_leukemia_set_are_found():
    """Looked at by eye: these are the same fields again, and no others were found among 204,480 pairs."""
    files, thumbs = real("leukemia_all4/*/*.jpg")
    pairs, _ = near_pairs(thumbs)
    assert {(files[i].stem, files[j].stem) for i, j in pairs} == {
        ("WBC-Benign-114", "WBC-Benign-117"), ("WBC-Benign-238", "WBC-Benign-241"),
        ("WBC-Benign-475", "WBC-Benign-476"), ("WBC-Malignant-Pro-097", "WBC-Malignant-Pro-098")}


def peak_bytes(count: int) -> int:
    """Largest memory while so many noise images are searched, beside that of their fingerprints."""
    fingerprints = np.random.default_rng(0).integers(0, 256, (count, 1024)).astype(np.float32)
    tracemalloc.start()
    duplicate_groups([str(number) for number in range(count)], fingerprints)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_a_further_image_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thumbnail and its mask as they are compared, and what finds candidates: 4 + 1 + 1 + 1 KiB, and the search."""
    monkeypatch.setattr(duplicates, "_DISTANCES_AT_ONCE", 1_000_000)
    few, many = 4096, 8192
    assert (peak_bytes(many) - peak_bytes(few)) / (many - few) < 10 * 1024
