"""Products with a matrix: of a whole vector, or one column of the matrix after the other as features come.

Knows programs and storages, nothing of C++ but the calls of its kernels, nothing of boards.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    FREE,
    Affine,
    Constant,
    Counts,
    Cpp,
    Op,
    Pieces,
    Product,
    Read,
    Shapes,
    Streamed,
    Types,
    Update,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import Ints, QType
from ..program.tensor import Space, Tensor
from ..storage.dense import DENSE
from ..storage.record import storage_of
from ..storage.sparse import BITMAP
from .products import (
    SCORE_BITS,
    WIDTHS,
    accumulator_bits,
    exact_product,
    product_cost,
    product_pieces,
    wrap,
)
from .rescaling import shifted_bits

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["MatVec", "PushColumn", "Requantize"]

POSITION = "position"


@dataclass(frozen=True)
class MatVec(Op):
    """``out = matrix @ vector + bias``."""

    matrix: Constant
    vector: Read
    bias: Constant | None = None
    acc_bits: int = 32

    kernels = ("runtime",)
    largest = counting()

    def shift(self, program: Program) -> int:
        """Bits by which the sums are shifted down to the type of `out`."""
        return self._acc_frac(program) - program[self.out].type.frac

    def _acc_frac(self, program: Program) -> int:
        return program[self.matrix].type.frac + program[self.vector].type.frac

    def shapes(self, program: Program) -> Shapes:
        rows, columns = self.axes(program, self.matrix, 2)
        return {"out": (rows,), "matrix": (rows, columns), "vector": (columns,), "bias": (rows,)}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        sums = v[self.vector] @ v[self.matrix].T
        return saturated(program[self.out], sums if self.bias is None else sums + v[self.bias])

    def integer(self, program: Program, v: Values) -> Ints:
        acc = exact_product(v[self.vector], v[self.matrix])
        if self.bias is not None:
            acc += v[self.bias]
        return program[self.out].type.rescale(wrap(acc, self.acc_bits), self._acc_frac(program))

    def types(self, program: Program) -> Types:
        """A bias has the scale of the sums, and so have scores."""
        sums = QType(SCORE_BITS, self._acc_frac(program))
        found = {} if self.bias is None else {self.bias: sums}
        return found | ({self.out: sums} if self.out in program.scores else {})

    def bound(self, program: Program) -> MatVec:
        bias = 0 if self.bias is None else program[self.bias].values
        bits = accumulator_bits(program, self.vector, self.matrix, self.shift(program), self.out, bias)
        return replace(self, acc_bits=bits)

    def narrowed(self, program: Program) -> Types:
        """A bias is stored as narrow as its values allow."""
        if self.bias is None:
            return {}
        bias = program[self.bias]
        fitting = (b for b in WIDTHS if np.array_equal(QType(b, 0).saturate(bias.values), bias.values))
        return {self.bias: QType(next(fitting, WIDTHS[-1]), bias.type.frac)}

    @property
    def affine(self) -> Affine:
        return Affine(self.matrix, self.vector, self.bias)

    def products(self, program: Program) -> tuple[Product, ...]:
        return (Product(program[self.matrix], program[self.vector], self.acc_bits),)

    def streamed(self, program: Program) -> Streamed:
        """Sums that grow by a column of the matrix with each feature, and what brings them into the output's type."""
        matrix, sums = program[self.matrix], f"{self.out}_sums"
        by_columns = np.ascontiguousarray(matrix.values.T)
        turned = replace(matrix, shape=by_columns.shape, data=by_columns, storage=DENSE.name)
        state = (
            Tensor(sums, matrix.shape[:1], Space.STATE, QType(self.acc_bits, self._acc_frac(program)),
                   doc="sums of the projection"),
            Tensor(POSITION, (2,), Space.STATE, QType(16, 0), doc="where the next column's masks and values lie"),
        )  # fmt: skip
        push = PushColumn(sums, self.matrix, self.vector, POSITION)
        return Streamed((push,), (Requantize(self.out, sums, self.bias),), (turned,), state)

    def cost(self, program: Program) -> Counts:
        out = program[self.out]
        shifted = out.size * shifted_bits(self.shift(program), out.type.bits, self.acc_bits)
        parts = {"matvec": 1, f"row of {self.acc_bits}": out.size, f"shifted bit of {self.acc_bits}": shifted}
        parts["call MatVec of code"] = int(program[self.matrix].unrolled > 0)
        return Counter(parts) + product_cost(self.products(program)[0])

    def pieces(self, program: Program) -> Pieces:
        return product_pieces(f"MatVec to {self.acc_bits}", "MatVec", self.products(program))

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, columns = program[self.matrix].shape
        acc = f"int{self.acc_bits}_t"
        bits = cpp.constant("kBits", program[self.out].type.bits)
        call = f"edgealgos::matvec<{acc}, {cpp.constant('kShift', self.shift(program))}, {bits}>"
        tables = f"{cpp.rows(self.matrix)}, {cpp.or_null(self.bias, acc)}"
        sizes = f"{cpp.constant('kRows', rows)}, {cpp.count(columns, 'kColumns')}"
        return f"{call}({tables}, {self.vector}, {cpp.ref(self.out)}, {sizes});"


@dataclass(frozen=True)
class PushColumn(Op):
    """``out += vector[0] * next row of matrix``: a projection that grows feature by feature.

    The matrix is stored column by column, shape (features, projection_dim); `position` says where the next one lies.
    """

    out: Update
    matrix: Constant
    vector: Read
    position: Update

    kernels = ("runtime",)
    largest = counting(out=255)
    counts_steps = True
    bound = cannot_overflow("the product that it was made of has been proven")

    def shapes(self, program: Program) -> Shapes:
        features, _ = self.axes(program, self.matrix, 2)
        out = program[self.out].shape
        return {"out": FREE, "matrix": (features, *out), "vector": (1,), "position": (2,)}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        """The position counts features here; on the device it counts what lies before the next column."""
        column = int(v[self.position][0, 0]) if len(v[self.position]) else 0
        if column >= len(v[self.matrix]):
            return v[self.out]
        v[self.position] = v[self.position] + 1
        sums: NDArray[Any] = v[self.out] + v[self.vector] * v[self.matrix][column]
        return sums

    def integer(self, program: Program, v: Values) -> Ints:
        return wrap(self.real(program, v), program[self.out].type.bits)

    def types(self, program: Program) -> Types:
        return {}

    def products(self, program: Program) -> tuple[Product, ...]:
        bits = program[self.out].type.bits
        return (Product(program[self.matrix], program[self.vector], bits, (DENSE.name, BITMAP.name)),)

    def cost(self, program: Program) -> Counts:
        matrix, size = program[self.matrix], program[self.out].size
        kept = np.count_nonzero(matrix.values) / len(matrix.values) if storage_of(matrix).masked else size
        kind = f"{matrix.storage} {matrix.type.container} to {program[self.out].type.bits}"
        return Counter({"PushColumn": _looped(size), f"row to push {kind}": size, f"pushed value {kind}": kept})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("PushColumn", frames=frozenset({"PushColumn"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        tables = f"{cpp.masks(self.matrix)}, {self.matrix}"
        columns = cpp.constant("kColumns", len(program[self.matrix].values))
        sizes = f"{cpp.count(program[self.out].size, 'kRows')}, {columns}"
        return f"edgealgos::push_column({tables}, {self.vector}, {self.out}, {self.position}, {sizes});"


@dataclass(frozen=True)
class Requantize(Op):
    """``out = source + bias`` in another type; the two have one scale, that of an accumulator."""

    source: Read
    bias: Constant | None = None

    kernels = ("runtime",)
    largest = counting(out=255)
    bound = cannot_overflow("the product that it ends has been proven, with its bias")

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("source", "bias"), program[self.out].shape) | {"out": FREE}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return saturated(program[self.out], v[self.source] if self.bias is None else v[self.source] + v[self.bias])

    def integer(self, program: Program, v: Values) -> Ints:
        source = program[self.source].type
        sums: Ints = v[self.source] if self.bias is None else v[self.source] + v[self.bias]
        return program[self.out].type.rescale(wrap(sums, source.bits), source.frac)

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        size = program[self.out].size
        return Counter({"call Requantize": _looped(size), "Requantize": size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("Requantize", frames=frozenset({"Requantize"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        out, source = program[self.out].type, program[self.source].type
        bias = cpp.or_null(self.bias, cpp.type(self.source))
        shift, bits = cpp.constant("kShift", source.frac - out.frac), cpp.constant("kBits", out.bits)
        size = cpp.constant("kSize", program[self.out].size)
        return f"edgealgos::requantize<{shift}, {bits}>({self.source}, {bias}, {cpp.ref(self.out)}, {size});"


def _looped(turns: int) -> int:
    """1 for a loop; compilers leave none of one or two turns."""
    return int(turns > 2)


def saturated(out: Tensor, values: NDArray[Any]) -> NDArray[Any]:
    """Real values as a tensor of that type can hold them; scores and what has no type yet are free."""
    if out.qtype is None or out.space is Space.OUTPUT:
        return values
    found: NDArray[Any] = np.clip(values, out.type.low * out.type.step, out.type.high * out.type.step)
    return found
