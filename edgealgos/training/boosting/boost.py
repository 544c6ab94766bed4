"""Gradient boosting under a byte budget: tree after tree, each split paid for in bits; chooses no settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...codegen.program.qtype import QType
from ...deadline import check_time
from .columns import MOST_CUTS, Columns, Feature, Ints
from .forest import Forest
from .losses import loss_of
from .start import Start
from .trees import Grower, Growth, Reals, Tree, finished

LARGEST_STEP = 2.0  # of a score in one leaf, before the rate: far where rows are nearly certain
MOST_ROWS = 20_000  # a tree is grown on: of more rows, so many at random
STRUCTURE_BITS = 2  # a node says of its children whether they are leaves
FEW_TESTS = 16  # of which a node names one even where there are fewer yet
COUNT_BITS = 5  # a feature says how many tests it has
# Of straight-line code on an Uno, about: a tree, a comparison, a score, a pair of features, what is always there.
TREE_CYCLES, LEVEL_CYCLES, SCORE_CYCLES, PAIR_CYCLES, FIXED_CYCLES = 5.0, 4.3, 25.0, 16.0, 80.0
CYCLE_PRICE = 2e-6  # a thousand cycles are worth two mistakes in a thousand rows


@dataclass(frozen=True, eq=False)
class Table:
    """What boosting fits.

    Parameters
    ----------
    x : int array, shape (n, features)
        Device inputs.
    y : array, shape (n,)
        Class indices, or real targets of mean 0 and deviation near 1.
    weight : array, shape (n,)
    """

    x: Ints
    y: Reals
    weight: Reals

    def __len__(self) -> int:
        return len(self.y)

    def where(self, rows: NDArray[Any]) -> Table:
        """Some of the rows."""
        return Table(self.x[rows], self.y[rows], self.weight[rows])


@dataclass(frozen=True)
class Task:
    """What is asked for.

    Parameters
    ----------
    problem : {"binary", "multiclass", "regression"}
    n_outputs : int
    x_type : QType
        Of the inputs.
    max_bytes : int or None
    max_cycles : int or None
        Of a prediction, as far as they are known here.
    max_rounds : int or None
        Trees of each output.
    most_rows : int
        Rows that a tree is grown on.
    other_bytes : int
        What the model takes besides.
    cycle_price : float
        Share of mistakes that a cycle less is worth.
    """

    problem: str
    n_outputs: int
    x_type: QType
    max_bytes: int | None = None
    max_cycles: int | None = None
    max_rounds: int | None = None
    most_rows: int = MOST_ROWS
    other_bytes: int = 0
    cycle_price: float = CYCLE_PRICE


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
    linear : int
        Most weights of the linear model that it begins with; 0: it begins with constants.
    shrinkage : float
        Of these weights, see :func:`~.linear.fit_linear`.
    """

    growth: Growth
    rate: float
    pairs: int = 0
    leaf_bits: int = 5
    linear: int = 0
    shrinkage: float = 1.0

    @property
    def leaf_type(self) -> QType:
        """Number type of the leaves."""
        return QType.covering(LARGEST_STEP * self.rate, self.leaf_bits)


@dataclass
class Course:
    """How it went, from before the first tree on: bytes, cycles; loss and error of the rows watched, or else fitted."""

    bytes: list[int] = field(default_factory=list)
    cycles: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)


Stop = Callable[[Course], bool]


class Boosting:
    """A model that grows tree by tree.

    Parameters
    ----------
    table : Table
    task : Task
    settings : Settings
    start : Start
        What scores begin with.
    seed : int
    watched : Table, optional
        Rows whose loss and error are noted.
    """

    def __init__(
        self, table: Table, task: Task, settings: Settings, start: Start, seed: int, watched: Table | None = None
    ) -> None:
        self.task, self.settings, self.start = task, settings, start
        self.course = Course()
        self.forest = Forest(task.n_outputs, settings.leaf_type, start.bytes + task.other_bytes)
        self.order: list[int] = []  # to which output each tree was added
        self._table, self._watched = table, watched if watched is not None else table
        self._loss = loss_of(task.problem, task.n_outputs)
        self._rng = np.random.default_rng(seed)
        self._columns = Columns(table.x, self._rng)
        self._scores = start.scores(table.x)
        self._watched_scores = self._scores if watched is None else start.scores(watched.x)
        self._tree_cycles = 0.0
        self._note()

    def run(self, stop: Stop = lambda course: False) -> Boosting:
        """Add trees to the outputs in turn until none is worth it, nothing fits any more, or `stop` says so."""
        leaves, output, idle = self.settings.growth.most_leaves, 0, 0
        most = self.task.max_rounds
        while idle < self.task.n_outputs and leaves >= 2:
            check_time()
            if most is not None and self.forest.count >= most * self.task.n_outputs:
                break
            if self.task.max_cycles is not None and self.course.cycles[-1] > self.task.max_cycles:
                break
            tree = self._grown(output, leaves)
            if tree is None:
                idle += 1
            elif self._took(output, tree):
                idle = 0
                if stop(self.course):
                    break
            else:
                leaves //= 2
                continue
            output = (output + 1) % self.task.n_outputs
        return self

    def add_idle_tree(self) -> None:
        """Add a tree that says nothing, where no split of the rows is worth one."""
        self._took(0, Tree((Feature(0),), np.array([0]), np.array([[~0, ~1]]), np.zeros(2)))

    def cut_to(self, count: int) -> Boosting:
        """Remove all trees but the first ones."""
        while len(self.order) > count:
            self.forest.remove_last(self.order.pop())
        return self

    def _grown(self, output: int, leaves: int) -> Tree | None:
        """The next tree of an output, its leaves on their grid; None where no split is worth it."""
        settings, columns, weight = self.settings, self._columns, self._table.weight
        if settings.pairs:
            columns.draw_pairs(settings.pairs)
        slope, curvature = self._loss.derivatives(self._scores, self._table.y, output)
        targets = np.stack([weight * slope, weight * curvature, np.ones(len(weight))], axis=1)
        rows = self._rows()
        growth = replace(settings.growth, most_leaves=leaves)
        unit = self._loss.unit(slope, weight)
        root = Grower(columns.bins()[rows], MOST_CUTS + 1, targets[rows], self._prices(), growth, unit).grow()
        tree = finished(root, columns.features, columns.cuts, growth.smoothing)
        if tree is None:
            return None
        steps = settings.rate * np.clip(tree.leaves, -LARGEST_STEP, LARGEST_STEP)
        kind = settings.leaf_type
        return replace(tree, leaves=kind.dequantize(kind.quantize(steps)))

    def _rows(self) -> Any:
        """Those that a tree is grown on."""
        if len(self._table) <= self.task.most_rows:
            return slice(None)
        return np.sort(self._rng.choice(len(self._table), self.task.most_rows, replace=False))

    def _prices(self) -> Reals:
        """Bits of a node with each possible test: its own, and those of a threshold or feature that is new."""
        known = self._columns.known
        base = STRUCTURE_BITS + max(int(known.sum()), FEW_TESTS).bit_length() + self.settings.leaf_bits
        of_cut = 8 * self._table.x.dtype.itemsize
        of_feature = 2 * self._columns.inputs.bit_length() + COUNT_BITS
        prices: Reals = base + of_cut * ~known + of_feature * ~known.any(axis=1, keepdims=True)
        return prices

    def _took(self, output: int, tree: Tree) -> bool:
        """Add a tree if it fits."""
        self.forest.add(output, tree)
        if self.task.max_bytes is not None and self.forest.bytes() > self.task.max_bytes:
            self.forest.remove_last(output)
            return False
        self.order.append(output)
        self._tree_cycles += TREE_CYCLES + LEVEL_CYCLES * float(np.log2(tree.leaves.size))
        self._columns.learn(tree.tests())
        self._scores[:, output] += tree.leaves[tree.leaf_of(self._table.x)]
        if self._watched_scores is not self._scores:
            self._watched_scores[:, output] += tree.leaves[tree.leaf_of(self._watched.x)]
        self._note()
        return True

    def _note(self) -> None:
        watched, scores = self._watched, self._watched_scores
        self.course.bytes.append(self.forest.bytes())
        pairs = sum(feature.partner != 0 for feature in self.forest.tests)
        fixed = FIXED_CYCLES + SCORE_CYCLES * self.task.n_outputs + PAIR_CYCLES * pairs
        self.course.cycles.append(self.start.cycles + fixed + self._tree_cycles)
        self.course.loss.append(self._loss.loss(scores, watched.y, watched.weight))
        self.course.error.append(self._loss.error(scores, watched.y, watched.weight))
