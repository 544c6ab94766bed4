"""Products with a matrix as straight-line code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgealgos.codegen.ops.linear import MatVec
from edgealgos.codegen.ops.products import row_chunks
from edgealgos.codegen.program.tensor import Space
from edgealgos.codegen.storage.dense import COLUMNS, row_groups
from edgealgos.codegen.storage.record import Storage, bytes_by_bytes, storage_of

from ..columns import column_loops
from ..straight_line import Narrow, product
from .record import Form, Parts, nonzero_share
from .text import column_loop_function, function, part_name, reader

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
        share = nonzero_share(program, op)
        found = [product(rows, low, high, op.acc_bits, share, narrow) for rows in pieces]
        return tuple(code for code in found if code is not None) if None not in found else None

    def chosen(self, program: Program, op: MatVec, name: str) -> Parts:
        if storage_of(program[name]) is not COLUMNS:
            return super().chosen(program, op, name)
        loops = _loops(program, op)
        assert loops is not None, name
        return loops

    def tables(self, program: Program, op: MatVec, names: tuple[str, ...]) -> tuple[Storage, ...]:
        return (COLUMNS,) if _loops(program, op) else ()

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
        if storage_of(program[name]) is COLUMNS:
            return _column_functions(program, op, self.chosen(program, op, name))
        if not self.in_one(program, op):
            return super().functions(program, op, name, rest_reader)
        found = self.chosen(program, op, name)
        return f"{self.comment(name, found)}\n{function(f'{name}_product', found[0], 'int8_t', 'out')}"

    def call(self, program: Program, op: MatVec) -> str:
        return f"{op.matrix}_product({op.vector}, {op.out});"


def _loops(program: Program, op: MatVec) -> Parts | None:
    """Loops over columns, one a group of rows."""
    matrix = program[op.matrix]
    if not bytes_by_bytes(matrix, program[op.vector]) or matrix.size == 0:
        return None
    return column_loops(matrix.values, *program.value_range(op.vector), op.acc_bits, nonzero_share(program, op))


def _column_functions(program: Program, op: MatVec, found: Parts) -> str:
    """A function a group, and the reader that calls them."""
    name, kind = op.matrix, f"int{op.acc_bits}_t"
    groups, columns = row_groups(len(program[name].values)), program[name].shape[1]
    texts = [
        column_loop_function(part_name(name, found, i), f"{name} + {rows.start * columns}", code, kind)
        for i, (rows, code) in enumerate(zip(groups, found, strict=True))
    ]
    return "\n".join([*texts, reader(name, found, kind, [rows.stop - rows.start for rows in groups], "")])
