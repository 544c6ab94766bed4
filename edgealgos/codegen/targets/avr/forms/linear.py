"""Products with a matrix as straight-line code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgealgos.codegen.ops.linear import MatVec
from edgealgos.codegen.ops.products import row_chunks
from edgealgos.codegen.program.tensor import Space
from edgealgos.codegen.storage.record import bytes_by_bytes

from ..straight_line import Narrow, product
from .record import Form, Parts
from .text import function

if TYPE_CHECKING:
    from edgealgos.codegen.program.program import Program


class ProductForm(Form):
    """A function for each chunk of rows; where sums become bytes in registers, one function for all."""

    def groups(self, op: MatVec) -> tuple[tuple[str, ...], ...]:
        return ((op.matrix,),)

    def parts(self, program: Program, op: MatVec, name: str) -> Parts | None:
        tensor = program[name]
        if not bytes_by_bytes(tensor, program[op.vector]) or tensor.size == 0:
            return None
        low, high = program.value_range(op.vector)
        narrow = self.narrowed(program, op)
        pieces = row_chunks(tensor.values) if narrow is None else [tensor.values]
        found = [product(rows, low, high, op.acc_bits, finish=narrow) for rows in pieces]
        return tuple(code for code in found if code is not None) if None not in found else None

    def narrowed(self, program: Program, op: MatVec) -> Narrow | None:
        """The bytes of the product."""
        out = program[op.out]
        if op.acc_bits != 16 or out.space is Space.OUTPUT:
            return None
        biases = () if op.bias is None else tuple(program[op.bias].values.tolist())
        found = Narrow(op.shift(program), out.type.bits, biases)
        return found if found.possible else None

    def absent(self, program: Program, op: MatVec) -> tuple[str, ...]:
        """A bias that sums begin with."""
        return (op.bias,) if op.bias is not None and self.in_one(program, op) else ()

    def functions(self, program: Program, op: MatVec, name: str, rest_reader: str) -> str:
        if not self.in_one(program, op):
            return super().functions(program, op, name, rest_reader)
        found = self.chosen(program, op, name)
        return f"{self.comment(name, found)}\n{function(f'{name}_product', found[0], 'int8_t', 'out')}"

    def call(self, program: Program, op: MatVec) -> str:
        return f"{op.matrix}_product({op.vector}, {op.out});"
