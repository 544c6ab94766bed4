"""One regression tree, grown leaf by leaf where a split is worth most for the bits it takes; no boosting, no bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from .columns import Feature, Ints

Reals = NDArray[np.float64]
LEAST_ROWS, LEAST_CURVATURE = 2, 1e-2
LEAST_GAIN = 0.02  # of a split, in usual rows' losses: what gains less is no better than noise


@dataclass(frozen=True, eq=False)
class Tree:
    """Inner nodes level by level, the root first; leaves in the order in which their parents name them.

    Parameters
    ----------
    features : tuple of Feature
        What each node compares.
    cuts : int array, shape (inner,)
        Values below it go left.
    children : int array, shape (inner, 2)
        The inner node on the left and on the right, or ``~leaf``.
    leaves : array, shape (inner + 1,)
    """

    features: tuple[Feature, ...]
    cuts: Ints
    children: Ints
    leaves: NDArray[np.float64]

    def tests(self) -> Iterator[tuple[Feature, int]]:
        """Feature and cut of each node."""
        return zip(self.features, self.cuts.tolist(), strict=True)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Its smallest and its largest leaf."""
        return float(self.leaves.min()), float(self.leaves.max())

    def leaf_of(self, x: Ints) -> NDArray[np.intp]:
        """The leaf that each row of device inputs comes to."""
        leaf = np.zeros(len(x), np.intp)
        waiting = [(0, np.arange(len(x)))]
        while waiting:
            node, rows = waiting.pop()
            if node < 0:
                leaf[rows] = ~node
                continue
            left = self.features[node].of(x[rows]) < self.cuts[node]
            waiting += [(int(self.children[node, 0]), rows[left]), (int(self.children[node, 1]), rows[~left])]
        return leaf


@dataclass(frozen=True)
class Growth:
    """How a tree may grow.

    Parameters
    ----------
    most_leaves, max_depth : int
    smoothing : float
        Added to the curvature of every leaf: it draws the values of small leaves towards zero.
    """

    most_leaves: int
    max_depth: int
    smoothing: float


class _Leaf:
    """A leaf while the tree grows: its rows, their sums by column and bin, and the split that is best."""

    def __init__(self, rows: NDArray[np.intp], sums: Reals, depth: int) -> None:
        self.rows, self.sums, self.depth = rows, sums, depth
        self.column = self.cut = -1
        self.worth = 0.0
        self.below: tuple[_Leaf, _Leaf] | None = None


class Grower:
    """Grows a tree on binned columns.

    Parameters
    ----------
    bins : int array, shape (n, columns)
    most_bins : int
        More than any of them.
    targets : array, shape (n, 3)
        Of each row the negative gradient, the curvature, and 1.
    prices : array, shape (columns, most_bins - 1)
        Bits that a node with each test takes.
    growth : Growth
    unit : float
        A usual row's loss.
    """

    def __init__(
        self, bins: NDArray[np.int32], most_bins: int, targets: Reals, prices: Reals, growth: Growth, unit: float = 1.0
    ) -> None:
        self._bins, self._most_bins = bins, most_bins
        self._offsets = np.arange(bins.shape[1], dtype=np.int32) * most_bins
        self._targets, self._prices, self._growth = targets, prices, growth
        self._least_gain = LEAST_GAIN * unit

    def grow(self) -> _Leaf:
        """The root of the tree."""
        everywhere = np.arange(len(self._targets))
        root = self._leaf(everywhere, self._sums(everywhere), 0)
        leaves = [root]
        while len(leaves) < self._growth.most_leaves:
            best = max(range(len(leaves)), key=lambda i: leaves[i].worth)
            if leaves[best].worth <= 0:
                break
            leaves[best : best + 1] = self._split(leaves[best])
        return root

    def _split(self, leaf: _Leaf) -> tuple[_Leaf, _Leaf]:
        """The two leaves of the best split; sums are made for the smaller one, the other has the rest."""
        left = self._bins[leaf.rows, leaf.column] <= leaf.cut
        parts = [leaf.rows[left], leaf.rows[~left]]
        small = int(len(parts[0]) > len(parts[1]))
        sums = self._sums(parts[small])
        both = [sums, leaf.sums - sums] if small == 0 else [leaf.sums - sums, sums]
        one, other = (self._leaf(rows, of, leaf.depth + 1) for rows, of in zip(parts, both, strict=True))
        leaf.below = one, other
        return one, other

    def _sums(self, rows: NDArray[np.intp]) -> Reals:
        """Sums of the targets of rows by column and bin, shape (3, columns, most_bins)."""
        columns = self._bins.shape[1]
        where = (self._bins[rows] + self._offsets).ravel()
        starts = np.arange(0, where.size + 1, columns, dtype=np.int32)
        shape = (columns * self._most_bins, len(rows))
        found = csc_array((np.ones(where.size), where, starts), shape=shape) @ self._targets[rows]
        return np.ascontiguousarray(found.T).reshape(3, columns, self._most_bins)

    def _leaf(self, rows: NDArray[np.intp], sums: Reals, depth: int) -> _Leaf:
        leaf = _Leaf(rows, sums, depth)
        if depth < self._growth.max_depth and len(rows) >= 2 * LEAST_ROWS:
            _find_split(leaf, self._prices, self._growth.smoothing, self._least_gain)
        return leaf


def _find_split(leaf: _Leaf, prices: Reals, smoothing: float, least_gain: float) -> None:
    """Note the split of a leaf that gains most per bit."""
    left = np.cumsum(leaf.sums, axis=2)
    total = left[:, :1, -1:]
    left = left[:, :, :-1]
    right = total - left
    possible = np.minimum(left[2], right[2]) >= LEAST_ROWS
    possible &= np.minimum(left[1], right[1]) >= LEAST_CURVATURE
    gain = _strength(left, smoothing) + _strength(right, smoothing) - _strength(total, smoothing)
    worth = np.where(possible & (gain > least_gain), gain / prices, 0.0)
    best = int(np.argmax(worth))
    leaf.column, leaf.cut = divmod(best, worth.shape[1])
    leaf.worth = float(worth.flat[best])


def _strength(sums: Reals, smoothing: float) -> Reals:
    """By how much a leaf with such sums lessens the loss, twice."""
    found: Reals = sums[0] ** 2 / (np.maximum(sums[1], 0.0) + smoothing)
    return found


def finished(root: _Leaf, features: Sequence[Feature], cuts: Sequence[Ints], smoothing: float) -> Tree | None:
    """The tree of a grown root with the best value in each leaf (not yet scaled by a rate); None for a bare leaf."""
    if root.below is None:
        return None
    inner, leaves, children = [root], list[_Leaf](), list[list[int]]()
    for node in inner:  # grows while it is read: level by level
        assert node.below is not None
        row = []
        for child in node.below:
            row.append(len(inner) if child.below is not None else ~len(leaves))
            (inner if child.below is not None else leaves).append(child)
        children.append(row)
    totals = [leaf.sums[:, 0].sum(axis=1) for leaf in leaves]
    values = [slope / (max(curvature, 0.0) + smoothing) for slope, curvature, _ in totals]
    return Tree(
        tuple(features[node.column] for node in inner),
        np.array([cuts[node.column][node.cut] for node in inner]),
        np.array(children),
        np.array(values),
    )
