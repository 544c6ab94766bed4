"""Makes C++ of the tabs of a sketch as the Arduino IDE does: joined, functions declared. Knows texts, no compilers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SUFFIXES = (".ino", ".pde")
# What is no code: comments, literals, and directives with the lines that continue them.
_NO_CODE = re.compile(
    r"""//(?:\\\n|[^\n])* | /\*.*?\*/ | R"([^()\\\s]*)\(.*?\)\1" | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    | ^[ \t]*\#(?:\\\n|[^\n])*""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_CONDITION = re.compile(r"^[ \t]*#[ \t]*if", re.MULTILINE)
_ATTRIBUTE = re.compile(r"\b__attribute__\s*\(\(.*?\)\)|\[\[.*?\]\]", re.DOTALL)
_FUNCTION = re.compile(r"((?:[\w:<>,]|[\s*&])*[\s*&])(\w+)\s*\(([^=]*)\)\s*", re.DOTALL)
_NO_RETURN_TYPE = re.compile(r"\b(?:extern|template|operator|typedef|using|namespace|return|else)\b")
_MARKER = re.compile(r'^# (\d+) "(.*?)"')


def joined(tabs: Sequence[Path]) -> str:
    """The tabs one after the other, behind the header that sketches need not include."""
    texts = [f"#line 1 {_quoted(tab)}\n{tab.read_text(encoding='utf-8', errors='replace')}\n" for tab in tabs]
    return "".join(["#include <Arduino.h>\n", *texts])


def is_conditional(text: str) -> bool:
    """Whether only the preprocessor knows which parts of a text are code."""
    return bool(_CONDITION.search(text))


def with_prototypes(text: str, tabs: Sequence[Path], lines: Mapping[tuple[str, int], str] | None = None) -> str:
    """The joined tabs with a declaration of each function in front of the first one.

    Parameters
    ----------
    text : str
        From :func:`joined`.
    tabs : sequence of Path
        Those that were joined.
    lines : mapping of (str, int) to str, optional
        What the preprocessor left of each line, from :func:`preprocessed`; needed where there are conditions.
    """
    rows = text.split("\n")
    if lines is not None:
        places = list(_places(rows))
        rows = [lines.get(place, "") for place in places]
    found = list(_functions("\n".join(rows)))
    if not found:
        return text
    first = min(line for _, line in found)
    source = text.split("\n")
    tab, number = list(_places(source))[first]
    prototypes = dict.fromkeys(prototype for prototype, _ in found)
    return "\n".join([*source[:first], *prototypes, f"#line {number} {_quoted(Path(tab))}", *source[first:]])


def preprocessed(output: str) -> dict[tuple[str, int], str]:
    """Lines of each file by file and number, of what a preprocessor printed with its line markers."""
    lines: dict[tuple[str, int], str] = {}
    file, number = "", 0
    for row in output.split("\n"):
        if marker := _MARKER.match(row):
            file, number = marker[2].replace("\\\\", "\\"), int(marker[1])
            continue
        lines[file, number] = lines.get((file, number), "") + row
        number += 1
    return lines


def _places(rows: Sequence[str]) -> Iterator[tuple[str, int]]:
    """File and line number of each row of the joined tabs."""
    file, number = "", 0
    for row in rows:
        yield file, number
        number += 1
        if line := re.fullmatch(r'#line (\d+) "(.*)"', row):
            file, number = line[2].replace("\\\\", "\\"), int(line[1])


def _functions(text: str) -> Iterator[tuple[str, int]]:
    """Prototype and row (from 0) of each function that is defined outside of any block."""
    code = _NO_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    start = blocks = brackets = 0
    for found in re.finditer(r"[{}();]", code):
        mark = found[0]
        brackets += (mark == "(") - (mark == ")")
        if brackets > 0:
            continue
        if mark == "{":
            if blocks == 0 and (prototype := _prototype(code[start : found.start()])):
                begin = start + len(code[start:]) - len(code[start:].lstrip())
                yield prototype, code.count("\n", 0, begin)
            blocks += 1
        elif mark == "}":
            blocks -= 1
        if mark in "};" and blocks == 0:
            start = found.end()


def _prototype(head: str) -> str:
    """Declaration for what stands before a block; empty if that is no function, or one with default arguments."""
    match = _FUNCTION.fullmatch(_ATTRIBUTE.sub(" ", head).strip())
    if match is None or not match[1].strip() or _NO_RETURN_TYPE.search(match[1]):
        return ""
    return " ".join(f"{match[1]} {match[2]}({match[3]});".split())


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\") + '"'
