"""Every value in its place: row by row, or in blocks of four rows for the kernel that shares the load of an input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.tensor import Tensor
from .record import Content, Counts, Storage, Table, bytes_by_bytes, counted, plain_parts

BLOCK_ROWS = 4  # rows that share the load of an input
TILE_COLUMNS = 4  # bytes of a word
BLOCK_COLUMNS = 255  # most columns that the kernels of blocks count


class Dense(Storage):
    """Row by row."""

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return True

    def size(self, content: Content) -> int:
        return content.rows * content.columns * content.width

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", None, tensor.values.ravel())]

    def reader(self, tensor: Tensor) -> str:
        return f"edgealgos::{self.name}({tensor.name})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        return plain_parts(self.name, matrix, kind, where)


class Resident(Dense):
    """Row by row, read by a loop that keeps the vector in registers."""

    by_code = True

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return False  # no product's: an op's form chooses it for prototypes


class Columns(Dense):
    """Groups of rows of about equal size, each column by column, read by a loop that keeps their sums in registers."""

    by_code = True
    sums_at_once = 10

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return False  # an op's form chooses it

    def tables(self, tensor: Tensor) -> list[Table]:
        groups = [tensor.values[rows].T.ravel() for rows in row_groups(len(tensor.values))]
        return [Table("", None, np.concatenate(groups))]

    def reader(self, tensor: Tensor) -> str:
        together = row_groups(len(tensor.values))[0].stop
        return f"edgealgos::{self.name}<{together}>({tensor.name})"


class Groups(Dense):
    """Groups of rows, all of one size, the last one filled up with zeros; each column by column, read by one loop."""

    by_code = True
    sums_at_once = Columns.sums_at_once

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return False  # an op's form chooses it

    def size(self, content: Content) -> int:
        return rows_in_groups(content.rows) * content.columns * content.width

    def tables(self, tensor: Tensor) -> list[Table]:
        together = row_groups(len(tensor.values))[0].stop
        missing = rows_in_groups(len(tensor.values)) - len(tensor.values)
        filled = np.pad(tensor.values, ((0, missing), (0, 0)))
        return [Table("", None, filled.reshape(-1, together, tensor.shape[1]).swapaxes(1, 2).ravel())]

    def reader(self, tensor: Tensor) -> str:
        return f"edgealgos::{self.name}<{row_groups(len(tensor.values))[0].stop}>({tensor.name})"


class Blocks(Dense):
    """Blocks of four rows, column by column; the rows that are left over as they are."""

    sums_at_once = 2 * BLOCK_ROWS
    part = "block"  # what its products are called where their cost is

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        """Enough rows of bytes, and not too many columns."""
        rows, columns = matrix.shape[-2:]
        return bytes_by_bytes(matrix, vector) and rows >= BLOCK_ROWS and columns <= BLOCK_COLUMNS

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", None, in_blocks(tensor.values).ravel())]

    def reader(self, tensor: Tensor) -> str:
        rows_left = "true" if tensor.shape[-2] % BLOCK_ROWS else "false"
        return f"edgealgos::{self.name}<{rows_left}>({tensor.name})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        columns = matrix.shape[-1]
        rows = matrix.size // columns
        together = matrix.shape[-2] // BLOCK_ROWS * BLOCK_ROWS * (rows // matrix.shape[-2])
        return counted({
            f"{self.part} {kind}{where}": together // BLOCK_ROWS,
            f"{self.part} value {kind}": together * columns,
            f"dense row {kind}{where}": rows - together,
            f"dense value {kind}": (rows - together) * columns,
        })  # fmt: skip

    def kernels(self, matrix: Tensor, vector: Tensor, acc_bits: int) -> frozenset[str]:
        left_over = {f"dense 8x8 to {acc_bits}"} if matrix.shape[-2] % BLOCK_ROWS else set()
        return super().kernels(matrix, vector, acc_bits) | left_over


class Tiles(Blocks):
    """Tiles of four rows and four columns, row by row; rows are padded to whole tiles of columns."""

    kernel_header = "runtime"
    sums_at_once = BLOCK_ROWS
    part = "tile"

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        """Enough rows of bytes."""
        return bytes_by_bytes(matrix, vector) and matrix.shape[-2] >= BLOCK_ROWS

    def size(self, content: Content) -> int:
        return content.rows * padded(content.columns)

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", None, in_tiles(tensor.values).ravel())]


DENSE, BLOCKS, RESIDENT = Dense("dense", 1), Blocks("blocks", 0), Resident("resident", 1)
COLUMNS, GROUPS = Columns("columns", 1), Groups("groups", 1)
TILES = Tiles("tiles", 2)


def row_groups(rows: int) -> list[slice]:
    """Rows whose sums wait in registers together: as few groups as can be, all but the last one of one size."""
    count = -(-rows // Columns.sums_at_once)
    together = -(-rows // max(count, 1))
    return [slice(first, min(first + together, rows)) for first in range(0, rows, max(together, 1))]


def rows_in_groups(rows: int) -> int:
    """Rows where the last group is as large as the others."""
    groups = row_groups(rows)
    return len(groups) * groups[0].stop if groups else 0


def padded(columns: int) -> int:
    """Columns in whole tiles."""
    return -(-columns // TILE_COLUMNS) * TILE_COLUMNS


def in_tiles(matrices: NDArray[Any]) -> NDArray[Any]:
    """Values of each matrix in tiles, padded with zeros; the rows that are left over as they are."""
    rows, columns = matrices.shape[-2:]
    wide = np.pad(matrices.reshape(-1, rows, columns), ((0, 0), (0, 0), (0, padded(columns) - columns)))
    full = rows - rows % BLOCK_ROWS
    tiles = (
        wide[:, :full].reshape(len(wide), -1, BLOCK_ROWS, wide.shape[2] // TILE_COLUMNS, TILE_COLUMNS).swapaxes(2, 3)
    )
    return np.concatenate([tiles.reshape(len(wide), -1), wide[:, full:].reshape(len(wide), -1)], axis=1)


def in_blocks(matrices: NDArray[Any]) -> NDArray[Any]:
    """Values of each matrix in blocks of rows, column by column; the rows that are left over as they are."""
    rows, columns = matrices.shape[-2:]
    full = rows - rows % BLOCK_ROWS
    split = matrices.reshape(-1, rows, columns)
    blocks = split[:, :full].reshape(-1, full // BLOCK_ROWS, BLOCK_ROWS, columns).swapaxes(2, 3)
    return np.concatenate([blocks.reshape(len(split), -1), split[:, full:].reshape(len(split), -1)], axis=1)
