"""Gives every tensor its integer type: what training chose, what the arithmetic fixes, else what the values need."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..program.ir import (
    ArgMax,
    GatedUpdate,
    KeepConfident,
    LeakyUpdate,
    MatVec,
    Program,
    PrototypeScore,
    Rescale,
    Space,
    Tensor,
    TreeWalk,
)
from ..program.qtype import PREACTIVATION, QType

SCORE_BITS = 32
UNSIGNED_BYTE = QType(9, 8)  # zeta and nu: 0..255 with 8 fractional bits


def choose_types(program: Program) -> Program:
    """Complete the types of weights, biases, gate constants and scores.

    Activations keep the type that training or calibration gave them; one without is an error, because guessing a
    range would be guessing an answer.
    """
    program = program.replacing(*(_weight_type(t) for t in program.tensors if t.space is Space.FLASH))
    scores = {program.output.name} | {op.source for op in program.ops() if isinstance(op, KeepConfident)}
    for op in program.ops():
        if isinstance(op, MatVec):
            acc = program[op.matrix].type.frac + program[op.vector].type.frac
            program = _typed(program, op.bias, QType(32, acc))
            if op.out in scores:
                program = _typed(program, op.out, QType(SCORE_BITS, acc))
        elif isinstance(op, TreeWalk):
            if op.w_type is None:
                raise ValueError(f"TreeWalk {op.out!r}: w_type is missing")
            program = _scores(program, op.out, op.bias, op.w_type.frac + 7)
        elif isinstance(op, PrototypeScore):
            program = program.replacing(replace(program[op.prototypes], qtype=program[op.vector].qtype))
            labels = program[op.labels]
            program = _scores(program, op.out, op.bias, labels.type.frac + 7 + _headroom(labels))
        elif isinstance(op, GatedUpdate):
            program = _as_coarse(_as_coarse(program, op.gate_bias), op.candidate_bias)
            program = _typed(_typed(program, op.zeta, UNSIGNED_BYTE), op.nu, UNSIGNED_BYTE)
        elif isinstance(op, LeakyUpdate):
            program = _as_coarse(program, op.candidate_bias)
            program = _typed(_typed(program, op.alpha, QType(16, 15)), op.beta, QType(16, 15))
        elif isinstance(op, KeepConfident):
            program = _typed(_typed(program, op.out, program[op.source].type), op.limit, program[op.source].type)
        elif isinstance(op, Rescale) and op.out == program.output.name and program.output.qtype is None:
            program = _typed(program, op.out, program[op.source].type)
        elif isinstance(op, ArgMax):
            program = _typed(program, op.out, QType(16, 0))
    missing = [t.name for t in program.tensors if t.qtype is None]
    if missing:
        raise ValueError(f"tensors without an integer type: {missing}; calibrate them or train them")
    return program


def _headroom(labels: Tensor) -> int:
    """Bits that a sum of labels times kernels of 7 bits can be shifted up, at most 9, before the common exponent."""
    raw = np.abs(labels.type.quantize(labels.values))
    largest = max(int(raw.sum(axis=1).max(initial=0)) * 128, 1)
    return min(9, 31 - largest.bit_length())


def _weight_type(tensor: Tensor) -> Tensor:
    if tensor.qtype is not None or tensor.data is None:
        return tensor
    return replace(tensor, qtype=QType.covering(float(np.abs(tensor.data).max(initial=0.0)), 8))


def _typed(program: Program, name: str | None, qtype: QType) -> Program:
    return program if name is None else program.replacing(replace(program[name], qtype=qtype))


def _as_coarse(program: Program, bias: str) -> Program:
    """A bias with no more fractional bits than the pre-activation that it is shifted up to."""
    qtype = program[bias].type
    return _typed(program, bias, QType(qtype.bits, min(qtype.frac, PREACTIVATION.frac)))


def _scores(program: Program, out: str, bias: str | None, frac: int) -> Program:
    return _typed(_typed(program, out, QType(SCORE_BITS, frac)), bias, QType(32, frac))
