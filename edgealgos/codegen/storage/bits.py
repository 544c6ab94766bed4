"""Small integers one behind the other, each in as many bits as the largest of them needs; no products of these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..program.tensor import Tensor
from .record import Content, Counts, Storage, Table


class Bits(Storage):
    """Numbers of a few bits, the lowest bit first; signed where one is below zero. All zeros take nothing."""

    kernel_header = "forest"

    def holds(self, matrix: Tensor, vector: Tensor) -> bool:
        return False  # an op that reads them one by one asks for it

    def size(self, content: Content) -> int:
        return packed_bytes(content.values.size, width(content.values))

    def tables(self, tensor: Tensor) -> list[Table]:
        return [Table("", "uint8_t", packed(tensor.values))] if width(tensor.values) else []

    def reader(self, tensor: Tensor) -> str:
        signed = "true" if is_signed(tensor.values) else "false"
        bits = width(tensor.values)
        return f"edgealgos::packed<{bits}, {signed}>({tensor.name if bits else 'nullptr'})"

    def cost(self, matrix: Tensor, kind: str, where: str) -> Counts:
        return Counts()  # the ops that read them count what that takes


def packed_bytes(count: int, bits: int) -> int:
    """Bytes of so many numbers of such a width."""
    return -(-count * bits // 8)


def bits_for(low: int, high: int) -> int:
    """Width of the numbers from `low` to `high`; a sign takes a bit where one is below zero."""
    if low >= 0:
        return int(high).bit_length()
    return 1 + max((~int(low)).bit_length(), max(int(high), 0).bit_length())


def is_signed(values: NDArray[np.integer]) -> bool:
    """Whether any number is below zero."""
    return bool(values.size) and int(values.min()) < 0


def width(values: NDArray[np.integer]) -> int:
    """Bits of one number."""
    return bits_for(int(values.min()), int(values.max())) if values.size else 0


def packed(values: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The bytes."""
    places = np.arange(width(values))
    bits = (values.reshape(-1, 1).astype(np.int64) >> places) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little")


BITS = Bits("bits", 9)


def kind_of_number(values: NDArray[np.integer]) -> str | None:
    """What reading one takes, by its width; None where all are zero and nothing is read."""
    bits = width(values)
    return None if bits == 0 else "bit" if bits == 1 and not is_signed(values) else "number"


def typical_shift(values: NDArray[np.integer]) -> float:
    """How far a number has to be shifted to the right."""
    return float(np.mean(np.arange(8) * width(values) % 8))


def further_bytes(values: NDArray[np.integer]) -> float:
    """How many bytes beyond its first a number lies in."""
    bits = width(values)
    return float(np.mean((np.arange(8) * bits % 8 + bits - 1) // 8))
