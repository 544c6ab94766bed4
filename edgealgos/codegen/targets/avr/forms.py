"""Which constants of a program can be straight-line code on AVR, and that code; knows programs, not what is chosen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgealgos.codegen.ops.semantics import exp2_kernels
from edgealgos.codegen.passes.prove_accumulators import KERNEL_MAX, value_range
from edgealgos.codegen.program.ir import ArgMax, MatVec, Op, Program, PrototypeScore, Space, Tensor, TreeWalk
from edgealgos.codegen.program.qtype import Ints

from .straight_line import Code, Narrow, distance_loop, distances, product, tree

ROWS_AT_ONCE = 20  # sums that wait on the stack to be rescaled
RESIDENT = "resident"  # storage of prototypes that are compared with a vector in registers
Parts = tuple[Code, ...]


def groups(op: Op) -> Iterator[tuple[str, ...]]:
    """Names of the constants of an op that become straight-line code together."""
    if isinstance(op, MatVec):
        yield (op.matrix,)
    elif isinstance(op, TreeWalk):
        yield op.weights, op.gates
    elif isinstance(op, PrototypeScore):
        yield (op.prototypes,)
        yield (op.labels,)


def parts(program: Program, op: Op, name: str) -> Parts | None:
    """Functions of a constant of an op: of its rows in chunks, of each node of a tree; None where it cannot be."""
    tensor = program[name]
    if isinstance(op, PrototypeScore):
        prototypes = program[op.prototypes]
        low, high = prototypes.type.low, prototypes.type.high
        if name == op.prototypes:
            found = [distances(tensor.values, low, high)]
        else:
            found = [_labels(tensor.values, prototypes.values, 2 * prototypes.type.frac, op.acc_bits)]
            if tensor.type.container != 8 or tensor.shape[0] > ROWS_AT_ONCE:
                return None
    elif isinstance(op, (MatVec, TreeWalk)):
        if (tensor.type.container, program[op.vector].type.container) != (8, 8) or tensor.size == 0:
            return None
        narrow = narrowed(program, op)
        if narrow is not None and isinstance(op, TreeWalk):
            whole = tree(program[op.weights].values[0], program[op.gates].values[0], narrow)
            return whole[:1] if name == op.weights else whole[1:]
        if isinstance(op, TreeWalk) and tensor.shape[1] > ROWS_AT_ONCE:
            return None
        low, high = value_range(program, op.vector)
        pieces = chunks(tensor.values) if narrow is None else [tensor.values]
        found = [product(rows, low, high, op.acc_bits, finish=narrow) for rows in pieces]
    else:
        return None
    return tuple(code for code in found if code is not None) if None not in found else None


def narrowed(program: Program, op: Op) -> Narrow | None:
    """What straight-line code makes of sums while they are in registers, if it is all there is of an op; else None.

    The bytes of a product; of a tree of a single node the gates, with which it multiplies the other sums.
    """
    found = None
    if isinstance(op, MatVec) and op.acc_bits == 16:
        out, matrix = program[op.out], program[op.matrix]
        shift = matrix.type.frac + program[op.vector].type.frac - out.type.frac
        biases = () if op.bias is None else tuple(program[op.bias].values.tolist())
        found = Narrow(shift, out.type.bits, biases) if out.space is not Space.OUTPUT else None
    elif isinstance(op, TreeWalk) and op.acc_bits == 16 and op.depth == 0 and op.bias is None:
        assert op.w_type is not None
        z = program[op.vector].type.frac
        if program[op.weights].type.frac + z == op.w_type.frac:
            found = Narrow(program[op.gates].type.frac + z - 7, 8)
    return found if found is not None and found.possible else None


def in_one(program: Program, op: Op) -> bool:
    """Whether straight-line code is all there is of an op."""
    if not isinstance(op, (MatVec, TreeWalk)):
        return False
    names = (op.matrix,) if isinstance(op, MatVec) else (op.weights, op.gates)
    return all(program[name].unrolled for name in names) and narrowed(program, op) is not None


def tells_label(program: Program, op: Op) -> bool:
    """Whether the code of a tree tells the largest score, so that the op behind it need not look for it."""
    if not isinstance(op, TreeWalk) or not in_one(program, op) or program[op.out].size == 1:
        return False
    return any(
        first == op and isinstance(second, ArgMax) and second.source == op.out
        for body in program.functions.values()
        for first, second in itertools.pairwise(body)
    )


def label_told(program: Program, op: Op) -> bool:
    """Whether the code of a tree tells what an op looks for."""
    return isinstance(op, ArgMax) and any(
        other.out == op.source and tells_label(program, other) for other in program.ops()
    )


def not_stored(program: Program) -> set[str]:
    """Constants that AVR flash does not hold: biases that sums begin with."""
    ops = (op for op in program.ops() if isinstance(op, MatVec) and in_one(program, op))
    return {op.bias for op in ops if op.bias is not None}


def chosen_parts(program: Program, op: Op, name: str) -> Parts:
    """Functions of a constant that are straight-line code."""
    if program[name].storage == RESIDENT and isinstance(op, PrototypeScore):
        loop = resident(program, op)
        assert loop is not None, name
        return (loop,)
    found = parts(program, op, name)
    assert found is not None, name
    return found[: program[name].unrolled] if isinstance(op, TreeWalk) else found


def rest(tensor: Tensor) -> Tensor | None:
    """What stays a table of a tensor that is straight-line code in part."""
    if len(tensor.shape) != 3 or tensor.unrolled >= tensor.shape[0]:
        return None if tensor.unrolled else tensor
    values = tensor.values[tensor.unrolled :]
    return replace(tensor, shape=values.shape, data=values, unrolled=0)


def is_code(tensor: Tensor) -> bool:
    """Whether code of its own reads the constant or holds it."""
    return bool(tensor.unrolled) or tensor.storage == RESIDENT


def resident(program: Program, op: PrototypeScore) -> Code | None:
    """The loop over prototypes that keeps the vector in registers."""
    prototypes = program[op.prototypes]
    return distance_loop(prototypes.values, prototypes.type.low, prototypes.type.high)


def chunks(matrix: Ints) -> list[Ints]:
    """Rows that one function multiplies: a node's, or of a single matrix as many as may wait on the stack."""
    if matrix.ndim == 3:
        return list(matrix)
    return np.array_split(matrix, -(-len(matrix) // ROWS_AT_ONCE))


def _labels(labels: Ints, prototypes: Ints, frac: int, acc_bits: int) -> Code | None:
    return product(labels, 0, KERNEL_MAX, acc_bits, nonzero_kernels(prototypes, frac))


def nonzero_kernels(prototypes: Ints, frac: int) -> float:
    """Share of the prototypes whose kernel is not zero; the prototypes themselves serve as typical inputs."""
    squares = ((prototypes[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
    others = ~np.eye(len(prototypes), dtype=bool)
    if len(prototypes) < 2:
        return 1.0
    kernels, _ = exp2_kernels(np.minimum(squares[others].reshape(len(prototypes), -1), 0xFFFF), frac)
    return float(np.mean(kernels != 0))
