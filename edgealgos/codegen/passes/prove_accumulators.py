"""Proves how wide each accumulator must be, asking each op; narrow ones are cheap."""

from __future__ import annotations

from dataclasses import replace

from ..program.program import Program


def prove_accumulators(program: Program) -> Program:
    """Set the accumulator width of every product, and store its bias as narrow as its values allow."""
    functions = {name: tuple(op.bound(program) for op in body) for name, body in program.functions.items()}
    program = replace(program, functions=functions)
    for op in program.ops():
        program = program.typed(op.narrowed(program))
    return program
