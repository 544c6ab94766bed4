"""Processor families: what code for them may count on. Knows no boards, no compilers, no models."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Architecture:
    """What everything that writes, costs or runs code asks of a processor family.

    Parameters
    ----------
    name : str
        Name in tables, for example ``"armv6-m"``.
    separate_flash : bool
        Whether constants lie in an address space of their own (Harvard) and are read by instructions of their own.
    table_reach : int or None
        Bytes of flash, from address 0, that pointers to constants reach; None: all.
    largest_object : int or None
        Most bytes of one table or array that its compiler takes; None: no limit that matters.
    multiplies : bool
        Whether one instruction multiplies two bytes.
    straight_line : bool
        Whether there is a form of code whose instructions hold a model's weights.
    fastest_storage : str
        Storage of dense matrices whose kernel takes the fewest cycles, whatever its bytes.
    alignment : int
        Bytes of RAM to a multiple of which every variable is padded.
    starts_itself : bool
        Whether what the compiler links starts the processor; else the board's maker has start-up code.
    rom : str
        Source, below this folder, of what chips have in ROM and the compiler's libraries lack; empty: nothing.
    linkable : str
        Pattern of the architectures that a linked file may be made for, where a compiler's libraries may be too new.
    """

    name: str
    separate_flash: bool = False
    table_reach: int | None = None
    largest_object: int | None = None
    multiplies: bool = True
    straight_line: bool = False
    fastest_storage: str = "blocks"
    alignment: int = 4
    starts_itself: bool = False
    rom: str = ""
    linkable: str = ""


_PTRDIFF_MAX = (1 << 15) - 1  # of a compiler whose int has 16 bits
_LPM_REACH = 1 << 16  # pointers to program memory have 16 bits; linkers put all tables first

AVR = Architecture(
    "avr", separate_flash=True, table_reach=_LPM_REACH, largest_object=_PTRDIFF_MAX, straight_line=True, alignment=1,
    starts_itself=True,
)  # fmt: skip
AVR_WITHOUT_MULTIPLIER = replace(
    AVR, name="avr without MUL", multiplies=False, fastest_storage="dense", straight_line=False
)
ARMV6 = Architecture("armv6", fastest_storage="tiles", linkable=r"v[1-5]\w*|v6")
ARMV6_M = Architecture("armv6-m")
ARMV7_M = Architecture("armv7-m")
ARMV7E_M = Architecture("armv7e-m", fastest_storage="tiles")
ARMV8_M = Architecture("armv8-m", fastest_storage="tiles")
ARMV8_A = Architecture("armv8-a")
RV32 = Architecture("rv32imc")
XTENSA = Architecture("xtensa", rom="xtensa/rom.cpp")
NATIVE = Architecture("native")
