"""Ops that count votes, of pairs of classes and of the nearest stored samples. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    Constant,
    Counts,
    Cpp,
    Op,
    Option,
    Pieces,
    Product,
    Read,
    Scores,
    Shapes,
    Types,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import Ints, QType
from .products import (
    SCORE_BITS,
    AccumulatorOverflow,
    accumulator_bits,
    exact_product,
    farthest,
    product_cost,
    product_pieces,
    wrap,
)

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Neighbours", "PairVotes"]

SHARE_FRAC = 15  # fractional bits of what a neighbour counts by its distance
ROOTS_BYTES = 20  # of the stack, for roots and divisions: 10 on an Uno, 18 on a Cortex-M0 at most were seen


def real_shares(squares: NDArray[Any]) -> NDArray[Any]:
    """Of neighbours at these squared distances, the nearest first, the shares by one over the distance."""
    roots = np.sqrt(np.maximum(squares, 0.0))
    weights = np.where(roots > 0, roots[:, :1] / np.where(roots > 0, roots, 1.0), 1.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def shares_by_distance(squares: Ints) -> Ints:
    """The same in integers, see :class:`Neighbours`."""
    bits = np.frexp(squares[:, -1:].astype(np.float64))[1]
    up = np.clip((32 - bits) // 2 * 2, 0, 30)
    roots = np.sqrt((squares << up).astype(np.float64)).astype(np.int64)
    weights = np.where(roots > 0, (roots[:, :1] << SHARE_FRAC) // np.maximum(roots, 1), 1 << SHARE_FRAC)
    shares: Ints = (weights << SHARE_FRAC) // weights.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True)
class PairVotes(Op):
    """Votes of each class among all pairs: the first of a pair has the vote where its sum is positive."""

    source: Scores

    kernels = ("instances",)
    largest = counting(out=255)
    bound = cannot_overflow("it counts")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {"call PairVotes": 2.32, "PairVotes": 65.39},
            "flash": {"call PairVotes": 258.0},
            "ram": {"frame PairVotes": 12.0},
        }
    })  # fmt: skip

    def shapes(self, program: Program) -> Shapes:
        (classes,) = self.axes(program, self.out, 1)
        return {"out": (classes,), "source": (classes * (classes - 1) // 2,)}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return self.integer(program, v).astype(np.float64)

    def integer(self, program: Program, v: Values) -> Ints:
        classes = program[self.out].size
        first, second = np.triu_indices(classes, 1)
        won = (v[self.source] > 0).astype(np.int64)
        return won @ (np.eye(classes, dtype=np.int64)[first]) + (1 - won) @ (np.eye(classes, dtype=np.int64)[second])

    def types(self, program: Program) -> Types:
        return {self.out: QType(SCORE_BITS, 0)}

    def cost(self, program: Program) -> Counts:
        return Counter({"call PairVotes": 1, "PairVotes": program[self.source].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("PairVotes", frames=frozenset({"PairVotes"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        classes = cpp.constant("kClasses", program[self.out].size)
        return f"edgealgos::pair_votes({cpp.ref(self.source)}, {cpp.ref(self.out)}, {classes});"


@dataclass(frozen=True)
class Neighbours(Op):
    """What the nearest of the stored samples say: votes for classes, or the sum of their numbers.

    Weighed by distance each has a share of one: ``2^15 r / r_k`` over the sum of these, with ``r_k`` the root of its
    squared distance and r that of the nearest one, of squares shifted up so far that the largest root has 16 bits; each
    division rounds down. Samples that lie where the input lies share everything.

    Parameters
    ----------
    matrix : str
        Shape (samples, width), of the vector's type.
    norms : str
        Shape (samples,): squared lengths of the samples, in units of the products.
    values : str
        Shape (samples,): class indices where there are several outputs, else numbers.
    neighbours : int
        How many count; of samples at one distance those that come first.
    weigh : {"alike", "distance"}
    """

    vector: Read
    matrix: Constant
    norms: Constant
    values: Constant
    neighbours: int
    weigh: Option = "alike"
    acc_bits: int = 32

    kernels = ("quadratic", "instances")
    largest = counting(out=255)
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call Neighbours": 60.0, "neighbour to 16": 40.0, "neighbour to 32": 86.9, "nearer neighbour": 79.7,
                "nearest neighbour": 53.6, "element of a length": 47.07, "share of a neighbour": 2969.3,
            },
            "flash": {
                "call Neighbours to 16": 480.0, "call Neighbours to 32": 616.3,
                "call Neighbours by distance to 16": 1098.98, "call Neighbours by distance to 32": 1140.79,
            },
            "ram": {"frame Neighbours": 16.0, "frame Neighbours with code": 44.0},
        }
    })  # fmt: skip

    def shapes(self, program: Program) -> Shapes:
        count, width = self.axes(program, self.matrix, 2)
        if self.weigh not in ("alike", "distance"):
            raise ValueError(f"Neighbours: weigh={self.weigh!r} must be 'alike' or 'distance'")
        if not 1 <= self.neighbours <= min(count, 255):
            raise ValueError(f"Neighbours: {self.neighbours} of {count} samples; 1 to 255 of them can count")
        return {"out": program[self.out].shape, "vector": (width,), "matrix": (count, width), "norms": (count,),
                "values": (count,)}  # fmt: skip

    def _votes(self, program: Program) -> bool:
        return program[self.out].size > 1

    @property
    def _by_distance(self) -> bool:
        return self.weigh == "distance"

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        nearness = 2 * (v[self.vector] @ v[self.matrix].T) - v[self.norms]
        return self._told(program, v, nearness, real_shares)

    def integer(self, program: Program, v: Values) -> Ints:
        nearness = 2 * wrap(exact_product(v[self.vector], v[self.matrix]), self.acc_bits) - v[self.norms]
        return self._told(program, v, nearness, shares_by_distance)

    def _told(
        self, program: Program, v: Values, nearness: NDArray[Any], shares: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        nearest = np.argsort(-nearness, axis=1, kind="stable")[:, : self.neighbours]
        values, weights = v[self.values][nearest], np.ones((1, 1), v[self.values].dtype)
        if self._by_distance:
            lengths = np.square(v[self.vector]).sum(axis=1, keepdims=True)
            weights = shares(lengths - np.take_along_axis(nearness, nearest, axis=1))
        if not self._votes(program):
            return np.asarray((weights * values).sum(axis=1, keepdims=True))
        own = values[:, :, None] == np.arange(program[self.out].size)
        return np.asarray((weights[:, :, None] * own).sum(axis=1), dtype=values.dtype)

    def types(self, program: Program) -> Types:
        frac = 2 * program[self.vector].type.frac
        votes, values = self._votes(program), program[self.values]
        kind = QType(8 if values.values.max(initial=0) < 128 else 16, 0) if votes else values.type
        out = QType(SCORE_BITS, (0 if votes else values.type.frac) + self._by_distance * SHARE_FRAC)
        return {self.norms: QType(32, frac), self.matrix: program[self.vector].type, self.values: kind, self.out: out}

    def bound(self, program: Program) -> Neighbours:
        doubled = 2 * program[self.matrix].values
        wide = replace(program[self.matrix], data=doubled)
        accumulator_bits(program.replacing(wide), self.vector, self.matrix, 0, self.out, -program[self.norms].values)
        if self._by_distance and farthest(program, self.vector, self.matrix) >= 1 << 32:
            raise AccumulatorOverflow(self.matrix, f"{self.out!r}: squared distances can need more than 32 bits")
        return replace(self, acc_bits=accumulator_bits(program, self.vector, self.matrix, 0, self.out))

    def products(self, program: Program) -> tuple[Product, ...]:
        return (Product(program[self.matrix], program[self.vector], self.acc_bits),)

    def cost(self, program: Program) -> Counts:
        count = program[self.values].size
        counts: Counts = Counter({
            "call Neighbours": 1,
            f"neighbour to {self.acc_bits}": count,
            "nearer neighbour": round(self._nearer(count)),
            "nearest neighbour": self.neighbours,
        })  # fmt: skip
        if self._by_distance:
            counts += Counter(
                {"element of a length": program[self.vector].size, "share of a neighbour": self.neighbours}
            )
        return counts + product_cost(self.products(program)[0])

    def _nearer(self, count: int) -> float:
        """How many places samples move others by, in random order: k/i come among the first k, in the middle."""
        i, k = np.arange(1, count + 1), self.neighbours
        return float((np.minimum(1.0, k / i) * np.minimum(i, k) / 2).sum())

    def pieces(self, program: Program) -> Pieces:
        name = "Neighbours by distance" if self._by_distance else "Neighbours"
        found = product_pieces(f"{name} to {self.acc_bits}", "Neighbours", self.products(program))
        arrays = 8 * self.neighbours + ROOTS_BYTES if self._by_distance else 6 * self.neighbours
        return replace(found, local_bytes=found.local_bytes + arrays)

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, columns = program[self.matrix].shape
        tables = f"{cpp.rows(self.matrix)}, {self.norms}, {self.values}"
        sizes = f"{cpp.constant('kOutputs', program[self.out].size)}, {cpp.constant('kRows', rows)}"
        numbers = f"{sizes}, {cpp.count(columns, 'kColumns')}"
        weigh = "edgealgos::ByDistance" if self._by_distance else "edgealgos::Alike"
        call = f"edgealgos::neighbours<int{self.acc_bits}_t, {cpp.constant('kNeighbours', self.neighbours)}, {weigh}>"
        return f"{call}({tables}, {self.vector}, {cpp.ref(self.out)}, {numbers});"
