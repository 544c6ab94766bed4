"""The kernels as text: all, what every model stands on, what one model calls. Knows how they are written, no ops."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from edgealgos.codegen.program.tables import COARSE_EXP2, EXP2, FINE_EXP2, LOG2, TANH

from .literals import number_lines
from .template import template

_FILES = {
    "@PRODUCTS@": "generic/kernels/products.h",
    "@KERNELS@": "avr/kernels/avr_kernels.h",
    "@WITHOUT_MUL@": "avr/kernels/without_mul.h",
    "@SIMD@": "arm/kernels/simd.h",
    "@THUMB@": "arm/kernels/thumb.h",
    "@MATRICES@": "generic/kernels/matrices.h",
    "@BONSAI@": "generic/kernels/bonsai.h",
    "@PROTONN@": "generic/kernels/protonn.h",
    "@RECURRENT@": "generic/kernels/recurrent.h",
    "@TILES@": "generic/kernels/tiles.h",
    "@STRAIGHT_LINE@": "avr/kernels/straight_line.h",
    "@NIBBLES@": "generic/kernels/nibbles.h",
    "@CODEBOOKS@": "generic/kernels/codebooks.h",
    "@MOTION@": "generic/kernels/motion.h",
    "@CONV@": "generic/kernels/conv.h",
    "@LAYERS@": "avr/kernels/layers.h",
    "@FOREST@": "generic/kernels/forest.h",
    "@QUADRATIC@": "generic/kernels/quadratic.h",
    "@INSTANCES@": "generic/kernels/instances.h",
    "@COMMITTEE@": "generic/kernels/committee.h",
    "@SPECTRUM@": "generic/kernels/spectrum.h",
    "@AVR_SPECTRUM@": "avr/kernels/spectrum.h",
    "@FEATURES@": "generic/kernels/features.h",
    "@PROBABILITY@": "generic/kernels/probability.h",
    "@DECIMALS@": "generic/kernels/decimals.h",
}
_TABLES = {
    "@EXP2@": EXP2,
    "@COARSE_EXP2@": COARSE_EXP2,
    "@FINE_EXP2@": FINE_EXP2,
    "@TANH@": TANH,
    "@LOG2@": LOG2,
}
_HEAD = re.compile(r".*?#define EDGEALGOS_\w+_H\n(?:\n#include <stdint.h>\n)?", re.DOTALL)
_BASE = (
    "EDGEALGOS_FLASH EDGEALGOS_NOINLINE EDGEALGOS_OP EDGEALGOS_PART EDGEALGOS_INLINE EDGEALGOS_KERNEL "
    "flash( clear( barrier("
)
_SILENT = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')  # comments and strings mention nothing
_NAMESPACE = ("namespace edgealgos {", "}  // namespace edgealgos")


def runtime_header() -> str:
    """Every kernel in one header."""
    text = _read("generic/kernels/edgealgos_runtime.h")
    for mark, name in _FILES.items():
        body = _HEAD.sub("", _read(name), count=1).rpartition("#endif")[0]
        text = text.replace(f"{mark}\n", body.lstrip("\n"))
    for mark, values in _TABLES.items():
        text = text.replace(mark, number_lines(values))
    return text


def base_header() -> str:
    """What all kernels stand on: the same text for every model, so that two of them may share one sketch folder."""
    return template("edgealgos_runtime.h").substitute(base=_text(_base()))


def kernels_of(code: str) -> str:
    """The kernels that this code calls, and what they call, but for the base."""
    return _text(_called(code) - _base())


_Blocks = tuple[tuple[str, ...], ...]  # of each block of the preprocessor around a place the lines up to its own branch


@dataclass(frozen=True)
class _Piece:
    """A function, type, table or macro with the comment above it."""

    text: str
    blocks: _Blocks

    @property
    def names(self) -> frozenset[str]:
        """What it defines; functions with a parenthesis."""
        code = _without_parameters(_SILENT.sub("", self.text).strip())
        if found := re.match(r"#define (\w+)", code) or re.match(r"struct (\w+)", code):
            return frozenset({found[1]})
        if found := re.match(r"(?:typedef|static const)\b[^;{(]*?(\w+)(?:\[\w+\][^;{]*)?\s*[;={]", code):
            return frozenset({found[1]})
        found = re.search(r"\b(?!sizeof)(\w+)\(", code)
        assert found is not None, self.text
        return frozenset({f"{found[1]}("})

    @property
    def mentions(self) -> frozenset[str]:
        """What it may use, and what decides whether it is compiled."""
        return _mentions("\n".join([self.text, *(line for block in self.blocks for line in block)]))


def _mentions(text: str) -> frozenset[str]:
    code = _SILENT.sub("", text)
    functions = re.findall(r"(?:edgealgos::|(?<![\w>.:]))(\w+)[(<]", code)
    return frozenset(re.findall(r"\w+", code)) | {f"{name}(" for name in functions}


def _without_parameters(code: str) -> str:
    """Code without the `template <...>` that it begins with."""
    if not code.startswith("template"):
        return code
    grouped = code
    while "(" in grouped[: grouped.index(">")]:  # where `>` compares
        grouped = re.sub(r"\([^()]*\)", lambda found: "." * len(found[0]), grouped, count=1)
    return code[grouped.index(">") + 1 :].strip()


@cache
def _pieces() -> tuple[_Piece, ...]:
    return tuple(_split(runtime_header().split("\n")))


@cache
def _uses() -> tuple[dict[str, frozenset[int]], list[frozenset[str]]]:
    """Which pieces define a name, and what each mentions."""
    by_name: defaultdict[str, set[int]] = defaultdict(set)
    for number, piece in enumerate(_pieces()):
        for name in piece.names:
            by_name[name].add(number)
    return {name: frozenset(found) for name, found in by_name.items()}, [piece.mentions for piece in _pieces()]


def _called(code: str) -> frozenset[int]:
    """Numbers of the pieces that code needs."""
    by_name, mentions = _uses()
    found: set[int] = set()
    waiting = _mentions(code)
    while waiting:
        new = {number for name in waiting for number in by_name.get(name, ())} - found
        found |= new
        waiting = frozenset(name for number in new for name in mentions[number])
    return frozenset(found)


@cache
def _base() -> frozenset[int]:
    return _called(_BASE)


def _split(lines: Iterable[str]) -> Iterator[_Piece]:
    """The pieces of a header, comments with them; guards, headings and what holds them together are left out."""
    blocks: list[tuple[str, ...]] = []
    piece: list[str] = []
    for line in lines:
        if _within(piece):
            piece.append(line)
        elif line.startswith("#if"):
            blocks.append((line,))
        elif line.startswith(("#else", "#elif")):
            blocks[-1] += (line,)
        elif line.startswith("#endif"):
            blocks.pop()
        elif not line or line in _NAMESPACE or line.startswith(("// ----", "// clang-format", "#include")):
            piece = []
        else:
            piece.append(line)
        if piece and not _within(piece) and not piece[-1].startswith("//"):
            if not piece[-1].endswith("_H"):
                yield _Piece("\n".join(piece), tuple(blocks[1:]))
            piece = []


def _within(piece: list[str]) -> bool:
    """Whether what was begun goes on in the next line."""
    begun = [line for line in piece if not line.startswith("//")]
    if not begun:
        return False
    if begun[0].startswith("#define"):
        return begun[-1].endswith("\\")
    code = _SILENT.sub("", "\n".join(begun)).rstrip()
    return any(code.count(a) != code.count(b) for a, b in ("{}", "()")) or not code.endswith((";", "}"))


def _text(numbers: Collection[int]) -> str:
    """Pieces in their order, the preprocessor's blocks around them."""
    lines: list[str] = []
    around: _Blocks = ()
    for piece in (_pieces()[number] for number in sorted(numbers)):
        _add_blocks(lines, around, piece.blocks)
        several = "\n" in piece.text
        if several and lines and lines[-1] and not lines[-1].startswith(("#if", "#el")):
            lines.append("")
        lines += [piece.text, ""] if several else [piece.text]
        around = piece.blocks
    _add_blocks(lines, around, ())
    return "\n".join(lines).rstrip("\n")


def _add_blocks(lines: list[str], before: _Blocks, after: _Blocks) -> None:
    """What leads from one place to another; empty lines stand outside of blocks."""
    for line in _blocks(before, after):
        if lines and lines[-1] and line.startswith("#if"):
            lines.append("")
        elif lines and not lines[-1] and not line.startswith("#if"):
            lines.pop()
        lines += [line, ""] if line == "#endif" else [line]


def _blocks(before: _Blocks, after: _Blocks) -> list[str]:
    """Lines of the preprocessor that lead from one place to another."""
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    lines = ["#endif"] * (len(before) - same)
    rest = after[same:]
    if rest and len(before) > same and rest[0][: len(before[same])] == before[same]:
        lines.pop()
        lines += rest[0][len(before[same]) :]
        rest = rest[1:]
    return lines + [line for block in rest for line in block]


def _read(name: str) -> str:
    return (resources.files("edgealgos.codegen.targets").joinpath(name)).read_text(encoding="utf-8")
