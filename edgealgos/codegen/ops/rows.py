"""Pictures row by row: rings of the rows that a kernel still needs. Knows programs, no boards.

A picture is a sequence of rows, each ``width`` positions of ``channels`` values side by side; a sequence of vectors is
a picture of width 1. No picture is ever in memory: :class:`KeepRows` holds the last rows of one and lets what follows
run whenever a row of results is due.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.geometry import MOST
from ..program.op import (
    FREE,
    Counts,
    Cpp,
    Op,
    Pieces,
    Read,
    Reusable,
    Shapes,
    Types,
    Update,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import Ints, QType
from .rescaling import rescale_cost
from .row_by_row import TakesRows

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["AddRow", "AwaitRows", "HoldRow", "KeepRows"]


@dataclass(frozen=True)
class KeepRows(TakesRows):
    """Takes the row `source` into the ring `out`, the last rows of a picture; what follows runs for each result due.

    `out` has shape (kernel, width, channels). A result is due `stride` rows after the other. `top` rows of zeros lie
    above the picture of `height` rows, `bottom` below it: the last row of the picture brings these along, with all
    results that they make due. Rows beyond `height` are ignored.

    `position` says in which place of the ring the oldest row lies, and how many rows there were.
    """

    out: Update
    source: Read
    position: Update
    kernel: int
    height: int
    stride: int = 1
    top: int = 0
    bottom: int = 0

    bound = cannot_overflow("it copies")

    @property
    def results(self) -> int:
        return (self.height + self.top + self.bottom - self.kernel) // self.stride + 1

    def shapes(self, program: Program) -> Shapes:
        _, width, channels = shape = self.axes(program, self.out, 3)
        if max(shape) > MOST:
            raise ValueError(f"KeepRows: {self.out!r} has shape {shape}, kernels count up to {MOST}")
        if self.results < 1:
            raise ValueError(
                f"KeepRows: {self.height} rows are fewer than the {self.kernel} of the kernel of {self.out!r}"
            )
        if max(self.top, self.bottom) >= self.kernel:
            raise ValueError(f"KeepRows: with {self.kernel} rows of zeros {self.out!r} holds nothing of the picture")
        return {"out": (self.kernel, width, channels), "source": (width * channels,), "position": (2,)}

    def real(self, program: Program, v: Values) -> NDArray[Any] | None:
        if self._rows(v) >= self.height:
            return None
        return v[self.out] if self._take(v, v[self.source]) else self.further(program, v)

    integer = real

    def further(self, program: Program, v: Values) -> NDArray[Any] | None:
        """The ring as rows of zeros below the picture make the next result due."""
        while len(v[self.position]) and self.height <= self._rows(v) < self.height + self.bottom:
            if self._take(v, np.zeros_like(v[self.source])):
                return v[self.out]
        return None

    def _rows(self, v: Values) -> int:
        """How many rows there were."""
        return int(v[self.position][0, 1]) if len(v[self.position]) else 0

    def _take(self, v: Values, row: NDArray[Any]) -> bool:
        """Count a row and put it into the ring; whether a result is due."""
        v[self.position] = v[self.position] + np.array([0, 1])
        v[self.out] = with_row(v, self.out, row, self.position)
        return self._due(v)

    def _due(self, v: Values) -> bool:
        after = self._rows(v) + self.top - self.kernel
        return after >= 0 and after % self.stride == 0

    def types(self, program: Program) -> Types:
        return {self.out: program[self.source].type, self.position: QType(16, 0)}

    def cost(self, program: Program) -> Counts:
        taken = (self.height + self.bottom) / self.height  # the last row brings those of zeros along
        value = f"KeepRows {program[self.out].type.container}{' or zero' * (self.bottom > 0)}"
        return Counter({"row of KeepRows": taken, value: taken * program[self.source].size})

    def pieces(self, program: Program) -> Pieces:
        loop = "loop over rows of zeros" if self.bottom else "loop over rows"
        return Pieces("KeepRows", frames=frozenset({"KeepRows"}), around=loop)

    def call(self, program: Program, cpp: Cpp) -> str:
        return self._loop(program, cpp, "keep_row", "keep_below")

    def _loop(self, program: Program, cpp: Cpp, first: str, further: str) -> str:
        """A loop over results, with the functions for a row of the picture and for rows of zeros below it."""
        due, size = f"{self.out}_due", cpp.constant("kSize", program[self.source].size)
        known = {"kKernel": self.kernel, "kStride": self.stride, "kTop": self.top, "kBottom": self.bottom}
        known["kHeight"] = self.height
        numbers = ", ".join(cpp.constant(name, value) for name, value in known.items())
        asked = f"<{numbers}>({self.source}, {self.out}, {self.position}, {size})"
        return f"for (bool {due} = edgealgos::{first}{asked}; {due}; {due} = edgealgos::{further}{asked})"


@dataclass(frozen=True)
class AwaitRows(KeepRows):
    """The same where a row that makes a result due stays where it is until the result is made.

    The ring keeps the ``kernel - 1`` rows before it; what reads the ring reads `source` besides, and :class:`HoldRow`
    puts that into the ring afterwards. `source` becomes the row of zeros below the picture.
    """

    source: Update

    bound = cannot_overflow("it copies")

    def shapes(self, program: Program) -> Shapes:
        return {**super().shapes(program), "out": (self.kernel - 1, *self.axes(program, self.out, 3)[1:])}

    real = KeepRows.real
    integer = KeepRows.real
    types = KeepRows.types

    def _take(self, v: Values, row: NDArray[Any]) -> bool:
        v[self.position], v[self.source] = v[self.position] + np.array([0, 1]), row
        due = self._due(v)
        if not due:
            v[self.out] = with_row(v, self.out, row, self.position)
        return due

    def cost(self, program: Program) -> Counts:
        taken, size = (self.height + self.bottom) / self.height, program[self.source].size
        idle = max(0.0, taken - self.results / self.height)
        kept, zeros = f"KeepRows {program[self.out].type.container}", self.bottom / self.height * size
        return Counter({"row of AwaitRows": taken, kept: idle * size, "zero of AwaitRows": zeros})

    def pieces(self, program: Program) -> Pieces:
        return replace(super().pieces(program), call="AwaitRows", frames=frozenset({"AwaitRows"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        return self._loop(program, cpp, "await_row", "await_below")


@dataclass(frozen=True)
class HoldRow(Op):
    """Takes the row `source` into the ring `out`, whose rows :class:`AddRow` takes out again, later.

    `out` has shape (rows, size): as many rows as may come before the oldest is taken out, that one included; or it is
    the ring of :class:`AwaitRows`. `places` says where the next row is put, and where the next one is taken out.
    """

    out: Update
    source: Read
    places: Update

    kernels = ("conv",)
    over_rows = True
    largest = counting()
    bound = cannot_overflow("it copies")

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.out, self.places

    def shapes(self, program: Program) -> Shapes:
        return {"out": FREE, "source": (program[self.out].size // program[self.out].shape[0],), "places": (2,)}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return with_row(v, self.out, v[self.source], self.places)

    integer = real

    def types(self, program: Program) -> Types:
        return {self.out: program[self.source].type, self.places: QType(16, 0)}

    def value_range(self, program: Program) -> tuple[int, int]:
        low, high = program.value_range(self.source)
        return min(low, 0), max(high, 0)

    def cost(self, program: Program) -> Counts:
        return Counter({"call HoldRow": 1, f"HoldRow {program[self.out].type.container}": program[self.source].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("HoldRow", frames=frozenset({"HoldRow"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        rows, size = program[self.out].shape[0], program[self.source].size
        where = f"{self.source}, {self.out}, {self.places}, {cpp.constant('kSize', size)}"
        return f"edgealgos::hold_row<{cpp.constant('kRows', rows)}>({where});"


@dataclass(frozen=True)
class AddRow(Op):
    """``out = source + (row of `ring` that was put in first)``, which is taken out; both are rounded as `out` is.

    What a branch makes of a picture and the picture itself meet here: row by row, in the same order.
    """

    source: Reusable
    ring: Read
    places: Update

    kernels = ("conv",)
    over_rows = True
    largest = counting()
    bound = cannot_overflow("a sum of two words saturates")

    def shapes(self, program: Program) -> Shapes:
        rows, size = self.axes(program, self.ring, 2)
        return {"out": (size,), "source": (size,), "ring": (rows, size), "places": (2,)}

    def _taken(self, program: Program, v: Values) -> NDArray[Any]:
        """The row that was put in first."""
        row: NDArray[Any] = v[self.ring][:, next_place(v, self.places, 1, program[self.ring].shape[0])]
        return row

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        total: NDArray[Any] = v[self.source] + self._taken(program, v)
        qtype = program[self.out].qtype
        return total if qtype is None else np.clip(total, qtype.low * qtype.step, qtype.high * qtype.step)

    def integer(self, program: Program, v: Values) -> Ints:
        found: Ints = self._sum(program, v[self.source], self._taken(program, v))
        return found

    def _sum(self, program: Program, source: Ints, taken: Ints) -> Ints:
        out, sides = program[self.out].type, ((self.source, source), (self.ring, taken))
        a, b = (out.rescale(values, program[name].type.frac) for name, values in sides)
        total: Ints = out.saturate(a + b)
        return total

    def types(self, program: Program) -> Types:
        return {self.places: QType(16, 0)}

    def value_range(self, program: Program) -> tuple[int, int]:
        ends = (np.array(program.value_range(name)) for name in (self.source, self.ring))
        low, high = self._sum(program, *ends)
        return int(low), int(high)

    def cost(self, program: Program) -> Counts:
        out, sides = program[self.out], (self.source, self.ring)
        counts: Counts = Counter({"call AddRow": 1, "sum of AddRow": out.size})
        for side in sides:
            counts += rescale_cost(program[side].type, out.type, out.size, "AddRow")
        return counts

    def pieces(self, program: Program) -> Pieces:
        return Pieces("AddRow", frames=frozenset({"AddRow"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        out, (rows, size) = program[self.out].type, program[self.ring].shape
        down = [program[name].type.frac - out.frac for name in (self.source, self.ring)]
        numbers = {"kShift": down[0], "kShiftOfHeld": down[1], "kBits": out.bits, "kRows": rows}
        where = f"{self.source}, {self.ring}, {self.places}, {cpp.ref(self.out)}, {cpp.constant('kSize', size)}"
        known = ", ".join(cpp.constant(name, value) for name, value in numbers.items())
        return f"edgealgos::add_row<{known}>({where});"


def with_row(v: Values, ring: str, row: NDArray[Any], places: str) -> NDArray[Any]:
    """A ring with one more row, in place of the oldest."""
    found: NDArray[Any] = v[ring].copy()
    found[:, next_place(v, places, 0, found.shape[1])] = row.reshape(len(found), *found.shape[2:])
    return found


def next_place(v: Values, places: str, which: int, rows: int) -> int:
    """Where the next row of a ring is put (0) or taken out (1), which moves on."""
    now = v[places].copy()
    place = int(now[0, which]) if len(now) else 0
    now[:, which] = (place + 1) % rows
    v[places] = now
    return place
