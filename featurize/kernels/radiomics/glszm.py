"""Zones: connected pixels of one gray level, their size and their distance from the rim of the region."""
import numpy as np
from numba import njit

from featurize.kernels.union_find import find_root, join


@njit(cache=True)
def zones(levels, depth, parent, level, size, near):
    """Label the zones (8 neighbors) in one pass with union by the smaller label.

    levels (h + 2, w + 2) uint16, 0 outside the region; depth (h + 2, w + 2) int32 distance of each pixel from the rim
    of the region, or (0, 0) where it isn't wanted; parent, level, size, near (n + 1,) int32 for the n pixels of the
    region. Returns the number z of zones; level, size and near (smallest depth) of zone k are then at [k], k < z.
    """
    height, width = levels.shape
    above, here = np.zeros(width, np.int32), np.zeros(width, np.int32)
    deep = depth.shape[0] > 0
    labels = 0
    for i in range(1, height - 1):
        row, up = levels[i], levels[i - 1]
        here[0] = 0
        for j in range(1, width - 1):
            a = row[j]
            if a == 0:
                here[j] = 0
                continue
            # North alone joins everything; else west with north-east, or north-west with north-east.
            if up[j] == a:
                mine = find_root(parent, above[j])
            else:
                mine = -1
                if row[j - 1] == a:
                    mine = find_root(parent, here[j - 1])
                elif up[j - 1] == a:
                    mine = find_root(parent, above[j - 1])
                if up[j + 1] == a:
                    other = find_root(parent, above[j + 1])
                    if mine < 0:
                        mine = other
                    elif other != mine:
                        gone = max(mine, other)
                        mine = join(parent, mine, other)
                        size[mine] += size[gone]
                        if deep:
                            near[mine] = min(near[mine], near[gone])
                if mine < 0:
                    mine = labels
                    parent[labels] = labels
                    level[labels] = a
                    size[labels] = 0
                    if deep:
                        near[labels] = depth[i, j]
                    labels += 1
            here[j] = mine
            size[mine] += 1
            if deep:
                near[mine] = min(near[mine], depth[i, j])
        above, here = here, above
    z = 0
    for k in range(labels):
        if parent[k] == k:
            level[z], size[z], near[z] = level[k], size[k], near[k]
            z += 1
    return z


@njit(cache=True)
def distinct(sizes, z, rank):
    """Rank the distinct numbers among the first z.

    sizes (n,) int32 >= 1; rank (max size + 1,) int32, zeroed: 1, 2, ... at each size that occurs. Returns how many.
    """
    for k in range(z):
        rank[sizes[k]] = 1
    found = 0
    for s in range(len(rank)):
        if rank[s]:
            found += 1
            rank[s] = found
    return found


@njit(cache=True)
def fill(level, sizes, z, rank, out):
    """Count zones by level and rank of size: out (K, J) float64, zeroed."""
    for k in range(z):
        out[level[k] - 1, rank[sizes[k]] - 1] += 1.0


@njit(cache=True)
def rim_distance(levels, out):
    """Steps along rows and columns from the nearest pixel outside the region: 1 at its rim.

    levels (h + 2, w + 2) uint16, 0 outside; out (h + 2, w + 2) int32.
    """
    height, width = levels.shape
    out[:] = 0
    for i in range(1, height - 1):
        for j in range(1, width - 1):
            if levels[i, j]:
                out[i, j] = min(out[i - 1, j], out[i, j - 1]) + 1
    for i in range(height - 2, 0, -1):
        for j in range(width - 2, 0, -1):
            if levels[i, j]:
                out[i, j] = min(out[i, j], min(out[i + 1, j], out[i, j + 1]) + 1)
