"""Exact and near duplicates, so that no picture stands on both sides of a split.

A near duplicate is the same picture again: encoded anew, turned or mirrored, brighter or darker by a tenth, or at
another size. Two cells on the same background, two films of the same chest posture, are not.

1. `featurize.index.fingerprints` keeps a 32 x 32 luma thumbnail.
2. Only its band of middle frequencies is compared: the coarse ones say "a dark disc in the middle" of every cell, the
   finest do not survive JPEG. Correlation forgives a change of brightness and contrast.
3. Candidates are found without trying all pairs in all orientations: in the cosine transform a mirror image only
   changes signs and a quarter turn swaps the two axes besides. What neither changes lies at least as close together
   as the best oriented pictures do, so one matrix product finds all candidates and misses none.
4. A candidate is confirmed in its best orientation on the pixels that are black in neither: cut-out cells on black
   otherwise agree by their outline alone.
"""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from featurize.arrays import BoolArray, Float32Array, Int64Array
from featurize.index.fingerprints import SIDE

# Standard deviation of the narrower Gaussian of the band, thumbnail pixels.
_NARROW_PX = 0.7
# Standard deviation of the wider Gaussian of the band, thumbnail pixels.
_WIDE_PX = 2.0
# Luma up to which a pixel is background that somebody painted black, gray levels.
_BLACK = 8.0
# Root mean square of the band below which only noise is left to compare, gray levels.
_FLAT = 1.5
# Cosine frequencies along each axis that the search for candidates compares.
_FREQUENCIES = 16
# Numbers that no orientation changes: of the frequencies, and one for what they leave out.
_INVARIANTS = _FREQUENCIES * _FREQUENCIES + 1
# Least correlation of duplicates: different pictures reach 0.91 (chest films), copies mostly 0.99.
_SAME = 0.93
# Least correlation of candidates.
_SIMILAR = 0.85
# Least correlation of candidates that were both cut out: black surroundings with like outlines correlate too.
_SIMILAR_CUT_OUT = 0.95
# Share of black pixels above which a picture counts as cut out.
_CUT_OUT_SHARE = 0.2
# Share of the smaller picture area that both must have in common.
_OVERLAP = 0.85
# Numbers of a matrix of distances that is computed at a time; limits the memory.
_DISTANCES_AT_ONCE = 5_000_000
# Candidates that are confirmed at a time; limits the memory.
_PAIRS_AT_ONCE = 4096
# Images that are made ready for the comparison at a time; limits the memory.
_COMPARED_AT_ONCE = 1024
# Known images that are compared at a time; limits the memory.
_KNOWN_AT_ONCE = 8192
# Allowance for rounding (float32) in the bounds of the search, so that no candidate is missed.
_ROUNDING = 1e-4


def duplicate_groups(sha256: Sequence[str], fingerprints: NDArray[np.integer | np.floating]) -> Int64Array:
    """Number the clusters of images that are the same picture.

    Parameters
    ----------
    sha256 : sequence of n str
        Digest of each file's content: equal ones are exact duplicates.
    fingerprints : (n, 1024) array
        What `fingerprint` returned for each image.

    Returns
    -------
    (n,) int64
        Cluster of each image, numbered by first appearance; an image without a duplicate has a number of its own.
    """
    first: dict[str, int] = {}
    same = np.array([first.setdefault(digest, row) for row, digest in enumerate(sha256)], np.int64)
    if not len(same):
        return same
    kept = np.unique(same)
    # A view where no file stands twice: a copy would take as much memory as all fingerprints.
    pairs, _ = near_pairs(fingerprints if len(kept) == len(same) else np.asarray(fingerprints)[kept])
    left = np.concatenate([np.arange(len(same)), kept[pairs[:, 0]]])
    right = np.concatenate([same, kept[pairs[:, 1]]])
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(len(same), len(same)))
    cluster = connected_components(graph, directed=False)[1]
    _, start, inverse = np.unique(cluster, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(start)).astype(np.int64)[inverse]


def near_pairs(fingerprints: NDArray[np.integer | np.floating]) -> tuple[Int64Array, Float32Array]:
    """All pairs of near duplicates.

    Returns
    -------
    (m, 2) int64
        Row numbers, the smaller first.
    (m,) float32
        Their correlation, from 0.93 to 1.
    """
    images = _compared(fingerprints)
    return _confirmed(images, images, _near_within(images))


@dataclass(frozen=True)
class KnownPictures:
    """Pictures among which copies are looked for, again and again: what finds candidates is computed once.

    Parameters
    ----------
    fingerprints : (m, 1024) array
    """

    fingerprints: NDArray[np.integer | np.floating]

    @cached_property
    def _searched(self) -> tuple[Int64Array, Float32Array]:
        """Numbers (r,) of those that are not flat, and their invariants (r, 257)."""
        rows, invariants = [np.zeros(0, np.int64)], [np.zeros((0, _INVARIANTS), np.float32)]
        for start in range(0, len(self.fingerprints), _KNOWN_AT_ONCE):
            some = _compared(self.fingerprints[start:start + _KNOWN_AT_ONCE])
            rows.append(some.rows + start)
            invariants.append(some.invariants)
        return np.concatenate(rows), np.concatenate(invariants)

    def near(self, invariants: Float32Array) -> Int64Array:
        """Numbers of the pictures that may be the same as one of (n, 257)."""
        rows, known = self._searched
        found = [np.zeros(0, np.int64)]
        for start, stop in _blocks(len(invariants), len(known)):
            found.append(np.unique(_near(invariants[start:stop], known)[:, 1]))
        return rows[np.unique(np.concatenate(found))]


def are_copies(fingerprints: NDArray[np.integer | np.floating],
               known: NDArray[np.integer | np.floating] | KnownPictures) -> BoolArray:
    """(n,) True where an image is a near duplicate of a known one, by the rule of `near_pairs`.

    Parameters
    ----------
    fingerprints : (n, 1024) array
    known : (m, 1024) array, or what was made of it for several searches
    """
    known = known if isinstance(known, KnownPictures) else KnownPictures(known)
    images, found = _compared(fingerprints), np.zeros(len(fingerprints), bool)
    candidates = known.near(images.invariants)
    for start in range(0, len(candidates), _KNOWN_AT_ONCE):
        some = _compared(known.fingerprints[candidates[start:start + _KNOWN_AT_ONCE]])
        pairs, _ = _confirmed(images, some, _near_between(images, some))
        found[pairs[:, 0]] = True
    return found


@dataclass(frozen=True)
class _Compared:
    """What finds candidates among the r images that are not flat; their pixels are looked at for candidates only.

    Parameters
    ----------
    fingerprints : (n, 1024) array
        Of all images, not copied.
    rows : (r,) int64
        Numbers of those that are not flat.
    waves : (r, 16, 16) float32
    invariants : (r, 257) float32
    rest : (r,) float32
    cut_out : (r,) bool
    """

    fingerprints: NDArray[np.integer | np.floating]
    rows: Int64Array
    waves: Float32Array
    invariants: Float32Array
    rest: Float32Array
    cut_out: BoolArray

    def masked(self, at: Int64Array) -> tuple[Float32Array, Float32Array]:
        """Of m of the r images: (m, 1024) band of middle frequencies, zero where a pixel is black; 1 where none is."""
        thumbs = _thumbnails(self.fingerprints[self.rows[at]])
        seen = _not_black(thumbs)
        return _band(thumbs, seen), seen.reshape(len(seen), SIDE * SIDE)


def _compared(fingerprints: NDArray[np.integer | np.floating]) -> _Compared:
    """Block by block into arrays of the final size: what lies between would take several times their memory."""
    n, end = len(fingerprints), 0
    whole = _Compared(fingerprints, np.empty(n, np.int64), np.empty((n, _FREQUENCIES, _FREQUENCIES), np.float32),
                      np.empty((n, _INVARIANTS), np.float32), np.empty(n, np.float32), np.empty(n, bool))
    arrays = [field.name for field in fields(_Compared) if field.name != "fingerprints"]
    for start in range(0, n, _COMPARED_AT_ONCE):
        some = _compared_block(fingerprints[start:start + _COMPARED_AT_ONCE])
        for name in arrays:
            getattr(whole, name)[end:end + len(some.rows)] = getattr(some, name)
        whole.rows[end:end + len(some.rows)] += start
        end += len(some.rows)
    return _Compared(fingerprints, *(getattr(whole, name)[:end] for name in arrays))


def _compared_block(fingerprints: NDArray[np.integer | np.floating]) -> _Compared:
    thumbs = _thumbnails(fingerprints)
    band = _band(thumbs, np.ones_like(thumbs))
    rows = np.flatnonzero(np.sqrt((band * band).mean(1)) >= _FLAT)
    waves = _waves(_unit(band[rows]))
    cut_out = _not_black(thumbs[rows]).mean((1, 2)) < 1 - _CUT_OUT_SHARE
    return _Compared(fingerprints, rows, waves, _invariants(waves), _rest(waves), cut_out)


def _thumbnails(fingerprints: NDArray[np.integer | np.floating]) -> Float32Array:
    """(n, 32, 32) float32."""
    return np.asarray(fingerprints, np.float32).reshape(-1, SIDE, SIDE)


def _not_black(thumbs: Float32Array) -> Float32Array:
    """1 where a pixel is not black, else 0."""
    return (thumbs > _BLACK).astype(np.float32)


def _confirmed(a: _Compared, b: _Compared, near: Iterator[Int64Array]) -> tuple[Int64Array, Float32Array]:
    """(m, 2) numbers of the images that are the same, and their correlation; `near` are the pairs to look at."""
    pairs, values = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.float32)]
    for candidates, oriented in _candidates(a, b, near):
        value = _confirm(candidates, oriented, a, b)
        same = candidates[value >= _SAME]
        pairs.append(np.stack([a.rows[same[:, 0]], b.rows[same[:, 1]]], 1))
        values.append(value[value >= _SAME])
    return np.concatenate(pairs), np.concatenate(values)


def _band(thumbs: Float32Array, seen: Float32Array) -> Float32Array:
    """(n, 1024) difference of two Gaussian blurs that take no account of unseen pixels, zero there."""
    def blur(image: Float32Array, mask: Float32Array, sigma: float) -> Float32Array:
        def smooth(plane: Float32Array) -> Float32Array:
            return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
        return np.asarray(smooth(image * mask) / np.maximum(smooth(mask), 1e-3))
    bands = [(blur(t, m, _NARROW_PX) - blur(t, m, _WIDE_PX)) * m for t, m in zip(thumbs, seen)]
    return np.asarray(bands, np.float32).reshape(len(thumbs), SIDE * SIDE)


def _unit(rows: Float32Array) -> Float32Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _waves(whole: Float32Array) -> Float32Array:
    """(n, 16, 16) lower cosine frequencies of the thumbnails: rows are vertical, columns horizontal frequencies."""
    return np.asarray(dctn(whole.reshape(-1, SIDE, SIDE), axes=(1, 2), norm="ortho")[:, :_FREQUENCIES, :_FREQUENCIES])


def _invariants(waves: Float32Array) -> Float32Array:
    """(n, 257) numbers that are the same in the 8 orientations, no farther apart than the best oriented rows.

    A mirror image changes the signs of the odd vertical or of the odd horizontal frequencies, a transposition swaps
    the two: of each pair ``a = C[u,v], b = C[v,u]`` keep what neither can change.
    """
    u, v = np.triu_indices(_FREQUENCIES, 1)
    a, b = waves[:, u, v], waves[:, v, u]
    # Of u and v both even or both odd, the signs change together or not at all: turn (a, b) by 45 degrees.
    total, difference = (a + b) * np.sqrt(0.5), np.abs(a - b) * np.sqrt(0.5)
    even, alike = (u % 2 == 0) & (v % 2 == 0), u % 2 == v % 2
    larger, smaller = np.maximum(np.abs(a), np.abs(b)), np.minimum(np.abs(a), np.abs(b))
    main = np.diagonal(waves, axis1=1, axis2=2)
    return np.hstack([
        np.where(even, total, np.where(alike, np.abs(total), larger)), np.where(alike, difference, smaller),
        np.where(np.arange(_FREQUENCIES) % 2, np.abs(main), main), _rest(waves)[:, None]]).astype(np.float32)


def _rest(waves: Float32Array) -> Float32Array:
    """(n,) length of what the frequencies above leave out of a vector of length one."""
    return np.asarray(np.sqrt(np.maximum(1 - (waves * waves).sum((1, 2)), 0)))


def _near_within(images: _Compared) -> Iterator[Int64Array]:
    """Pairs of the images whose invariants lie near to each other, the smaller number first."""
    for start, stop in _blocks(len(images.rows), len(images.rows)):
        yield _near(images.invariants[start:stop], images.invariants[start:], below=True) + start


def _near_between(a: _Compared, b: _Compared) -> Iterator[Int64Array]:
    """Pairs of an image of `a` and one of `b` whose invariants lie near to each other."""
    for start, stop in _blocks(len(a.rows), len(b.rows)):
        yield _near(a.invariants[start:stop], b.invariants) + np.array([start, 0])


def _blocks(n: int, m: int) -> Iterator[tuple[int, int]]:
    """Blocks of n rows that are compared with m rows at a time."""
    step = max(1, _DISTANCES_AT_ONCE // max(m, 1))
    return ((start, start + step) for start in range(0, n, step))


def _near(left: Float32Array, right: Float32Array, below: bool = False) -> Int64Array:
    """Pairs of rows that lie near to each other; with `below` only those whose left number is the smaller one."""
    # |a - b|² = |a|² + |b|² - 2ab, and two unit vectors of correlation c are sqrt(2 - 2c) apart.
    reach = 2 - 2 * _SIMILAR + _ROUNDING
    length = [(rows * rows).sum(1) for rows in (left, right)]
    pairs = np.stack(np.nonzero(length[0][:, None] + length[1][None] - 2 * left @ right.T <= reach), 1)
    return np.asarray(pairs[pairs[:, 0] < pairs[:, 1]] if below else pairs)


def _candidates(a: _Compared, b: _Compared, near: Iterator[Int64Array]) -> Iterator[tuple[Int64Array, BoolArray]]:
    """Pairs that may be alike, a few thousand at a time, with the (m, 8) orientations that may make them so."""
    for pairs in near:
        for at in range(0, len(pairs), _PAIRS_AT_ONCE):
            some = pairs[at:at + _PAIRS_AT_ONCE]
            least = np.where(a.cut_out[some[:, 0]] & b.cut_out[some[:, 1]], _SIMILAR_CUT_OUT, _SIMILAR)
            oriented = _ceilings(a, b, some) >= least[:, None]
            yield some[oriented.any(1)], oriented[oriented.any(1)]


def _ceilings(a: _Compared, b: _Compared, pairs: Int64Array) -> Float32Array:
    """(m, 8) the most that a pair can correlate in each orientation, from the kept frequencies alone."""
    half = _FREQUENCIES // 2
    left, right = pairs.T
    straight = a.waves[left].reshape(-1, half, 2, half, 2)
    # Rows: the picture itself, upside down, left to right, both; columns: sums over even and odd frequencies.
    signs = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], np.float32)
    parts = [np.einsum("nupvq,nupvq->npq", straight, turned.reshape(-1, half, 2, half, 2))
             for turned in (b.waves[right], b.waves[right].transpose(0, 2, 1))]
    found = np.hstack([part.reshape(-1, 4) @ signs.T for part in parts])
    return np.asarray(found + (a.rest[left] * b.rest[right])[:, None] + _ROUNDING)


def _orientations() -> list[Int64Array]:
    """8 permutations of the 1024 thumbnail pixels, in the order of `_ceilings`; the last four are transposed."""
    grid = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    views = [view for g in (grid, grid.T) for view in (g, g[::-1], g[:, ::-1], g[::-1, ::-1])]
    return [view.reshape(-1) for view in views]


def _confirm(pairs: Int64Array, oriented: BoolArray, a: _Compared, b: _Compared) -> Float32Array:
    """(m,) correlation of each pair over what both show, in the best of the given orientations; 0 if not alike."""
    best = np.zeros(len(pairs), np.float32)
    of_left, lefts = np.unique(pairs[:, 0], return_inverse=True)
    of_right, rights = np.unique(pairs[:, 1], return_inverse=True)
    (x, u), (y, v) = a.masked(of_left), b.masked(of_right)
    for order, possible in zip(_orientations(), oriented.T):
        left, right = lefts[possible], rights[possible]
        value = _masked_correlation(x[left], u[left], y[right][:, order], v[right][:, order])
        best[possible] = np.maximum(best[possible], value)
    return best


def _masked_correlation(x: Float32Array, u: Float32Array, y: Float32Array, v: Float32Array) -> Float32Array:
    """Row by row, over the pixels in both masks; 0 where the masks share too little."""
    shared = (u * v).sum(1)
    common = shared >= _OVERLAP * np.maximum(np.minimum(u.sum(1), v.sum(1)), 1)
    energy = (x * x * v).sum(1) * (y * y * u).sum(1)
    return np.asarray(np.where(common, (x * y).sum(1) / np.sqrt(np.maximum(energy, 1e-12)), 0), np.float32)
