"""Values that are not zero: behind a bit a position, or each behind the number of columns to go on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.tensor import Tensor
from .record import (
    Content,
    Counts,
    Storage,
    Table,
    block_starts,
    bytes_by_bytes,
    counted,
    mask_parts,
    packed_masks,
)

MOST_INDEXED_COLUMNS = 255  # counts and steps are bytes
MOST_MASKED_COLUMNS = 8 * 255  # that a kernel takes at once: it counts bytes of masks


class Bitmap(Storage):
    """One bit a position, rows padded to whole bytes, and the values that are not zero, row by row."""

    masked = True

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return True

    def size(self, content: Content) -> int:
        return content.masks + content.starts + content.nonzeros * content.width

    def rows(self, tensor: Tensor) -> list[NDArray[Any]]:
        return [row[row != 0] for row in super().rows(tensor)]

    def tables(self, tensor: Tensor) -> list[Table]:
        rows = self.rows(tensor)
        return [packed_masks(tensor), *block_starts(tensor, rows), Table("", None, np.concatenate(rows))]

    def reader(self, tensor: Tensor) -> str:
        starts = "".join(f", {tensor.name}{t.suffix}" for t in block_starts(tensor, self.rows(tensor)))
        wide = "wide_" if tensor.shape[-1] > MOST_MASKED_COLUMNS else ""
        return f"edgealgos::{wide}{self.name}({tensor.name}_bits, {tensor.name}{starts})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        return mask_parts(self.name, matrix, kind, where)


class Indexed(Storage):
    """Of each row how many bytes are not zero, then each of them behind the number of columns to go on."""

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return bytes_by_bytes(matrix, vector) and matrix.shape[-1] <= MOST_INDEXED_COLUMNS

    def counts(self, content: Content) -> bool:
        """Whether it can hold a matrix of such content."""
        return content.width == 1 and content.columns <= MOST_INDEXED_COLUMNS

    def size(self, content: Content) -> int:
        return content.rows + 2 * content.nonzeros + content.starts

    def rows(self, tensor: Tensor) -> list[NDArray[Any]]:
        return [_indexed(row) for row in super().rows(tensor)]

    def tables(self, tensor: Tensor) -> list[Table]:
        rows = self.rows(tensor)
        return [*block_starts(tensor, rows), Table("", None, np.concatenate(rows))]

    def reader(self, tensor: Tensor) -> str:
        starts = "".join(f", {tensor.name}{t.suffix}" for t in block_starts(tensor, self.rows(tensor)))
        return f"edgealgos::{self.name}({tensor.name}{starts})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        rows = matrix.size // matrix.shape[-1]
        nonzeros = int(np.count_nonzero(matrix.values))
        return counted({f"{self.name} row {kind}{where}": rows, f"{self.name} value {kind}": nonzeros})


BITMAP, INDEXED = Bitmap("bitmap", 2), Indexed("indexed", 3)


def _indexed(row: NDArray[Any]) -> NDArray[Any]:
    columns = np.flatnonzero(row)
    pairs = np.stack([np.diff(columns, prepend=0), row[columns]], axis=1)
    return np.append([columns.size], pairs).astype(np.uint8).astype(np.int8)
