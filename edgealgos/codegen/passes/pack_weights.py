"""Chooses for every constant the storage that takes the fewest bytes of flash, and counts them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir import GatedUpdate, LeakyUpdate, MatVec, Program, PrototypeScore, Space, Tensor, TreeWalk
from ..qtype import Ints, storage_bytes
from ..tables import EXP2, TANH


def pack_weights(program: Program) -> Program:
    """Sparse storage where it is smaller than the plain table, matrix by matrix."""
    matrices = {op.matrix for op in program.ops() if isinstance(op, MatVec)}
    matrices |= {name for op in program.ops() if isinstance(op, TreeWalk) for name in (op.weights, op.gates)}
    matrices |= {op.labels for op in program.ops() if isinstance(op, PrototypeScore)}
    return program.replacing(*(_packed(program[name]) for name in sorted(matrices)))


def _packed(tensor: Tensor) -> Tensor:
    """The tensor in the storage of fewest bytes; of equal ones the first, which is the fastest."""
    candidates = [replace(tensor, storage=storage) for storage in _possible(tensor)]
    return min(candidates, key=tensor_bytes)


def _possible(tensor: Tensor) -> list[str]:
    """Storages that can hold the values."""
    found = ["dense", "bitmap"]
    if tensor.type.container == 8 and not np.any(tensor.values & 15):  # four bits are the upper half of a byte
        found += ["nibbles", "nibble_bitmap"]
    distinct = np.unique(tensor.values).size
    if distinct <= 16:
        found += ["codebook16", "codebook16_bitmap"]
    if distinct <= 256 and tensor.type.container > 8:
        found += ["codebook256", "codebook256_bitmap"]
    return found


def codebook(tensor: Tensor) -> Ints:
    """Values that the indices of a codebook storage mean; a bitmap needs none for zero."""
    values = np.unique(tensor.values)
    return values[values != 0] if "bitmap" in tensor.storage else values


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that a constant occupies in flash (nine bits are an unsigned byte and count as one)."""
    width = max(1, tensor.type.bits // 8)
    columns = tensor.shape[-1] if tensor.shape else 1
    rows = tensor.size // columns
    stored = np.full(rows, columns)
    masks = 0
    if "bitmap" in tensor.storage:
        stored = np.count_nonzero(tensor.values.reshape(rows, columns), axis=1)
        masks = storage_bytes(tensor.shape, 0)["bitmap"]
    if tensor.storage.startswith("codebook"):
        masks += codebook(tensor).size * width + _start_bytes(tensor)
    if tensor.storage.startswith(("nibble", "codebook16")):
        return masks + int((-(-stored // 2)).sum())
    return masks + int(stored.sum()) * (1 if tensor.storage.startswith("codebook") else width)


def _start_bytes(tensor: Tensor) -> int:
    """Dense rows of codes also need to know where a block begins; bitmaps have counted that already."""
    return (
        2 * tensor.shape[0] if len(tensor.shape) == 3 and tensor.shape[0] > 1 and "bitmap" not in tensor.storage else 0
    )


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
