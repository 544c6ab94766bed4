"""Text of the AVR functions whose instructions hold a constant's values; knows code, not how it is made."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..code import Code

Parts = tuple[Code, ...]
_WIDEST = 114  # without indent


def part_name(name: str, found: Parts, index: int) -> str:
    """Name of one of the functions of a constant."""
    return f"{name}_sums" if len(found) == 1 else f"{name}_sums_{index}"


def function(name: str, code: Code, kind: str, out: str) -> str:
    """A function that writes sums, bytes or distances of a vector."""
    return f"EDGEALGOS_NOINLINE void {name}(const int8_t *vector, {kind} *{out}) {{\n{statement(code, out)}\n}}"


def statement(code: Code, out: str, *others: str) -> str:
    """The asm statement; X begins at the vector, Z at what is written; `others` are operands as they stand there."""
    lines = "\n".join(f"      {part}" for line in code.lines for part in _folded(line))
    registers = ", ".join(f'"{register}"' for register in (*code.clobbers, "memory"))
    operands = ", ".join(['"+x"(vector)', f'"+z"({out})', *others])
    changed = "\n        ".join(textwrap.wrap(registers, _WIDEST - 4))
    return f"  __asm__ __volatile__(\n{lines}\n      : {operands}\n      :\n      : {changed});"


def _folded(line: str) -> list[str]:
    """A line as several that are not too wide, each beginning with a word of its own."""
    words = line.split(" EDGEALGOS_")
    lines = [words[0]]
    for word in (f"EDGEALGOS_{word}" for word in words[1:]):
        if len(lines[-1]) + 1 + len(word) > _WIDEST:
            lines.append(f"    {word}")
        else:
            lines[-1] += f" {word}"
    return lines


def distance_loop_function(name: str, code: Code) -> str:
    """The loop over prototypes; `code` reads them from the table of that name."""
    body = statement(code, "prototypes", '"+r"(out)')
    return (
        f"EDGEALGOS_NOINLINE void {name}_distances(const int8_t *vector, uint16_t *distances) {{\n"
        f"  const int8_t *prototypes = {name};\n"
        f'  register uint16_t *out __asm__("r24") = distances;\n'
        f"{body}\n}}"
    )


def column_loop_function(name: str, table: str, code: Code, kind: str) -> str:
    """The loop over columns of some rows; `code` reads their weights from `table`."""
    body = statement(code, "column", '"+r"(out)')
    return (
        f"EDGEALGOS_NOINLINE void {name}(const int8_t *vector, {kind} *sums) {{\n"
        f"  const int8_t *column = {table};\n"
        f'  register {kind} *out __asm__("r24") = sums;\n'
        f"{body}\n}}"
    )


def grouped_rows(name: str, code: Code, together: int) -> str:
    """The loop over columns of groups of rows that stand one behind the other in a table, and their reader."""
    body = statement(code, "column", '"+r"(out)')
    return (
        f"EDGEALGOS_NOINLINE void {name}_sums(const int8_t *vector, const int8_t *column, int16_t *sums) {{\n"
        f'  register int16_t *out __asm__("r24") = sums;\n'
        f"{body}\n}}\n"
        f"struct {name}_rows {{\n"
        f"  enum {{ kAtOnce = {together} }};\n"
        f"  const int8_t *group;\n"
        f"  {name}_rows() : group({name}) {{}}\n"
        f"  template <class N> uint8_t next(const int8_t *vector, N columns, int16_t *sums, uint8_t left) {{\n"
        f"    {name}_sums(vector, group, sums);\n"
        f"    group += static_cast<uint16_t>(kAtOnce * columns);\n"
        f"    return left < kAtOnce ? left : static_cast<uint8_t>(kAtOnce);\n"
        f"  }}\n}};"
    )


def reader(name: str, found: Parts, kind: str, rows: Sequence[int], rest_reader: str) -> str:
    """A reader of rows that calls the functions, and another reader for what stays a table."""
    calls = [f"{part_name(name, found, i)}(vector, sums); return {count};" for i, count in enumerate(rows)]
    if rest_reader:
        calls.append("return edgealgos::next_of_all(rest, vector, columns, sums, kAtOnce);")
    cases = [f"      case {i}: {call}" for i, call in enumerate(calls[:-1])] + [f"      default: {calls[-1]}"]
    member = f"  decltype({rest_reader}) rest;\n" if rest_reader else ""
    make_rest = f", rest({rest_reader})" if rest_reader else ""
    go = (
        f"    if (node >= {len(rows)}) there.rest = rest.at(node - {len(rows)}, rows, columns);\n"
        if rest_reader
        else ""
    )
    unused = "" if rest_reader else "    (void)rows, (void)columns;\n"
    return (
        f"struct {name}_rows {{\n"
        f"  enum {{ kAtOnce = {max(rows)} }};\n"
        f"  uint8_t part;\n{member}"
        f"  {name}_rows() : part(0){make_rest} {{}}\n"
        f"  {name}_rows at(uint8_t node, uint8_t rows, uint8_t columns) const {{\n{unused}"
        f"    {name}_rows there;\n"
        f"    there.part = node;\n{go}"
        f"    return there;\n"
        f"  }}\n"
        f"  template <class N> uint8_t next(const int8_t *vector, N columns, {kind} *sums, uint8_t) {{\n"
        f"    (void)columns;\n"
        f"    switch (part++) {{\n" + "\n".join(cases) + "\n    }\n  }\n};"
    )


def distance_reader(name: str) -> str:
    """A reader of prototypes that calls their function."""
    return (
        f"struct {name}_rows {{\n"
        f"  void distances(const int8_t *z, uint8_t, uint8_t, uint16_t *out, uint16_t) const {{\n"
        f"    {name}_distances(z, out);\n"
        f"  }}\n"
        f"}};"
    )
