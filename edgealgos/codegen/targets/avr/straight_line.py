"""Products as straight-line AVR code, weights as operands of instructions; knows integers, no programs.

The words are the EDGEALGOS_ macros of ``kernels/straight_line.h``; what each costs stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgealgos.codegen.program.qtype import Ints

from .code import CALL_SAVED, Code, Writer

# Registers of a product: r18 an input, r19 a weight, r20 the sign of a product that is added to 24 bits. Sums lie in
# the others, first in those that a function may change, so that a small product has little to save; weights that come
# again and again wait where an instruction can multiply with them (r16 and above).
_LOW = tuple(f"r{i}" for i in range(2, 18))
_MULTIPLIED = frozenset(f"r{i}" for i in range(16, 28))
_NEAR_WORDS = 60  # a conditional branch reaches 63 words
_BYTES_PER_CYCLE = 20  # more flash than this for one cycle is not worth it


@dataclass(frozen=True, slots=True)
class Narrow:
    """What becomes of a sum of 16 bits: ``saturate((sum + bias) >> shift)`` as one byte of `bits` bits.

    With `rectify`, what is negative becomes zero.
    """

    shift: int
    bits: int
    biases: tuple[int, ...] = ()
    rectify: bool = False

    @property
    def possible(self) -> bool:
        """Whether the upper byte of a sum decides that it saturates."""
        return 1 <= self.shift <= 14 and self.bits <= 8 <= self.shift + self.bits - 1


@dataclass(frozen=True, slots=True)
class Vote:
    """What becomes of a sum of 16 bits: it is multiplied with the next gate, a byte, and stored as a score.

    The largest score so far and its number stay in registers.
    """


@dataclass(frozen=True, slots=True)
class _Registers:
    """Where sums may lie, in pairs by preference, and where nothing but weights may wait."""

    sums: tuple[str, ...]
    weights: tuple[str, ...] = ()


_STORED = _Registers((*(f"r{i}" for i in range(22, 28)), *_LOW), ("r21",))
_NARROWED = _Registers(_STORED.sums, ("r20", "r21"))
# Of the scores of a tree: r17, r24, r25 hold the largest, r16 its number.
_SCORES = _Registers(_LOW[:14], ("r20", "r21", "r22", "r23"))
_BEST = frozenset({"r16", "r17", "r24", "r25"})


def product(
    matrix: Ints,
    low: int,
    high: int,
    acc_bits: int,
    nonzero_share: float | None = None,
    finish: Narrow | None = None,
) -> Code | None:
    """Code of ``matrix @ vector``; None where a sum needs more than 24 bits and no stretches of it are worth it.

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
    finish : Narrow, optional
        What becomes of the sums, which then need 16 bits; None: they are stored.
    """
    widths = [16 if acc_bits == 16 else sum_bits(row, low, high) for row in matrix]
    found = []
    if max(widths, default=16) <= 24:
        writer = Writer()
        writer.add("EDGEALGOS_BEGIN", 5, 3)
        used, _ = _sums(writer, matrix, widths, _NARROWED if finish else _STORED, acc_bits, finish, nonzero_share)
        writer.end_line()
        writer.add("EDGEALGOS_END", 5, 3)
        found.append(writer.code(used))
    if max(widths, default=16) > 16 and nonzero_share is None:
        found.append(_in_stretches(matrix, low, high))
    return min(found, key=lambda code: code.cycles + code.size / _BYTES_PER_CYCLE) if found else None


def _in_stretches(matrix: Ints, low: int, high: int) -> Code:
    """Code that sums in 16 bits as many columns as these hold, and adds that to double words."""
    writer, used, base = Writer(), {"r18", "r19", "r20"}, 0
    writer.add("EDGEALGOS_BEGIN", 5, 3)
    for rows in _groups([16] * len(matrix), len(_STORED.sums)):
        for first, last in _stretches(matrix[rows], low, high):
            writer.end_line()
            if first:
                writer.add(f"EDGEALGOS_BACK({4 * len(rows)})", 2, 1)
            part = np.zeros_like(matrix[rows])
            part[:, first:last] = matrix[rows][:, first:last]
            places, waiting = _allocate(_STORED, 2 * len(rows), _uses(part))
            sums = {row: places[2 * row : 2 * row + 2] for row in range(len(rows))}
            used |= {*places, *waiting.values()}
            for size, name in waiting.items():
                writer.add(f"EDGEALGOS_WEIGHT({name}, {_signed(size)})", 1, 1)
            base = _columns(writer, part, sums, waiting, base, None)
            for place in sums.values():
                if first:
                    writer.end_line()
                    writer.add(f"EDGEALGOS_ADD16_TO_32({', '.join(place)})", 23, 15)
                else:
                    _finish_sum(writer, place, 32, None, 0)
    writer.end_line()
    writer.add("EDGEALGOS_END", 5, 3)
    return writer.code(used)


def _stretches(matrix: Ints, low: int, high: int) -> Iterator[tuple[int, int]]:
    """First column and end of stretches whose sums fit in 16 bits."""
    ends = np.stack([matrix * low, matrix * high])
    least, most = ends.min(axis=0), ends.max(axis=0)
    first, columns = 0, matrix.shape[1]
    for column in range(1, columns + 1):
        full = column == columns
        if not full:
            stretch = slice(first, column + 1)
            full = least[:, stretch].sum(axis=1).min() < -(1 << 15) or most[:, stretch].sum(axis=1).max() >= 1 << 15
        if full:
            yield first, column
            first = column


def tree(weights: Ints, gates: Ints, narrow: Narrow) -> tuple[Code, Code]:
    """Code of the scores of a tree of one node: what follows the gates, with the frame of both, and the gates.

    Parameters
    ----------
    weights, gates : int array, shape (outputs, columns)
        Of 8 bits; sums need 16.
    narrow : Narrow
        What makes gates of sums.
    """
    outputs = len(weights)
    first, second = Writer(), Writer()
    first.add("EDGEALGOS_BEGIN", 5, 3)
    used, base = _sums(first, gates, [16] * outputs, _NARROWED, 16, narrow)
    first.end_line()
    second.add(f"EDGEALGOS_VOTES({outputs})", 5, 5)
    used |= _sums(second, weights, [16] * outputs, _SCORES, 16, Vote(), base=base)[0] | _BEST
    second.end_line()
    second.add("EDGEALGOS_END", 5, 3)
    return second.code(used, ("r16",)), Code(tuple(first.lines), (), first.cycles, 2 * first.words)


def _sums(
    writer: Writer,
    matrix: Ints,
    widths: list[int],
    registers: _Registers,
    acc_bits: int,
    finish: Narrow | Vote | None,
    nonzero_share: float | None = None,
    base: int = 0,
) -> tuple[set[str], int]:
    """All rows of a product; `base` is the column that Y points to. Returns registers it changes, and Y at the end."""
    used = {"r18", "r19", "r20"} if finish is None else {f"r{i}" for i in range(18, 24)}
    for rows in _groups(widths, len(registers.sums)):
        writer.end_line()
        need = sum(widths[row] // 8 for row in rows)
        places, waiting = _allocate(registers, need, _uses(matrix[rows]))
        names = iter(places)
        sums = {row: [next(names) for _ in range(widths[row] // 8)] for row in rows}
        used |= {*places, *waiting.values()}
        for size, name in waiting.items():
            writer.add(f"EDGEALGOS_WEIGHT({name}, {_signed(size)})", 1, 1)
        writer.end_line()
        base = _columns(writer, matrix, sums, waiting, base, nonzero_share)
        for row, place in sums.items():
            _finish_sum(writer, place, acc_bits, finish, row)
    return used, base


def _uses(rows: Ints) -> list[tuple[int, int]]:
    """How often weights of each size are multiplied with an input, and the size, most frequent first."""
    sizes = np.sort(np.abs(rows), axis=0)
    first = np.diff(sizes, axis=0, prepend=0) > 0  # of its size in its column; not zero
    found, counts = np.unique(sizes[first], return_counts=True)
    return sorted(zip(counts.tolist(), found.tolist(), strict=True), reverse=True)


def _allocate(registers: _Registers, need: int, uses: list[tuple[int, int]]) -> tuple[list[str], dict[int, str]]:
    """Registers of `need` bytes of sums, and of the weights that wait, by size: where that takes the fewest cycles.

    A weight that waits saves a cycle each time but one; sums that make room for a pair of weights may have to lie in
    registers that are saved.
    """
    sums, places = list(registers.sums), list(registers.weights)
    pairs = [pair for pair in zip(sums[::2], sums[1::2], strict=True) if _MULTIPLIED.issuperset(pair)]
    pairs.sort(key=lambda pair: (pair[0] in CALL_SAVED, -sums.index(pair[0])))  # the last ones that need not be saved
    best: tuple[int, list[str], dict[int, str]] | None = None
    for pair in [(), *pairs]:
        sums = [name for name in sums if name not in pair]
        if len(sums) < need:
            break
        places += pair
        waiting = {size: name for (count, size), name in zip(uses, places, strict=False) if count > 1}
        spent = 4 * len(CALL_SAVED & {*sums[:need], *waiting.values()})
        spent -= sum(count - 1 for count, size in uses if size in waiting)
        if best is None or spent < best[0]:
            best = spent, sums[:need], waiting
    assert best is not None  # groups are no larger than the registers
    return best[1:]


def _signed(size: int) -> int:
    """The weight of that size that a byte can hold."""
    return size if size < 128 else -size


def sum_bits(row: Ints, low: int, high: int) -> int:
    """Width that holds a row's sum for every vector: 16, 24, or 64 for all that is more."""
    ends = np.stack([row * low, row * high])
    least, most = int(ends.min(axis=0).sum()), int(ends.max(axis=0).sum())
    return next(bits for bits in (16, 24, 64) if least >= -(1 << (bits - 1)) and most < 1 << (bits - 1))


def _clear(writer: Writer, names: list[str]) -> None:
    writer.add(f"EDGEALGOS_CLEAR{len(names)}({', '.join(names)})", len(names), len(names))


def _groups(widths: list[int], available: int) -> Iterator[list[int]]:
    """Consecutive rows whose sums fit in the registers together, groups of about equal size."""
    need = [width // 8 for width in widths]
    count = -(-sum(need) // available)
    share = -(-sum(need) // max(count, 1))
    group: list[int] = []
    for row, registers in enumerate(need):
        taken = sum(need[r] for r in group)
        if group and (taken + registers > available or taken >= share):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _columns(
    writer: Writer,
    matrix: Ints,
    sums: dict[int, list[str]],
    waiting: dict[int, str],
    base: int,
    nonzero_share: float | None,
) -> int:
    """All columns of some rows; `base` is the column that Y points to, before and after."""
    begun = {row for row in sums if nonzero_share is not None or not matrix[row].any()}  # no product need come first
    for row in sorted(begun):
        _clear(writer, sums[row])
    for column in np.flatnonzero(matrix.any(axis=0)).tolist():
        weights = {row: int(matrix[row, column]) for row in sums if matrix[row, column]}
        if not weights:
            continue
        writer.end_line()
        if not 0 <= column - base < 64:
            writer.add(f"EDGEALGOS_GO({column - base})", 2, 2)
            base = column
        writer.add(f"EDGEALGOS_INPUT({column - base})", 2, 1)
        _column(writer, weights, sums, waiting, begun, nonzero_share)
    return base


def _column(
    writer: Writer,
    weights: dict[int, int],
    sums: dict[int, list[str]],
    waiting: dict[int, str],
    begun: set[int],
    nonzero_share: float | None,
) -> None:
    """Products of a column; `begun` are the rows whose sums hold something, others take their first product."""
    body = Writer()
    for size in sorted({abs(weight) for weight in weights.values()}):
        rows = [row for row, weight in weights.items() if abs(weight) == size]
        wide = any(len(sums[row]) == 3 for row in rows)
        factor = _signed(size)
        if size not in waiting:
            fresh = [weights[row] for row in rows if row not in begun]
            if fresh and max(fresh) < 0:
                factor = -size
            body.add(f"EDGEALGOS_WEIGHT(r19, {factor})", 1, 1)
        body.add(f"EDGEALGOS_TIMES{24 if wide else 16}({waiting.get(size, 'r19')})", 3 if wide else 2, 2 if wide else 1)
        for row in rows:
            names = sums[row]
            plus = weights[row] == factor
            if row not in begun and plus:
                _take(body, names)
            else:
                if row not in begun:
                    _clear(body, names)
                verb = "PLUS" if plus else "MINUS"
                body.add(f"EDGEALGOS_{verb}{8 * len(names)}({', '.join(names)})", len(names), len(names))
            begun.add(row)
    body.end_line()
    if nonzero_share is None:
        writer.add(body.lines[0], body.cycles, body.words)
        return
    near = body.words <= _NEAR_WORDS
    verb = "EDGEALGOS_UNLESS_ZERO" if near else "EDGEALGOS_UNLESS_ZERO_FAR"
    skip = 3 if near else 4
    enter = 2 if near else 3
    cycles = nonzero_share * (enter + body.cycles) + (1 - nonzero_share) * skip
    writer.add(f"{verb}({body.lines[0]})", cycles, body.words + (2 if near else 3))


def _take(writer: Writer, names: list[str]) -> None:
    """A sum begins with a product."""
    even = int(names[0][1:]) % 2 == 0
    words = len(names) - even
    writer.add(f"EDGEALGOS_TAKE{8 * len(names)}{'' if even else '_ODD'}({', '.join(names)})", words, words)


def _finish_sum(writer: Writer, names: list[str], acc_bits: int, finish: Narrow | Vote | None, row: int) -> None:
    writer.end_line()
    if isinstance(finish, Vote):
        writer.add(f"EDGEALGOS_VOTE({names[0]})", 11, 8)
        if row == 0:
            writer.add("EDGEALGOS_FIRST(0)", 4, 4)
        else:  # one chance in so many that it is larger than all before it
            writer.add(f"EDGEALGOS_LARGER({row})", 5 + 3 / (row + 1), 8)
        writer.add("EDGEALGOS_STORE_SCORE", 10, 6)
    elif finish is not None:
        _narrow(writer, names, finish, row)
    else:
        _store(writer, names, acc_bits)


def _narrow(writer: Writer, names: list[str], finish: Narrow, row: int) -> None:
    """A bias and half of the last unit that is kept are added; whether the sum saturates is seen at its upper byte.

    Then it is shifted, to the left where that is nearer.
    """
    shift, top = finish.shift, finish.shift + finish.bits - 8
    more = (finish.biases[row] if finish.biases else 0) + (1 << (shift - 1))
    writer.add(f"EDGEALGOS_SUM_TAKE({names[0]}, {more})", 3, 3)
    if finish.rectify:  # about half of the sums are negative
        writer.add(f"EDGEALGOS_UNLESS_NEGATIVE({1 << (min(top, 8) - 1)}, {1 << (finish.bits - 1)})", 5, 6)
    elif top < 8:
        limits = f"{1 << (finish.bits - 1)}"
        writer.add(f"EDGEALGOS_UNLESS_BEYOND({1 << (top - 1)}, {limits})", 5, 8)
    if shift <= 4:
        writer.add(" ".join(["EDGEALGOS_SUM_HALVE"] * shift), 2 * shift, 2 * shift)
    else:
        left, right = max(8 - shift, 0), max(shift - 8, 0)
        words = ["EDGEALGOS_SUM_DOUBLE"] * left + ["EDGEALGOS_SUM_UPPER"] + ["EDGEALGOS_SUM_HALVE_BYTE"] * right
        writer.add(" ".join(words), 2 * left + 1 + right, 2 * left + 1 + right)
    writer.add("EDGEALGOS_SUM_KEEP", 2, 1)


def _store(writer: Writer, names: list[str], acc_bits: int) -> None:
    wide = acc_bits == 32
    cycles = {(2, False): 4, (2, True): 10, (3, True): 10}[len(names), wide]
    words = {(2, False): 2, (2, True): 6, (3, True): 6}[len(names), wide]
    writer.add(f"EDGEALGOS_STORE{8 * len(names)}{'_AS_32' if wide else ''}({', '.join(names)})", cycles, words)
