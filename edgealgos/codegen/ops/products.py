"""What products of matrices and vectors have in common, whatever the op: their bound, cost, code and stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..program.op import Counts, Pieces, Product
from ..program.qtype import Ints, QType
from ..program.tensor import Tensor
from ..storage.record import storage_of

if TYPE_CHECKING:
    from ..program.program import Program

SCORE_BITS = 32
WIDTHS = (16, 32)
ROWS_AT_ONCE = 20  # sums of straight-line code that wait on the stack


class AccumulatorOverflow(ValueError):
    """A product that 32 bits cannot hold for every input; `matrix` names the weights that are too fine."""

    def __init__(self, matrix: str, message: str) -> None:
        super().__init__(message)
        self.matrix = matrix


# ---- proofs --------------------------------------------------------------------------------------------------------


def product_range(matrix: Ints, low: int, high: int, bias: Ints | int = 0) -> tuple[int, int]:
    """Smallest and largest element of ``matrix @ v + bias`` over all v in [low, high]."""
    ends = np.stack([matrix * low, matrix * high])
    return (
        int((ends.min(axis=0).sum(axis=-1) + bias).min(initial=0)),
        int((ends.max(axis=0).sum(axis=-1) + bias).max(initial=0)),
    )


def accumulator_bits(program: Program, vector: str, matrix: str, shift: int, out: str, bias: Ints | int = 0) -> int:
    """Width that holds ``matrix @ vector + bias`` for every vector, and the half that rounding by `shift` adds."""
    low, high = product_range(program[matrix].values, *program.value_range(vector), bias)
    return narrowest(low, high + (1 << (shift - 1) if shift > 0 else 0), out, matrix)


def narrowest(low: int, high: int, out: str, matrix: str) -> int:
    """Least width of an accumulator that holds all from `low` to `high`."""
    for width in WIDTHS:
        if low >= QType(width, 0).low and high <= QType(width, 0).high:
            return width
    largest = max(-low, high)
    message = f"{out!r}: the product with {matrix!r} can reach {largest}, more than 32 bits hold"
    raise AccumulatorOverflow(matrix, message)


def wrap(acc: Ints, bits: int) -> Ints:
    """Accumulators wrap as the device's do; inside the proven input range nothing ever wraps."""
    half = 1 << (bits - 1)
    return ((acc + half) & ((1 << bits) - 1)) - half


def exact_product(vectors: Ints, matrix: Ints) -> Ints:
    """``vectors @ matrix.T`` through float64, whose 53 bits hold every sum of 8 x 16 bit products exactly, fast."""
    product = vectors.astype(np.float64) @ matrix.astype(np.float64).T
    found: Ints = product.astype(np.int64)
    return found


# ---- cost ----------------------------------------------------------------------------------------------------------


def product_cost(product: Product, share: float = 1.0, where: str = "") -> Counts:
    """Parts of the product with all rows, or with a share of them; `where` has a row a price of its own.

    What is straight-line code is counted with the code.
    """
    matrix, storage = product.matrix, storage_of(product.matrix)
    if _read(matrix) is None:
        return Counter()
    parts = storage.cost(matrix, storage.kind(matrix, product.vector, product.acc_bits), where)
    return Counter({part: share * amount for part, amount in parts.items()})


def product_pieces(call: str, op: str, products: Iterable[Product], kernels: Iterable[str] = ()) -> Pieces:
    """Code and stack of an op that multiplies: a reader of rows for each matrix that is a table."""
    inline: Counts = Counter()
    functions, frames, rows = set(kernels), {op}, [0]
    for p in products:
        rows.append(_sums_at_once(p.matrix) * p.acc_bits // 8)
        left = _read(p.matrix)
        frames.add("straight-line code" if left is None else storage_of(left).instance(left, p.vector, p.acc_bits))
        if left is not None:
            storage = storage_of(p.matrix)
            inline[f"rows of {storage.instance(p.matrix, p.vector, p.acc_bits)}"] += 1
            functions |= storage.kernels(p.matrix, p.vector, p.acc_bits)
    return Pieces(call, inline, frozenset(functions), frozenset(frames), max(rows))


def _read(matrix: Tensor) -> Tensor | None:
    """What of a matrix a reader of rows reads: nothing where code has it."""
    return None if storage_of(matrix).by_code else matrix.table


def _sums_at_once(matrix: Tensor) -> int:
    """Sums that wait on the stack for what is made of them."""
    if matrix.unrolled:
        return max(map(len, row_chunks(matrix.values)))
    return storage_of(matrix).sums_at_once


def row_chunks(matrix: Ints) -> list[Ints]:
    """Rows that one function multiplies: a node's, or of a single matrix as many as may wait on the stack."""
    if matrix.ndim == 3:
        return list(matrix)
    return np.array_split(matrix, -(-len(matrix) // ROWS_AT_ONCE))


def farthest(program: Program, vector: str, matrix: str) -> int:
    """The largest squared distance of any input from a stored sample."""
    low, high = program.value_range(vector)
    places = program[matrix].values
    return int(np.square(np.maximum(high - places, places - low)).sum(axis=1).max(initial=0))
