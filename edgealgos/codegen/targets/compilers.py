"""The C++ compilers of boards: what they are for and where people get them; knows no boards, and finds nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler that somebody else made.

    Parameters
    ----------
    name : str
        Name of the executable.
    purpose : str
        What it is needed for, to be read after "is needed to".
    how_to_get : str
        What installs it.
    """

    name: str
    purpose: str
    how_to_get: str


_ALL = (
    Compiler("g++", "compile a model for this computer", "`apt-get install build-essential`"),
    Compiler(
        "avr-g++",
        "compile for an AVR",
        "`apt-get install gcc-avr avr-libc binutils-avr`, "
        "or the Arduino IDE with its board package 'Arduino AVR Boards'",
    ),
    Compiler(
        "arm-none-eabi-g++",
        "compile a model for a Cortex-M",
        "`apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi`; elsewhere: the Arm GNU Toolchain of "
        "https://developer.arm.com",
    ),
    Compiler(
        "arm-linux-gnueabi-g++",
        "compile a model for a Raspberry Pi Zero",
        "`apt-get install g++-arm-linux-gnueabi`",
    ),
    Compiler(
        "aarch64-linux-gnu-g++",
        "compile a model for a 64-bit Raspberry Pi",
        "`apt-get install g++-aarch64-linux-gnu`",
    ),
    Compiler(
        "riscv64-unknown-elf-g++",
        "compile a model for a RISC-V processor such as an ESP32-C3's",
        "`apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf`",
    ),
    Compiler(
        "xtensa-lx106-elf-g++",
        "compile a model for an ESP8266",
        "`apt-get install gcc-xtensa-lx106 picolibc-xtensa-lx106-elf`",
    ),
)

COMPILERS = {compiler.name: compiler for compiler in _ALL}
