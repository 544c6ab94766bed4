"""What a storage of a matrix is: which it can hold, its bytes, its tables, its reader, what its rows cost.

Knows tensors; no ops, no boards, and of C++ the names of readers alone.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.qtype import Ints, QType
from ..program.tensor import Shape, Tensor

Counts = Counter[str]
BYTE = QType(8, 0)


class Content:
    """What the bytes of a matrix depend on: shape and width, and of the values what is asked for.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns, or blocks, rows and columns.
    bits : int
        Width of one value.
    values : array
        The matrix.
    """

    def __init__(self, shape: Shape, bits: int, values: NDArray[Any]) -> None:
        self.shape = shape
        self.bits = bits
        self.values = values

    @classmethod
    def of(cls, tensor: Tensor) -> Content:
        """That of a constant."""
        return cls(tensor.shape, tensor.type.bits, tensor.values)

    @cached_property
    def nonzeros(self) -> int:
        """Number of values that are not zero."""
        return int(np.count_nonzero(self.values))

    @cached_property
    def pairs(self) -> int:
        """Bytes of these where two share one, each row beginning with a byte of its own."""
        each = np.count_nonzero(self.values.reshape(-1, self.columns), axis=1)
        return int((-(-each // 2)).sum())

    @cached_property
    def distinct(self) -> NDArray[Any]:
        """The values there are."""
        return np.unique(self.values)

    @property
    def width(self) -> int:
        """Bytes of a value; nine bits are an unsigned byte."""
        return max(1, self.bits // 8)

    @property
    def columns(self) -> int:
        """Values of a row; a scalar is one."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        """Rows of all blocks."""
        return math.prod(self.shape[:-1])

    @property
    def starts(self) -> int:
        """Bytes that say where each block begins, where blocks differ in length."""
        return 2 * self.shape[0] if len(self.shape) == 3 and self.shape[0] > 1 else 0

    @property
    def masks(self) -> int:
        """Bytes of one bit a position, rows padded to whole bytes."""
        return self.rows * -(-self.columns // 8)


@dataclass(frozen=True, slots=True)
class Table:
    """An array in flash: the tensor's name with `suffix`, of a C type or of the tensor's own (None)."""

    suffix: str
    kind: str | None
    values: NDArray[Any]


STORAGES: dict[str, Storage] = {}
"""Every storage by name."""


def storage_of(tensor: Tensor) -> Storage:
    """The storage of a constant."""
    return STORAGES[tensor.storage]


class Storage:
    """One way to hold a matrix in flash; a subclass a kind, a record a name.

    Parameters
    ----------
    name : str
        What a tensor calls it.
    slowness : int
        Its place by the cycles of a product, the fastest first.
    """

    masked: bool = False
    """Whether a bit a position says which values are stored."""
    in_pairs: bool = False
    """Whether every value is stored in half a byte."""
    sums_at_once: int = 0
    """Sums that its reader makes at a time and leaves on the stack; 0: one, in registers."""
    by_code: bool = False
    """Whether code of its own reads it, instead of a reader of rows."""
    kernel_header: str = "runtime"
    """Stem of the kernel header that its reader is in."""

    def __init__(self, name: str, slowness: int) -> None:
        self.name = name
        self.slowness = slowness
        STORAGES[name] = self

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        """Whether it can hold this matrix of integers, to be multiplied with such a vector."""
        raise NotImplementedError

    def size(self, content: Content) -> int:
        """Bytes of flash."""
        raise NotImplementedError

    def rows(self, tensor: Tensor) -> list[NDArray[Any]]:
        """What flash holds of each row, masks apart."""
        return list(tensor.values.reshape(-1, tensor.shape[-1] if tensor.shape else 1))

    def tables(self, tensor: Tensor) -> list[Table]:
        """The arrays in flash; the last one holds the values and has the tensor's own name. None: nothing is stored."""
        raise NotImplementedError

    def reader(self, tensor: Tensor) -> str:
        """C++ expression of what reads its rows."""
        raise NotImplementedError

    def kind(self, matrix: Tensor, vector: Tensor, acc_bits: int) -> str:
        """Types of a product, as far as its kernel tells them apart."""
        return f"{matrix.type.container}x{vector.type.container} to {acc_bits}"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        """Parts of the product of all rows with a vector; `where` has a row a price of its own."""
        raise NotImplementedError

    def kernels(self, matrix: Tensor, vector: Tensor, acc_bits: int) -> frozenset[str]:
        """Functions out of line that its reader calls."""
        return frozenset({self.instance(matrix, vector, acc_bits)})

    def instance(self, matrix: Tensor, vector: Tensor, acc_bits: int) -> str:
        """What the compiler makes one function of."""
        return f"{self.name} {matrix.type.container}x{vector.type.container} to {acc_bits}"


class ContentToCome(Content):
    """That of a matrix of which only the number of non-zeros is known: the most bytes that so many can take."""

    def __init__(self, shape: Shape, bits: int, nonzeros: int) -> None:
        super().__init__(shape, bits, np.zeros(0))
        self.nonzeros = nonzeros
        self.pairs = (nonzeros + self.rows) // 2


def counted(parts: dict[str, int]) -> Counts:
    """Parts and how many of each."""
    return Counter(parts)


def packed_masks(tensor: Tensor) -> Table:
    """One bit a position: whether the value there is not zero."""
    nonzero = tensor.values.reshape(-1, tensor.shape[-1]) != 0
    return Table("_bits", "uint8_t", np.packbits(nonzero, axis=1, bitorder="little"))


def block_starts(tensor: Tensor, rows: list[NDArray[Any]]) -> list[Table]:
    """Where each block's first value lies, for blocks whose rows differ in length or are codes."""
    if len(tensor.shape) != 3 or tensor.shape[0] == 1:
        return []
    counts = np.array([row.size for row in rows]).reshape(tensor.shape[:2]).sum(axis=1)
    return [Table("_starts", "uint16_t", np.cumsum(counts) - counts)]


def in_pairs(halves: NDArray[Any]) -> Ints:
    """Numbers of four bits, two in a byte, the first one below."""
    even = np.append(halves, [0] * (halves.size % 2)).astype(np.int64)
    return even[0::2] | even[1::2] << 4


def mask_parts(name: str, matrix: Tensor, kind: str, where: str) -> Counts:
    """What rows with masks are made of."""
    nonzero = matrix.values.reshape(-1, matrix.shape[-1]) != 0
    bits = np.packbits(nonzero, axis=1)
    return counted({
        f"{name} row {kind}{where}": len(nonzero),
        f"{name} mask {kind}": bits.size,
        f"{name} mask not zero {kind}": int(np.count_nonzero(bits)),
        f"{name} value {kind}": int(np.count_nonzero(nonzero)),
    })  # fmt: skip


def plain_parts(name: str, matrix: Tensor, kind: str, where: str) -> Counts:
    """What rows are made of whose values are all stored."""
    rows = matrix.size // matrix.shape[-1]
    return counted({f"{name} row {kind}{where}": rows, f"{name} value {kind}": matrix.size})


def bytes_by_bytes(matrix: Tensor, vector: Tensor) -> bool:
    """Whether both factors of a product are bytes."""
    return (matrix.type.container, vector.type.container) == (8, 8)


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that a constant occupies in flash."""
    return storage_of(tensor).size(Content.of(tensor))
