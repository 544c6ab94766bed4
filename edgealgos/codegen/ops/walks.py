"""Trees as arrays: where nodes lead, and what trees add until the answer is decided. Knows no programs."""

from __future__ import annotations

from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..program.qtype import Ints

FEWEST = 3  # trees left for which it is worth a look whether they are needed


class Walk(NamedTuple):
    """Trees as arrays over all their inner nodes.

    Parameters
    ----------
    roots : int array, shape (trees,)
    children : int array, shape (nodes, 2)
        Left and right: an inner node, or ``~leaf``.
    """

    roots: Ints
    children: Ints


def makes_trees(sizes: Ints, inner: Ints) -> bool:
    """Whether each tree has a node more than children that are nodes, and names every node before it comes."""
    named = inner.sum(axis=1)
    starts = np.cumsum(sizes) - sizes
    if (np.add.reduceat(named, starts) != sizes - 1).any():
        return False
    earlier = np.cumsum(named) - named
    place = np.arange(len(named)) - np.repeat(starts, sizes)
    return bool((earlier - np.repeat(earlier[starts], sizes) >= place).all())


def shares_of_rows(walk: Walk, tests: Ints, passed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the rows that come to each node and go left; `passed`: which tests each row passes."""
    came, left, rows = np.zeros(len(tests)), np.zeros(len(tests)), np.arange(len(passed))
    for root in walk.roots:
        node = np.full(len(passed), root)
        while (inside := node >= 0).any():
            below = passed[rows[inside], tests[node[inside]]]
            np.add.at(came, node[inside], 1.0)
            np.add.at(left, node[inside], below)
            node[inside] = walk.children[node[inside], 1 - below.astype(np.int64)]
    shares: NDArray[np.float64] = np.divide(left, came, out=np.full(len(tests), 0.5), where=came > 0)
    return shares


def shares_of_range(walk: Walk, features: Ints, cuts: Ints, low: int, high: int) -> list[float]:
    """The same of rows whose features lie evenly from `low` to `high`: of nodes that compare features with cuts."""
    found, ranges = [0.5] * len(cuts), [dict[int, tuple[int, int]]() for _ in cuts]
    for node, children in enumerate(walk.children.tolist()):  # parents come first
        feature = int(features[node])
        first, last = ranges[node].get(feature, (low, high))
        cut = min(max(int(cuts[node]), first), last + 1)
        found[node] = (cut - first) / max(last + 1 - first, 1)
        for child, left_over in zip(children, ((first, cut - 1), (cut, last)), strict=True):
            if child >= 0:
                ranges[child] = ranges[node] | {feature: left_over}
    return found


def last_asked(scores: NDArray[Any], rests: NDArray[Any]) -> Ints:
    """The tree of each row behind which the answer is decided; `scores` are those after each tree."""
    if scores.shape[2] == 1:
        lead = np.abs(scores[:, :, 0])
    else:
        best_two = np.partition(scores, -2, axis=2)[:, :, -2:]
        lead = best_two[:, :, 1] - best_two[:, :, 0]
    decided = (lead > rests) & (rests > 0)
    last: Ints = np.where(decided.any(axis=1), decided.argmax(axis=1), len(rests) - 1)
    return last


def summed(rows: NDArray[Any], last: Ints, groups: Ints | None) -> NDArray[Any]:
    """What the trees that are asked add to each score."""
    if (last < rows.shape[1] - 1).any():
        rows = np.where((np.arange(rows.shape[1]) <= last[:, None])[:, :, None], rows, 0)
    if groups is None:
        return np.asarray(rows.sum(axis=1))
    ends = np.cumsum(groups)
    return np.stack([rows[:, e - n : e, 0].sum(axis=1) for n, e in zip(groups, ends, strict=True)], axis=1)


def leads_to_make_up_for(most: Ints, begun: int) -> Ints:
    """After each tree the lead that those to come cannot make up for, one less; 0 where nobody looks.

    The fewer trees are left, the more often there is a look.

    Parameters
    ----------
    most : int array, shape (trees,)
        By how much each tree can move two scores against each other, or the only one.
    begun : int
        Magnitude of what scores begin with.
    """
    trees, moved = most.size, np.cumsum(most)
    rests: Ints = moved[-1] - moved
    found, at = np.zeros(trees, np.int64), int(np.argmax(2 * begun + moved > rests)) + trees // 20
    while trees - 1 - at >= FEWEST - 1:
        found[at] = rests[at]
        at += isqrt(trees - 1 - at)
    return found
