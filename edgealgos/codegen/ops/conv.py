"""Layers over rows of a picture: each channel alone, all together, position by position. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.geometry import MOST
from ..program.op import FREE, Constant, Counts, Cpp, Op, Pieces, Product, Read, Shapes, Types, Values, counting
from ..program.qtype import Ints, QType
from ..storage.record import storage_of
from .along_rows import check_columns, columns_inside, padded_row, per_row, rows_in_order
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

__all__ = ["Convolve", "Depthwise", "Pointwise"]

_BY = " of 3x3 by "  # positions: what kernels in assembly are called
POINTER_BYTES = 2  # on an AVR: to each row of a ring


@dataclass(frozen=True)
class Depthwise(Op):
    """Every channel alone: ``out[p, c] = sum over rows and columns of matrix[c] * ring + bias[c]``.

    With `row` that is the last of the rows, those of the ring come before it.

    `matrix` has shape (channels, kernel rows * kernel columns), `columns` of these; results lie `stride` positions
    apart, with `left` positions of zeros before the first. With `rectify`, negative results become zero.
    """

    ring: Read
    position: Read
    matrix: Constant
    bias: Constant
    columns: int
    stride: int = 1
    left: int = 0
    rectify: bool = True
    acc_bits: int = 32
    row: Read | None = None

    kernels = ("conv",)
    over_rows = True
    largest = counting()

    @property
    def vector(self) -> str:
        """What is multiplied."""
        return self.ring

    def shapes(self, program: Program) -> Shapes:
        rows, width, channels = sees(program, self)
        (size,) = self.axes(program, self.out, 1)
        check_columns(self, width, size // channels)
        return {"out": (size // channels * channels,), "ring": FREE, "position": (2,), "row": (width * channels,),
                "matrix": (channels, rows * self.columns), "bias": (channels,)}  # fmt: skip

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return clipped(program, self.out, self._sums(program, v), self.rectify)

    def integer(self, program: Program, v: Values) -> Ints:
        return rounded(program, self, self._sums(program, v))

    def _sums(self, program: Program, v: Values) -> NDArray[Any]:
        ring, matrix = rows_in_order(v, self.ring, self.position, self.row), v[self.matrix]
        rows, _, channels = ring.shape[1:]
        count = program[self.out].size // channels
        padded = padded_row(ring, self, count)
        sums = np.zeros((len(ring), count, channels), padded.dtype) + v[self.bias]
        for k in range(rows * self.columns):
            row, column = divmod(k, self.columns)
            last = column + self.stride * (count - 1) + 1
            sums += padded[:, row, column : last : self.stride] * matrix[:, k]
        return sums.reshape(len(ring), -1)

    def types(self, program: Program) -> Types:
        return sum_types(program, self)

    def bound(self, program: Program) -> Depthwise:
        return replace(self, acc_bits=proven_bits(program, self))

    def narrowed(self, program: Program) -> Types:
        return narrow_bias(program, self.bias)

    def value_range(self, program: Program) -> tuple[int, int]:
        return layer_range(program, self.out, self.rectify)

    def cost(self, program: Program) -> Counts:
        rows, width, channels = sees(program, self)
        count, kind = program[self.out].size // channels, self._kind(program)
        made, columns = result_cost(program, self, kind), columns_inside(self, width, count)
        if _BY in kind:
            made[f"channel of {kind}"] = 1
        else:
            words = max(program[name].type.container for name in (self.matrix, self.ring)) > 8
            product = "product of Depthwise of words" if words else f"product of {kind}"
            made += Counter({f"row of {kind}": count * rows, product: rows * sum(columns)})
        return Counter({f"call {kind}": 1}) + Counter({part: channels * amount for part, amount in made.items()})

    def pieces(self, program: Program) -> Pieces:
        kind = self._kind(program)
        return Pieces(kind, frames=frozenset({kind}), local_bytes=POINTER_BYTES * sees(program, self)[0])

    def _kind(self, program: Program) -> str:
        """What its kernel is called by: 3 x 3 bytes in 16 bits, by one position or two, is in assembly."""
        rows, width, channels = sees(program, self)
        bytes_alone = {program[name].type.container for name in (self.ring, self.matrix, self.out)} == {8}
        known = (rows, self.columns, self.acc_bits) == (3, 3, 16) and bytes_alone
        out, shift = program[self.out], shift_of(program, self)
        inside = 2 * (out.size // channels) - self.left - 1 < width
        moves = self.left + width > 1 if self.stride == 1 else self.left < 2 and channels < 64 and inside
        known = known and self.stride < 3 and moves and 0 < shift < 15 and out.type.bits <= 8 < shift + out.type.bits
        return f"Depthwise {self.acc_bits}{f' of 3x3 by {self.stride}' if known else ''}"

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, width, channels = sees(program, self)
        numbers = kernel_numbers(cpp, rows, self.columns, self.stride, self.left, width, channels)
        rows_seen = f"{self.ring}, {self.position}, {cpp.or_null(self.row, cpp.type(self.ring))}"
        where = f"{rows_seen}, {self.matrix}, {self.bias}, {cpp.ref(self.out)}"
        positions = cpp.constant("kPositions", program[self.out].size // channels)
        return f"edgealgos::depthwise<{layer_numbers(program, self, cpp)}, {numbers}, {positions}>({where});"


@dataclass(frozen=True)
class Convolve(Op):
    """``out[p] = matrix @ (rows and columns of the ring at p) + bias``.

    `matrix` has shape (outputs, kernel rows * kernel columns * channels); the rest is as in :class:`Depthwise`.
    """

    ring: Read
    position: Read
    matrix: Constant
    bias: Constant
    columns: int
    stride: int = 1
    left: int = 0
    rectify: bool = True
    acc_bits: int = 32
    row: Read | None = None

    kernels = ("conv",)
    over_rows = True
    largest = counting()

    @property
    def vector(self) -> str:
        """What is multiplied."""
        return self.ring

    def shapes(self, program: Program) -> Shapes:
        rows, width, channels = sees(program, self)
        outputs, _ = self.axes(program, self.matrix, 2)
        (size,) = self.axes(program, self.out, 1)
        check_columns(self, width, size // outputs)
        return {"out": (size // outputs * outputs,), "ring": FREE, "position": (2,), "row": (width * channels,),
                "matrix": (outputs, rows * self.columns * channels), "bias": (outputs,)}  # fmt: skip

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        patches, matrix = self._patches(program, v), v[self.matrix]
        return clipped(program, self.out, per_row(patches @ matrix.T + v[self.bias]), self.rectify)

    def integer(self, program: Program, v: Values) -> Ints:
        return rounded(program, self, per_row(exact_product(self._patches(program, v), v[self.matrix]) + v[self.bias]))

    def _patches(self, program: Program, v: Values) -> NDArray[Any]:
        """What the kernel sees at each position, (n, positions, rows * columns * channels)."""
        count = program[self.out].size // len(v[self.matrix])
        padded = padded_row(rows_in_order(v, self.ring, self.position, self.row), self, count)
        views = np.lib.stride_tricks.sliding_window_view(padded, self.columns, axis=2)[:, :, :: self.stride]
        views = views[:, :, :count]
        found: NDArray[Any] = views.transpose(0, 2, 1, 4, 3).reshape(len(padded), count, -1)
        return found

    def types(self, program: Program) -> Types:
        return sum_types(program, self)

    def bound(self, program: Program) -> Convolve:
        return replace(self, acc_bits=proven_bits(program, self))

    def narrowed(self, program: Program) -> Types:
        return narrow_bias(program, self.bias)

    def value_range(self, program: Program) -> tuple[int, int]:
        return layer_range(program, self.out, self.rectify)

    def products(self, program: Program) -> tuple[Product, ...]:
        return (Product(program[self.matrix], program[self.ring], self.acc_bits),)

    def cost(self, program: Program) -> Counts:
        positions = program[self.out].size // len(program[self.matrix].values)
        called = Counter({"position of Convolve": positions}) + self.gathered(program)
        return called + layer_cost(program, self, self.products(program)[0], positions)

    def gathered(self, program: Program) -> Counts:
        """What it takes to lay side by side what the kernel sees, at all positions."""
        rows, width, channels = sees(program, self)
        outputs, size = program[self.matrix].shape
        bits, positions = program[self.ring].type.container, program[self.out].size // outputs
        columns = columns_inside(self, width, positions)
        seen = rows * channels * sum(columns)
        return Counter({
            "gathered row": rows * positions,
            "gathered row at a border": rows * sum(inside < self.columns for inside in columns),
            f"gathered value {bits}": seen,
            "gathered zero": positions * size - seen,
        })  # fmt: skip

    def pieces(self, program: Program) -> Pieces:
        (rows, _, _), size = sees(program, self), program[self.matrix].shape[1]
        seen = size * program[self.ring].type.container // 8
        pieces = product_pieces(f"Convolve to {self.acc_bits}", "Convolve", self.products(program))
        return replace(pieces, local_bytes=pieces.local_bytes + seen + POINTER_BYTES * rows)

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, width, channels = sees(program, self)
        outputs, size = program[self.matrix].shape
        numbers = kernel_numbers(cpp, rows, self.columns, self.stride, self.left, width, channels)
        rows_seen = f"{self.ring}, {self.position}, {cpp.or_null(self.row, cpp.type(self.ring))}"
        where = f"{cpp.rows(self.matrix)}, {self.bias}, {rows_seen}, {cpp.ref(self.out)}"
        positions = cpp.constant("kPositions", program[self.out].size // outputs)
        counts = f"{positions}, {cpp.constant('kOutputs', outputs)}, {cpp.count(size)}"
        return f"edgealgos::convolve<{layer_numbers(program, self, cpp)}, {numbers}>({where}, {counts});"


@dataclass(frozen=True)
class Pointwise(Op):
    """``out[p] = matrix @ source[p] + bias`` at every position of a row; with `rectify` never below zero."""

    source: Read
    matrix: Constant
    bias: Constant
    rectify: bool = True
    acc_bits: int = 32

    kernels = ("conv",)
    over_rows = True
    largest = counting()

    @property
    def vector(self) -> str:
        """What is multiplied."""
        return self.source

    def shapes(self, program: Program) -> Shapes:
        outputs, channels = self.axes(program, self.matrix, 2)
        (size,) = self.axes(program, self.source, 1)
        positions = size // channels
        if max(positions, outputs, channels) > MOST:
            raise ValueError(
                f"Pointwise: {positions} positions from {channels} to {outputs}, kernels count up to {MOST}"
            )
        return {"out": (positions * outputs,), "source": (positions * channels,), "matrix": FREE, "bias": (outputs,)}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        matrix = v[self.matrix]
        sums = v[self.source].reshape(len(v[self.source]), -1, matrix.shape[1]) @ matrix.T + v[self.bias]
        return clipped(program, self.out, per_row(sums), self.rectify)

    def integer(self, program: Program, v: Values) -> Ints:
        matrix = v[self.matrix]
        vectors = v[self.source].reshape(len(v[self.source]), -1, matrix.shape[1])
        return rounded(program, self, per_row(exact_product(vectors, matrix) + v[self.bias]))

    def types(self, program: Program) -> Types:
        return sum_types(program, self)

    def bound(self, program: Program) -> Pointwise:
        return replace(self, acc_bits=proven_bits(program, self))

    def narrowed(self, program: Program) -> Types:
        return narrow_bias(program, self.bias)

    def value_range(self, program: Program) -> tuple[int, int]:
        return layer_range(program, self.out, self.rectify)

    def products(self, program: Program) -> tuple[Product, ...]:
        return (Product(program[self.matrix], program[self.source], self.acc_bits),)

    def cost(self, program: Program) -> Counts:
        positions = program[self.source].size // program[self.matrix].shape[1]
        made = layer_cost(program, self, self.products(program)[0], positions)
        return made + Counter({"position of Pointwise": positions})

    def pieces(self, program: Program) -> Pieces:
        return product_pieces(f"Pointwise to {self.acc_bits}", "Pointwise", self.products(program))

    def call(self, program: Program, cpp: Cpp) -> str:
        outputs, channels = program[self.matrix].shape
        where = f"{cpp.rows(self.matrix)}, {self.bias}, {self.source}, {cpp.ref(self.out)}"
        positions = cpp.constant("kPositions", program[self.source].size // channels)
        counts = f"{positions}, {cpp.constant('kOutputs', outputs)}, {cpp.count(channels, 'kChannels')}"
        return f"edgealgos::pointwise<{layer_numbers(program, self, cpp)}>({where}, {counts});"


# ---- what the layers have in common ----------------------------------------------------------------------------------


Layer = Convolve | Depthwise | Pointwise
Moved = Convolve | Depthwise


def sees(program: Program, op: Moved) -> tuple[int, int, int]:
    """Rows that the kernel sees, positions of each, and channels."""
    kept, width, channels = op.axes(program, op.ring, 3)
    return kept + (op.row is not None), width, channels


def clipped(program: Program, out: str, sums: NDArray[Any], rectify: bool) -> NDArray[Any]:
    """Real results as a tensor of that type can hold them."""
    qtype = program[out].qtype
    low = 0.0 if rectify else -np.inf if qtype is None else qtype.low * qtype.step
    found: NDArray[Any] = np.clip(sums, low, np.inf if qtype is None else qtype.high * qtype.step)
    return found


def shift_of(program: Program, op: Layer) -> int:
    """Bits by which sums are shifted down to the type of the results."""
    return program[op.matrix].type.frac + program[op.vector].type.frac - program[op.out].type.frac


def rounded(program: Program, op: Layer, sums: Ints) -> Ints:
    """Sums in the type of the results."""
    out = program[op.out].type
    found = out.rescale(wrap(sums, op.acc_bits), out.frac + shift_of(program, op))
    return np.maximum(found, 0) if op.rectify else found


def sum_types(program: Program, op: Layer) -> Types:
    """A bias has the scale of the sums."""
    return {op.bias: QType(SCORE_BITS, program[op.matrix].type.frac + program[op.vector].type.frac)}


def proven_bits(program: Program, op: Layer) -> int:
    """Width of the sums that nothing can overflow."""
    return accumulator_bits(program, op.vector, op.matrix, shift_of(program, op), op.out, program[op.bias].values)


def narrow_bias(program: Program, name: str) -> Types:
    """A bias is stored as narrow as its values allow."""
    bias = program[name]
    fitting = (b for b in WIDTHS if np.array_equal(QType(b, 0).saturate(bias.values), bias.values))
    return {name: QType(next(fitting, WIDTHS[-1]), bias.type.frac)}


def layer_range(program: Program, out: str, rectify: bool) -> tuple[int, int]:
    """Smallest and largest result."""
    qtype = program[out].type
    return 0 if rectify else qtype.low, qtype.high


def layer_cost(program: Program, op: Layer, product: Product, positions: int) -> Counts:
    """The products at all positions, and what is made of their sums."""
    outputs, storage = program[op.matrix].shape[0], storage_of(product.matrix)
    several = " at once" * (storage.sums_at_once > 1)
    one = product_cost(product) + result_cost(program, op, f"a layer{several}", outputs)
    one["nibbles row of a layer"] = outputs * (storage.name == "nibbles")  # no part of a loop over rows
    return Counter({part: positions * amount for part, amount in one.items()})


def result_cost(program: Program, op: Layer, kind: str, results: int | None = None) -> Counts:
    """What is made of sums at one position, of a channel alone at all of them: bias, shift, limits."""
    out = program[op.out].type
    count = program[op.out].size // len(program[op.matrix].values) if results is None else results
    shifted = count * shifted_bits(shift_of(program, op), out.bits, op.acc_bits)
    return Counter({f"result of {kind}, {op.acc_bits} bits": count, f"shifted bit of {op.acc_bits}": shifted})


def layer_numbers(program: Program, op: Layer, cpp: Cpp) -> str:
    """What the kernels of all layers take between angle brackets: sum, shift, width of results, rectification."""
    shift, bits = cpp.constant("kShift", shift_of(program, op)), cpp.constant("kBits", program[op.out].type.bits)
    return f"int{op.acc_bits}_t, {shift}, {bits}, {cpp.constant('kRectify', op.rectify, 'bool')}"


def kernel_numbers(cpp: Cpp, rows: int, columns: int, stride: int, left: int, width: int, channels: int) -> str:
    """What those with a kernel take besides: its size, how it moves, the size of the rows that it reads."""
    numbers = {"kRows": rows, "kColumns": columns, "kStride": stride, "kLeft": left}
    numbers |= {"kWidth": width, "kChannels": channels}
    return ", ".join(cpp.constant(name, value) for name, value in numbers.items())
