"""Values of four bits, two in a byte, each row beginning with a byte of its own; all of them, or behind masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.qtype import QType
from ..program.tensor import Tensor
from .record import Content, Counts, Table, bytes_by_bytes, in_pairs, plain_parts
from .sparse import MOST_MASKED_COLUMNS, Bitmap

_NIBBLE = QType(4, 0)
_ONE_KERNEL = "8x8"  # for sums of all widths


def _holds(matrix: Tensor, vector: Tensor) -> bool:
    fits = np.array_equal(_NIBBLE.saturate(matrix.values), matrix.values)
    return fits and bytes_by_bytes(matrix, vector)


class NibbleBitmap(Bitmap):
    """One bit a position and, two in a byte, the values that are not zero."""

    kernel_header = "nibbles"

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return _holds(matrix, vector) and matrix.shape[-1] <= MOST_MASKED_COLUMNS

    def counts(self, content: Content) -> bool:
        """Whether it can hold a matrix of such content."""
        return content.columns <= MOST_MASKED_COLUMNS

    def size(self, content: Content) -> int:
        return content.masks + content.starts + content.pairs

    def rows(self, tensor: Tensor) -> list[NDArray[Any]]:
        return [in_pairs(row & 15) for row in super().rows(tensor)]

    def tables(self, tensor: Tensor) -> list[Table]:
        *others, values = super().tables(tensor)
        return [*others, Table("", "uint8_t", values.values)]

    def kind(self, matrix: Tensor, vector: Tensor, acc_bits: int) -> str:
        return _ONE_KERNEL


class Nibbles(NibbleBitmap):
    """Every value, two in a byte."""

    masked = False
    in_pairs = True

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return _holds(matrix, vector)

    def size(self, content: Content) -> int:
        return content.rows * -(-content.columns // 2)

    def rows(self, tensor: Tensor) -> list[NDArray[Any]]:
        return [in_pairs(row & 15) for row in tensor.values.reshape(-1, tensor.shape[-1])]

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", "uint8_t", np.concatenate(self.rows(tensor)))]

    def reader(self, tensor: Tensor) -> str:
        return f"edgealgos::{self.name}({tensor.name})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        return plain_parts(self.name, matrix, kind, where)


NIBBLES, NIBBLE_BITMAP = Nibbles("nibbles", 4), NibbleBitmap("nibble_bitmap", 5)
