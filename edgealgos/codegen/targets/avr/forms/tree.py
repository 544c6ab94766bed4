"""Trees as straight-line code: a function a node, of the upper levels or of all; a single node in one piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgealgos.codegen.ops.products import ROWS_AT_ONCE, row_chunks
from edgealgos.codegen.ops.tree import TreeWalk
from edgealgos.codegen.storage.record import bytes_by_bytes

from ..straight_line import Narrow, product, tree
from .record import Form, Parts, is_decided
from .text import statement

if TYPE_CHECKING:
    from edgealgos.codegen.program.program import Program
    from edgealgos.codegen.program.tensor import Tensor


class TreeForm(Form):
    """Weights and gates of a node, each a function; of a single node the gates stand before the scores."""

    def groups(self, op: TreeWalk) -> tuple[tuple[str, ...], ...]:
        return ((op.weights, op.gates),)

    def parts(self, program: Program, op: TreeWalk, name: str) -> Parts | None:
        tensor = program[name]
        if not bytes_by_bytes(tensor, program[op.vector]) or tensor.size == 0:
            return None
        narrow = self.narrowed(program, op)
        if narrow is not None:
            scores, gates = tree(program[op.weights].values[0], program[op.gates].values[0], narrow)
            return (scores,) if name == op.weights else (gates,)
        if tensor.shape[1] > ROWS_AT_ONCE:
            return None
        low, high = program.value_range(op.vector)
        found = [product(rows, low, high, op.acc_bits) for rows in row_chunks(tensor.values)]
        return tuple(code for code in found if code is not None) if None not in found else None

    def chosen(self, program: Program, op: TreeWalk, name: str) -> Parts:
        return super().chosen(program, op, name)[: program[name].unrolled]

    def narrowed(self, program: Program, op: TreeWalk) -> Narrow | None:
        """Of a tree of a single node the gates, with which it multiplies the other sums."""
        if op.acc_bits != 16 or op.depth != 0 or op.bias is not None:
            return None
        of_weights, of_gates = op.shifts(program)
        found = Narrow(of_gates, 8)
        return found if of_weights == 0 and found.possible else None

    def shares(self, program: Program, op: TreeWalk, name: str) -> Iterable[float]:
        return op.node_shares(program)

    def partial(self, op: TreeWalk) -> tuple[int, ...]:
        """The nodes of the upper levels."""
        return tuple(2**levels - 1 for levels in range(1, op.depth + 1))

    def whole(self, tensor: Tensor) -> int:
        return tensor.shape[0]

    def tells_label(self, program: Program, op: TreeWalk) -> bool:
        return self.in_one(program, op) and is_decided(program, op.out)

    def functions(self, program: Program, op: TreeWalk, name: str, rest_reader: str) -> str:
        if not self.in_one(program, op):
            return super().functions(program, op, name, rest_reader)
        found = self.chosen(program, op, name)
        comment = self.comment(name, found)
        if name == op.gates:
            return f"{comment}\n// (It stands in {op.weights}_scores.)"
        (gates,) = self.chosen(program, op, op.gates)
        whole = replace(found[0], lines=gates.lines + found[0].lines)
        body = statement(whole, "gates", '"=&r"(label)')
        return (
            f"{comment}\nEDGEALGOS_NOINLINE uint8_t {name}_scores(const int8_t *vector, int32_t *scores) {{\n"
            f"  int8_t *gates = reinterpret_cast<int8_t *>(scores) + {3 * program[op.out].size};\n"
            f'  register uint8_t label __asm__("r16");\n'
            f"{body}\n"
            f"  return label;\n}}"
        )

    def call(self, program: Program, op: TreeWalk) -> str:
        label = f"const uint8_t {op.out}_label = " if self.tells_label(program, op) else ""
        return f"{label}{op.weights}_scores({op.vector}, {op.out}_);"
