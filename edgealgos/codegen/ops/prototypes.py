"""ProtoNN's prototypes: scores of labels weighted by nearness. Knows programs and storages, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import Constant, Counts, Cpp, Op, Pieces, Product, Read, Shapes, Types, Values, counting
from ..program.qtype import Ints, QType
from ..program.tables import EXP2, EXP2_BITS
from ..program.tensor import Tensor
from ..storage.record import storage_of
from .products import SCORE_BITS, exact_product, narrowest, product_cost, product_pieces, product_range, wrap

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["PrototypeScore"]

KERNEL_MAX = 127  # largest mantissa of a prototype's kernel
KERNEL_BITS = 7


@dataclass(frozen=True)
class PrototypeScore(Op):
    """ProtoNN scores ``sum_j labels[:, j] * 2**-|vector - prototypes_j|^2 + bias`` (gamma and log2 e are folded in).

    ``prototypes`` (m, projection_dim), ``labels`` (outputs, m). Gupta et al., ICML 2017, eq. of section 3.
    """

    vector: Read
    prototypes: Constant
    labels: Constant
    bias: Constant | None
    acc_bits: int = 32

    kernels = ("runtime",)
    largest = counting(out=255, vector=255)

    def shapes(self, program: Program) -> Shapes:
        count, width = self.axes(program, self.prototypes, 2)
        (outputs,) = self.axes(program, self.out, 1)
        return {"out": (outputs,), "vector": (width,), "prototypes": (count, width), "labels": (outputs, count),
                "bias": (outputs,)}  # fmt: skip

    def distance_frac(self, program: Program) -> int:
        """Fractional bits of squared distances."""
        return 2 * program[self.vector].type.frac

    def headroom(self, program: Program) -> int:
        """Bits by which the sum of labels times kernels is shifted up before the common exponent shifts it down."""
        return program[self.out].type.frac - program[self.labels].type.frac - KERNEL_BITS

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        z, prototypes = v[self.vector], v[self.prototypes]
        distance = ((z[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
        scores: NDArray[Any] = np.exp2(-distance) @ v[self.labels].T
        return scores if self.bias is None else scores + v[self.bias]

    def integer(self, program: Program, v: Values) -> Ints:
        z, prototypes = v[self.vector], v[self.prototypes]
        distance = ((z[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
        kernel, exponent = exp2_kernels(np.minimum(distance, 0xFFFF), self.distance_frac(program))
        bias: Ints = np.zeros(1, np.int64) if self.bias is None else v[self.bias]
        acc = wrap(exact_product(kernel, v[self.labels]), self.acc_bits)
        return (acc << self.headroom(program) >> exponent[:, None]) + bias

    def types(self, program: Program) -> Types:
        """Prototypes are compared with the vector; scores have as many bits as sums of labels leave room for."""
        labels = program[self.labels]
        scores = QType(SCORE_BITS, labels.type.frac + KERNEL_BITS + _headroom(labels))
        found = {name: scores for name in (self.out, self.bias) if name is not None}
        compared = program[self.vector].qtype
        return found if compared is None else found | {self.prototypes: compared}

    def bound(self, program: Program) -> PrototypeScore:
        low, high = product_range(program[self.labels].values, 0, KERNEL_MAX)
        bias = np.zeros(1, np.int64) if self.bias is None else program[self.bias].values
        headroom = self.headroom(program)
        whole = (low << headroom) + int(bias.min(initial=0)), (high << headroom) + int(bias.max(initial=0))
        narrowest(*whole, self.out, self.labels)  # the scores, which have 32 bits
        return replace(self, acc_bits=narrowest(low, high, self.out, self.labels))

    def products(self, program: Program) -> tuple[Product, ...]:
        """Labels are multiplied with kernels: bytes, as prototypes are."""
        return (Product(program[self.labels], program[self.prototypes], self.acc_bits),)

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return {"exp2 table": EXP2}

    def reader(self, name: str) -> str | None:
        return "edgealgos::prototypes" if name == self.prototypes else None

    def _in_code(self, program: Program) -> bool:
        """Whether code of their own compares the prototypes."""
        prototypes = program[self.prototypes]
        return bool(prototypes.unrolled) or storage_of(prototypes).by_code

    def cost(self, program: Program) -> Counts:
        """Inputs lie near prototypes, so that the prototypes themselves serve as typical inputs."""
        prototypes = program[self.prototypes].values
        count = len(prototypes)
        elements, near = _visited(prototypes, self.distance_frac(program))
        in_code = self._in_code(program)
        counts: Counts = Counter({
            "prototypes": 1,
            "prototype": count,
            "distance": 0 if in_code else round(elements * count),
            "distance row": 0 if in_code else count,
            "distance left out": 0 if in_code else prototypes.size - round(elements * count),
            "near prototype": round(near * count),
            f"label row of {self.acc_bits}": program[self.out].size,
        })  # fmt: skip
        return counts + product_cost(self.products(program)[0], where=" of labels")

    def pieces(self, program: Program) -> Pieces:
        kernels = () if self._in_code(program) else ("distance",)
        call = f"PrototypeScore to {self.acc_bits}"
        found = product_pieces(call, "PrototypeScore", self.products(program), kernels)
        return replace(found, local_bytes=2 * len(program[self.prototypes].values) + found.local_bytes)

    def call(self, program: Program, cpp: Cpp) -> str:
        count, width = program[self.prototypes].shape
        fracs = {"kDistanceFrac": self.distance_frac(program), "kHeadroom": self.headroom(program)}
        numbers = ", ".join(cpp.constant(name, n) for name, n in {**fracs, "kPrototypes": count}.items())
        call = f"edgealgos::prototype_score<int{self.acc_bits}_t, {numbers}>"
        tables = f"{cpp.rows(self.prototypes)}, {cpp.rows(self.labels)}, {cpp.or_null(self.bias)}"
        sizes = f"{cpp.constant('kOutputs', program[self.out].size)}, {cpp.constant('kWidth', width)}"
        return f"{call}({tables}, {self.vector}, {cpp.ref(self.out)}, {sizes});"


def exp2_kernels(distance: Ints, frac: int) -> tuple[Ints, Ints]:
    """``2**-distance`` of each row in block floating point: mantissas 0..127 and one exponent a row.

    A kernel is ``mantissa * 2**-(7 + exponent)``; the exponent is that of the nearest prototype. Squared distances
    have `frac` fractional bits, those of 16 and more count as infinitely far.
    """
    steps = _shift_right_floor(distance, frac - EXP2_BITS)
    whole = np.where(distance < 16 << frac, steps >> EXP2_BITS, 16)
    exponent = whole.min(axis=1, initial=16)
    shift = np.minimum(whole - exponent[:, None], 8)
    mantissa = EXP2[steps & ((1 << EXP2_BITS) - 1)]
    return np.where(whole < 16, (mantissa + (1 << shift >> 1)) >> shift, 0), exponent


def _shift_right_floor(raw: Ints, shift: int) -> Ints:
    """`raw` shifted right without rounding, left where `shift` is negative."""
    return raw >> shift if shift > 0 else raw << -shift


def _headroom(labels: Tensor) -> int:
    """Bits that a sum of labels times kernels of 7 bits can be shifted up, at most 9, before the common exponent."""
    raw = np.abs(labels.type.quantize(labels.values))
    largest = max(int(raw.sum(axis=1).max(initial=0)) << KERNEL_BITS, 1)
    return min(9, 31 - largest.bit_length())


def _visited(prototypes: Ints, frac: int) -> tuple[float, float]:
    """Mean number of elements a distance visits before it is too far, and share of prototypes near enough to count."""
    squares = (prototypes[:, None, :] - prototypes[None]) ** 2
    running = squares.cumsum(axis=2)
    width = prototypes.shape[1]
    limit = min(16 << frac, 1 << 16)
    looks = np.arange(width % 4, width, 4)  # whether it is too far is asked before each four elements
    looks = looks[looks > 0]
    rest = 4 * (running[..., looks - 1] >= limit).sum(axis=2)
    return width - float(rest.mean()), float((running[..., -1] < limit).mean())
