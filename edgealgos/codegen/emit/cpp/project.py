"""How the files of plain C++ are built: for CMake, and as one command. Knows boards and templates, no models."""

from __future__ import annotations

from edgealgos.codegen.targets.architectures import NATIVE
from edgealgos.codegen.targets.boards import Board

from .template import template


def build_files(board: Board, name: str) -> dict[str, str]:
    """For CMake: how to build, and for another computer than this one the compiler that does."""
    use = "cmake -S . -B build"
    files = {}
    if board.architecture is not NATIVE:
        use += f" -DCMAKE_TOOLCHAIN_FILE={board.name}.cmake"
        system = "Linux" if board.framework.hosted else "Generic"
        facts = {"board": board.title, "system": system, "compiler": board.compiler, "flags": " ".join(board.flags)}
        files[f"{board.name}.cmake"] = template("toolchain.cmake").substitute(facts)
    program = template("program.cmake").substitute(name=name) if board.framework.hosted else ""
    text = template("CMakeLists.txt").substitute(name=name, use=f"{use} && cmake --build build", program=program)
    return {"CMakeLists.txt": text.rstrip("\n") + "\n", **files}


def build_command(board: Board, name: str) -> str:
    """The compiler's command line; without an operating system it makes an object file."""
    compiler = [board.compiler, "-std=c++11", *board.flags]
    files = ["main.cpp", f"{name}_model.cpp", "-o", name] if board.framework.hosted else ["-c", f"{name}_model.cpp"]
    return " ".join([*compiler, *files])
