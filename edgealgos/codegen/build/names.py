"""Asks a board's compiler whether a namespace may have a name; knows compilers and boards, no models."""

from __future__ import annotations

from functools import cache

from edgealgos.errors import MissingToolError
from edgealgos.files import Scratch

from ..targets.boards import Board
from . import plain, sketch, tools

_TRIAL = "namespace {name} {{ int trial(); }}\nint use_it() {{ return {name}::trial(); }}\n"
_HEADERS = "#include <stdio.h>\n#include <stdlib.h>\n"


@cache
def is_refused(name: str, board: Board) -> bool:
    """Whether the headers of a board's programs leave no room for this name; False where its compiler is not here."""
    try:
        return not _compiles(name, board) and _compiles("edgealgos_trial", board)
    except (MissingToolError, OSError):
        return False


def _compiles(name: str, board: Board) -> bool:
    with Scratch() as folder:
        source = folder / ("trial.ino" if board.core_is_here else "trial.cpp")
        source.write_text(_HEADERS * (not board.core_is_here) + _TRIAL.format(name=name), encoding="utf-8")
        command = (sketch if board.core_is_here else plain).compile_command(source, folder / "trial.o", board)
        return tools.run([*command, "-fsyntax-only", "-w"], check=False).returncode == 0
