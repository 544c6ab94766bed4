"""Does without an input buffer: the projection grows with every feature that is pushed; an image needs no RAM."""

from __future__ import annotations

from dataclasses import replace

from ..program.op import Streamed
from ..program.program import Program


def stream_input(program: Program) -> Program:
    """Integer program that takes one feature a step instead of a whole sample.

    The product that reads the input becomes a sum over pushed features times columns of its matrix, which is stored
    column by column. Answers stay the same, bit for bit.

    Raises
    ------
    ValueError
        If the program takes sequences already, or reads its input elsewhere.
    """
    others = program.functions["predict"][1:]
    streamed = _streamed(program)
    if streamed is None:
        raise ValueError(f"{program.family} programs cannot take their input feature by feature")
    x = replace(program.input, shape=(1,))
    functions = {"push": streamed.push, "predict": (*streamed.predict, *others)}
    program = program.replacing(x, *streamed.changed, functions=functions, steps=program.input.size)
    return replace(program, tensors=(*program.tensors, *streamed.state))


def can_stream(program: Program) -> bool:
    """Whether an integer program can do without an input buffer."""
    return _streamed(program) is not None


def _streamed(program: Program) -> Streamed | None:
    first = program.functions["predict"][0]
    reads_input = [op for op in program.ops() if program.input.name in op.reads]
    return first.streamed(program) if program.steps is None and reads_input == [first] else None
