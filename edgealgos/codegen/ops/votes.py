"""Ops that count votes, of pairs of classes and of the nearest stored samples. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
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
from .products import SCORE_BITS, accumulator_bits, exact_product, product_cost, product_pieces, wrap

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Neighbours", "PairVotes"]


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
    """

    vector: Read
    matrix: Constant
    norms: Constant
    values: Constant
    neighbours: int
    acc_bits: int = 32

    kernels = ("instances",)
    largest = counting(out=255)
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call Neighbours": 60.0, "neighbour to 16": 40.0, "neighbour to 32": 86.9, "nearer neighbour": 79.7,
                "nearest neighbour": 53.6,
            },
            "flash": {"call Neighbours to 16": 480.0, "call Neighbours to 32": 616.3},
            "ram": {"frame Neighbours": 16.0, "frame Neighbours with code": 44.0},
        }
    })  # fmt: skip

    def shapes(self, program: Program) -> Shapes:
        count, width = self.axes(program, self.matrix, 2)
        if not 1 <= self.neighbours <= min(count, 255):
            raise ValueError(f"Neighbours: {self.neighbours} of {count} samples; 1 to 255 of them can count")
        return {"out": program[self.out].shape, "vector": (width,), "matrix": (count, width), "norms": (count,),
                "values": (count,)}  # fmt: skip

    def _votes(self, program: Program) -> bool:
        return program[self.out].size > 1

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return self._told(program, v, 2 * (v[self.vector] @ v[self.matrix].T) - v[self.norms])

    def integer(self, program: Program, v: Values) -> Ints:
        return self._told(
            program, v, 2 * wrap(exact_product(v[self.vector], v[self.matrix]), self.acc_bits) - v[self.norms]
        )

    def _told(self, program: Program, v: Values, nearness: NDArray[Any]) -> NDArray[Any]:
        nearest = np.argsort(-nearness, axis=1, kind="stable")[:, : self.neighbours]
        values = v[self.values][nearest]
        if not self._votes(program):
            return np.asarray(values.sum(axis=1, keepdims=True))
        return np.asarray((values[:, :, None] == np.arange(program[self.out].size)).sum(axis=1), dtype=values.dtype)

    def types(self, program: Program) -> Types:
        frac = 2 * program[self.vector].type.frac
        votes, values = self._votes(program), program[self.values]
        kind = QType(8 if values.values.max(initial=0) < 128 else 16, 0) if votes else values.type
        out = QType(SCORE_BITS, 0 if votes else values.type.frac)
        return {self.norms: QType(32, frac), self.matrix: program[self.vector].type, self.values: kind, self.out: out}

    def bound(self, program: Program) -> Neighbours:
        doubled = 2 * program[self.matrix].values
        wide = replace(program[self.matrix], data=doubled)
        accumulator_bits(program.replacing(wide), self.vector, self.matrix, 0, self.out, -program[self.norms].values)
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
        return counts + product_cost(self.products(program)[0])

    def _nearer(self, count: int) -> float:
        """How many places samples move others by, in random order: k/i come among the first k, in the middle."""
        i, k = np.arange(1, count + 1), self.neighbours
        return float((np.minimum(1.0, k / i) * np.minimum(i, k) / 2).sum())

    def pieces(self, program: Program) -> Pieces:
        found = product_pieces(f"Neighbours to {self.acc_bits}", "Neighbours", self.products(program))
        return replace(found, local_bytes=found.local_bytes + 6 * self.neighbours)

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, columns = program[self.matrix].shape
        tables = f"{cpp.rows(self.matrix)}, {self.norms}, {self.values}"
        sizes = f"{cpp.constant('kOutputs', program[self.out].size)}, {cpp.constant('kRows', rows)}"
        numbers = f"{sizes}, {cpp.count(columns, 'kColumns')}"
        call = f"edgealgos::neighbours<int{self.acc_bits}_t, {cpp.constant('kNeighbours', self.neighbours)}>"
        return f"{call}({tables}, {self.vector}, {cpp.ref(self.out)}, {numbers});"
