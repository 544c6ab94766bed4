"""Ops of normal distributions: squared lengths, and densities of features one by one. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import Constant, Counts, Cpp, Op, Pieces, Read, Shapes, Types, Values, cannot_overflow, counting
from ..program.qtype import Ints, QType
from .products import SCORE_BITS, AccumulatorOverflow

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["NormalScores", "SquareSums"]

SCORE_FRAC = 8
_MEAN_BITS = 14  # of a mean, and of a feature beside it
_SATURATED = QType(SCORE_BITS, 0)


@dataclass(frozen=True)
class SquareSums(Op):
    """``out_c = bias_c - sum_j vector_cj**2``: of each output's part of the vector, words, the squared length."""

    vector: Read
    bias: Constant

    kernels = ("quadratic",)
    largest = counting(out=255)
    bound = cannot_overflow("squares are shifted by as many bits as so many of them need")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {"call SquareSums": 20.0, "squares": 30.0, "square": 99.1},
            "flash": {"call SquareSums": 239.2},
            "ram": {"frame SquareSums": 12.0},
        }
    })  # fmt: skip

    @property
    def fixed(self) -> tuple[str, ...]:
        return (self.vector,)

    def shapes(self, program: Program) -> Shapes:
        (size,), (outputs,) = self.axes(program, self.vector, 1), self.axes(program, self.out, 1)
        if size % outputs:
            raise ValueError(f"SquareSums: {size} elements are not shared out among {outputs} outputs")
        return {"out": (outputs,), "bias": (outputs,), "vector": (size,)}

    def shift(self, program: Program) -> int:
        """Bits by which a square is shifted down."""
        return self._each(program).bit_length()

    def _each(self, program: Program) -> int:
        return program[self.vector].size // program[self.out].size

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        squares = np.square(v[self.vector]).reshape(len(v[self.vector]), -1, self._each(program))
        return np.asarray(v[self.bias] - squares.sum(axis=2))

    def integer(self, program: Program, v: Values) -> Ints:
        squares = np.square(v[self.vector]) >> self.shift(program)
        sums = v[self.bias] - squares.reshape(len(squares), -1, self._each(program)).sum(axis=2)
        return _SATURATED.saturate(sums)

    def types(self, program: Program) -> Types:
        scores = QType(SCORE_BITS, 2 * program[self.vector].type.frac - self.shift(program))
        return {self.out: scores, self.bias: QType(30, scores.frac)}

    def cost(self, program: Program) -> Counts:
        return Counter({"call SquareSums": 1, "squares": program[self.out].size, "square": program[self.vector].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("SquareSums", frames=frozenset({"SquareSums"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        sizes = f"{cpp.constant('kOutputs', program[self.out].size)}, {cpp.constant('kEach', self._each(program))}"
        shift = cpp.constant("kShift", self.shift(program))
        return f"edgealgos::square_sums<{shift}>({self.bias}, {self.vector}, {cpp.ref(self.out)}, {sizes});"


@dataclass(frozen=True)
class NormalScores(Op):
    """``out_c = bias_c - sum_j weight_cj (vector_j - means_cj)**2``, of several less the largest.

    Weights have very different sizes, since deviations have; each is ``factors * 2**-shifts``. Sums have 64 bits.

    Parameters
    ----------
    means, factors, shifts : str
        Shape (outputs, width).
    bias : str
        Shape (outputs,).
    """

    vector: Read
    means: Constant
    factors: Constant
    shifts: Constant
    bias: Constant

    kernels = ("quadratic",)
    largest = counting(out=255)
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call NormalScores": 60.0, "densities": 338.9, "density": 527.9, "shifted bit of a density": 1.01,
            },
            "flash": {"call NormalScores": 1035.4},
            "ram": {"frame NormalScores": 26.8},
        }
    })  # fmt: skip

    def shapes(self, program: Program) -> Shapes:
        outputs, width = self.axes(program, self.means, 2)
        return {"out": (outputs,), "bias": (outputs,), "vector": (width,)} | dict.fromkeys(
            ("means", "factors", "shifts"), (outputs, width)
        )

    def _up(self, program: Program) -> int:
        """Bits by which a feature is shifted up to a mean."""
        return max(0, _MEAN_BITS - int(max(map(abs, program.value_range(self.vector)))).bit_length())

    def _down(self, program: Program) -> int:
        """Bits by which a term is shifted down besides its own."""
        return 2 * (program[self.vector].type.frac + self._up(program)) - SCORE_FRAC

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        weights = np.ldexp(v[self.factors], -v[self.shifts].astype(int))
        distances = np.square(v[self.vector][:, None] - v[self.means])
        scores = v[self.bias] - (weights * distances).sum(axis=2)
        return np.asarray(scores - scores.max(axis=1, keepdims=True) if scores.shape[1] > 1 else scores)

    def integer(self, program: Program, v: Values) -> Ints:
        terms = np.square((v[self.vector] << self._up(program))[:, None] - v[self.means]) * v[self.factors]
        down = v[self.shifts] + self._down(program)
        shifted = np.where(down >= 0, terms >> np.clip(down, 0, 63), terms << np.clip(-down, 0, 63))
        sums = v[self.bias] - shifted.sum(axis=2)
        return _SATURATED.saturate(sums - sums.max(axis=1, keepdims=True) if sums.shape[1] > 1 else sums)

    def types(self, program: Program) -> Types:
        means = QType(16, program[self.vector].type.frac + self._up(program))
        scores = QType(SCORE_BITS, SCORE_FRAC)
        return {self.means: means, self.factors: QType(16, 0), self.shifts: QType(8, 0), self.bias: scores,
                self.out: scores}  # fmt: skip

    def bound(self, program: Program) -> NormalScores:
        down = (program[self.shifts].values + self._down(program)).astype(int)
        farthest = abs(program[self.means].values) + float(1 << _MEAN_BITS)
        largest = (np.square(farthest) * np.ldexp(program[self.factors].values.astype(float), -down)).sum(axis=1)
        if down.min() < -17 or largest.max() >= 2.0**62:
            raise AccumulatorOverflow(self.factors, f"{self.out!r}: a feature varies too little, 64 bits do not do")
        return self

    def cost(self, program: Program) -> Counts:
        down = np.abs(program[self.shifts].values + self._down(program))
        return Counter({"call NormalScores": 1, "densities": program[self.out].size, "density": down.size,
                        "shifted bit of a density": int(down.sum())})  # fmt: skip

    def pieces(self, program: Program) -> Pieces:
        return Pieces("NormalScores", frames=frozenset({"NormalScores"}), local_bytes=8 * program[self.out].size)

    def call(self, program: Program, cpp: Cpp) -> str:
        outputs, width = program[self.means].shape
        tables = f"{self.means}, {self.factors}, {self.shifts}, {self.bias}, {self.vector}, {cpp.ref(self.out)}"
        known = {"kUp": self._up(program), "kDown": self._down(program), "kOutputs": outputs}
        numbers = ", ".join(cpp.constant(name, value) for name, value in known.items())
        return f"edgealgos::normal_scores<{numbers}>({tables}, {cpp.constant('kWidth', width)});"
