"""Matrices of layers that are applied at many positions: blocks of four rows, column by column, padded with zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.qtype import QType
from ..program.tensor import Tensor
from .dense import BLOCK_ROWS, Dense, in_blocks
from .record import Content, Table, in_pairs

_NIBBLE = QType(4, 0)


class LayerBlocks(Dense):
    """A byte a value."""

    by_code = True

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return False  # an op's form chooses it

    def can_hold(self, matrix: Tensor) -> bool:
        """Whether all values fit."""
        return matrix.type.container == 8

    def size(self, content: Content) -> int:
        return -(-content.rows // BLOCK_ROWS) * BLOCK_ROWS * content.columns

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", None, padded_blocks(tensor.values))]


class LayerNibbles(LayerBlocks):
    """Half a byte a value, which is stored 8 too large; two rows share a byte."""

    def can_hold(self, matrix: Tensor) -> bool:
        return super().can_hold(matrix) and np.array_equal(_NIBBLE.saturate(matrix.values), matrix.values)

    def size(self, content: Content) -> int:
        return super().size(content) // 2

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", "uint8_t", in_pairs(padded_blocks(tensor.values) + 8))]


LAYER_NIBBLES, LAYER_BLOCKS = LayerNibbles("layer_nibbles", 4), LayerBlocks("layer_blocks", 0)


def padded_blocks(matrix: NDArray[Any]) -> NDArray[Any]:
    """Values in blocks of rows; the last block is filled with zeros."""
    return in_blocks(np.pad(matrix, ((0, -len(matrix) % BLOCK_ROWS), (0, 0)))).ravel()
