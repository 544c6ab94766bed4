"""Boards with an ARM Cortex-M."""

from __future__ import annotations

from ..architectures import ARMV6_M, ARMV7E_M
from ..board import Board
from ..frameworks import BARE

# A multiplication and an addition must not become one instruction: quantize() would round once instead of twice, as
# Python does. Where there is no operating system, what nobody calls is left out, and nothing can catch an exception.
_FLAGS = (
    "-mthumb",
    "-Os",
    "-ffp-contract=off",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-exceptions",
    "-fno-rtti",
)
_KIB = 1024

_CORTEX_M0 = Board(
    name="cortex-m0",
    title="ARM Cortex-M0",
    architecture=ARMV6_M,
    framework=BARE,
    mcu="cortex-m0",
    clock_hz=48_000_000,
    ram_bytes=8 * _KIB,
    flash_bytes=32 * _KIB,
    compiler="arm-none-eabi-g++",
    flags=("-mcpu=cortex-m0", *_FLAGS),
    simulators=("qemu-system",),
    machine="microbit",
)

_CORTEX_M4 = Board(
    name="cortex-m4",
    title="ARM Cortex-M4",
    architecture=ARMV7E_M,
    framework=BARE,
    mcu="cortex-m4",
    clock_hz=64_000_000,
    ram_bytes=64 * _KIB,
    flash_bytes=256 * _KIB,
    compiler="arm-none-eabi-g++",
    flags=("-mcpu=cortex-m4", *_FLAGS),
    simulators=("qemu-system",),
    machine="mps2-an386",
)

BOARDS = (_CORTEX_M0, _CORTEX_M4)
