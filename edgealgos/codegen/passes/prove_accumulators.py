"""Proves by interval arithmetic, on the actual weights, how wide each accumulator must be; narrow ones are cheap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..program.ir import MatVec, Op, Program, PrototypeScore, Space, Standardize, TreeWalk
from ..program.qtype import Ints, QType

WIDTHS = (16, 32)
KERNEL_MAX = 127  # largest mantissa of a prototype's kernel


class AccumulatorOverflow(ValueError):
    """A product that 32 bits cannot hold for every input; `matrix` names the weights that are too fine."""

    def __init__(self, matrix: str, message: str) -> None:
        super().__init__(message)
        self.matrix = matrix


def prove_accumulators(program: Program) -> Program:
    """Set the accumulator width of every product, and store its bias as narrow as its values allow."""
    functions = {name: tuple(_proven(program, op) for op in body) for name, body in program.functions.items()}
    program = replace(program, functions=functions)
    for op in program.ops():
        if isinstance(op, MatVec) and op.bias is not None:
            bias = program[op.bias]
            program = program.replacing(replace(bias, qtype=QType(_bias_bits(bias.values), bias.type.frac)))
    return program


def _bias_bits(values: Ints) -> int:
    """Narrowest storage that holds a bias."""
    return next((bits for bits in WIDTHS if np.array_equal(QType(bits, 0).saturate(values), values)), WIDTHS[-1])


def value_range(program: Program, name: str) -> tuple[int, int]:
    """Smallest and largest raw value that a tensor can hold."""
    tensor = program[name]
    if tensor.space is Space.INPUT:
        return program.encoding.low, program.encoding.high
    for op in program.ops():
        if isinstance(op, Standardize) and op.out == name:
            return op.low, op.high
    return tensor.type.low, tensor.type.high


def product_range(matrix: Ints, low: int, high: int, bias: Ints | int = 0) -> tuple[int, int]:
    """Smallest and largest element of ``matrix @ v + bias`` over all v in [low, high]."""
    ends = np.stack([matrix * low, matrix * high])
    return (
        int((ends.min(axis=0).sum(axis=-1) + bias).min(initial=0)),
        int((ends.max(axis=0).sum(axis=-1) + bias).max(initial=0)),
    )


def _proven(program: Program, op: Op) -> Op:
    if isinstance(op, MatVec):
        bias = 0 if op.bias is None else program[op.bias].values
        return replace(op, acc_bits=_width(program, op.vector, op.matrix, _shift(program, op), bias, op.out))
    if isinstance(op, TreeWalk):
        names = [name for name in (op.weights, op.gates, op.branches) if name is not None]
        shift = max(_tree_shifts(program, op))
        return replace(op, acc_bits=max(_width(program, op.vector, name, shift, 0, op.out) for name in names))
    if isinstance(op, PrototypeScore):
        low, high = product_range(program[op.labels].values, 0, KERNEL_MAX)
        return replace(op, acc_bits=_narrowest(low, high, op.out, op.labels))
    return op


def _width(program: Program, vector: str, matrix: str, shift: int, bias: Ints | int, out: str) -> int:
    low, high = product_range(program[matrix].values, *value_range(program, vector), bias)
    return _narrowest(low, high + (1 << (shift - 1) if shift > 0 else 0), out, matrix)


def _narrowest(low: int, high: int, out: str, matrix: str) -> int:
    for width in WIDTHS:
        limit = 1 << (width - 1)
        if low >= -limit and high < limit:
            return width
    largest = max(-low, high)
    message = f"{out!r}: the product with {matrix!r} can reach {largest}, more than 32 bits hold"
    raise AccumulatorOverflow(matrix, message)


def _shift(program: Program, op: MatVec) -> int:
    return program[op.matrix].type.frac + program[op.vector].type.frac - program[op.out].type.frac


def _tree_shifts(program: Program, op: TreeWalk) -> tuple[int, int]:
    z = program[op.vector].type.frac
    assert op.w_type is not None
    return program[op.weights].type.frac + z - op.w_type.frac, program[op.gates].type.frac + z - 7
