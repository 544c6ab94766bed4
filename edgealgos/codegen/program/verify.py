"""Checks that a program is well-formed: names, assignment, shapes. Knows programs, and asks each op for its shapes."""

from __future__ import annotations

from edgealgos.errors import OpRecordError

from .op import FREE, Op
from .program import Program
from .tensor import Space

_READY = (Space.INPUT, Space.FLASH, Space.STATE)  # before any op has run
_CONSTANT = (Space.INPUT, Space.FLASH)


def verify(program: Program) -> Program:
    """Check names, shapes and assignment; returns the program, raises ValueError that names the culprit."""
    names = [t.name for t in program.tensors]
    if len(set(names)) != len(names):
        raise ValueError(f"two tensors share a name: {sorted(n for n in names if names.count(n) > 1)}")
    for tensor in program.tensors:
        if (tensor.data is not None) != (tensor.space is Space.FLASH):
            raise ValueError(f"tensor {tensor.name!r}: exactly the FLASH tensors have data")
        if tensor.data is not None and tensor.data.shape != tensor.shape:
            raise ValueError(f"tensor {tensor.name!r}: data of shape {tensor.data.shape}, declared {tensor.shape}")
    for function, body in program.functions.items():
        _verify_function(program, function, body)
    return program


def _verify_function(program: Program, function: str, body: tuple[Op, ...]) -> None:
    ready = {t.name for t in program.tensors if t.space in _READY}
    written: set[str] = set()
    repeated = False
    for op in body:
        what = f"{function}: {type(op).__name__}"
        if unknown := sorted(set(op.operands.values()) - {t.name for t in program.tensors}):
            raise ValueError(f"{what} names {', '.join(map(repr, unknown))}, which the program does not have")
        for name in op.reads:
            if name not in ready:
                raise ValueError(f"{what} reads {name!r} before anything wrote it")
        for name in op.writes:
            if name in written.difference(op.reads) and program[name].space is not Space.STATE:
                raise ValueError(f"{function}: {name!r} is written twice")
            if program[name].space in _CONSTANT:
                raise ValueError(f"{what} writes to {name!r}, which is constant")
        for name in op.constants:
            if program[name].space is not Space.FLASH:
                raise ValueError(f"{what} takes {name!r} as a constant, which lives in {program[name].space.value}")
        _verify_shapes(program, op)
        if op.repeats:  # what lies in the arena does not outlast the ops that run again and again
            ready -= {name for name in ready if program[name].space is Space.SCRATCH}
        elif repeated and op.steps_left(1) is not None:
            raise ValueError(f"{what} waits, behind an op that repeats; put it in front")
        repeated |= op.repeats
        written.update(op.writes)
        ready = ready.union(op.writes).difference(op.consumed)


def _verify_shapes(program: Program, op: Op) -> None:
    """Every operand has the shape that its op's record gives it, and the record gives every operand one."""
    kind = type(op).__name__
    needed = op.shapes(program)
    if forgotten := sorted(set(op.operands) - set(needed)):
        raise OpRecordError(f"{kind}: shapes() gives none for {', '.join(forgotten)}; declare FREE what may be any")
    for field, most in op.largest.items():
        if (name := getattr(op, field)) is not None and program[name].size > most:
            raise ValueError(f"{kind}: {name!r} has {program[name].size} elements, its kernel counts at most {most}")
    for field, name in op.operands.items():
        shape, wanted = program[name].shape, needed[field]
        if wanted is not FREE and shape != wanted:
            raise ValueError(f"{kind}: {name!r} has shape {shape}, needs {wanted}")
