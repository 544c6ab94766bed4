"""Layers over rows of a picture as straight-line code: one function for all positions of a row."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgealgos.codegen.ops.conv import POINTER_BYTES, Convolve, Pointwise, sees, shift_of
from edgealgos.codegen.program.op import Counts
from edgealgos.codegen.program.qtype import Ints
from edgealgos.codegen.storage.dense import BLOCK_ROWS
from edgealgos.codegen.storage.layers import LAYER_BLOCKS, LAYER_NIBBLES
from edgealgos.codegen.storage.record import Storage, bytes_by_bytes, storage_of

from ..code import CALL_SAVED, Code
from ..straight_line import Narrow, product
from .record import Form, Parts
from .text import statement

if TYPE_CHECKING:
    from edgealgos.codegen.program.program import Program

_MOST_WEIGHTS = 2000  # more would not leave room for anything else
_MOST_APART = 64  # channels: as far as an address reaches


class LayerForm(Form):
    """Sums become bytes in registers, position by position; a subclass an op says where the vector of each lies."""

    blocks = False

    def groups(self, op: Any) -> tuple[tuple[str, ...], ...]:
        return ((op.matrix,),)

    def parts(self, program: Program, op: Any, name: str) -> Parts | None:
        matrix, narrow = program[name], self.narrowed(program, op)
        if narrow is None or not bytes_by_bytes(matrix, program[op.vector]) or not 0 < matrix.size <= _MOST_WEIGHTS:
            return None
        code = product(matrix.values, *program.value_range(op.vector), 16, None, narrow)
        if code is None:
            return None
        once = 8 + 4 * len(CALL_SAVED.intersection(code.clobbers))  # not at each position: a part of the call
        return (replace(code, cycles=code.cycles - once),)

    def narrowed(self, program: Program, op: Any) -> Narrow | None:
        biases = tuple(program[op.bias].values.tolist())
        found = Narrow(shift_of(program, op), program[op.out].type.bits, biases, op.rectify)
        return found if op.acc_bits == 16 and found.possible else None

    def absent(self, program: Program, op: Any) -> tuple[str, ...]:
        """A bias that sums begin with."""
        return (op.bias,) if self.in_one(program, op) else ()

    def shares(self, program: Program, op: Any, name: str) -> Iterable[float]:
        return itertools.repeat(float(self.positions(program, op)))

    def positions(self, program: Program, op: Any) -> int:
        """Positions of a row of results."""
        return program[op.out].size // len(program[op.matrix].values)

    def counts(self, program: Program, op: Any) -> Counts:
        return Counter({f"position of {type(op).__name__} of code": self.positions(program, op)})

    def functions(self, program: Program, op: Any, name: str, rest_reader: str) -> str:
        found = self.chosen(program, op, name)
        takes, begin, vector, end = self.around(program, op)
        return (
            f"{self.comment(name, found)}\n"
            f"EDGEALGOS_NOINLINE void {name}_layer({takes}, int8_t *out) {{\n{begin}"
            f"  for (uint8_t left = {self.positions(program, op)}; left; --left) {{\n"
            f"  const int8_t *vector = {vector};\n{statement(found[0], 'out')}\n{end}  }}\n}}"
        )

    def around(self, program: Program, op: Any) -> tuple[str, str, str, str]:
        """What the function takes, what it begins with, where the next vector lies, what follows its product."""
        raise NotImplementedError


class PointwiseForm(LayerForm):
    """The vectors of positions lie one behind the other; or a loop over positions, two of which share each weight."""

    def tables(self, program: Program, op: Pointwise, names: tuple[str, ...]) -> tuple[Storage, ...]:
        matrix, narrow = program[op.matrix], self.narrowed(program, op)
        if narrow is None or not bytes_by_bytes(matrix, program[op.vector]) or matrix.shape[1] > _MOST_APART:
            return ()
        return next(((storage,) for storage in (LAYER_NIBBLES, LAYER_BLOCKS) if storage.can_hold(matrix)), ())

    def in_one(self, program: Program, op: Pointwise) -> bool:
        return storage_of(program[op.matrix]).by_code or super().in_one(program, op)

    def absent(self, program: Program, op: Pointwise) -> tuple[str, ...]:
        return super().absent(program, op) if program[op.matrix].unrolled else ()

    def chosen(self, program: Program, op: Pointwise, name: str) -> Parts:
        matrix = program[name]
        if matrix.unrolled:
            return super().chosen(program, op, name)
        return (_loop(matrix.values, self.positions(program, op), storage_of(matrix) is LAYER_NIBBLES),)

    def counts(self, program: Program, op: Pointwise) -> Counts:
        return super().counts(program, op) if program[op.matrix].unrolled else Counter()

    def functions(self, program: Program, op: Pointwise, name: str, rest_reader: str) -> str:
        return super().functions(program, op, name, rest_reader) if program[name].unrolled else ""

    def around(self, program: Program, op: Pointwise) -> tuple[str, str, str, str]:
        return "const int8_t *source", "", "source", f"  source += {program[op.matrix].shape[1]};\n"

    def call(self, program: Program, op: Pointwise) -> str:
        matrix, narrow = program[op.matrix], self.narrowed(program, op)
        if matrix.unrolled or narrow is None:
            return f"{op.matrix}_layer({op.source}, {op.out});"
        outputs, channels = matrix.shape
        flags = [str(flag).lower() for flag in (op.rectify, storage_of(matrix) is LAYER_NIBBLES)]
        numbers = f"{narrow.shift}, {narrow.bits}, {flags[0]}, {channels}, {outputs}, {self.positions(program, op)}"
        return f"edgealgos::both_positions<{numbers}, {flags[1]}>({op.matrix}, {op.bias}, {op.source}, {op.out});"


_BLOCK, _NIBBLE_BLOCK = (52, 66), (54, 92)  # cycles of a column, and of all else
_RESULT = 17  # cycles
_LOOP = 700  # bytes, about


def _loop(matrix: Ints, positions: int, nibbles: bool) -> Code:
    """What the kernel takes at a position, on average; it has no text of its own."""
    outputs, channels = matrix.shape
    blocks, pairs = -(-outputs // BLOCK_ROWS), -(-positions // 2)
    column, block = _NIBBLE_BLOCK if nibbles else _BLOCK
    pair = 32 + (15 * channels + 28) * nibbles + 2 * _RESULT * outputs  # of nibbles values are summed first
    return Code((), (), pairs / positions * (pair + blocks * (block + column * channels)), _LOOP)


class ConvolveForm(LayerForm):
    """What the kernel sees at a position is gathered first."""

    def around(self, program: Program, op: Convolve) -> tuple[str, str, str, str]:
        rows, width, channels = sees(program, op)
        numbers = f"{rows}, {op.columns}, {op.stride}, {op.left}, {width}, {channels}, int8_t"
        begin = f"  edgealgos::Patches<{numbers}> patches(ring, position, row);\n"
        return "const int8_t *ring, const int16_t *position, const int8_t *row", begin, "patches.next()", ""

    def local_bytes(self, program: Program, op: Convolve) -> int:
        return program[op.matrix].shape[1] + POINTER_BYTES * sees(program, op)[0]

    def counts(self, program: Program, op: Convolve) -> Counts:
        return super().counts(program, op) + op.gathered(program)

    def call(self, program: Program, op: Convolve) -> str:
        return f"{op.matrix}_layer({op.ring}, {op.position}, {op.row or 'nullptr'}, {op.out});"
