"""Prototypes as straight-line code, or in a table that a loop reads with the vector in registers; their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgealgos.codegen.ops.products import ROWS_AT_ONCE
from edgealgos.codegen.ops.prototypes import KERNEL_MAX, PrototypeScore, exp2_kernels
from edgealgos.codegen.program.qtype import Ints
from edgealgos.codegen.storage.dense import RESIDENT
from edgealgos.codegen.storage.record import Storage, storage_of

from ..code import Code
from ..distances import distance_loop, distances
from ..straight_line import product
from .record import Form, Parts
from .text import distance_loop_function, distance_reader, function

if TYPE_CHECKING:
    from edgealgos.codegen.program.program import Program


class PrototypeForm(Form):
    """Distances of the prototypes, and products of labels with kernels, each by itself."""

    def groups(self, op: PrototypeScore) -> tuple[tuple[str, ...], ...]:
        return (op.prototypes,), (op.labels,)

    def parts(self, program: Program, op: PrototypeScore, name: str) -> Parts | None:
        prototypes, labels = program[op.prototypes], program[op.labels]
        if name == op.prototypes:
            code = distances(prototypes.values, prototypes.type.low, prototypes.type.high)
        elif labels.type.container != 8 or labels.shape[0] > ROWS_AT_ONCE:
            return None
        else:
            share = nonzero_kernels(prototypes.values, op.distance_frac(program))
            code = product(labels.values, 0, KERNEL_MAX, op.acc_bits, share)
        return None if code is None else (code,)

    def chosen(self, program: Program, op: PrototypeScore, name: str) -> Parts:
        if storage_of(program[name]) is RESIDENT:
            loop = _resident(program, op)
            assert loop is not None, name
            return (loop,)
        return super().chosen(program, op, name)

    def tables(self, program: Program, op: PrototypeScore, names: tuple[str, ...]) -> tuple[Storage, ...]:
        return (RESIDENT,) if names == (op.prototypes,) and _resident(program, op) else ()

    def functions(self, program: Program, op: PrototypeScore, name: str, rest_reader: str) -> str:
        if name != op.prototypes:
            return super().functions(program, op, name, rest_reader)
        found = self.chosen(program, op, name)
        if storage_of(program[name]) is RESIDENT:
            return f"{distance_loop_function(name, found[0])}\n{distance_reader(name)}"
        code = function(f"{name}_distances", found[0], "uint16_t", "distances")
        return "\n".join([self.comment(name, found), code, distance_reader(name)])


def _resident(program: Program, op: PrototypeScore) -> Code | None:
    """The loop over prototypes that keeps the vector in registers."""
    prototypes = program[op.prototypes]
    return distance_loop(prototypes.values, prototypes.type.low, prototypes.type.high)


def nonzero_kernels(prototypes: Ints, frac: int) -> float:
    """Share of the prototypes whose kernel is not zero; the prototypes themselves serve as typical inputs."""
    squares = ((prototypes[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
    others = ~np.eye(len(prototypes), dtype=bool)
    if len(prototypes) < 2:
        return 1.0
    kernels, _ = exp2_kernels(np.minimum(squares[others].reshape(len(prototypes), -1), 0xFFFF), frac)
    return float(np.mean(kernels != 0))
