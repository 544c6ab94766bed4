"""Bytes of everything that a program stores of its model in flash, by item."""

from __future__ import annotations

from dataclasses import replace

from ..program.program import Program
from ..program.tensor import Space
from .record import tensor_bytes


def table_bytes(program: Program) -> dict[str, int]:
    """Bytes of the look-up tables that the program's ops read."""
    return {name: values.size for op in program.ops() for name, values in op.look_up_tables().items()}


def stored_bytes(program: Program) -> dict[str, int]:
    """Everything that an integer program stores of its model in flash, by item."""
    constants = [t for t in program.tensors if t.space is Space.FLASH and t.name not in program.preprocessing]
    packed = [replace(t, storage=t.packed or t.storage) for t in constants]
    return {t.name: tensor_bytes(t) for t in packed} | table_bytes(program)


def model_bytes(program: Program) -> int:
    """Exact number of flash bytes that an integer program stores: values, indices, biases, tables."""
    return sum(stored_bytes(program).values())
