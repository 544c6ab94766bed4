"""Gradient boosting under a byte budget: tree after tree, each split paid for in bits; chooses no settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...codegen.program.qtype import QType
from .columns import Columns, Ints
from .forest import Forest
from .losses import Loss
from .trees import Grower, Growth, Reals, Tree, finished

LARGEST_STEP = 4.0  # of a score in one leaf, before the rate: far where rows are nearly certain
MOST_ROWS = 20_000  # a tree is grown on: of more rows, so many at random
STRUCTURE_BITS = 2  # a node says of its children whether they are leaves
BIAS_BYTES = 2


@dataclass(frozen=True, eq=False)
class Table:
    """Device inputs (n, features), targets and weights (n,)."""

    x: Ints
    y: Reals
    weight: Reals

    def __len__(self) -> int:
        return len(self.y)

    def where(self, rows: NDArray) -> Table:
        """Some of the rows."""
        return Table(self.x[rows], self.y[rows], self.weight[rows])


@dataclass(frozen=True)
class Settings:
    """What a boosting is like.

    Parameters
    ----------
    growth : Growth
    rate : float
        Share of its best value that a leaf adds.
    pairs : int
        Sums and differences of two features that each tree may choose from besides.
    leaf_bits : int
        Width of a leaf's value.
    """

    growth: Growth = Growth(8, 8, 1.0)
    rate: float = 0.4
    pairs: int = 0
    leaf_bits: int = 5

    @property
    def leaf_type(self) -> QType:
        """Number type of the leaves."""
        return QType.covering(LARGEST_STEP * self.rate, self.leaf_bits)


@dataclass(frozen=True)
class Limits:
    """What a forest may take: bytes and trees, or None; rows that a tree is grown on."""

    max_bytes: int | None = None
    max_rounds: int | None = None
    rows: int = MOST_ROWS


@dataclass
class Course:
    """How it went, tree by tree: bytes; loss and error of the rows that are watched (or of those that are fitted)."""

    bytes: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)


class Boosting:
    """A forest that grows.

    Parameters
    ----------
    table : Table
        Rows to fit.
    loss : Loss
    n_outputs : int
    settings : Settings
    limits : Limits
    seed : int
    watched : Table, optional
        Rows whose loss and error are noted.
    """

    def __init__(
        self, table: Table, loss: Loss, n_outputs: int, settings: Settings, limits: Limits, seed: int,
        watched: Table | None = None,
    ) -> None:  # fmt: skip
        self.table, self.loss, self.settings, self.limits = table, loss, settings, limits
        self.n_outputs = n_outputs
        self.watched = watched
        self.course = Course()
        self._rng = np.random.default_rng(seed)
        self._columns = Columns(table.x, self._rng)
        bias = self.settings.leaf_type.dequantize(np.rint(np.ldexp(loss.bias(table.y, table.weight), settings.leaf_type.frac)))
        self.bias = bias
        self.forest = Forest(n_outputs, table.x.shape[1], settings.leaf_bits, BIAS_BYTES * n_outputs * bool(bias.any()))
        self.scores = np.tile(bias, (len(table), 1))
        self.watched_scores = None if watched is None else np.tile(bias, (len(watched), 1))

    def run(self, tick: Callable[[Course], None] | None = None) -> Boosting:
        """Add trees to the outputs in turn until none is worth it, or nothing fits any more."""
        leaves, output, idle = self.settings.growth.most_leaves, 0, 0
        while idle < self.n_outputs and leaves >= 2 and self._rounds_left():
            tree = self._grown(output, leaves)
            if tree is None:
                idle += 1
            elif not self._fits(output, tree):
                leaves //= 2
                continue
            else:
                idle = 0
                self._take(output, tree)
                if tick is not None:
                    tick(self.course)
            output = (output + 1) % self.n_outputs
        return self

    def _rounds_left(self) -> bool:
        most = self.limits.max_rounds
        return most is None or self.forest.count < most * self.n_outputs

    def _grown(self, output: int, leaves: int) -> Tree | None:
        """The next tree of an output, its leaves on their grid."""
        settings, columns = self.settings, self._columns
        if settings.pairs:
            columns.draw_pairs(settings.pairs, set(self.forest.tests))
        gradient, curvature = self.loss.derivatives(self.scores, self.table.y, output)
        weight = self.table.weight
        targets = np.stack([weight * gradient, weight * curvature, np.ones(len(weight))], axis=1)
        rows = self._rows()
        grower = Grower(columns.bins()[rows], columns.most_cuts + 1)
        growth = replace(settings.growth, most_leaves=leaves)
        root = grower.grow(targets[rows], self._prices(), growth)
        tree = finished(root, columns.features, columns.cuts, growth.smoothing)
        if tree is None:
            return None
        steps = settings.rate * np.clip(tree.leaves, -LARGEST_STEP, LARGEST_STEP)
        kind = settings.leaf_type
        return replace(tree, leaves=kind.dequantize(kind.quantize(steps)))

    def _rows(self) -> NDArray:
        if len(self.table) <= self.limits.rows:
            return np.arange(len(self.table))
        return np.sort(self._rng.choice(len(self.table), self.limits.rows, replace=False))

    def _prices(self) -> Reals:
        """Bits of a node with each possible test: its own, and those of a threshold or feature that is new."""
        columns, known = self._columns, self.forest.tests
        count = sum(map(len, known.values()))
        base = STRUCTURE_BITS + max(count, 8).bit_length() + self.settings.leaf_bits
        of_cut = 8 * self.table.x.dtype.itemsize
        of_feature = 2 * max(self.forest.n_inputs - 1, 1).bit_length() + 6
        prices = np.full((len(columns), columns.most_cuts), float(base + of_cut))
        for column, feature in enumerate(columns.features):
            if feature in known:
                prices[column, : columns.cuts[column].size][np.isin(columns.cuts[column], known[feature])] = base
            else:
                prices[column] += of_feature
        return prices

    def _fits(self, output: int, tree: Tree) -> bool:
        if self.limits.max_bytes is None:
            return True
        before = self.forest
        larger = before.of([[*of, tree] if i == output else of for i, of in enumerate(before.trees)])
        return larger.bytes() <= self.limits.max_bytes

    def _take(self, output: int, tree: Tree) -> None:
        self.forest.add(output, tree)
        self.scores[:, output] += tree.leaves[tree.leaf_of(self.table.x)]
        table, scores = self.table, self.scores
        if self.watched is not None:
            assert self.watched_scores is not None
            self.watched_scores[:, output] += tree.leaves[tree.leaf_of(self.watched.x)]
            table, scores = self.watched, self.watched_scores
        self.course.bytes.append(self.forest.bytes())
        self.course.loss.append(self.loss.loss(scores, table.y, table.weight))
        self.course.error.append(self.loss.error(scores, table.y, table.weight))
