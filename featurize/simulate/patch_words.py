"""Learns the dictionary of `featurize.descriptors.patch_words` from drawn pictures, and draws its words.

    python -m featurize.simulate.patch_words docs/patch_words.png
"""
import sys
from pathlib import Path

import cv2
import numpy as np
from sklearn.cluster import MiniBatchKMeans

from featurize.arrays import Float32Array, UInt8Array
from featurize.descriptors.patch_words import DICTIONARY, PATCH_PX, Dictionary, patches
from featurize.runtime.files import replacing
from featurize.simulate.smears import draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue

# Words: with 200 in place of 400 the log-loss of pneumonia_28's val part was .0747 and .0690 (seeds 0, 1) in place of
# .0686 and .0666; without words it was .0784 and .0748.
WORDS = 400
# Drawn pictures of each kind.
FILMS, CELLS, TISSUES = 300, 300, 100
CELL_KINDS = ("neutrophil", "lymphocyte", "monocyte")
# Sides to which they are reduced, in pixels: patches then hold outlines, not the grain of a film.
SIDES_PX = (28, 65)
TISSUE_SIDES_PX = (28, 129)
# Patches of each picture.
PATCHES_OF_EACH = 400
# Added to the variances before whitening: directions that hardly vary are not blown up.
LEAST_VARIANCE = 0.1
# Side of a drawn word and words in a row of the picture of words.
WORD_PX = 30
WORDS_IN_A_ROW = 25


def learn(seed: int = 0) -> Dictionary:
    """Whiten patches of drawn pictures and find the centers of their clusters."""
    rng = np.random.default_rng(seed)
    found = []
    for picture in _pictures(rng):
        own = patches(picture).reshape(-1, PATCH_PX * PATCH_PX)
        found.append(own[rng.permutation(len(own))[:PATCHES_OF_EACH]])
    values = np.concatenate(found)
    mean = values.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov((values - mean).T))
    whitening = ((axes / np.sqrt(variance + LEAST_VARIANCE)) @ axes.T).astype(np.float32)
    clusters = MiniBatchKMeans(WORDS, random_state=seed, n_init=1, batch_size=4096, max_iter=50)
    clusters.fit((values - mean) @ whitening)
    return Dictionary(mean.astype(np.float32), whitening, clusters.cluster_centers_.astype(np.float32))


def montage(words: Dictionary) -> UInt8Array:
    """(h, w) the words as patches, each over the full range of gray, in the order of their numbers."""
    plain = words.words @ np.linalg.inv(words.whitening) + words.mean
    tiles = []
    for word in plain.reshape(-1, PATCH_PX, PATCH_PX):
        gray = (255 * (word - word.min()) / max(float(np.ptp(word)), 1e-6)).astype(np.uint8)
        tile = cv2.resize(gray, (WORD_PX, WORD_PX), interpolation=cv2.INTER_NEAREST)
        tiles.append(cv2.copyMakeBorder(tile, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255))
    rows = [np.hstack(tiles[i:i + WORDS_IN_A_ROW]) for i in range(0, len(tiles), WORDS_IN_A_ROW)]
    return np.asarray(np.vstack(rows))


def _pictures(rng: np.random.Generator) -> list[UInt8Array]:
    """Gray drawn pictures, reduced to sides drawn by chance."""
    films = [_reduced(draw_film(seed, opacities=seed % 5).gray, int(rng.integers(*SIDES_PX))) for seed in range(FILMS)]
    cells = [_reduced(_gray(draw_cell(CELL_KINDS[seed % len(CELL_KINDS)], seed).rgb), int(rng.integers(*SIDES_PX)))
             for seed in range(CELLS)]
    tissues = [_reduced(_gray(draw_tissue(seed).rgb), int(rng.integers(*TISSUE_SIDES_PX))) for seed in range(TISSUES)]
    return [*films, *cells, *tissues]


def _gray(rgb: UInt8Array) -> Float32Array:
    return np.asarray(rgb.mean(axis=2), np.float32)


def _reduced(plane: Float32Array | UInt8Array, side: int) -> UInt8Array:
    small = cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA)
    return np.rint(small).astype(np.uint8)


def main(picture: Path) -> None:
    """Write the dictionary beside its reader, and the picture."""
    words = learn()
    np.savez_compressed(DICTIONARY, mean=words.mean, whitening=words.whitening, words=words.words)
    with replacing(picture) as part:
        part.write_bytes(cv2.imencode(".png", montage(words))[1].tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
