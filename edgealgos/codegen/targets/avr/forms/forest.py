"""Forests as straight-line code: one function, into which all their numbers go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.codegen.ops.forest import Forest
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.tensor import Space

from .. import voting
from ..code import Code
from ..trees import LABEL, Node, Split, reach, registers_for, trees, visits_of
from .record import Form, Parts, is_decided

BYTE, WORD = 0xFF, 0xFFFF
_COPY_CYCLES, _COPY_BYTES = 4, 6
_PAIR_CYCLES, _PAIR_BYTES = 14, 24
_START_CYCLES, _START_BYTES = 20, 30


@dataclass(frozen=True)
class _Layout:
    """The trees, and where their features lie: in the vector from `first` on, or in an array of copies and pairs."""

    groups: list[list[Node]]
    places: list[int]
    registers: list[int]
    first: int = 0
    copies: tuple[str, ...] = ()


class ForestForm(Form):
    """Everything stands in the function of the leaves."""

    def groups(self, op: Forest) -> tuple[tuple[str, ...], ...]:
        return (tuple(op.constants),)

    def in_one(self, program: Program, op: Forest) -> bool:
        return all(program[name].unrolled for name in self.groups(op)[0])

    def local_bytes(self, program: Program, op: Forest) -> int:
        if op.values is not None:
            return 0  # votes are cast on features where they lie
        return len(_layout(program, op).copies) * program[op.vector].type.container // 8

    def parts(self, program: Program, op: Forest, name: str) -> Parts | None:
        if op.values is None and (op.acc_bits != 16 or program[op.features].size > 2 * reach(_words(program, op))):
            return None
        if op.values is not None and not _votes(program, op):
            return None  # counters of bytes would overflow
        if name != op.leaves:
            return ()
        code = self._code(program, op)
        return None if code is None else (code,)

    def _code(self, program: Program, op: Forest) -> Code | None:
        if op.values is not None:
            (nodes,) = _groups(program, op)
            rows, features = program[op.values].values.tolist(), program[op.features].values
            ballots = [_ballot(node, rows, features) for node in nodes]
            visits, size = voting.visits_of(ballots), program[op.vector].type.container // 8
            return voting.voting(ballots, _bias(program, op), size, visits, self.tells_label(program, op),
                                 _rests(program, op), op.asked, *_counted(program, op))  # fmt: skip
        layout = _layout(program, op)
        code = trees(layout.groups, _bias(program, op), layout.places, layout.registers, op.start is not None,
                     self.tells_label(program, op), _words(program, op), _rests(program, op), op.asked)  # fmt: skip
        if code is None:
            return None
        pairs = sum("half" in copy for copy in layout.copies)
        plain = len(layout.copies) - pairs
        cycles = code.cycles + _COPY_CYCLES * plain + _PAIR_CYCLES * pairs
        size = code.size + _COPY_BYTES * plain + _PAIR_BYTES * pairs
        if op.start is not None:
            cycles, size = cycles + _START_CYCLES * program[op.out].size, size + _START_BYTES
        return Code(code.lines, code.clobbers, cycles, size)

    def tells_label(self, program: Program, op: Forest) -> bool:
        return self.in_one(program, op) and is_decided(program, op.out)

    def functions(self, program: Program, op: Forest, name: str, rest_reader: str) -> str:
        if name != op.leaves:
            return f"// ({name} stands in {op.leaves}_sums.)"
        code = self.chosen(program, op, name)[0]
        layout = _layout(program, op) if op.values is None else _Layout([], [], [])
        kind = _element(program, op.vector)
        if layout.copies:
            values = ",\n".join(f"      {copy}" for copy in layout.copies)
            begin = f"  const {kind} copies[] = {{\n{values},\n  }};\n  const {kind} *features = copies;"
        else:
            begin = f"  const {kind} *features = vector + {layout.first};"
        start = ""
        if op.start is not None:
            start, size = f"const {_element(program, op.start)} *start, ", program[op.out].size
            begin = f"  for (uint8_t k = 0; k < {size}; ++k) scores[k] = start[k];\n{begin}"
        lines = "\n".join(f"      {line}" for line in code.lines)
        told = self.tells_label(program, op)
        told_in = LABEL if op.values is None else voting.LABEL
        registers = ", ".join(f'"{name}"' for name in (*code.clobbers, "memory") if not (told and name == told_in))
        label, result = (f'\n  register uint8_t label __asm__("{told_in}");', '"=r"(label), ') if told else ("", "")
        return (
            f"{self.comment(name, (code,))}\n"
            f"EDGEALGOS_NOINLINE {'uint8_t' if told else 'void'} "
            f"{name}_sums(const {kind} *vector, {start}int32_t *scores) {{\n"
            f"{begin}{label}\n  __asm__ __volatile__(\n{lines}\n"
            f'      : {result}"+x"(scores), "+z"(features)\n      :\n      : {registers});\n'
            f"{'  return label;' + chr(10) if told else ''}}}"
        )

    def call(self, program: Program, op: Forest) -> str:
        start = "" if op.start is None else f"{op.start}, "
        label = f"const uint8_t {op.out}_label = " if self.tells_label(program, op) else ""
        out = f"{op.out}_" if program[op.out].space is Space.OUTPUT else op.out
        return f"{label}{op.leaves}_sums({op.vector}, {start}{out});"


def _votes(program: Program, op: Forest) -> bool:
    """Whether leaves of rows add bytes to counters of a byte or a word each."""
    if op.values is None or op.partners is not None or op.start is not None or program[op.values].values.min() < 0:
        return False
    low, high = op.sums(program)
    most = max(int(program[op.values].values.max()), *_bias(program, op)) if high.max() > BYTE else 0
    return bool(low.min() >= 0 and high.max() <= WORD and most <= BYTE)


def _counted(program: Program, op: Forest) -> tuple[bool, bool]:
    """Whether more is counted than a byte holds; and whether one byte holds it by twos, another one what is left."""
    wide = bool(op.sums(program)[1].max() > BYTE)
    return wide, wide and all(op.sums(program, part)[1].max() <= BYTE for part in (lambda v: v >> 1, lambda v: v & 1))


def _ballot(node: Node, rows: list[list[int]], features: NDArray[Any]) -> voting.Node:
    """A tree whose leaves are rows, over elements of the vector."""
    if not isinstance(node, Split):
        return tuple(rows[node])
    left, right = (_ballot(child, rows, features) for child in (node.left, node.right))
    return voting.Ballot(int(features[node.feature]), node.cut, left, right, node.share)


def _bias(program: Program, op: Forest) -> list[int]:
    return [0] * program[op.out].size if op.bias is None else [int(v) for v in program[op.bias].values]


def _rests(program: Program, op: Forest) -> list[int]:
    return [] if op.rests is None else [int(v) for v in program[op.rests].values]


def _words(program: Program, op: Forest) -> bool:
    """Whether features have 16 bits."""
    return program[op.vector].type.container == 16


def _element(program: Program, name: str) -> str:
    """The C type of a vector's elements."""
    return f"int{program[name].type.container}_t"


def _layout(program: Program, op: Forest) -> _Layout:
    groups = _groups(program, op)
    used = program[op.features].values
    partners = np.zeros_like(used) if op.partners is None else program[op.partners].values
    visits = visits_of(groups, used.size)
    registers = registers_for(visits)
    first = int(used.min())
    if not partners.any() and int(used.max()) - first < reach(_words(program, op)):
        return _Layout(groups, [int(feature) - first for feature in used], registers, first)
    order = sorted(range(used.size), key=lambda f: (f in registers, -visits[f]))
    places = np.argsort(order).tolist()
    copies = tuple(_copy(int(used[f]), int(partners[f])) for f in order)
    return _Layout(groups, places, registers, copies=copies)


def _copy(feature: int, partner: int) -> str:
    if not partner:
        return f"vector[{feature}]"
    minus = "true" if partner % 2 else "false"
    return f"edgealgos::half_of_pair(vector[{feature}], vector[{(partner + 1) // 2 - 1}], {minus})"


def _groups(program: Program, op: Forest) -> list[list[Node]]:
    """Trees of each output as nodes that lead to each other."""
    walk = op.walk(program[op.inner].values, program[op.sizes].values)
    owner = np.repeat(np.arange(program[op.features].size), program[op.counts].values)
    tests, cuts = program[op.tests].values, program[op.cuts].values
    leaves, shares = program[op.leaves].values.tolist(), op.lefts(program)
    built: dict[int, Node] = {}
    for node in range(tests.size - 1, -1, -1):  # children come later than their parents
        left, right = (leaves[~child] if child < 0 else built[child] for child in walk.children[node].tolist())
        built[node] = Split(int(owner[tests[node]]), int(cuts[tests[node]]), left, right, shares[node])
    roots = [built[root] for root in walk.roots.tolist()]
    counts = [len(roots)] if op.groups is None or op.values is not None else program[op.groups].values.tolist()
    ends = np.cumsum(counts).tolist()
    return [roots[end - count : end] for count, end in zip(counts, ends, strict=True)]
