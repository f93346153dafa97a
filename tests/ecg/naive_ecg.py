"""Slow reference implementations that define the kernels of ecg/kernels."""
import itertools
import math

import numpy as np


def path_cost(ink, rest, travel, pull, far, gap, lift, firsts, lasts):
    """What the path that enters column x at firsts[x] and leaves it at lasts[x] costs."""
    cost, before = 0.0, firsts[0]
    for x, (first, last) in enumerate(zip(firsts, lasts)):
        if abs(first - before) > 1:
            return math.inf
        cost += 0.02 * gap * abs(first - before)
        cost += gap * (1 - ink[first, x]) + pull * min(abs(first - rest[x]), far)
        step = 1 if last >= first else -1
        for y in range(first + step, last + step, step) if last != first else ():
            cost += travel + gap * (1 - min(1, lift * ink[y, x]))
        before = last
    return cost


def cheapest_cost(ink, rest, travel, pull, far, gap, lift):
    """The least cost of any path, by trying every one."""
    rows, columns = range(ink.shape[0]), ink.shape[1]
    return min(path_cost(ink, rest, travel, pull, far, gap, lift, firsts, lasts)
               for firsts in itertools.product(rows, repeat=columns)
               for lasts in itertools.product(rows, repeat=columns))


def distance(nodes, x0, step, x, y):
    """Distance of a pixel to a polyline."""
    best = math.inf
    for k in range(len(nodes) - 1):
        a, b = np.array([x0 + k * step, nodes[k]]), np.array([x0 + (k + 1) * step, nodes[k + 1]])
        along = np.clip(np.dot([x, y] - a, b - a) / np.dot(b - a, b - a), 0, 1)
        best = min(best, float(np.hypot(*(a + along * (b - a) - [x, y]))))
    return best


def ink_run(ink, first, last, margin, claimed):
    """Ends of unbroken ink above and below a path."""
    tops, bottoms = [], []
    for x in range(len(first)):
        low, high = min(first[x], last[x]), max(first[x], last[x])
        ends = []
        for start, step in ((low, -1), (high, 1)):
            y = start
            while 0 <= y + step < len(ink) and ink[y + step, x] > 0.5:
                y += step
                if claimed[y, x] > (1 if abs(y - start) <= margin else 0):
                    y = start
                    break
            ends.append(y)
        tops.append(ends[0])
        bottoms.append(ends[1])
    return tops, bottoms


def candidate_error(path, x0, step, profile, fine, ink, confidence, missing, others):
    """How much one path changes the squared error of a picture that other lines draw already."""
    def error(distances):
        total = 0.0
        for y, x in np.ndindex(ink.shape):
            at = int(distances[y, x] * fine)
            off = float(ink[y, x]) - (profile[at] if at < len(profile) else 0.0)
            total += confidence[y, x] * off ** 2 * (missing[y, x] if off > 0 else 1)
        return total
    drawn = others.copy()
    for y, x in np.ndindex(ink.shape):
        drawn[y, x] = min(others[y, x], distance(path, x0, step, x, y))
    return error(drawn) - error(others)


def moved(nodes, diagonal, beside, right, stiff, corner, longest):
    """Nodes after one step: the whole matrix written out and solved."""
    n = len(nodes)
    matrix = np.diag(diagonal + 1e-3) + np.diag(beside, 1) + np.diag(beside, -1)
    pull = np.array(right)
    for k in range(n - 2):
        row = np.zeros(n)
        row[k:k + 3] = 1, -2, 1
        weight = stiff / (1 + (row @ nodes / corner) ** 2)
        matrix += weight * np.outer(row, row)
        pull -= weight * (row @ nodes) * row
    return nodes + np.clip(np.linalg.solve(matrix, pull), -longest, longest)


def cover(path, x0, step, profile, fine, y, x):
    """Share of ink that a path lays on a pixel: the most that any of its segments does."""
    at = int(distance(path, x0, step, x, y) * fine)
    return profile[at] if at < len(profile) else 0.0


def bare_length(bare, begin, end, limit):
    """px of bare paper on a straight line, in steps of about a pixel."""
    count = int(math.dist(begin, end)) + 2
    total = 0.0
    for share in np.linspace(0, 1, count):
        x, y = (int(a + share * (b - a) + 0.5) for a, b in zip(begin, end))
        total += bare[np.clip(y, 0, len(bare) - 1), np.clip(x, 0, bare.shape[1] - 1)]
    return min(total, limit)


def pair_errors(ink, confidence, rest, first, second, first_cost, second_cost):
    """Weighted squared error of every pair of paths, and their costs."""
    return {(a, b): sum(c * (i - max(r, p, q)) ** 2
                        for i, c, r, p, q in zip(ink, confidence, rest, first[a], second[b]))
            + first_cost[a] + second_cost[b] for a in range(len(first)) for b in range(len(second))}
