"""Products as a loop over columns: sums of up to ten rows wait in registers, a table holds weights column by column.

Knows integers and registers, no programs. A sum is a word; where one can leave that, how often it did is counted in the
byte above it, in memory: what happens seldom costs a cycle while it does not.
"""

from __future__ import annotations

import numpy as np

from edgealgos.codegen.program.qtype import Ints
from edgealgos.codegen.storage.dense import row_groups

from .code import Code, Writer
from .straight_line import sum_bits

_SUMS = (*((f"r{i}", f"r{i + 1}") for i in range(2, 18, 2)), ("r22", "r23"), ("r24", "r25"))
MOST_COLUMNS = 1 << 15
_WORDS = 1 << 16  # there are as many


def column_loops(
    matrix: Ints, low: int, high: int, acc_bits: int, nonzero_share: float | None = None
) -> tuple[Code, ...] | None:
    """Code of ``matrix @ vector``, a function for each group of rows; None where a sum needs more than 24 bits.

    Parameters
    ----------
    matrix : int array, shape (rows, columns)
        Weights of 8 bits.
    low, high : int
        Range of the vector's elements.
    acc_bits : int
        16: sums are stored as words, which the caller has proven wide enough; 32: as double words.
    nonzero_share : float, optional
        If given, columns whose input is zero are left out; that share of them is not.
    """
    wide = [acc_bits == 32 and sum_bits(row, low, high) > 16 for row in matrix]
    if matrix.shape[1] > MOST_COLUMNS or any(acc_bits == 32 and sum_bits(row, low, high) > 24 for row in matrix):
        return None
    groups = row_groups(len(matrix))
    return tuple(_loop(matrix[rows], wide[rows], max(-low, high) / 2, acc_bits, nonzero_share) for rows in groups)


def column_loop(rows: int, columns: int, nonzero_share: float | None = None) -> Code | None:
    """Code of one loop for groups of so many rows whose sums, as is known, are words."""
    if not 0 < columns <= MOST_COLUMNS:
        return None
    return _loop(np.zeros((rows, columns), np.int64), [False] * rows, 0.0, 16, nonzero_share)


def _loop(matrix: Ints, wide: list[bool], typical: float, acc_bits: int, nonzero_share: float | None) -> Code:
    """One group: X points to the vector, Z to the weights, Y to where sums go."""
    rows, columns = matrix.shape
    writer, sums = Writer(), _SUMS[:rows]
    turns = -(-columns // 256)
    writer.add("EDGEALGOS_BEGIN_ROWS", 5, 3)
    for row, (a, b) in enumerate(sums):
        writer.add(f"EDGEALGOS_CLEAR2({a}, {b})", 2, 2)
        if wide[row]:
            writer.add(f"EDGEALGOS_CLEAR_ABOVE({4 * row + 2})", 2, 1)
    writer.end_line()
    writer.add(f"EDGEALGOS_BEGIN_COLUMNS({columns}, {turns})", 4, 3)
    early, late = ([r for r in half if wide[r]] for half in (range(rows // 2), range(rows // 2, rows)))
    _beyond(writer, sums, early)
    body, share = Writer(), 1.0
    if nonzero_share is not None:
        share = nonzero_share
        writer.add(f"EDGEALGOS_LEFT_OUT({rows})", columns * (1 - share) * 9, 2)
        body.add("EDGEALGOS_COLUMN_UNLESS_ZERO", 4, 3)
    else:
        body.add("EDGEALGOS_COLUMN_INPUT", 2, 1)
    for row, (a, b) in enumerate(sums):
        body.add(f"EDGEALGOS_COLUMN_PLUS({a}, {b})", 7, 4)
        if wide[row]:
            body.add(f"EDGEALGOS_IF_BEYOND({row})", 1, 1)
    body.end_line()
    writer.end_line()
    writer.lines += body.lines
    writer.words += body.words
    writer.add("EDGEALGOS_NEXT_COLUMN", 0, 4)
    writer.cycles += columns * (share * body.cycles + 3) + 3 * turns
    writer.cycles += share * sum(_crossings(matrix[row], typical) for row in range(rows) if wide[row]) * 14
    writer.end_line()
    if late:
        writer.add("EDGEALGOS_OVER_BEYOND", 2, 1)
        _beyond(writer, sums, late)
        writer.add("EDGEALGOS_SUMMED", 0, 0)
    for row, (a, b) in enumerate(sums):
        _store(writer, a, b, wide[row], acc_bits)
    writer.end_line()
    writer.add("EDGEALGOS_END", 5, 3)
    return writer.code({"r18", "r19", "r20", "r21", *(name for pair in sums for name in pair)}, ("r24", "r25"))


def _crossings(row: Ints, typical: float) -> float:
    """How often a sum leaves its word, by all the way it goes up and down with inputs of a typical size."""
    return float(np.abs(row).sum()) * typical / _WORDS


def _beyond(writer: Writer, sums: tuple[tuple[str, str], ...], rows: list[int]) -> None:
    """What is done where a sum has left its word; near to where that is seen, as branches reach 63 words."""
    for row in rows:
        writer.add(f"EDGEALGOS_BEYOND({row}, {sums[row][1]}, {4 * row + 2})", 0, 7)
        writer.end_line()


def _store(writer: Writer, a: str, b: str, wide: bool, acc_bits: int) -> None:
    """The sum as a word or a double word."""
    if wide:
        writer.add(f"EDGEALGOS_COLUMN_STORE24({a}, {b})", 14, 9)
    elif acc_bits == 32:
        writer.add(f"EDGEALGOS_COLUMN_STORE_AS_32({a}, {b})", 10, 6)
    else:
        writer.add(f"EDGEALGOS_COLUMN_STORE16({a}, {b})", 4, 2)
