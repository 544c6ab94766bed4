"""Builds the plain C++ of an export for this computer and for ARM boards; knows compilers and boards, no models."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from edgealgos.errors import BuildError
from edgealgos.files import Scratch

from .. import targets
from ..targets.architectures import NATIVE
from ..targets.boards import Board, get_board
from . import tools
from .firmware import Symbol, section_sizes, symbols
from .sketch import warning_lines

_LANGUAGE = ("-std=c++11", "-Wall", "-Wextra")
_FLASH = (".text", ".rodata", ".data", ".ARM", ".init_array")
_RAM = (".data", ".bss")


@dataclass(frozen=True)
class Executable:
    """A linked program of plain C++.

    Parameters
    ----------
    path : Path
        The linked file. Unless a build folder was given, it is deleted together with this object.
    board : Board
        The board it was built for.
    flash_bytes, static_ram_bytes : int
        Without an operating system: of the exported program, without what starts the processor. Else: of the exported
        files, without libraries. 0 where no ``size`` program measures it.
    symbols : tuple of Symbol
        By address.
    warnings : tuple of str
        Compiler warnings, one string each.
    """

    path: Path
    board: Board
    flash_bytes: int
    static_ram_bytes: int
    symbols: tuple[Symbol, ...]
    warnings: tuple[str, ...]
    _folder: Scratch | None = field(default=None, repr=False)


def build_cpp(
    folder: str | Path,
    board: str | Board,
    *,
    firmware: str | Path | None = None,
    link_flags: Sequence[str | Path] = (),
    build_folder: str | Path | None = None,
) -> Executable:
    """Compile and link an exported folder of plain C++.

    Parameters
    ----------
    folder : path
        Folder with ``main.cpp`` and the model.
    board : str or Board
        Any board but those of the AVR family.
    firmware : path, optional
        For a board without an operating system: a main program with all that starts the processor, which takes the
        place of ``main.cpp`` in the linked file. Without it, the linked file is good for measuring and not for running.
    link_flags : sequence
        How `firmware` is linked.
    build_folder : path, optional
        Where the linked file goes; by default a temporary folder that lives as long as the result.

    Raises
    ------
    BuildError
        If compiler or linker refuse it, or if a program for the Pi Zero holds code that its processor does not know.
    MissingToolError
        If the compiler is missing.
    """
    board = get_board(board)
    if board.framework.sketches:
        raise ValueError(f"{board.title} is programmed with sketches; use build_sketch")
    sources = sorted(path for path in Path(folder).resolve().glob("*.cpp"))
    if "main.cpp" not in [source.name for source in sources]:
        raise BuildError(f"{folder} is no export of plain C++: it has no main.cpp")
    scratch = Scratch() if build_folder is None else None
    keep = scratch.path if scratch else Path(build_folder or "")
    keep.mkdir(parents=True, exist_ok=True)
    return replace(_Build(board, keep).executable(sources, firmware, link_flags), _folder=scratch)


class _Build:
    """One build: a board's compiler, a folder for what it makes, and what it said."""

    def __init__(self, board: Board, folder: Path) -> None:
        self.board = board
        self.folder = folder
        self.compiler = _compiler(board).path()
        self.messages: list[str] = []

    def executable(
        self, sources: Sequence[Path], firmware: str | Path | None, link_flags: Sequence[str | Path]
    ) -> Executable:
        """Compile, link, check and measure."""
        objects = {source.name: self.compile(source) for source in sources}
        main = objects.pop("main.cpp")
        model = [*objects.values(), *self._rom()]
        bare = not self.board.framework.hosted
        program = self.link("program", [main, *model], ["-Wl,-e,main"] if self._lacks_startup else [])
        flash, ram = self.measure([program] if bare else [main, *model])
        if bare and firmware is not None:
            include = ["-ffreestanding", f"-I{sources[0].parent}"]
            program = self.link("firmware", [self.compile(Path(firmware), include), *model], link_flags)
        if self.board.architecture.linkable:
            self.check_architecture(program)
        nm = None if self.board.architecture is NATIVE else self.companion("nm")
        found = symbols(program, nm) if nm else ()
        return Executable(program, self.board, flash, ram, found, tuple(warning_lines("\n".join(self.messages))))

    def _rom(self) -> list[Path]:
        """What the chip has beside the program."""
        if not (name := self.board.architecture.rom):
            return []
        with resources.as_file(resources.files(targets).joinpath(name)) as source:
            return [self.compile(source)]

    def compile(self, source: Path, flags: Iterable[str] = ()) -> Path:
        """Object file of a source file."""
        target = self.folder / f"{source.name}.o"
        self._run(compile_command(source, target, self.board, flags)[1:])
        return target

    def link(self, name: str, objects: Sequence[Path], flags: Sequence[str | Path]) -> Path:
        """Linked file; without an operating system, only the C library and the compiler's own are there."""
        target = self.folder / name
        bare = [] if self.board.framework.hosted else ["-Wl,--gc-sections"]
        if self._lacks_startup:
            bare += ["-nostdlib", "-Wl,--start-group", "-lc", "-lgcc", "-Wl,--end-group"]
        self._run([*self.board.flags, *objects, *flags, *bare, "-o", target])
        return target

    @property
    def _lacks_startup(self) -> bool:
        return not (self.board.framework.hosted or self.board.architecture.starts_itself)

    def measure(self, files: Iterable[Path]) -> tuple[int, int]:
        """Bytes of flash and of variables."""
        size = self.companion("size")
        if size is None or (self.board.architecture is NATIVE and sys.platform != "linux"):
            return 0, 0
        flash = ram = 0
        for file in files:
            for section, amount in section_sizes(file, size).items():
                flash += amount if section.startswith(_FLASH) else 0
                ram += amount if section.startswith(_RAM) else 0
        return flash, ram

    def check_architecture(self, program: Path) -> None:
        """Raise BuildError if the program holds code for a newer processor, where it would crash."""
        readelf = self.companion("readelf")
        if readelf is None:
            return
        match = re.search(r"Tag_CPU_arch: (\S+)", tools.run([readelf, "-A", program]).stdout)
        architecture = match[1] if match else "an unknown architecture"
        if not re.fullmatch(self.board.architecture.linkable, architecture):
            raise BuildError(
                f"the linked program is ARM{architecture}, and the processor of the {self.board.title} is "
                f"{self.board.architecture.name.upper()}: the compiler's libraries are too new. "
                f"{_compiler(self.board).how_to_get} has libraries that are old enough."
            )

    def companion(self, name: str) -> Path | None:
        """A program that comes with the compiler, or None."""
        found = shutil.which(f"{self.board.compiler.removesuffix('g++')}{name}")
        return Path(found) if found else None

    def _run(self, arguments: Sequence[str | Path]) -> None:
        self.messages.append(tools.run([self.compiler, *arguments]).stderr)


def compile_command(source: Path, target: Path, board: Board, flags: Iterable[str] = ()) -> list[str | Path]:
    """What makes an object file of a source file."""
    return [_compiler(board).path(), *_LANGUAGE, *board.flags, *flags, "-c", source, "-o", target]


def _compiler(board: Board) -> tools.Tool:
    return next(tool for tool in tools.TOOLS if tool.name == board.compiler)
