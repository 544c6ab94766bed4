"""Frames of an exported model's functions and who calls whom, read from its object file; knows no costs.

Compiling is enough: nothing runs, and what no run has shown is there as well.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from edgealgos.codegen.build.plain import compile_command
from edgealgos.codegen.build.tools import run
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.emit.cpp.files import write_cpp
from edgealgos.codegen.program import Program
from edgealgos.codegen.targets.boards import Board

_FUNCTION = re.compile(r"[0-9a-f]+ <(.*)>:$")
_RELOCATION = re.compile(r"R_ARM_(?:THM_)?(CALL|PC22|JUMP24|XPC22)\s+(\S+?)(?:[+-]0x[0-9a-f]+)?$")
_INSTRUCTION = re.compile(r"\s+[0-9a-f]+:\s+(\S+)\s*(.*)$")
_WORD = 4
_OF_C_LIBRARY = 24  # bytes, at most, of what copies and clears


@dataclass(slots=True)
class Function:
    """A function's own frame, bytes, and what it calls, in the order of its code; at its end: when its frame is gone.

    A frame whose size is in a register is not known.
    """

    frame: int = 0
    known: bool = True
    calls: list[str] = field(default_factory=list)
    at_end: list[str] = field(default_factory=list)


class CallGraph(dict[str, Function]):
    """Functions by their linker's names."""

    def depth(self, name: str) -> int:
        """Stack of a function with the deepest of what it calls.

        Raises
        ------
        KeyError
            If it calls a function that is nowhere.
        ValueError
            If a frame is not known.
        """
        function = self[name]
        if not function.known:
            raise ValueError(f"the size of the frame of {name} is in a register")
        inside = [function.frame + self.depth(called) for called in function.calls]
        return max([function.frame, *inside, *(self.depth(called) for called in function.at_end)])


def call_graph(program: Program, board: Board) -> CallGraph:
    """The functions of an exported program, and those of the compiler's library."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model", Path(folder) / "model.o"
        write_cpp(CompiledModel(program, board), source, "model")
        run(compile_command(source / "model_model.cpp", target, board))
        own = dict(functions(_disassembled(target, board)))
    return CallGraph(_library(board) | own)


def functions(text: str) -> Iterator[tuple[str, Function]]:
    """Functions of a disassembled ARM object file."""
    current = Function()
    for line in text.splitlines():
        if found := _FUNCTION.match(line):
            current = Function()
            yield found[1], current
        elif found := _RELOCATION.search(line):
            (current.at_end if found[1] == "JUMP24" else current.calls).append(found[2])
        elif found := _INSTRUCTION.match(line):
            current.frame += _pushed(found[1].partition(".")[0], found[2])
            current.known &= not (found[1] == "add" and re.match(r"sp, r\d", found[2]))


def _pushed(instruction: str, operands: str) -> int:
    """By how much an instruction lowers the stack pointer."""
    if instruction in ("push", "vpush") or (instruction == "stmdb" and operands.startswith("sp!")):
        each = 2 * _WORD if instruction == "vpush" else _WORD
        return each * sum(map(_registers, operands[operands.index("{") :].strip("{} ").split(",")))
    if instruction == "sub" and operands.startswith("sp,"):
        return int(operands.rpartition("#")[2].split()[0])
    if found := re.search(r"\[sp, #-(\d+)\]!", operands):
        return int(found[1])
    return 0


def _registers(part: str) -> int:
    first, _, last = part.strip().partition("-")
    return int(last[1:]) - int(first[1:]) + 1 if last else 1


@cache
def _library(board: Board) -> dict[str, Function]:
    """Functions of the compiler's library by all their names, and those of the C library that compilers call."""
    flags = [flag for flag in board.flags if flag.startswith("-m")]
    place = run([board.compiler, *flags, "-print-libgcc-file-name"]).stdout.strip()
    found = dict(functions(_disassembled(Path(place), board)))
    member, alike = "", defaultdict(list)
    for line in run([f"{board.compiler.removesuffix('g++')}nm", place]).stdout.splitlines():
        if line.endswith(":"):
            member = line
        elif (words := line.split()) and len(words) == 3 and words[1] in "TtWw":
            alike[member, words[0]].append(words[2])
    same = {name: found[known] for names in alike.values() for known in names if known in found for name in names}
    return {name: Function(_OF_C_LIBRARY) for name in ("memcpy", "memset", "memmove")} | same | found


def _disassembled(file: Path, board: Board) -> str:
    return run([f"{board.compiler.removesuffix('g++')}objdump", "-dr", "--no-show-raw-insn", file]).stdout
