"""Boards with an AVR processor."""

from __future__ import annotations

from ..architectures import AVR
from ..board import Board, CostModel
from ..frameworks import ARDUINO

_KIB = 1024
_PRICES = "avr/costs.json"


def _flags(mcu: str) -> tuple[str, ...]:
    return f"-mmcu={mcu}", "-Os", "-flto"


_UNO = Board(
    name="uno",
    title="Arduino Uno (ATmega328P)",
    architecture=AVR,
    framework=ARDUINO,
    mcu="atmega328p",
    clock_hz=16_000_000,
    ram_start=0x100,
    ram_bytes=2 * _KIB,
    flash_bytes=32_256,  # 32 KiB less the boot loader
    compiler="avr-g++",
    flags=_flags("atmega328p"),
    core="arduino:avr",
    variant="standard",
    define="ARDUINO_AVR_UNO",
    cost_model=CostModel(_PRICES),
    simulators=("simavr", "avr8js"),
)

_MEGA = Board(
    name="mega",
    title="Arduino Mega 2560 (ATmega2560)",
    architecture=AVR,
    framework=ARDUINO,
    mcu="atmega2560",
    clock_hz=16_000_000,
    ram_start=0x200,
    ram_bytes=8 * _KIB,
    flash_bytes=248 * _KIB,
    compiler="avr-g++",
    flags=_flags("atmega2560"),
    core="arduino:avr",
    variant="mega",
    define="ARDUINO_AVR_MEGA2560",
    cost_model=CostModel(_PRICES, core_flash=378, core_stack=8),
    simulators=("simavr", "avr8js"),
    aliases=("mega2560",),
)

BOARDS = (_UNO, _MEGA)
