"""One regression tree, grown leaf by leaf where a split is worth most for the bits it takes; no boosting, no bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from .columns import Feature, Ints

Reals = NDArray[np.float64]
LEAST_ROWS, LEAST_CURVATURE, LEAST_GAIN = 2, 1e-2, 1e-7


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
    """Grows trees on the same rows and columns.

    Parameters
    ----------
    bins : uint8 array, shape (n, columns)
    most_bins : int
        More than any of them.
    """

    def __init__(self, bins: NDArray[np.uint8], most_bins: int) -> None:
        self.bins, self.most_bins = bins, most_bins
        self.places = bins + np.arange(bins.shape[1], dtype=np.int32) * most_bins
        self._ones = np.ones(bins.size, np.float32)

    def grow(self, targets: Reals, prices: Reals, growth: Growth) -> _Leaf:
        """The root of a new tree.

        Parameters
        ----------
        targets : array, shape (n, 3)
            Of each row the negative gradient, the curvature, and 1.
        prices : array, shape (columns, most_bins - 1)
            Bits that a node with each test takes.
        growth : Growth
        """
        root = self._leaf(np.arange(len(targets)), self._sums(np.arange(len(targets)), targets), 0, prices, growth)
        leaves = [root]
        while len(leaves) < growth.most_leaves:
            best = max(range(len(leaves)), key=lambda i: leaves[i].worth)
            leaf = leaves[best]
            if leaf.worth <= 0:
                break
            leaf.below = self._split(leaf, targets, prices, growth)
            leaves[best : best + 1] = leaf.below
        return root

    def _split(self, leaf: _Leaf, targets: Reals, prices: Reals, growth: Growth) -> tuple[_Leaf, _Leaf]:
        """The two leaves of the best split; sums are made for the smaller one, the other has the rest."""
        left = self.bins[leaf.rows, leaf.column] <= leaf.cut
        parts = [leaf.rows[left], leaf.rows[~left]]
        small = int(len(parts[0]) > len(parts[1]))
        sums = self._sums(parts[small], targets)
        both = [sums, leaf.sums - sums] if small == 0 else [leaf.sums - sums, sums]
        one, other = (self._leaf(p, s, leaf.depth + 1, prices, growth) for p, s in zip(parts, both, strict=True))
        return one, other

    def _sums(self, rows: NDArray[np.intp], targets: Reals) -> Reals:
        """Sums of the targets of rows by column and bin, shape (columns, most_bins, 3)."""
        columns = self.bins.shape[1]
        where = self.places[rows].ravel()
        starts = np.arange(0, where.size + 1, columns, dtype=np.int32)
        members = csc_array((self._ones[: where.size], where, starts), shape=(columns * self.most_bins, len(rows)))
        found: Reals = members @ targets[rows]
        return found.reshape(columns, self.most_bins, 3)

    def _leaf(self, rows: NDArray[np.intp], sums: Reals, depth: int, prices: Reals, growth: Growth) -> _Leaf:
        leaf = _Leaf(rows, sums, depth)
        if depth < growth.max_depth and len(rows) >= 2 * LEAST_ROWS:
            _find_split(leaf, prices, growth.smoothing)
        return leaf


def _find_split(leaf: _Leaf, prices: Reals, smoothing: float) -> None:
    """Note the split of a leaf that gains most per bit."""
    left = np.cumsum(leaf.sums, axis=1)
    total = left[:1, -1:]
    left = left[:, :-1]
    right = total - left
    possible = np.minimum(left[..., 2], right[..., 2]) >= LEAST_ROWS
    possible &= np.minimum(left[..., 1], right[..., 1]) >= LEAST_CURVATURE
    gain = _strength(left, smoothing) + _strength(right, smoothing) - _strength(total, smoothing)
    worth = np.where(possible & (gain > LEAST_GAIN), gain / prices, 0.0)
    best = int(np.argmax(worth))
    leaf.column, leaf.cut = divmod(best, worth.shape[1])
    leaf.worth = float(worth.flat[best])


def _strength(sums: Reals, smoothing: float) -> Reals:
    """By how much a leaf with such sums lessens the loss, twice."""
    found: Reals = sums[..., 0] ** 2 / (np.maximum(sums[..., 1], 0.0) + smoothing)
    return found


def finished(root: _Leaf, features: list[Feature], cuts: list[Ints], smoothing: float) -> Tree | None:
    """The tree of a grown root with the best value in each leaf (not yet scaled by a rate); None for a bare leaf."""
    if root.below is None:
        return None
    inner, leaves, children = [root], [], []
    for node in inner:  # grows while it is read: level by level
        assert node.below is not None
        row = []
        for child in node.below:
            row.append(len(inner) if child.below is not None else ~len(leaves))
            (inner if child.below is not None else leaves).append(child)
        children.append(row)
    values = [(total := leaf.sums[0].sum(axis=0))[0] / (max(total[1], 0.0) + smoothing) for leaf in leaves]
    return Tree(
        tuple(features[node.column] for node in inner),
        np.array([cuts[node.column][node.cut] for node in inner]),
        np.array(children),
        np.array(values),
    )
