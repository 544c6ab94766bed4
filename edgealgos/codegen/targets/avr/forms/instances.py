"""Comparisons with stored samples: products with many of them by one loop that keeps the sums of some in registers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgealgos.codegen.ops.instances import KernelSums
from edgealgos.codegen.ops.votes import Neighbours
from edgealgos.codegen.storage.dense import GROUPS, row_groups
from edgealgos.codegen.storage.record import Storage, bytes_by_bytes

from ..code import Code
from ..columns import column_loop
from .record import Form, Parts, nonzero_share
from .text import grouped_rows

if TYPE_CHECKING:
    from edgealgos.codegen.program.program import Program


_SUM_CYCLES = 60  # to fetch a sum from where the loop leaves it


class InstancesForm(Form):
    """Samples in blocks, or in groups for a loop that leaves out inputs which are zero."""

    def groups(self, op: KernelSums | Neighbours) -> tuple[tuple[str, ...], ...]:
        return ((op.matrix,),)

    def parts(self, program: Program, op: KernelSums | Neighbours, name: str) -> Parts | None:
        return None

    def chosen(self, program: Program, op: KernelSums | Neighbours, name: str) -> Parts:
        loop = _loop(program, op)
        assert loop is not None, name
        return (loop,)

    def shares(self, program: Program, op: KernelSums | Neighbours, name: str) -> Iterable[float]:
        return (len(row_groups(len(program[name].values))),)

    def tables(self, program: Program, op: KernelSums | Neighbours, names: tuple[str, ...]) -> tuple[Storage, ...]:
        return (GROUPS,) if _loop(program, op) else ()

    def functions(self, program: Program, op: KernelSums | Neighbours, name: str, rest_reader: str) -> str:
        return grouped_rows(name, self.chosen(program, op, name)[0], row_groups(len(program[name].values))[0].stop)


def _loop(program: Program, op: KernelSums | Neighbours) -> Code | None:
    """That of all groups, whose sums have to be words."""
    matrix = program[op.matrix]
    if op.acc_bits != 16 or not bytes_by_bytes(matrix, program[op.vector]) or matrix.size == 0:
        return None
    together = row_groups(len(matrix.values))[0].stop
    loop = column_loop(together, matrix.shape[1], nonzero_share(program, op))
    return None if loop is None else replace(loop, cycles=loop.cycles + _SUM_CYCLES * together)
