"""Computers with an operating system."""

from __future__ import annotations

from ..architectures import ARMV6, ARMV8_A, NATIVE
from ..board import Board, CostModel
from ..frameworks import POSIX

_MIB = 1024 * 1024
_MHZ = 1_000_000
_COSTS_64 = None
_EXACT = ("-ffp-contract=off",)  # quantize() rounds after each operation, as Python does

_HOST = Board(
    name="host",
    title="this computer",
    architecture=NATIVE,
    framework=POSIX,
    clock_hz=1000 * _MHZ,
    ram_bytes=1024 * _MIB,
    flash_bytes=1024 * _MIB,
    compiler="g++",
    flags=("-O2", *_EXACT),
    simulators=("native",),
    aliases=("linux",),
)

_PIZERO = Board(
    name="pizero",
    title="Raspberry Pi Zero (ARM1176JZF-S)",
    architecture=ARMV6,
    framework=POSIX,
    mcu="arm1176",
    clock_hz=1000 * _MHZ,
    ram_bytes=512 * _MIB,
    flash_bytes=512 * _MIB,  # programs and their constants lie in RAM
    # The hard-float compiler of Debian links ARMv7 libraries: the program would die on an ARMv6.
    compiler="arm-linux-gnueabi-g++",
    flags=("-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp", "-O2", "-static", *_EXACT),
    cost_model=CostModel("arm/armv6.json", inlined=False, flash_margin=0.19),
    simulators=("qemu-arm",),
    aliases=("raspberry-pi-zero", "pi1"),
)


def _pi(name: str, title: str, processor: str, mhz: int, ram: int, *aliases: str) -> Board:
    """A Raspberry Pi with 64 bits."""
    return Board(
        name=name, title=title, architecture=ARMV8_A, framework=POSIX, mcu=processor, clock_hz=mhz * _MHZ,
        ram_bytes=ram * _MIB, flash_bytes=ram * _MIB, compiler="aarch64-linux-gnu-g++",
        flags=(f"-mcpu={processor}", "-O2", "-static", *_EXACT), cost_model=_COSTS_64,
        simulators=("qemu-aarch64",), aliases=aliases,
    )  # fmt: skip


BOARDS = (
    _HOST,
    _PIZERO,
    _pi("pizero2", "Raspberry Pi Zero 2 (Cortex-A53)", "cortex-a53", 1000, 512, "pi-zero-2-w", "raspberry-pi-zero-2"),
    _pi("pi", "Raspberry Pi 3 and later, 64 bits (Cortex-A53)", "cortex-a53", 1200, 1024, "raspberry-pi", "pi3"),
    _pi("pi4", "Raspberry Pi 4 (Cortex-A72)", "cortex-a72", 1500, 2048),
)
