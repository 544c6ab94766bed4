"""Chooses for every constant the storage that takes the fewest bytes of flash, and counts them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..program.ir import GatedUpdate, LeakyUpdate, MatVec, Program, PrototypeScore, PushColumn, Space, Tensor, TreeWalk
from ..program.qtype import MAX_INDEXED_COLUMNS, Ints, QType, storage_bytes
from ..program.tables import EXP2, TANH

BLOCK_ROWS = 4  # rows that share the load of an input
BLOCK_COLUMNS = 255  # most columns that the kernels of blocks count


def pack_weights(program: Program) -> Program:
    """Sparse storage where it is smaller than the plain table, matrix by matrix; of dense ones the faster order."""
    factors: dict[str, str] = {}  # matrix: the vector it is multiplied with
    for op in program.ops():
        if isinstance(op, MatVec):
            factors[op.matrix] = op.vector
        elif isinstance(op, TreeWalk):
            factors |= {op.weights: op.vector, op.gates: op.vector}
        elif isinstance(op, PrototypeScore):
            factors[op.labels] = op.prototypes  # the kernels: bytes, as prototypes are
        elif isinstance(op, PushColumn):
            program = program.replacing(_smallest(program[op.matrix], ["dense", "bitmap"]))
    return program.replacing(*(_packed(program[name], program[factors[name]]) for name in sorted(factors)))


def _packed(matrix: Tensor, vector: Tensor) -> Tensor:
    """The matrix in the storage of fewest bytes."""
    return _smallest(matrix, _possible(matrix, vector))


def _smallest(matrix: Tensor, storages: list[str]) -> Tensor:
    """The matrix in the storage that takes the fewest bytes; of equal ones the first, which is the fastest."""
    return min((replace(matrix, storage=storage) for storage in storages), key=tensor_bytes)


def _possible(matrix: Tensor, vector: Tensor) -> list[str]:
    """Storages that can hold the values, the fastest first."""
    found = ["blocks"] if fits_blocks(matrix, vector) else []
    found += ["dense", "bitmap"]
    bytes_by_bytes = (matrix.type.container, vector.type.container) == (8, 8)
    if bytes_by_bytes and matrix.shape[-1] <= MAX_INDEXED_COLUMNS:
        found.append("indexed")
    if bytes_by_bytes and np.array_equal(QType(4, 0).saturate(matrix.values), matrix.values):
        found += ["nibbles", "nibble_bitmap"]
    distinct = np.unique(matrix.values).size
    if distinct <= 16:
        found += ["codebook16", "codebook16_bitmap"]
    if distinct <= 256 and matrix.type.container > 8:
        found += ["codebook256", "codebook256_bitmap"]
    return found


def fits_blocks(matrix: Tensor, vector: Tensor) -> bool:
    """Whether the kernels of blocks can multiply this matrix: bytes by bytes, enough rows, not too many columns."""
    rows, columns = matrix.shape[-2:]
    return (matrix.type.container, vector.type.container) == (8, 8) and rows >= BLOCK_ROWS and columns <= BLOCK_COLUMNS


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
    if tensor.storage == "indexed":
        return storage_bytes(tensor.shape, int(np.count_nonzero(tensor.values)))["indexed"]
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
    """Everything that an integer program stores of its model in flash, by item."""
    constants = [t for t in program.tensors if t.space is Space.FLASH and t.name not in program.preprocessing]
    packed = [replace(t, storage=t.packed or t.storage) for t in constants]
    sizes = {t.name: tensor_bytes(t) for t in packed}
    return sizes | table_bytes(program)


def model_bytes(program: Program) -> int:
    """Exact number of flash bytes that an integer program stores: values, indices, biases, tables."""
    return sum(stored_bytes(program).values())
