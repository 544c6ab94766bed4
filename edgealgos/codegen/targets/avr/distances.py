"""Squared distances from prototypes as AVR code: straight-line, or a loop that keeps the vector in registers.

Knows integers, no programs.
"""

from __future__ import annotations

import numpy as np

from edgealgos.codegen.program.qtype import Ints

from .code import Code, Writer

# Registers of distances: r18 a difference, r24 to r26 the sum, r27 zero.
_VECTOR_REGISTERS = [f"r{i}" for i in (19, 20, 21, 22, 23, *range(2, 18))]
MAX_WIDTH = len(_VECTOR_REGISTERS)


def distances(prototypes: Ints, low: int, high: int) -> Code | None:
    """Code of ``min(65535, |vector - prototype|^2)`` of each prototype; None where registers do not suffice."""
    width = prototypes.shape[1]
    if width > MAX_WIDTH:
        return None
    writer = Writer()
    registers = _VECTOR_REGISTERS[:width]
    for name in registers:
        writer.add(f"EDGEALGOS_ELEMENT({name})", 2, 1)
    writer.end_line()
    writer.add("EDGEALGOS_ZERO_CARRY", 1, 1)
    for prototype in prototypes.tolist():
        writer.end_line()
        _distance(writer, registers, prototype, low, high)
    writer.end_line()
    writer.add("EDGEALGOS_CLEAR_R1", 1, 1)
    return writer.code({"r18", "r24", "r25", *registers})


def _distance(writer: Writer, registers: list[str], prototype: list[int], low: int, high: int) -> None:
    most = np.cumsum([max((low - b) ** 2, (high - b) ** 2) for b in prototype])
    saturates = most[-1] > 0xFFFF
    if saturates:
        writer.add("EDGEALGOS_NO_CARRY", 1, 1)
    for i, (name, value) in enumerate(zip(registers, prototype, strict=True)):
        carry = bool(most[i] > 0xFFFF)
        verb = "FIRST_SQUARE" if i == 0 else "NEXT_SQUARE_CARRY" if carry else "NEXT_SQUARE"
        rest = 1 if i == 0 else 3 if carry else 2
        writer.add(f"EDGEALGOS_{verb}({name}, {value})", 4 + rest, 3 + rest)
    if saturates:
        writer.add("EDGEALGOS_SATURATE_DISTANCE", 3, 4)
    writer.add("EDGEALGOS_STORE_DISTANCE", 4, 2)


def distance_loop(prototypes: Ints, low: int, high: int) -> Code | None:
    """Code of the same distances, prototypes in a table, the vector in registers; None where those do not suffice."""
    count, width = prototypes.shape
    if width >= MAX_WIDTH or count > 255:
        return None
    writer = Writer()
    registers = [name for name in _VECTOR_REGISTERS if name != "r23"][:width]
    writer.add("EDGEALGOS_BEGIN_ROWS", 5, 3)
    for name in registers:
        writer.add(f"EDGEALGOS_ELEMENT({name})", 2, 1)
    writer.end_line()
    writer.add(f"EDGEALGOS_ZERO_CARRY EDGEALGOS_EACH_ROW({count})", 2, 2)
    row = Writer()
    _distance_row(
        row, registers, np.maximum((low - prototypes) ** 2, (high - prototypes) ** 2).cumsum(axis=1).max(axis=0)
    )
    writer.end_line()
    writer.lines += row.lines
    writer.cycles += count * row.cycles
    writer.words += row.words
    writer.add("EDGEALGOS_END", 5, 3)
    return writer.code({"r18", "r23", *registers})


def _distance_row(writer: Writer, registers: list[str], most: Ints) -> None:
    """One round of the loop; `most` is what the sum can be after each element."""
    saturates = bool(most[-1] > 0xFFFF)
    if saturates:
        writer.add("EDGEALGOS_NO_CARRY", 1, 1)
    for i, name in enumerate(registers):
        carry = bool(most[i] > 0xFFFF)
        verb = "ROW_FIRST" if i == 0 else "ROW_NEXT_CARRY" if carry else "ROW_NEXT"
        rest = 1 if i == 0 else 3 if carry else 2
        writer.add(f"EDGEALGOS_{verb}({name})", 6 + rest, 3 + rest)
        if i % 4 == 3:
            writer.end_line()
    writer.end_line()
    if saturates:
        writer.add("EDGEALGOS_ROW_SATURATE", 3, 4)
    writer.add("EDGEALGOS_ROW_DONE", 8, 5)
    writer.end_line()
