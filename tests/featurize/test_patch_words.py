"""Words of small patches: against their definition, and the block that measures them."""
import hashlib
from dataclasses import astuple

import numpy as np
import pytest

from featurize.blocks.texture.words import words as words_block
from featurize.descriptors.patch_words import PATCH_PX, Dictionary, dictionary, word_counts
from featurize.families import blocks
from featurize.sample import Sample
from featurize.simulate.patch_words import WORD_PX, WORDS, WORDS_IN_A_ROW, montage

P = PATCH_PX * PATCH_PX


def small_dictionary(words: int = 3) -> Dictionary:
    rng = np.random.default_rng(0)
    return Dictionary(rng.normal(size=P).astype(np.float32) / 10, rng.normal(size=(P, P)).astype(np.float32) / P,
                      rng.normal(size=(words, P)).astype(np.float32))


def sample_of(gray: np.ndarray, mask: np.ndarray | None = None) -> Sample:
    rgb = np.repeat(gray[..., None], 3, axis=2)
    whole = np.ones(gray.shape, bool) if mask is None else mask
    return Sample(rgb, rgb, {"whole": whole}, np.zeros(gray.shape, np.int32))


def test_counts_are_those_of_the_definition() -> None:
    plane = np.random.default_rng(1).integers(0, 256, (11, 9)).astype(np.uint8)
    words = small_dictionary()
    near = np.empty((6, 4, 3))
    for y in range(6):
        for x in range(4):
            patch = plane[y:y + PATCH_PX, x:x + PATCH_PX].astype(float).ravel()
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10)
            white = (patch - words.mean) @ words.whitening
            far = np.array([np.linalg.norm(white - word) for word in words.words])
            near[y, x] = np.maximum(far.mean() - far, 0)
    found = word_counts(plane, words)
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found[0, 1], near[:3, 2:].mean(axis=(0, 1)), atol=1e-4)
    np.testing.assert_allclose(found[1, 0], near[3:, :2].mean(axis=(0, 1)), atol=1e-4)


def test_another_dictionary_raises_the_version() -> None:
    found = hashlib.sha256(b"".join(part.tobytes() for part in astuple(dictionary()))).hexdigest()[:16]
    assert (blocks()["words"].version, found) == (1, "61cea9e4c09f306e")


def test_a_patch_that_is_a_word_counts_most_for_this_word() -> None:
    known = dictionary()
    plain = known.words @ np.linalg.inv(known.whitening) + known.mean
    for k in (0, 57, 399):
        patch = np.clip(128 + 30 * plain[k].reshape(PATCH_PX, PATCH_PX), 0, 255).astype(np.uint8)
        assert int(np.argmax(word_counts(patch, known, 1, 1))) == k


def test_columns_of_a_part_tell_of_this_part() -> None:
    plain = np.full((56, 56), 100, np.uint8)
    marked = plain.copy()
    marked[40:50:4, 40:50] = 200
    before, after = (words_block(sample_of(plane)) for plane in (plain, marked))
    assert len(before) == 4 * WORDS and "whole_words_r1_c1_w399" in before
    moved = {name.rsplit("_w", 1)[0] for name in before if abs(before[name] - after[name]) > 1e-6}
    assert moved == {"whole_words_r1_c1"}


@pytest.mark.parametrize("side", [0, PATCH_PX - 1])
def test_a_region_without_a_patch_has_no_value(side: int) -> None:
    mask = np.zeros((20, 20), bool)
    mask[:side, :side] = True
    found = words_block(sample_of(np.zeros((20, 20), np.uint8), mask))
    assert len(found) == 4 * WORDS and np.isnan(list(found.values())).all()


def test_the_picture_shows_every_word() -> None:
    shown = montage(dictionary())
    assert shown.shape == (WORDS // WORDS_IN_A_ROW * (WORD_PX + 2), WORDS_IN_A_ROW * (WORD_PX + 2))
    assert shown.min() == 0 and shown.max() == 255
