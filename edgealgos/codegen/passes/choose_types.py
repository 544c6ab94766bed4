"""Gives every tensor its integer type: what training chose, what the arithmetic fixes, else what the values need."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..program.program import Program
from ..program.qtype import QType
from ..program.tensor import Tensor


def choose_types(program: Program) -> Program:
    """Complete the types of weights, biases, gate constants and scores, as each op asks for them.

    Activations keep the type that training or calibration gave them; one without is an error, because guessing a
    range would be guessing an answer.
    """
    program = program.replacing(*(_weight_type(t) for t in program.tensors if t.data is not None))
    for op in program.ops():
        program = program.typed(op.types(program))
    missing = [t.name for t in program.tensors if t.qtype is None]
    if missing:
        raise ValueError(
            f"tensors without an integer type: {missing}; train them, or give rows for their ranges (X_calibration=)"
        )
    return program


def _weight_type(tensor: Tensor) -> Tensor:
    """The type that its values need, where it has none."""
    if tensor.qtype is not None:
        return tensor
    return replace(tensor, qtype=QType.covering(float(np.abs(tensor.values).max(initial=0.0)), 8))
