"""Lets trees that add to all scores stop where the answer is decided. Knows programs, no ops and no boards."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..program.interpret import encode, observed
from ..program.op import Op
from ..program.program import Program
from ..program.tensor import Tensor
from ..program.verify import verify

_MOST_ROWS = 2000  # that tell how many trees are asked typically


def stop_votes(program: Program, rows: NDArray[np.float64] | None = None) -> Program:
    """Integer program that asks no more trees than its label needs; the same where none can be left out.

    Labels stay what they are; scores are those of the trees that were asked, and their shares not the model's own.

    Parameters
    ----------
    program : Program
        An integer program.
    rows : array, optional
        Raw samples, from which follows how many trees are asked typically.
    """
    for first, second in pairwise(program.functions["predict"]):
        compared = first.out in second.scores and not second.is_stored and not second.least_share
        if compared and (found := first.stopping(program)) is not None:
            op, rests = found
            stopping = _with(program, op, rests)
            if rows is None or not len(rows):
                return stopping
            some = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(int)]
            device = encode(stopping, some).astype(np.int64).reshape(len(some), -1)
            seen = observed(stopping, device, real=False) | {stopping.input.name: device}
            values = {name: seen[name].reshape(len(some), -1) for name in op.reads if name not in op.constants}
            return _with(stopping, op.typically(stopping, seen | values))
    return program


def _with(program: Program, op: Op, *tensors: Tensor) -> Program:
    """The program with this op in the place of the one that makes the same."""
    body = tuple(op if other.out == op.out else other for other in program.functions["predict"])
    functions = {**program.functions, "predict": body}
    link = replace(program.link, calibrated=False)
    return verify(replace(program, tensors=(*program.tensors, *tensors), functions=functions, link=link))
