"""Text of the AVR functions whose instructions hold a constant's values; knows code, not how it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgealgos.codegen.program.ir import ArgMax, MatVec, Op, Program, PrototypeScore, TreeWalk
from edgealgos.codegen.targets.avr.forms import RESIDENT, Parts, chosen_parts, chunks, in_one, tells_label
from edgealgos.codegen.targets.avr.straight_line import Code


def functions(program: Program, op: Op, name: str, rest_reader: str = "") -> str:
    """Functions of a constant and the reader of rows (or distances) that calls them.

    `rest_reader` makes the reader of what stays a table.
    """
    found = chosen_parts(program, op, name)
    if program[name].storage == RESIDENT:
        return f"{_distance_loop(name, found[0])}\n{_distance_reader(name)}"
    values = program[name].values
    size = sum(code.size for code in found)
    comment = f"// {name} as straight-line code: {size:,} bytes."
    if isinstance(op, PrototypeScore) and name == op.prototypes:
        reader = _distance_reader(name)
        return "\n".join([comment, _function(f"{name}_distances", found[0], "uint16_t", "distances"), reader])
    if in_one(program, op):
        return f"{comment}\n{_whole(program, op, name, found[0])}"
    assert isinstance(op, (MatVec, TreeWalk, PrototypeScore))
    kind = f"int{op.acc_bits}_t"
    texts = [_function(_part(name, found, i), code, kind, "sums") for i, code in enumerate(found)]
    rows = [len(chunk) for chunk in chunks(values)][: len(found)]
    return "\n".join([comment, *texts, _reader(name, found, kind, rows, rest_reader)])


def call(program: Program, op: Op) -> str:
    """Call of an op that is straight-line code as a whole."""
    if isinstance(op, MatVec):
        return f"{op.matrix}_product({op.vector}, {op.out});"
    assert isinstance(op, TreeWalk)
    label = f"const uint8_t {op.out}_label = " if tells_label(program, op) else ""
    return f"{label}{op.weights}_scores({op.vector}, {op.out}_);"


def label(op: ArgMax) -> str:
    """What stands for the number of the largest score that a tree has told."""
    return f"{op.source}_label"


def _whole(program: Program, op: Op, name: str, code: Code) -> str:
    """Function of an op that is straight-line code as a whole; of a tree the gates come before the scores."""
    if isinstance(op, MatVec):
        return _function(f"{name}_product", code, "int8_t", "out")
    assert isinstance(op, TreeWalk)
    if name == op.gates:
        return f"// (It stands in {op.weights}_scores.)"
    (gates,) = chosen_parts(program, op, op.gates)
    whole = replace(code, lines=gates.lines + code.lines)
    statement = _statement(whole, "gates", '"=&r"(label)')
    return (
        f"EDGEALGOS_NOINLINE uint8_t {name}_scores(const int8_t *vector, int32_t *scores) {{\n"
        f"  int8_t *gates = reinterpret_cast<int8_t *>(scores) + {3 * program[op.out].size};\n"
        f'  register uint8_t label __asm__("r16");\n'
        f"{statement}\n"
        f"  return label;\n}}"
    )


def _part(name: str, found: Parts, index: int) -> str:
    return f"{name}_sums" if len(found) == 1 else f"{name}_sums_{index}"


def _function(name: str, code: Code, kind: str, out: str) -> str:
    return f"EDGEALGOS_NOINLINE void {name}(const int8_t *vector, {kind} *{out}) {{\n{_statement(code, out)}\n}}"


def _statement(code: Code, out: str, *others: str) -> str:
    """The asm statement; X begins at the vector, Z at what is written; `others` are operands as they stand there."""
    lines = "\n".join(f"      {line}" for line in code.lines)
    registers = ", ".join(f'"{register}"' for register in (*code.clobbers, "memory"))
    operands = ", ".join(['"+x"(vector)', f'"+z"({out})', *others])
    return f"  __asm__ __volatile__(\n{lines}\n      : {operands}\n      :\n      : {registers});"


def _distance_loop(name: str, code: Code) -> str:
    statement = _statement(code, "prototypes", '"+r"(out)')
    return (
        f"EDGEALGOS_NOINLINE void {name}_distances(const int8_t *vector, uint16_t *distances) {{\n"
        f"  const int8_t *prototypes = {name};\n"
        f'  register uint16_t *out __asm__("r24") = distances;\n'
        f"{statement}\n}}"
    )


def _reader(name: str, found: Parts, kind: str, rows: Sequence[int], rest_reader: str) -> str:
    calls = [f"{_part(name, found, i)}(vector, sums); return {count};" for i, count in enumerate(rows)]
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


def _distance_reader(name: str) -> str:
    return (
        f"struct {name}_rows {{\n"
        f"  void distances(const int8_t *z, uint8_t, uint8_t, uint16_t *out, uint16_t) const {{\n"
        f"    {name}_distances(z, out);\n"
        f"  }}\n"
        f"}};"
    )
