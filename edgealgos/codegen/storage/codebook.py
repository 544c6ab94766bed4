"""Indices into a table of the values there are: of four bits or a byte each, of all values or behind masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.qtype import Ints
from ..program.tensor import Tensor
from .record import Content, Counts, Storage, Table, block_starts, in_pairs, mask_parts, packed_masks, plain_parts


class Codebook(Storage):
    """A codebook of at most `entries` values; with masks it needs none for zero."""

    kernel_header = "codebooks"

    def __init__(self, name: str, slowness: int, entries: int, masked: bool) -> None:
        super().__init__(name, slowness)
        self.entries = entries
        self.masked = masked

    @property
    def _in_pairs(self) -> bool:
        return self.entries <= 16

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        """Few enough distinct values; indices of a byte are for words alone."""
        return (self._in_pairs or matrix.type.container > 8) and Content.of(matrix).distinct.size <= self.entries

    def size(self, content: Content) -> int:
        fixed = content.starts + (content.masks if self.masked else 0) + self._book(content).size * content.width
        if self.masked:
            return fixed + (content.pairs if self._in_pairs else content.nonzeros)
        return fixed + content.rows * (-(-content.columns // 2) if self._in_pairs else content.columns)

    def _book(self, content: Content) -> Ints:
        """Values that the indices mean."""
        return content.distinct[content.distinct != 0] if self.masked else content.distinct

    def rows(self, tensor: Tensor) -> list[NDArray[Any]]:
        rows = [row[row != 0] for row in super().rows(tensor)] if self.masked else super().rows(tensor)
        book = self._book(Content.of(tensor))
        codes = [np.searchsorted(book, row) for row in rows]
        return [in_pairs(row) for row in codes] if self._in_pairs else codes

    def tables(self, tensor: Tensor) -> list[Table]:
        rows = self.rows(tensor)
        masks = [packed_masks(tensor)] if self.masked else []
        book = Table("_book", None, self._book(Content.of(tensor)))
        return [*masks, *block_starts(tensor, rows), book, Table("", "uint8_t", np.concatenate(rows))]

    def reader(self, tensor: Tensor) -> str:
        name = tensor.name
        starts = "".join(f", {name}{t.suffix}" for t in block_starts(tensor, self.rows(tensor)))
        masks = f"{name}_bits" if self.masked else "nullptr"
        return f"edgealgos::codebook<{str(self._in_pairs).lower()}>({masks}, {name}, {name}_book{starts})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        parts = mask_parts if self.masked else plain_parts
        return parts(self.name, matrix, kind, where)


CODEBOOKS = (
    Codebook("codebook16", 6, 16, masked=False),
    Codebook("codebook16_bitmap", 7, 16, masked=True),
    Codebook("codebook256", 8, 256, masked=False),
    Codebook("codebook256_bitmap", 9, 256, masked=True),
)
