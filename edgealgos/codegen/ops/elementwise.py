"""Ops that treat each element alike, and the one that finds the largest. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    FREE,
    Constant,
    Counts,
    Cpp,
    Op,
    Pieces,
    Read,
    Returned,
    Reusable,
    Scores,
    Shapes,
    Types,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import Ints, QType
from ..program.scores import decide
from .rescaling import rescale_cost

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Add", "ArgMax", "Rescale", "Standardize"]


@dataclass(frozen=True)
class Add(Op):
    """``out = a + b``, saturating; all three of one type."""

    a: Reusable
    b: Reusable

    kernels = ("runtime",)
    largest = counting()
    bound = cannot_overflow("a sum of two words saturates")

    @property
    def alike(self) -> tuple[str, ...]:
        return self.out, self.a, self.b

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "a", "b"), program[self.out].shape)

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        total: NDArray[Any] = v[self.a] + v[self.b]
        return total

    def integer(self, program: Program, v: Values) -> Ints:
        return program[self.out].type.saturate(v[self.a] + v[self.b])

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        return Counter({"call Add": 1, "Add": program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("Add", frames=frozenset({"Add"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        out = program[self.out]
        bits, size = cpp.constant("kBits", out.type.bits), cpp.constant("kSize", out.size)
        return f"edgealgos::add<{bits}>({self.a}, {self.b}, {cpp.ref(self.out)}, {size});"


@dataclass(frozen=True)
class Rescale(Op):
    """``out`` is `source` in another type."""

    source: Read

    kernels = ("runtime",)
    largest = counting()
    bound = cannot_overflow("a word leaves room for the half that rounding adds, and scores are not shifted")

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "source"), program[self.out].shape)

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return v[self.source]

    def integer(self, program: Program, v: Values) -> Ints:
        return program[self.out].type.rescale(v[self.source], program[self.source].type.frac)

    def types(self, program: Program) -> Types:
        """Scores stay as they are, where nobody asked for another type."""
        free = self.out in program.scores and program[self.out].qtype is None
        return {self.out: program[self.source].type} if free else {}

    def cost(self, program: Program) -> Counts:
        source, out = program[self.source], program[self.out]
        return Counter({"call Rescale": 1}) + rescale_cost(source.type, out.type, out.size, "Rescale")

    def pieces(self, program: Program) -> Pieces:
        return Pieces("Rescale", frames=frozenset({"Rescale"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        out = program[self.out]
        shift = cpp.constant("kShift", program[self.source].type.frac - out.type.frac)
        call = f"edgealgos::rescale_vector<{shift}, {cpp.constant('kBits', out.type.bits)}>"
        return f"{call}({self.source}, {cpp.ref(self.out)}, {cpp.constant('kSize', out.size)});"


@dataclass(frozen=True)
class Standardize(Op):
    """``out_j = clip((source_j * multiplier_j + addend_j) >> shift_j, low, high)``: features into a model's inputs.

    What :class:`~.encoding.InputEncoding` does to raw features, in integers: source and multiplier have 16 bits, the
    addend has 32, a half for rounding included.
    """

    source: Read
    multiplier: Constant
    addend: Constant
    shift: Constant
    low: int
    high: int

    kernels = ("features",)
    largest = counting()
    bound = cannot_overflow("multipliers and addends are made such that sums stay below 2^31")

    @property
    def fixed(self) -> tuple[str, ...]:
        return (self.out,)

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "source", "multiplier", "addend", "shift"), program[self.out].shape)

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        sums = v[self.source] * v[self.multiplier] + v[self.addend]
        raw = np.ldexp(sums, -v[self.shift].astype(np.int64)) - 0.5
        out: NDArray[Any] = np.ldexp(np.clip(raw, self.low, self.high), -program[self.out].type.frac)
        return out

    def integer(self, program: Program, v: Values) -> Ints:
        sums: Ints = v[self.source] * v[self.multiplier] + v[self.addend]
        return np.clip(np.right_shift(sums, v[self.shift]), self.low, self.high).astype(np.int64)

    def types(self, program: Program) -> Types:
        return {}

    def value_range(self, program: Program) -> tuple[int, int]:
        return self.low, self.high

    def cost(self, program: Program) -> Counts:
        whole, rest = np.divmod(program[self.shift].values.astype(int), 8)
        shifted = {"shifted byte of Standardize": int(whole.sum()), "shifted bit of Standardize": int(rest.sum())}
        return Counter({"Standardize": program[self.out].size} | shifted)

    def pieces(self, program: Program) -> Pieces:
        return Pieces("Standardize", frames=frozenset({"Standardize"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        tables = f"{self.multiplier}, {self.addend}, {self.shift}"
        size = cpp.count(program[self.out].size)
        limits = f"{cpp.constant('kLow', self.low)}, {cpp.constant('kHigh', self.high)}"
        return f"edgealgos::standardize<{limits}>({self.source}, {tables}, {cpp.ref(self.out)}, {size});"


@dataclass(frozen=True)
class ArgMax(Op):
    """Index of the largest element (the first one when equal); of a single score: 1 where it is positive."""

    out: Returned
    source: Scores

    kernels = ("runtime",)
    largest = counting(source=255)
    bound = cannot_overflow("it compares")

    def shapes(self, program: Program) -> Shapes:
        return {"out": (1,), "source": FREE}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return decide(v[self.source])[:, None]

    integer = real

    def types(self, program: Program) -> Types:
        return {self.out: QType(16, 0)}

    def cost(self, program: Program) -> Counts:
        return Counter({"call ArgMax": 1, "ArgMax": program[self.source].size})

    def pieces(self, program: Program) -> Pieces:
        kernels = frozenset({"argmax"} if program[self.source].size > 1 else ())
        return Pieces("ArgMax", kernels=kernels, frames=frozenset({"ArgMax"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        return f"return {cpp.largest(self.source)};"
