"""Computers with an operating system."""

from __future__ import annotations

from ..architectures import ARMV6, NATIVE
from ..board import Board
from ..frameworks import POSIX

_MIB = 1024 * 1024
_EXACT = ("-ffp-contract=off",)  # quantize() rounds after each operation, as Python does

_HOST = Board(
    name="host",
    title="this computer",
    architecture=NATIVE,
    framework=POSIX,
    clock_hz=1_000_000_000,
    ram_bytes=1024 * _MIB,
    flash_bytes=1024 * _MIB,
    compiler="g++",
    flags=("-O2", *_EXACT),
    simulators=("native",),
)

_PIZERO = Board(
    name="pizero",
    title="Raspberry Pi Zero (ARM1176JZF-S)",
    architecture=ARMV6,
    framework=POSIX,
    mcu="arm1176",
    clock_hz=1_000_000_000,
    ram_bytes=512 * _MIB,
    flash_bytes=512 * _MIB,  # programs and their constants lie in RAM
    # The hard-float compiler of Debian links ARMv7 libraries: the program would die on an ARMv6.
    compiler="arm-linux-gnueabi-g++",
    flags=("-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp", "-O2", "-static", *_EXACT),
    simulators=("qemu-user",),
)

BOARDS = (_HOST, _PIZERO)
