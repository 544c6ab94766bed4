"""What runs an op: the call of its kernel, as the op's record writes it. Knows programs, no op."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from edgealgos.codegen.program.op import Op
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.tensor import Space
from edgealgos.codegen.targets.avr.forms import form_of, in_one, label_told

from .literals import c_type
from .tables import masks_of, rows_of


def body_of(program: Program, ops: Sequence[Op]) -> str:
    """The statements of a function; what follows an op that repeats is the body of its loop."""
    lines, depth = [], 0
    for op in ops:
        lines.append(indent(statement(program, op), "  " * depth))
        if op.repeats:
            lines[-1] += " {"
            depth += 1
    return "\n".join([*lines, *("  " * level + "}" for level in range(depth, 0, -1))])


def statement(program: Program, op: Op) -> str:
    """What runs an op: the call of its kernel; where it is straight-line code as a whole, of either."""
    plain = f"  {op.call(program, Operands(program, op))}"
    form = form_of(op)
    if label_told(program, op):
        on_avr = f"return {op.scores[0]}_label;"
    elif form is not None and in_one(program, op):
        on_avr = form.call(program, op)
    else:
        return plain
    return f"#if defined(__AVR_HAVE_MUL__)\n  {on_avr}\n#else\n{plain}\n#endif"


class Operands:
    """How the operands of an op are written in its call: what :class:`~edgealgos.codegen.program.op.Cpp` promises."""

    def __init__(self, program: Program, op: Op) -> None:
        self._program = program
        self._op = op

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

    def scalar(self, name: str) -> str:
        """The value of a scalar constant."""
        return str(int(self._program[name].values))

    def count(self, length: int) -> str:
        """A length in the narrowest type: kernels have a faster form for it."""
        return f"uint8_t({length})" if length < 256 else f"uint16_t({length})"

    def type(self, name: str) -> str:
        """The C type of a tensor's elements."""
        return c_type(self._program[name].type)
