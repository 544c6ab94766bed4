"""How flash holds constants: one record a storage, and the bytes of everything that a model stores.

Knows programs, no op and no board. Training counts its budget with the same records.
"""

from __future__ import annotations

from ..program.tensor import Shape
from .bits import BITS
from .codebook import CODEBOOKS
from .dense import BLOCKS, COLUMNS, DENSE, RESIDENT, TILES
from .layers import LAYER_BLOCKS, LAYER_NIBBLES
from .nibbles import NIBBLE_BITMAP, NIBBLES
from .record import STORAGES, Content, ContentToCome, Storage, storage_of, tensor_bytes
from .sparse import BITMAP, INDEXED


def storage_bytes(shape: Shape, nonzeros: int, bits: int = 8, input_bits: int = 8) -> dict[str, int]:
    """Flash bytes of a matrix in each storage that training counts on, of values that are yet to be found.

    Bytes and words may be dense, behind masks, or (bytes times bytes, in rows of at most 255) indexed; values of four
    bits lie two in a byte: all of them, or behind masks, for which it is the most that so many non-zeros can take.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns, or blocks, rows and columns.
    nonzeros : int
        Number of values different from zero.
    bits : int
        Width of one value.
    input_bits : int
        Width of what the values are multiplied with.
    """
    content = ContentToCome(shape, bits, nonzeros)
    if bits <= 4:
        found: tuple[Storage, ...] = (NIBBLES, NIBBLE_BITMAP if NIBBLE_BITMAP.counts(content) else BITMAP)
    elif INDEXED.counts(content) and input_bits <= 8:
        found = (DENSE, BITMAP, INDEXED)
    else:
        found = (DENSE, BITMAP)
    return {storage.name: storage.size(content) for storage in found}


def cheapest_storage(shape: Shape, nonzeros: int, bits: int = 8, input_bits: int = 8) -> tuple[str, int]:
    """Name and bytes of the smallest of these storages (the simpler one when equal)."""
    sizes = storage_bytes(shape, nonzeros, bits, input_bits)
    name = min(sizes, key=sizes.__getitem__)
    return name, sizes[name]


__all__ = [
    "BITMAP", "BITS", "BLOCKS", "CODEBOOKS", "COLUMNS", "DENSE", "INDEXED", "LAYER_BLOCKS", "LAYER_NIBBLES", "NIBBLES",
    "NIBBLE_BITMAP", "RESIDENT", "STORAGES", "TILES", "Content", "Storage", "cheapest_storage", "storage_bytes",
    "storage_of", "tensor_bytes",
]  # fmt: skip
