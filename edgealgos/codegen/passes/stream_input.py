"""Does without an input buffer: the projection grows with every feature that is pushed; an image needs no RAM."""

from __future__ import annotations

from dataclasses import replace

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
    first, *others = program.functions["predict"]
    reads_input = [op for op in program.ops() if program.input.name in op.reads]
    streamed = first.streamed(program) if program.steps is None and reads_input == [first] else None
    if streamed is None:
        raise ValueError(f"{program.family} programs cannot take their input feature by feature")
    x = replace(program.input, shape=(1,))
    functions = {"push": streamed.push, "predict": (*streamed.predict, *others)}
    program = program.replacing(x, *streamed.changed, functions=functions, steps=program.input.size)
    return replace(program, tensors=(*program.tensors, *streamed.state))
