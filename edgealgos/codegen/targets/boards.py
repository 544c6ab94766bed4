"""The boards a program can be compiled for: sizes, number widths and compiler flags, no models and no tools."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Board:
    """What the compiler must know of one board.

    Parameters
    ----------
    name : str
        Name in the interface, for example ``"uno"``.
    title : str
        Name for people.
    ram_bytes : int
        RAM for static data and stack together.
    flash_bytes : int
        Flash that a program may fill (what a boot loader takes is gone already).
    clock_hz : int
        Clock of the processor; cycles divided by it are seconds.
    int_bits : int
        Width of C's ``int``: products of bytes are exact in it, products of words only in a wider type.
    cheap_accumulator_bits : int
        Widest accumulator that costs no more than a narrower one.
    table_attribute : str
        Attribute that keeps a constant table in flash, empty where constants stay there anyway.
    compiler : str
        C++ compiler.
    flags : tuple of str
        Processor and optimisation flags, for compiling and for linking.
    mcu : str
        Name of the processor where a simulator or the linker asks for it, else empty.
    """

    name: str
    title: str
    ram_bytes: int
    flash_bytes: int
    clock_hz: int
    int_bits: int
    cheap_accumulator_bits: int
    table_attribute: str
    compiler: str
    flags: tuple[str, ...]
    mcu: str = ""

    @property
    def is_avr(self) -> bool:
        """Whether flash has an address space of its own (Harvard), as on AVR."""
        return self.compiler == "avr-g++"

    @property
    def is_bare(self) -> bool:
        """Whether programs of plain C++ run without an operating system: no files, no printing, no end."""
        return self.compiler == "arm-none-eabi-g++"


# A multiplication and an addition must not become one instruction: quantize() would round once instead of twice, as
# Python does. Where there is no operating system, what nobody calls is left out, and nothing can catch an exception.
_CPP_FLAGS = ("-ffp-contract=off",)
_BARE_FLAGS = (*_CPP_FLAGS, "-ffunction-sections", "-fdata-sections", "-fno-exceptions", "-fno-rtti")

_KIB = 1024
_MIB = 1024 * _KIB

_UNO = Board(
    name="uno",
    title="Arduino Uno (ATmega328P)",
    ram_bytes=2 * _KIB,
    flash_bytes=32_256,  # 32 KiB less the boot loader
    clock_hz=16_000_000,
    int_bits=16,
    cheap_accumulator_bits=16,
    table_attribute="PROGMEM",
    compiler="avr-g++",
    flags=("-mmcu=atmega328p", "-Os", "-flto"),
    mcu="atmega328p",
)

_HOST = Board(
    name="host",
    title="this computer",
    ram_bytes=1024 * _MIB,
    flash_bytes=1024 * _MIB,
    clock_hz=1_000_000_000,
    int_bits=32,
    cheap_accumulator_bits=32,
    table_attribute="",
    compiler="g++",
    flags=("-O2", *_CPP_FLAGS),
)

_PIZERO = Board(
    name="pizero",
    title="Raspberry Pi Zero (ARM1176JZF-S)",
    ram_bytes=512 * _MIB,
    flash_bytes=512 * _MIB,  # programs and their constants lie in RAM
    clock_hz=1_000_000_000,
    int_bits=32,
    cheap_accumulator_bits=32,
    table_attribute="",
    # The hard-float compiler of Debian links ARMv7 libraries: the program would die on an ARMv6.
    compiler="arm-linux-gnueabi-g++",
    flags=("-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp", "-O2", "-static", *_CPP_FLAGS),
    mcu="arm1176",
)

_CORTEX_M0 = Board(
    name="cortex-m0",
    title="ARM Cortex-M0",
    ram_bytes=8 * _KIB,
    flash_bytes=32 * _KIB,
    clock_hz=48_000_000,
    int_bits=32,
    cheap_accumulator_bits=32,
    table_attribute="",
    compiler="arm-none-eabi-g++",
    flags=("-mcpu=cortex-m0", "-mthumb", "-Os", *_BARE_FLAGS),
    mcu="cortex-m0",
)

_CORTEX_M4 = Board(
    name="cortex-m4",
    title="ARM Cortex-M4",
    ram_bytes=64 * _KIB,
    flash_bytes=256 * _KIB,
    clock_hz=64_000_000,
    int_bits=32,
    cheap_accumulator_bits=32,
    table_attribute="",
    compiler="arm-none-eabi-g++",
    flags=("-mcpu=cortex-m4", "-mthumb", "-Os", *_BARE_FLAGS),
    mcu="cortex-m4",
)

BOARDS: dict[str, Board] = {board.name: board for board in (_UNO, _HOST, _PIZERO, _CORTEX_M0, _CORTEX_M4)}


def get_board(board: str | Board) -> Board:
    """Board of that name; a `Board` passes through.

    Raises
    ------
    ValueError
        If no board has that name; the message lists those that are known.
    """
    if isinstance(board, Board):
        return board
    try:
        return BOARDS[board]
    except (KeyError, TypeError):
        raise ValueError(f"no board is called {board!r}; known boards: {', '.join(BOARDS)}") from None
