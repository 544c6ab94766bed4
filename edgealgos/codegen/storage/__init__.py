"""How flash holds constants: one record a storage, and the bytes of everything that a model stores.

Knows programs, no op and no board. Training counts its budget with the same records.
"""

from __future__ import annotations

from ..program.tensor import Shape, Tensor
from .bits import Bits
from .codebook import Codebook
from .dense import BLOCK_ROWS, Blocks, Dense, Resident
from .nibbles import NibbleBitmap, Nibbles
from .record import Content, ContentToCome, Storage
from .sparse import Bitmap, Indexed

DENSE, BITMAP, BLOCKS, INDEXED = Dense("dense"), Bitmap("bitmap"), Blocks("blocks"), Indexed("indexed")
NIBBLES, NIBBLE_BITMAP, RESIDENT = Nibbles("nibbles"), NibbleBitmap("nibble_bitmap"), Resident("resident")
BITS = Bits("bits")
_CODEBOOKS = (
    Codebook("codebook16", 16, masked=False),
    Codebook("codebook16_bitmap", 16, masked=True),
    Codebook("codebook256", 256, masked=False),
    Codebook("codebook256_bitmap", 256, masked=True),
)

STORAGES: dict[str, Storage] = {
    storage.name: storage for storage in (BLOCKS, DENSE, BITMAP, INDEXED, NIBBLES, NIBBLE_BITMAP, *_CODEBOOKS, RESIDENT, BITS)
}
"""Every storage by name, the fastest first."""


def storage_of(tensor: Tensor) -> Storage:
    """The storage of a constant."""
    return STORAGES[tensor.storage]


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that a constant occupies in flash."""
    return storage_of(tensor).size(Content.of(tensor))


def storage_bytes(shape: Shape, nonzeros: int, bits: int = 8) -> dict[str, int]:
    """Flash bytes of a matrix in each storage that training counts on, of values that are yet to be found.

    Bytes and words may be dense, behind masks, or (bytes, in rows of at most 255) indexed; values of four bits lie two
    in a byte: all of them, or behind masks, for which it is the most that so many non-zeros can take.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns, or blocks, rows and columns.
    nonzeros : int
        Number of values different from zero.
    bits : int
        Width of one value.
    """
    content = ContentToCome(shape, bits, nonzeros)
    if bits <= 4:
        found: tuple[Storage, ...] = (NIBBLES, NIBBLE_BITMAP)
    elif INDEXED.counts(content):
        found = (DENSE, BITMAP, INDEXED)
    else:
        found = (DENSE, BITMAP)
    return {storage.name: storage.size(content) for storage in found}


def cheapest_storage(shape: Shape, nonzeros: int, bits: int = 8) -> tuple[str, int]:
    """Name and bytes of the smallest of these storages (the simpler one when equal)."""
    sizes = storage_bytes(shape, nonzeros, bits)
    name = min(sizes, key=sizes.__getitem__)
    return name, sizes[name]


__all__ = [
    "BITMAP", "BITS", "BLOCKS", "BLOCK_ROWS", "DENSE", "RESIDENT", "STORAGES", "Content", "Storage", "cheapest_storage",
    "storage_bytes", "storage_of", "tensor_bytes",
]  # fmt: skip
