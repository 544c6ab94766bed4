"""A linked program for a board: its image, symbols and sizes, as binutils tell them; knows boards, no sources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edgealgos.errors import BuildError
from edgealgos.files import Scratch

from ..targets.boards import Board
from . import tools

_BEHIND_TABLES = "__ctors_start"  # what linkers put first behind all tables


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or variable of a firmware.

    Parameters
    ----------
    name : str
        Name in the object file.
    demangled : str
        Name as in the source, with parameter types; the compiler's copies end in ``[clone ...]``.
    address : int
        Byte address; in flash for functions and tables, in RAM plus 0x800000 for variables.
    size : int
        Bytes; 0 if not stated.
    kind : str
        Letter of ``nm``: ``T``/``t`` code and flash tables, ``D``/``d`` initialised and ``B``/``b`` zeroed variables.
    """

    name: str
    demangled: str
    address: int
    size: int
    kind: str


@dataclass(frozen=True)
class Firmware:
    """A linked program for a board.

    Parameters
    ----------
    elf : Path
        The linked file. Unless a build folder was given, it is deleted together with this object.
    board : Board
        The board it was built for.
    flash_bytes : int
        Code, tables and the initial values of variables.
    static_ram_bytes : int
        Variables (``.data``, ``.bss``, ``.noinit``); the stack comes on top.
    symbols : tuple of Symbol
        By address.
    warnings : tuple of str
        Compiler warnings about files of the sketch, one string each.
    """

    elf: Path
    board: Board
    flash_bytes: int
    static_ram_bytes: int
    symbols: tuple[Symbol, ...]
    warnings: tuple[str, ...] = ()
    _folder: Scratch | None = field(default=None, repr=False)

    def image(self) -> bytes:
        """Content of the flash from address 0."""
        with Scratch() as folder:
            binary = folder / "flash.bin"
            tools.run([tools.AVR_OBJCOPY.path(), "-O", "binary", "-R", ".eeprom", "-R", ".fuse", self.elf, binary])
            return binary.read_bytes()

    def disassembly(self) -> str:
        """Listing of ``avr-objdump -d`` with readable names."""
        return tools.run([tools.AVR_OBJDUMP.path(), "-d", "-C", self.elf]).stdout

    def function_at(self, address: int) -> str:
        """Name of the function that holds a flash address, ``"?"`` if none does."""
        inside = "?"
        for symbol in self.symbols:
            if symbol.kind in "tTwW" and symbol.address <= address < 0x800000:
                inside = symbol.demangled
            if symbol.address > address:
                break
        return inside


def inspect(elf: Path, board: Board, warnings: Iterable[str], scratch: Scratch | None) -> Firmware:
    """What binutils tell of a linked file."""
    sizes = section_sizes(elf, tools.AVR_SIZE.path())
    flash = sizes.get(".text", 0) + sizes.get(".data", 0)
    ram = sizes.get(".data", 0) + sizes.get(".bss", 0) + sizes.get(".noinit", 0)
    found = symbols(elf, tools.AVR_NM.path())
    _check_tables(found, board)
    return Firmware(elf, board, flash, ram, found, tuple(warnings), scratch)


def _check_tables(found: Iterable[Symbol], board: Board) -> None:
    """Raise BuildError if tables lie where pointers do not reach: the linker does not ask."""
    end = next((symbol.address for symbol in found if symbol.name == _BEHIND_TABLES), 0)
    reach = board.architecture.table_reach
    if reach is not None and end > reach:
        raise BuildError(
            f"tables in flash end at {end:,} and pointers to them reach {reach:,} bytes on the {board.title}: "
            "make them smaller, or read those of the sketch with pgm_get_far_address and pgm_read_byte_far"
        )


def section_sizes(elf: Path, size: Path) -> dict[str, int]:
    """Bytes of each section, as told by this ``size`` program."""
    listing = tools.run([size, "-A", elf]).stdout
    return {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", listing, re.M)}


def symbols(elf: Path, nm: Path) -> tuple[Symbol, ...]:
    """Functions and variables by address, as told by this ``nm`` program."""
    raw = tools.run([nm, "-n", "-S", elf]).stdout.splitlines()
    readable = tools.run([nm, "-n", "-S", "-C", elf]).stdout.splitlines()
    pattern = re.compile(r"([0-9a-f]+) (?:([0-9a-f]+) )?(\w) (.*)")
    found = []
    for line, demangled in zip(raw, readable, strict=True):
        match, name = pattern.fullmatch(line), pattern.fullmatch(demangled)
        if match and name:  # undefined weak symbols have no address
            found.append(Symbol(match[4], name[4], int(match[1], 16), int(match[2] or "0", 16), match[3]))
    return tuple(found)
