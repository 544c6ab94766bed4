"""Does without an input buffer: the projection grows with every feature that is pushed; an image needs no RAM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..program.ir import MatVec, Op, Program, PushColumn, Settle, Space, Tensor
from ..program.qtype import QType

POSITION = "position"


def stream_input(program: Program) -> Program:
    """Integer program that takes one feature a step instead of a whole sample.

    The product that reads the input becomes a sum over pushed features times columns of its matrix, which is stored
    column by column. Answers stay the same, bit for bit.

    Raises
    ------
    ValueError
        If the program takes sequences already, or reads its input elsewhere.
    """
    first, *others = program.functions["predict"]
    reads_input = [op for op in program.ops() if program.input.name in op.reads]
    if program.steps is not None or not isinstance(first, MatVec) or reads_input != [first]:
        raise ValueError(f"{program.family} programs cannot take their input feature by feature")
    matrix = program[first.matrix]
    sums = f"{first.out}_sums"
    acc = QType(first.acc_bits, matrix.type.frac + program.input.type.frac)
    tensors = [
        *(_streamed(t, program.input, matrix) for t in program.tensors),
        Tensor(sums, (matrix.shape[0],), Space.STATE, acc, doc="sums of the projection"),
        Tensor(POSITION, (2,), Space.STATE, QType(16, 0), doc="where the next column's masks and values lie"),
    ]
    push: tuple[Op, ...] = (PushColumn(sums, first.matrix, program.input.name, POSITION),)
    settle = Settle(first.out, sums, first.bias)
    functions = {"push": push, "predict": (settle, *others)}
    return replace(program, tensors=tuple(tensors), functions=functions, steps=matrix.shape[1])


def _streamed(tensor: Tensor, x: Tensor, matrix: Tensor) -> Tensor:
    if tensor is x:
        return replace(tensor, shape=(1,))
    if tensor is matrix:
        return replace(tensor, shape=tensor.shape[::-1], data=np.ascontiguousarray(tensor.values.T), storage="dense")
    return tensor
