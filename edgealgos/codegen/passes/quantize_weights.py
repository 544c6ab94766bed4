"""Turns the real values of FLASH tensors into raw integers of their types."""

from __future__ import annotations

from dataclasses import replace

from ..program.program import Program
from ..program.tensor import Tensor


def quantize_weights(program: Program) -> Program:
    """Round every constant to the grid of its type; trained constants already lie on it."""
    return program.replacing(*(_quantized(t) for t in program.tensors if t.data is not None))


def _quantized(tensor: Tensor) -> Tensor:
    return replace(tensor, data=tensor.type.quantize(tensor.values))
