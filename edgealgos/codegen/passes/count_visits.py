"""Tells ops which ways rows go, where their cost hangs on it: a tree whose leaves lie unevenly takes what rows visit.

Runs on a float program; knows programs, and asks each op.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from ..program.interpret import encode, observed
from ..program.op import Op
from ..program.program import Program

_ENOUGH = 2000  # rows that tell


def count_visits(program: Program, X: NDArray[Any]) -> Program:
    """The program with ops that know which ways these rows go.

    Parameters
    ----------
    program : Program
        A float program.
    X : array, shape as in :func:`~.interpret.run_float`
        Raw rows, such as it will see.
    """
    going = [op for op in program.ops() if type(op).visited is not Op.visited]
    if not going or not len(X):
        return program
    rows = X[:_ENOUGH]
    values = observed(program, rows, real=True)
    values[program.input.name] = encode(program, rows) * program.input.type.step
    for name in {name for op in going for name in op.reads if program[name].data is None}:
        values[name] = values[name].reshape(-1, *program[name].shape)
    told = {id(op): op.visited(program, values) for op in going}
    functions = {name: tuple(told.get(id(op), op) for op in body) for name, body in program.functions.items()}
    return replace(program, functions=functions)
