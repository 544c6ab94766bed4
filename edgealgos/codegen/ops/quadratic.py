"""Ops of squares and products: lengths, densities of features, pairs of them. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    Read,
    Shapes,
    Types,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import Ints, QType
from .products import SCORE_BITS, AccumulatorOverflow

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["NormalScores", "Normalize", "PairProducts", "SquareSums"]

_NEAR_SUMS = 6  # whose 64 bits an AVR reaches beside its frame pointer; code for more of them is longer

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
        outputs = program[self.out].size
        many = Counter({"NormalScores of many": 1} if outputs > _NEAR_SUMS else {})
        return Pieces("NormalScores", many, frozenset(), frozenset({"NormalScores"}), 8 * outputs)

    def call(self, program: Program, cpp: Cpp) -> str:
        outputs, width = program[self.means].shape
        tables = f"{self.means}, {self.factors}, {self.shifts}, {self.bias}, {self.vector}, {cpp.ref(self.out)}"
        known = {"kUp": self._up(program), "kDown": self._down(program), "kOutputs": outputs}
        numbers = ", ".join(cpp.constant(name, value) for name, value in known.items())
        return f"edgealgos::normal_scores<{numbers}>({tables}, {cpp.constant('kWidth', width)});"


@dataclass(frozen=True)
class PairProducts(Op):
    """``out``: the vector, and behind it the products of pairs of its elements, all words of one type.

    Of bytes products are exact, and elements are multiplied by :meth:`gain` to be of their size; of words the upper
    halves of both are kept.

    Parameters
    ----------
    first, second : str
        Shape (pairs,): which elements.
    """

    vector: Read
    first: Constant
    second: Constant

    kernels = ("quadratic",)
    largest = counting()
    bound = cannot_overflow("a word holds a product of bytes, and the upper half of one of words")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {"call PairProducts": 0.0, "widened 16": 9.96, "pair of 16": 80.32, "widened 8": 11.57,
                       "pair of 8": 42.67},
            "flash": {"call PairProducts of 16": 116.0, "call PairProducts of 8": 115.91},
            "ram": {"frame PairProducts": 0.0},
        }
    })  # fmt: skip

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.vector, self.out  # what elements are multiplied by hangs on their type

    def shapes(self, program: Program) -> Shapes:
        (pairs,), width = self.axes(program, self.first, 1), program[self.vector].size
        for name in (self.first, self.second):
            found = program[name].values
            if found.size and not (found.min() >= 0 and found.max() < width):
                raise ValueError(f"PairProducts: {name!r} names elements outside of 0 to {width - 1}")
        return {"out": (width + pairs,), "vector": (width,), "first": (pairs,), "second": (pairs,)}

    @staticmethod
    def gain(qtype: QType) -> float:
        """What elements of a vector of this type are multiplied by."""
        return float(np.ldexp(1.0, qtype.container - 1 - qtype.frac))

    def _pairs(self, v: Values) -> NDArray[Any]:
        x, first, second = v[self.vector], v[self.first].astype(np.int64), v[self.second].astype(np.int64)
        return np.asarray(x[:, first] * x[:, second])

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return np.hstack([v[self.vector] * self.gain(program[self.vector].type), self._pairs(v)])

    def integer(self, program: Program, v: Values) -> Ints:
        bits = program[self.vector].type.container
        found: Ints = np.hstack([v[self.vector] << bits - 1, self._pairs(v)]) >> self._down(program)
        return found

    def _down(self, program: Program) -> int:
        """Bits of a product that a word does not hold."""
        return 2 * program[self.vector].type.container - 16

    @staticmethod
    def type_of(qtype: QType) -> QType:
        """The type of products of elements of this type."""
        return QType(16, 2 * qtype.frac - 2 * qtype.container + 16)

    def types(self, program: Program) -> Types:
        index = QType(8 if program[self.vector].size <= 128 else 16, 0)
        return {self.out: self.type_of(program[self.vector].type), self.first: index, self.second: index}

    def value_range(self, program: Program) -> tuple[int, int]:
        low, high = program.value_range(self.vector)
        unit = 1 << program[self.vector].type.container - 1
        ends = low * low, low * high, high * high, low * unit, high * unit
        return min(ends) >> self._down(program), max(ends) >> self._down(program)

    def cost(self, program: Program) -> Counts:
        bits, width = program[self.vector].type.container, program[self.vector].size
        pairs = program[self.out].size - width
        return Counter({"call PairProducts": 1, f"widened {bits}": width, f"pair of {bits}": pairs})

    def pieces(self, program: Program) -> Pieces:
        bits = program[self.vector].type.container
        return Pieces(f"PairProducts of {bits}", frames=frozenset({"PairProducts"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        width = program[self.vector].size
        sizes = f"{cpp.constant('kWidth', width)}, {cpp.constant('kPairs', program[self.out].size - width)}"
        return f"edgealgos::pair_products({self.first}, {self.second}, {self.vector}, {cpp.ref(self.out)}, {sizes});"


UNIT_FRAC = 14  # of elements of a vector whose norm is one
_TOP = 15  # the bit that is the highest one of a norm when it divides


@dataclass(frozen=True)
class Normalize(Op):
    """``out = vector / norm``, of words; a vector of zeros stays one.

    The norm is shifted until 16 bits hold it, and divides once: elements are multiplied with what it makes.
    """

    vector: Read
    norm: Option  # "l1", "l2" or "max"

    kernels = ("quadratic",)
    largest = counting()
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call Normalize l1": 748.08, "call Normalize l2": 1345.92, "call Normalize max": 623.42,
                "l1 of 8": 46.27, "l1 of 16": 53.82, "l2 of 8": 88.68, "l2 of 16": 83.06, "max of 8": 27.72,
                "max of 16": 52.41, "normalized 8": 121.83, "normalized 16": 129.11,
            },
            "flash": {"call Normalize l1": 426.91, "call Normalize l2": 380.0, "call Normalize max": 366.0},
            "ram": {"frame Normalize": 0.0},
        }
    })  # fmt: skip

    @property
    def fixed(self) -> tuple[str, ...]:
        return (self.out,)

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "vector"), program[self.out].shape)

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        x = v[self.vector]
        norm = _NORMS[self.norm](x.astype(np.float64))
        return np.asarray(x / np.where(norm > 0, norm, 1.0)[:, None])

    def _sum_bits(self, program: Program) -> int:
        """Bits of the largest sum that there can be."""
        low, high = program.value_range(self.vector)
        most = max(-low, high)
        return {"l1": most * program[self.out].size, "l2": most * most * program[self.out].size, "max": most}[
            self.norm
        ].bit_length()

    def integer(self, program: Program, v: Values) -> Ints:
        x, up = v[self.vector].astype(np.int64), np.zeros(len(v[self.vector]), np.int64)
        if self.norm == "l2":  # a root of a small number needs bits behind the point
            squares = np.square(x).sum(axis=1)
            up = np.where(squares > 0, (32 - _bit_lengths(squares)) // 2, 0)
            norm = _roots(squares << 2 * up)
        else:
            norm = np.asarray(_NORMS[self.norm](x))
        shift = _TOP + 1 - _bit_lengths(np.maximum(norm, 1))
        word = np.where(shift >= 0, norm << np.maximum(shift, 0), norm >> np.maximum(-shift, 0))
        factor = np.where(norm > 0, np.minimum((1 << 31) // np.maximum(word, 1), 0xFFFF), 0)
        down = np.clip(31 - UNIT_FRAC - shift - up, 0, 31)
        found: Ints = x * factor[:, None] >> down[:, None]
        return QType(16, 0).saturate(found)

    def types(self, program: Program) -> Types:
        return {self.out: QType(16, UNIT_FRAC)}

    def value_range(self, program: Program) -> tuple[int, int]:
        return -(1 << UNIT_FRAC) - 1, (1 << UNIT_FRAC) + 1

    def bound(self, program: Program) -> Normalize:
        if self._sum_bits(program) > 32:
            raise AccumulatorOverflow(self.vector, f"{self.out!r}: squares of its elements need more than 32 bits")
        return self

    def cost(self, program: Program) -> Counts:
        bits, size = program[self.vector].type.container, program[self.out].size
        return Counter({f"call Normalize {self.norm}": 1, f"{self.norm} of {bits}": size, f"normalized {bits}": size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"Normalize {self.norm}", frames=frozenset({"Normalize"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        size = cpp.constant("kSize", program[self.out].size)
        norm = f"edgealgos::norm_{self.norm}({self.vector}, {size})"
        return f"edgealgos::normalize({norm}, {self.vector}, {cpp.ref(self.out)}, {size});"


_NORMS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "l1": lambda x: np.abs(x).sum(axis=1),
    "l2": lambda x: np.sqrt(np.square(x).sum(axis=1)),
    "max": lambda x: np.abs(x).max(axis=1),
}


def _bit_lengths(values: Ints) -> Ints:
    found: Ints = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return found


def _roots(values: Ints) -> Ints:
    """Roots of integers below 2^32, rounded down: doubles hold them, and the square says how they were rounded."""
    roots = np.sqrt(values.astype(np.float64)).astype(np.int64)
    return np.asarray(roots - (roots * roots > values))
