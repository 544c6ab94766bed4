"""Chooses for every constant the storage that takes the fewest bytes of flash, and counts them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir import GatedUpdate, LeakyUpdate, MatVec, Program, PrototypeScore, Space, Tensor, TreeWalk
from ..qtype import cheapest_storage, storage_bytes
from ..tables import EXP2, TANH


def pack_weights(program: Program) -> Program:
    """Sparse storage where it is smaller than the plain table, matrix by matrix."""
    matrices = {op.matrix for op in program.ops() if isinstance(op, MatVec)}
    matrices |= {name for op in program.ops() if isinstance(op, TreeWalk) for name in (op.weights, op.gates)}
    matrices |= {op.labels for op in program.ops() if isinstance(op, PrototypeScore)}
    return program.replacing(*(_packed(program[name]) for name in sorted(matrices)))


def _packed(tensor: Tensor) -> Tensor:
    nonzeros = int(np.count_nonzero(tensor.values))
    bits = 4 if has_nibbles(tensor) else tensor.type.container
    return replace(tensor, storage=cheapest_storage(tensor.shape, nonzeros, bits)[0])


def has_nibbles(tensor: Tensor) -> bool:
    """Whether all values are bytes with a lower half of zero, so that four bits store them."""
    return tensor.type.container == 8 and not np.any(tensor.values & 15)


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that a constant occupies in flash (nine bits are an unsigned byte and count as one)."""
    width = max(1, tensor.type.bits // 8)
    nonzeros = np.count_nonzero(tensor.values, axis=-1)
    if tensor.storage == "dense":
        return tensor.size * width
    if tensor.storage == "nibble_bitmap":
        return storage_bytes(tensor.shape, -nonzeros.size, 4)["nibble_bitmap"] + int((-(-nonzeros // 2)).sum())
    return storage_bytes(tensor.shape, int(nonzeros.sum()), 4 if tensor.storage == "nibbles" else 8 * width)[
        tensor.storage
    ]


def table_bytes(program: Program) -> dict[str, int]:
    """Bytes of the look-up tables that the program's non-linearities need."""
    tables = {}
    for op in program.ops():
        if isinstance(op, PrototypeScore):
            tables["exp2 table"] = EXP2.size
        if isinstance(op, (GatedUpdate, LeakyUpdate)) and op.nonlinearity == "tanh":
            tables["tanh table"] = TANH.size
    return tables


def stored_bytes(program: Program) -> dict[str, int]:
    """Everything that an integer program stores in flash, by item."""
    sizes = {t.name: tensor_bytes(t) for t in program.tensors if t.space is Space.FLASH}
    return sizes | table_bytes(program)


def model_bytes(program: Program) -> int:
    """Exact number of flash bytes that an integer program stores: values, indices, biases, tables."""
    return sum(stored_bytes(program).values())
