"""What runs an op: the call of its kernel, as the op's record writes it. Knows programs, no op."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from edgealgos.codegen.program.op import Op
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.tensor import Space
from edgealgos.codegen.targets.avr.forms import form_of, in_one, label_told

from .literals import c_type, folded
from .tables import masks_of, rows_of


def body_of(program: Program, ops: Sequence[Op]) -> str:
    """The statements of a function; what follows an op that repeats is the body of its loop."""
    lines, depth = [], 0
    for op in ops:
        lines.append(indent(statement(program, op), "  " * depth))
        depth += 2 * op.repeats  # its block and its loop
    return "\n".join([*lines, *("  " * level + "}" for level in range(depth, 0, -1))])


def statement(program: Program, op: Op) -> str:
    """What runs an op: the call of its kernel; where it is straight-line code as a whole, of either."""
    plain = _called(program, op)
    form = form_of(op)
    if label_told(program, op):
        on_avr = _called(program, op, told=True)
    elif form is not None and in_one(program, op):
        on_avr = f"  {form.call(program, op)}"
    else:
        return plain
    return f"#if defined(__AVR_HAVE_MUL__)\n{on_avr}\n#else\n{plain}\n#endif"


def _called(program: Program, op: Op, told: bool = False) -> str:
    """The call, below the names of its numbers."""
    operands = Operands(program, op, told)
    lines = op.call(program, operands).split("\n")
    if not operands.constants:
        return "\n".join(folded(line, "  ") for line in lines)
    kinds = dict.fromkeys(kind for kind, _ in operands.constants.values())
    named = (
        f"constexpr {kind} "
        + ", ".join(f"{name} = {_literal(value)}" for name, (own, value) in operands.constants.items() if own == kind)
        + ";"
        for kind in kinds
    )
    block = ["  {", *(folded(line, "    ") for line in (*named, *lines))]
    return "\n".join(block) + (" {" if op.repeats else "\n  }")


class Operands:
    """How the operands of an op are written in its call: what :class:`~edgealgos.codegen.program.op.Cpp` promises."""

    def __init__(self, program: Program, op: Op, told: bool = False) -> None:
        self._program = program
        self._op = op
        self._told = told
        self.constants: dict[str, tuple[str, int]] = {}  # kinds and values of the numbers, by name

    def ref(self, name: str | None) -> str:
        """A tensor; a null pointer for None."""
        if name is None:
            return "nullptr"
        return f"{name}_" if self._program[name].space is Space.OUTPUT else name

    def or_null(self, name: str | None, kind: str = "int32_t") -> str:
        """A table of constants, or a null pointer to such."""
        return f"static_cast<const {kind} *>(nullptr)" if name is None else name

    def rows(self, name: str) -> str:
        """The reader of a matrix' rows, whatever its storage."""
        return rows_of(self._op, self._program[name])

    def masks(self, name: str) -> str:
        """The table of masks of a matrix, or a null pointer."""
        return masks_of(self._program[name])

    def constant(self, name: str, value: int, kind: str = "") -> str:
        """A number of the call, under a name that says what it means; in the narrowest kind of int if none is given."""
        if self._op.repeats:
            name = f"{name}_{self._op.out}"  # its block is still open where others begin
        number = kind or _kind_of(value), value
        if self.constants.setdefault(name, number) != number:
            return self.constant(f"{name}Too", value, kind)
        return name

    def count(self, length: int, name: str = "kSize") -> str:
        """A length in the narrowest type: kernels have a faster form for it."""
        return self.constant(name, length, "uint8_t" if length < 256 else "uint16_t")

    def type(self, name: str) -> str:
        """The C type of a tensor's elements."""
        return c_type(self._program[name].type)

    def largest(self, scores: str) -> str:
        """The number of the largest score: searched for, unless the code that made the scores has told it."""
        if self._told:
            return f"{scores}_label"
        return f"edgealgos::argmax({self.ref(scores)}, {self.constant('kScores', self._program[scores].size)})"


def _literal(value: int) -> str:
    """A number of C++."""
    return str(value).lower() if isinstance(value, bool) else str(int(value))


def _kind_of(value: int) -> str:
    """The type of C++ that a literal of this value has on every processor."""
    return "int" if -(1 << 15) < value < 1 << 15 else "int32_t"
