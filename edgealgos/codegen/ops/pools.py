"""Pools and averages of rows of a picture. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.geometry import MOST
from ..program.op import FREE, Counts, Cpp, Op, Pieces, Read, Shapes, Types, Update, Values, cannot_overflow, counting
from ..program.qtype import Ints, QType
from .along_rows import per_row
from .products import WIDTHS
from .row_by_row import TakesRows

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["MaxPool", "PoolRow", "SumRow"]

_UNROLLED, _IN_REGISTERS = 6, 3  # values of a pool that avr-gcc takes without a loop; sums that it holds over one


def largest_of(row: NDArray[Any], columns: int, stride: int) -> NDArray[Any]:
    """The largest values of so many positions of a row (n, positions, channels), `stride` apart, side by side."""
    views = np.lib.stride_tricks.sliding_window_view(row, columns, axis=1)[:, ::stride]
    return per_row(views.max(axis=-1))


@dataclass(frozen=True)
class MaxPool(Op):
    """The largest value of every channel among all rows of the ring and `columns` positions, `stride` apart."""

    ring: Read
    columns: int
    stride: int

    kernels = ("conv",)
    over_rows = True
    largest = counting()
    bound = cannot_overflow("it compares")

    @property
    def fixed(self) -> tuple[str, ...]:
        return (self.out,)

    def shapes(self, program: Program) -> Shapes:
        _, width, channels = self.axes(program, self.ring, 3)
        if self.columns > width:
            raise ValueError(f"MaxPool: {self.columns} columns do not lie in a row of {width} positions")
        return {"out": (((width - self.columns) // self.stride + 1) * channels,), "ring": FREE}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return largest_of(v[self.ring].max(axis=1), self.columns, self.stride)

    integer = real

    def types(self, program: Program) -> Types:
        return {self.out: program[self.ring].type}

    def value_range(self, program: Program) -> tuple[int, int]:
        return program.value_range(self.ring)

    def cost(self, program: Program) -> Counts:
        out, (rows, _, channels) = program[self.out].size, program[self.ring].shape
        unrolled = self.columns * (2 if rows > 1 else 1) <= _UNROLLED and rows <= (2 if self.columns > 1 else 3)
        short = min(rows, self.columns) <= 2 or channels == 1
        loops = " unrolled" if unrolled else " in short loops" if short else ""
        return Counter({"result of MaxPool": out, f"value of MaxPool{loops}": out * rows * self.columns})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("MaxPool", frames=frozenset({"MaxPool"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, width, channels = program[self.ring].shape
        known = {"kRows": rows, "kColumns": self.columns, "kStride": self.stride, "kWidth": width}
        known["kChannels"] = channels
        numbers = f"<{', '.join(cpp.constant(name, value) for name, value in known.items())}>"
        positions = cpp.constant("kPositions", program[self.out].size // channels)
        return f"edgealgos::max_pool{numbers}({self.ring}, {cpp.ref(self.out)}, {positions});"


@dataclass(frozen=True)
class PoolRow(TakesRows):
    """The largest value of every channel among `kernel` rows, which no other result sees, and `columns` positions.

    `out` is the row of the largest values so far; what follows runs when the last of `kernel` rows has come. Rows
    beyond `height`, and the last ones where these are no whole kernel, are ignored. `position` counts the rows.
    """

    out: Update
    source: Read
    position: Update
    kernel: int
    height: int
    channels: int
    columns: int
    stride: int

    bound = cannot_overflow("it compares")

    @property
    def results(self) -> int:
        return self.height // self.kernel

    def width(self, program: Program) -> int:
        """Positions of a row of the picture."""
        return program[self.source].size // self.channels

    def shapes(self, program: Program) -> Shapes:
        width = self.width(program)
        if max(width, self.channels, self.kernel) > MOST:
            raise ValueError(f"PoolRow: {width} positions, {self.channels} channels, kernels count up to {MOST}")
        if self.columns > width or self.kernel > self.height:
            raise ValueError(
                f"PoolRow: {self.kernel} x {self.columns} do not lie in a picture of {self.height} x {width}"
            )
        positions = (width - self.columns) // self.stride + 1
        return {"out": (positions * self.channels,), "source": (width * self.channels,), "position": (1,)}

    def real(self, program: Program, v: Values) -> NDArray[Any] | None:
        count = int(v[self.position][0, 0]) if len(v[self.position]) else 0
        if count >= self.height:
            return None
        v[self.position] = v[self.position] + 1
        row = v[self.source].reshape(len(v[self.source]), -1, self.channels)
        largest = largest_of(row, self.columns, self.stride)
        v[self.out] = largest if count % self.kernel == 0 else np.maximum(v[self.out], largest)
        return v[self.out] if (count + 1) % self.kernel == 0 else None

    integer = real

    def types(self, program: Program) -> Types:
        return {self.out: program[self.source].type, self.position: QType(16, 0)}

    def cost(self, program: Program) -> Counts:
        out = program[self.out].size
        return Counter({"call PoolRow": 1, "result of PoolRow": out, "value of PoolRow": out * self.columns})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("PoolRow", frames=frozenset({"PoolRow"}), around="loop over pooled rows")

    def call(self, program: Program, cpp: Cpp) -> str:
        due = f"{self.out}_due"
        known = {"kKernel": self.kernel, "kHeight": self.height, "kColumns": self.columns, "kStride": self.stride}
        known["kChannels"] = self.channels
        numbers = ", ".join(cpp.constant(name, value) for name, value in known.items())
        positions = cpp.constant("kPositions", program[self.out].size // self.channels)
        where = f"{self.source}, {self.out}, {self.position}, {positions}"
        return f"for (bool {due} = edgealgos::pool_row<{numbers}>({where}); {due}; {due} = false)"


@dataclass(frozen=True)
class SumRow(Op):
    """``out[c] += sum of source[:, c] * 2^-halvings``: what becomes the average of a picture of so many `positions`."""

    out: Update
    source: Read
    positions: int
    halvings: int = 0

    kernels = ("conv",)
    over_rows = True
    largest = counting(out=255)
    bound = cannot_overflow("its type holds as many of the largest values as a picture has positions")

    @property
    def fixed(self) -> tuple[str, ...]:
        return (self.out,)

    def shapes(self, program: Program) -> Shapes:
        (channels,) = self.axes(program, self.out, 1)
        (size,) = self.axes(program, self.source, 1)
        return {"out": FREE, "source": (size // channels * channels,)}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return self._sum(v, 2.0**-self.halvings)

    def integer(self, program: Program, v: Values) -> Ints:
        return self._sum(v, 1)

    def _sum(self, v: Values, factor: float) -> NDArray[Any]:
        row = v[self.source].reshape(len(v[self.source]), -1, v[self.out].shape[1]).sum(axis=1)
        total: NDArray[Any] = v[self.out] + (row if factor == 1 else row * factor)
        return total

    def types(self, program: Program) -> Types:
        source = program[self.source].type
        most = self.positions << (source.bits - 1)
        bits = next((bits for bits in WIDTHS if most < 1 << (bits - 1)), WIDTHS[-1])
        return {self.out: QType(bits, source.frac + self.halvings)}

    def cost(self, program: Program) -> Counts:
        source, sums = program[self.source], program[self.out]
        kind = f"SumRow {sums.type.container}"
        held = sums.type.container == 16 and sums.size <= _IN_REGISTERS and source.size > sums.size
        return Counter({f"call {kind}": 1, f"{kind}{' in registers' * held}": source.size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"SumRow {program[self.out].type.container}", frames=frozenset({"SumRow"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        size = program[self.out].size
        positions, channels = (
            cpp.constant("kPositions", program[self.source].size // size),
            cpp.constant("kChannels", size),
        )
        return f"edgealgos::sum_row({self.source}, {self.out}, {positions}, {channels});"
