"""Boards with an AVR processor: Arduino's, and bare ones without its core."""

from __future__ import annotations

from ..architectures import AVR, AVR_WITHOUT_MULTIPLIER
from ..board import Board, CostModel
from ..frameworks import ARDUINO, BARE

_KIB = 1024
_MHZ = 1_000_000
_PRICES = "avr/costs.json"
_BARE_COSTS = {True: None, False: CostModel("avr/without_mul.json", flash_margin=0.19)}  # by multiplier
_USUAL = ("simavr", "avr8js")
_CORE_OF_MEGA = CostModel(_PRICES, core_flash=378, core_stack=8)  # its calls push three bytes
_CORE_OF_MEGA1280 = CostModel(_PRICES, core_flash=334, core_stack=8)
_CORE_WITH_USB = CostModel(_PRICES, core_flash=2_196, core_ram=-36)
_BARE_FLAGS = ("-Os", "-ffunction-sections", "-fdata-sections", "-fno-exceptions", "-ffp-contract=off")


def _arduino(
    name: str, title: str, mcu: str, flash: int, variant: str, macro: str, *,
    mhz: int = 16, ram: int = 2 * _KIB, ram_start: int = 0x100, costs: CostModel | None = None, uart: int = 0,
    flags: tuple[str, ...] = (), simulators: tuple[str, ...] = _USUAL, aliases: tuple[str, ...] = (),
) -> Board:  # fmt: skip
    """A board of Arduino's own AVR core; `flash` is what the boot loader leaves."""
    return Board(
        name=name, title=title, architecture=AVR, framework=ARDUINO, mcu=mcu, clock_hz=mhz * _MHZ, ram_start=ram_start,
        ram_bytes=ram, flash_bytes=flash, compiler="avr-g++", flags=(f"-mmcu={mcu}", "-Os", "-flto", *flags),
        core="arduino:avr", variant=variant, define=f"ARDUINO_AVR_{macro}", uart=uart,
        cost_model=costs or CostModel(_PRICES), simulators=simulators, aliases=aliases,
    )  # fmt: skip


def _bare(
    name: str, title: str, mcu: str, flash: int, ram: int, *,
    mhz: int = 8, ram_start: int = 0x60, multiplies: bool = False,
    aliases: tuple[str, ...] = (),
) -> Board:  # fmt: skip
    """A processor without Arduino's core: all its flash is the program's."""
    return Board(
        name=name, title=title, architecture=AVR if multiplies else AVR_WITHOUT_MULTIPLIER, framework=BARE, mcu=mcu,
        clock_hz=mhz * _MHZ, ram_start=ram_start, ram_bytes=ram, flash_bytes=flash, compiler="avr-g++",
        flags=(f"-mmcu={mcu}", *_BARE_FLAGS), cost_model=_BARE_COSTS[multiplies],
        simulators=("simavr",), aliases=aliases,
    )  # fmt: skip


_SERIAL = (
    _arduino("uno", "Arduino Uno (ATmega328P)", "atmega328p", 32_256, "standard", "UNO"),
    _arduino("nano", "Arduino Nano (ATmega328P)", "atmega328p", 30_720, "eightanaloginputs", "NANO"),
    _arduino("mini", "Arduino Mini (ATmega328P)", "atmega328p", 28_672, "eightanaloginputs", "MINI"),
    _arduino("pro-mini", "Arduino Pro Mini, 5 V (ATmega328P)", "atmega328p", 30_720, "eightanaloginputs", "PRO"),
    _arduino("pro-mini-8mhz", "Arduino Pro Mini, 3.3 V (ATmega328P)", "atmega328p", 30_720, "eightanaloginputs", "PRO",
             mhz=8, aliases=("pro-mini-3v3",)),
    _arduino("fio", "Arduino Fio (ATmega328P)", "atmega328p", 30_720, "eightanaloginputs", "FIO", mhz=8),
    _arduino("duemilanove", "Arduino Duemilanove (ATmega328P)", "atmega328p", 30_720, "standard", "DUEMILANOVE"),
    _arduino("diecimila", "Arduino Diecimila (ATmega168)", "atmega168", 14_336, "standard", "DUEMILANOVE", ram=_KIB,
             aliases=("uno-168",)),
    _arduino("nano-168", "Arduino Nano (ATmega168)", "atmega168", 14_336, "eightanaloginputs", "NANO", ram=_KIB),
    _arduino("pro-mini-168", "Arduino Pro Mini, 5 V (ATmega168)", "atmega168", 14_336, "eightanaloginputs", "PRO",
             ram=_KIB),
    _arduino("mega", "Arduino Mega 2560 (ATmega2560)", "atmega2560", 253_952, "mega", "MEGA2560", ram=8 * _KIB,
             ram_start=0x200, costs=_CORE_OF_MEGA, aliases=("mega2560",)),
    _arduino("mega1280", "Arduino Mega (ATmega1280)", "atmega1280", 126_976, "mega", "MEGA", ram=8 * _KIB,
             ram_start=0x200, costs=_CORE_OF_MEGA1280),
)  # fmt: skip


def _usb(name: str, title: str, variant: str, macro: str, vendor: int, product: int, mhz: int = 16) -> Board:
    """A board whose ``Serial`` is its own USB."""
    identity = f"-DUSB_VID={vendor:#06x}", f"-DUSB_PID={product:#06x}", f'-DUSB_PRODUCT="{title}"'
    return _arduino(
        name, f"{title} (ATmega32U4)", "atmega32u4", 28_672, variant, macro, mhz=mhz, ram=2_560, uart=1,
        costs=_CORE_WITH_USB, flags=(*identity, '-DUSB_MANUFACTURER="Arduino"'), simulators=("simavr",),
    )  # fmt: skip


_USB = (
    _usb("leonardo", "Arduino Leonardo", "leonardo", "LEONARDO", 0x2341, 0x8036),
    _usb("micro", "Arduino Micro", "micro", "MICRO", 0x2341, 0x8037),
    _usb("yun", "Arduino Yun", "yun", "YUN", 0x2341, 0x8041),
    _usb("lilypad-usb", "LilyPad Arduino USB", "leonardo", "LILYPAD_USB", 0x1B4F, 0x9208, mhz=8),
)

_WITHOUT_CORE = (
    _bare("attiny85", "ATtiny85", "attiny85", 8 * _KIB, 512),
    _bare("attiny84", "ATtiny84", "attiny84", 8 * _KIB, 512),
    _bare("attiny45", "ATtiny45", "attiny45", 4 * _KIB, 256),
    _bare("attiny44", "ATtiny44", "attiny44", 4 * _KIB, 256),
    _bare("atmega328p", "ATmega328P without a boot loader", "atmega328p", 32 * _KIB, 2 * _KIB, mhz=16, ram_start=0x100,
          multiplies=True),
    _bare("atmega1284p", "ATmega1284P", "atmega1284p", 128 * _KIB, 16 * _KIB, mhz=16, ram_start=0x100,
          multiplies=True),
)  # fmt: skip

BOARDS = (*_SERIAL, *_USB, *_WITHOUT_CORE)
