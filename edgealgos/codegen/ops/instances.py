"""Kernel machines: the input compared with support vectors. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, frexp, log, log2
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
    Shapes,
    Types,
    Values,
    counting,
)
from ..program.powers import KERNEL_FRAC, STEPS, exponent_scale, rbf_kernel
from ..program.qtype import Ints, QType
from ..program.tables import COARSE_EXP2, FINE_EXP2
from .products import (
    SCORE_BITS,
    AccumulatorOverflow,
    accumulator_bits,
    exact_product,
    farthest,
    narrowest,
    product_cost,
    product_pieces,
    wrap,
)

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["KernelSums"]


@dataclass(frozen=True)
class KernelSums(Op):
    """Sums of kernels between the input and support vectors, for each pair of classes one.

    With ``s_j`` the product of support vector j with the input and ``b_j`` a number of its own, the kernel is
    ``exp(-gamma (|x|^2 + b_j - 2 s_j))`` (``"rbf"``, ``b_j = |v_j|^2``) or ``((gamma (s_j + b_j) + coef0) / reach) **
    degree`` (``"poly"``). Support vectors come class by class; each has a coefficient for every other class, in order,
    as libsvm stores them. Of two classes, or of a number, there is one coefficient each and one sum. Where all support
    vectors are of the first class, its pairs with every other one are all there are: any number of sums.

    Parameters
    ----------
    matrix : str
        Shape (vectors, width); of the vector's type for ``"rbf"``.
    norms : str
        Shape (vectors,): ``b_j``, in units of the sums.
    coefficients : str
        Shape (vectors, classes - 1).
    sections : str
        Shape (classes,): how many support vectors each class has.
    bias : str
        Shape (pairs,).
    gamma, coef0, reach : float
        In real numbers; `reach` is the largest magnitude that the power is taken of.
    """

    vector: Read
    matrix: Constant
    norms: Constant
    coefficients: Constant
    sections: Constant
    bias: Constant
    kernel: Option
    gamma: float
    coef0: float = 0.0
    degree: int = 1
    reach: float = 1.0
    acc_bits: int = 32

    kernels = ("instances",)
    largest = counting(sections=255)
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call KernelSums": 580.9, "kernel rbf": 50.4, "kernel poly": 171.1, "kernel element": 70.0,
                "kernel vector to 16": 90.0, "kernel vector to 32": 291.1, "kernel coefficient": 13.0,
                "kernel term of 8": 30.0, "kernel term of 16": 107.8,
            },
            "flash": {
                "call KernelSums rbf to 32": 985.9, "call KernelSums rbf to 16": 953.8,
                "call KernelSums poly to 32": 1096.9, "call KernelSums poly to 16": 991.8,
            },
            "ram": {"frame KernelSums": 24.0, "frame KernelSums with code": 52.0},
        }
    })  # fmt: skip

    @property
    def _is_rbf(self) -> bool:
        return self.kernel == "rbf"

    def shapes(self, program: Program) -> Shapes:
        count, width = self.axes(program, self.matrix, 2)
        (classes,) = self.axes(program, self.sections, 1)
        apart = program[self.sections].values[1:].any()
        pairs = (classes * (classes - 1) // 2 if apart else classes - 1,)
        return {"out": pairs, "bias": pairs, "vector": (width,), "matrix": (count, width), "norms": (count,),
                "coefficients": (count, classes - 1), "sections": (classes,)}  # fmt: skip

    def _sum_frac(self, program: Program) -> int:
        """Fractional bits of products; support vectors that are subtracted have the vector's type."""
        vector = program[self.vector].type.frac
        return vector + (vector if self._is_rbf else program[self.matrix].type.frac)

    def shift(self, program: Program) -> int:
        """Bits by which a coefficient times a kernel is shifted down before it is added."""
        return program[self.coefficients].type.frac + KERNEL_FRAC - program[self.out].type.frac

    # ------------------------------------------------------------------ meaning

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        sums = v[self.vector] @ v[self.matrix].T
        if self._is_rbf:
            lengths = np.square(v[self.vector]).sum(axis=1, keepdims=True)
            kernels = np.exp(-self.gamma * np.maximum(lengths + v[self.norms] - 2 * sums, 0.0))
        else:
            base = (self.gamma * (sums + v[self.norms]) + self.coef0) / self.reach
            kernels = np.clip(base, -1.0, 1.0) ** self.degree
        found: NDArray[Any] = kernels @ self._spread(program, v) + v[self.bias]
        return found

    def integer(self, program: Program, v: Values) -> Ints:
        x = v[self.vector]
        sums = wrap(exact_product(x, v[self.matrix]), self.acc_bits)
        if self._is_rbf:
            distance = (np.square(x).sum(axis=1, keepdims=True) + v[self.norms] - 2 * sums) & 0xFFFFFFFF
            kernels = rbf_kernel(distance, *self._scale(program))
        else:
            kernels = poly_kernel(wrap(sums + v[self.norms], 32), *self._scale(program), self._addend, self.degree)
        terms = self._spread(program, v)
        shift, out = self.shift(program), np.tile(v[self.bias], (len(x), 1))
        for j in range(len(terms)):
            used = np.flatnonzero(terms[j])
            out[:, used] += kernels[:, j, None] * terms[j, used] >> shift
        return wrap(out, 32)

    def _spread(self, program: Program, v: Values) -> NDArray[Any]:
        """Coefficients of every vector for every pair of classes, (vectors, pairs)."""
        sections, coefficients = program[self.sections].values.astype(int), v[self.coefficients]
        owner = np.repeat(np.arange(len(sections)), sections)
        spread = np.zeros((len(owner), program[self.out].size), coefficients.dtype)
        for column in range(len(sections) - 1):
            other = column + (column >= owner)
            spread[np.arange(len(owner)), pair_index(owner, other, len(sections))] = coefficients[:, column]
        return spread

    def _scale(self, program: Program) -> tuple[int, int]:
        """Bits that a distance (or base) is shifted down, and what it is multiplied with then."""
        if self._is_rbf:
            return exponent_scale(float(np.ldexp(self.gamma / log(2.0), STEPS - self._sum_frac(program))))
        rate = np.ldexp(self.gamma / self.reach, KERNEL_FRAC - self._sum_frac(program))
        shift = int(np.clip(1 - frexp(rate)[1], -15, 31))  # rate * 2^shift in [1, 2)
        return shift, int(np.clip(round(np.ldexp(rate, shift + 14)), 1, 32767))

    @property
    def _addend(self) -> int:
        return round(self.coef0 / self.reach * (1 << 29))

    def types(self, program: Program) -> Types:
        frac = self._sum_frac(program)
        coefficients = program[self.coefficients]
        raw = np.abs(coefficients.type.quantize(coefficients.values)) * (1 << KERNEL_FRAC)
        largest = int(self._spread(program, {self.coefficients: raw}).sum(axis=0).max(initial=1))
        bias = float(np.abs(program[self.bias].values).max(initial=0.0))
        down = max(
            0, largest.bit_length() - 30, ceil(log2(max(bias, 1e-9))) + coefficients.type.frac + KERNEL_FRAC - 30
        )
        scores = QType(SCORE_BITS, coefficients.type.frac + KERNEL_FRAC - down)
        found = {self.norms: QType(32, frac), self.bias: scores, self.sections: QType(16, 0), self.out: scores}
        return found | ({self.matrix: program[self.vector].type} if self._is_rbf else {})

    def bound(self, program: Program) -> KernelSums:
        norms, bias = program[self.norms].values, program[self.bias].values
        coefficients = np.abs(self._spread(program, {self.coefficients: program[self.coefficients].values}))
        reach = (
            (coefficients * (1 << KERNEL_FRAC) >> self.shift(program)).sum(axis=0) + len(coefficients) + np.abs(bias)
        )
        narrowest(-int(reach.max(initial=0)), int(reach.max(initial=0)), self.out, self.coefficients)
        acc_bits = accumulator_bits(program, self.vector, self.matrix, 0, self.out)
        accumulator_bits(program, self.vector, self.matrix, 0, self.out, 0 if self._is_rbf else norms)
        if self._is_rbf and farthest(program, self.vector, self.matrix) >= 1 << 32:
            raise AccumulatorOverflow(self.matrix, f"{self.out!r}: squared distances can need more than 32 bits")
        return replace(self, acc_bits=acc_bits)

    def narrowed(self, program: Program) -> Types:
        """Squared lengths are words where all distances are."""
        near = self._is_rbf and farthest(program, self.vector, self.matrix) < 1 << 16
        words = near and program[self.norms].values.max() < 1 << 15
        return {self.norms: QType(16, program[self.norms].type.frac)} if words else {}

    def products(self, program: Program) -> tuple[Product, ...]:
        return (Product(program[self.matrix], program[self.vector], self.acc_bits),)

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return {"exp2 tables": np.concatenate([COARSE_EXP2, FINE_EXP2])} if self._is_rbf else {}

    # ------------------------------------------------------------------ cost and code

    def cost(self, program: Program) -> Counts:
        coefficients = program[self.coefficients].values
        kind = f"kernel {self.kernel}"
        counts: Counts = Counter({
            "call KernelSums": 1,
            kind: len(coefficients) * (1 if self._is_rbf else self.degree),
            "kernel element": program[self.vector].size if self._is_rbf else 0,
            f"kernel vector to {self.acc_bits}": len(coefficients),
            "kernel coefficient": coefficients.size,
            f"kernel term of {program[self.coefficients].type.container}": int(np.count_nonzero(coefficients)),
        })  # fmt: skip
        return counts + product_cost(self.products(program)[0])

    def pieces(self, program: Program) -> Pieces:
        call = f"KernelSums {self.kernel} to {self.acc_bits}"
        return product_pieces(call, "KernelSums", self.products(program))

    def call(self, program: Program, cpp: Cpp) -> str:
        scale = self._scale(program)
        shift = cpp.constant("kKernelShift", scale[0])
        if self._is_rbf:
            factor = cpp.constant("kFactor", scale[1], "uint16_t")
            kernel = f"edgealgos::Rbf<uint{program[self.norms].type.container}_t, {shift}>({factor})"
        else:
            factor, addend = cpp.constant("kFactor", scale[1]), cpp.constant("kAddend", self._addend, "int32_t")
            kernel = f"edgealgos::Poly<{shift}, {cpp.constant('kDegree', self.degree)}>({factor}, {addend})"
        tables = f"{cpp.rows(self.matrix)}, {self.norms}, {self.coefficients}, {self.sections}, {self.bias}"
        columns = cpp.count(program[self.vector].size, "kColumns")
        sums = cpp.constant("kSums", program[self.out].size)
        numbers = f"{sums}, {cpp.constant('kSections', program[self.sections].size)}, {columns}"
        call = f"edgealgos::kernel_sums<int{self.acc_bits}_t, {cpp.constant('kShift', self.shift(program))}>"
        return f"{call}({kernel}, {tables}, {self.vector}, {cpp.ref(self.out)}, {numbers});"


def pair_index(a: Any, b: Any, classes: int) -> Any:
    """Where the sum of two classes stands among those of all pairs, in the order of libsvm."""
    first, second = np.minimum(a, b), np.maximum(a, b)
    return first * (2 * classes - first - 1) // 2 + second - first - 1


def poly_kernel(sums: Ints, shift: int, factor: int, addend: int, degree: int) -> Ints:
    """``(sums * rate + addend)**degree`` with 15 fractional bits, of a base that saturates at one."""
    words = QType(16, 0)
    word = words.saturate(sums >> shift if shift >= 0 else sums << -shift)
    base = words.saturate(word * factor + addend >> 14)
    power = base
    for _ in range(degree - 1):
        power = np.minimum(power * base >> KERNEL_FRAC, 32767)
    return power
