"""Main programs of plain C++: one that answers rows on Linux, an example elsewhere. Knows twins and templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from .pieces import facts, part, self_test_source
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.twin import Twin

_LINUX_START = (
    '  fprintf(stderr, "# self-test: %lu of %lu rows as in Python\\n", static_cast<unsigned long>(selfTest()),\n'
    "          static_cast<unsigned long>(sizeof kTestAnswers / sizeof kTestAnswers[0]));\n"
)
_BARE_START = "  tell(static_cast<long>(selfTest()));\n"


def main_source(twin: Twin, name: str, self_test: ArrayLike | None) -> str:
    """Text of the main.cpp: on Linux it answers rows, without an operating system it is an example."""
    stem = "main" if twin.board.framework.hosted else "main_bare"
    answer, start = part(twin, f"{stem}_answer", ".cpp", name), ""
    if self_test is not None:
        answer += "\n\n" + self_test_source(twin, name, self_test).rstrip("\n")
        start = _LINUX_START if twin.board.framework.hosted else _BARE_START
    values = facts(twin, name) | {"answer": answer, "start": start, "mark": "", "restart": ""}
    if twin.program.steps is not None:
        values |= {"mark": " and begins a sequence", "restart": f"      step = 0;\n      {name}::reset();\n"}
    return template(f"{stem}.cpp").substitute(values)


def answer_source(twin: Twin, name: str) -> str:
    """The function that answers a row as the main.cpp for Linux does."""
    return part(twin, "main_answer", ".cpp", name)
