"""Values of a program as C++ text: types, numbers, strings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.codegen.program.qtype import QType

_LINE, _WIDEST = 110, 120


def c_type(qtype: QType) -> str:
    """C type of a raw value."""
    return f"int{qtype.container}_t"


def number_lines(values: Iterable[int] | NDArray[Any]) -> str:
    """Comma-separated integers, wrapped and indented."""
    lines, line = [], "   "
    for value in np.asarray(values).ravel().tolist():
        word = f" {value},"
        if len(line) + len(word) > _LINE:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join([*lines, line])


def folded(line: str, indent: str) -> str:
    """A line of C++ with arguments on as many lines as they need."""
    if len(indent) + len(line) <= _WIDEST:
        return indent + line
    lines, rest = [], line
    while len(indent) + len(rest) > _WIDEST and (place := rest.rfind(", ", 0, _WIDEST - len(indent))) > 0:
        lines.append(indent + rest[: place + 1])
        rest, indent = rest[place + 2 :], indent if lines[1:] else f"{indent}    "
    return "\n".join([*lines, indent + rest])


def c_string(text: str) -> str:
    """A C string literal of any text: everything but plain ASCII as octal bytes of UTF-8, so nothing can escape it."""
    plain = set(range(0x20, 0x7F)) - {ord('"'), ord("\\"), ord("?")}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode("utf-8")) + '"'


def folded_text(text: str, before: str, after: str) -> str:
    """A string literal between code, on as many lines as it needs."""
    whole = f"{before}{c_string(text)}{after}"
    if len(whole) <= _WIDEST:
        return whole
    parts = re.findall(rf".{{1,{_WIDEST - len(before) - len(after) - 2}}}(?:\s|$)|\S+", text)
    return before + f"\n{' ' * len(before)}".join(map(c_string, parts)) + after


def power_of_two(exponent: int) -> str:
    """A power of two in a comment: ``2^-7``."""
    return f"2^{exponent}"


def c_float(value: Any) -> str:
    """A float literal that reads back to the same float32."""
    text = np.format_float_scientific(np.float32(value), unique=True, trim="-")
    return f"{text}f"


def float_lines(values: NDArray[np.floating]) -> str:
    """Float literals, one a line."""
    return "\n".join(f"    {c_float(v)}," for v in values.tolist())
