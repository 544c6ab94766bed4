"""The computers without an operating system that qemu has: their memory, and how a program talks to them."""

from __future__ import annotations

from dataclasses import dataclass

from ..build.tools import QEMU_SYSTEM_ARM, QEMU_SYSTEM_RISCV, QEMU_SYSTEM_XTENSA, Tool

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer that qemu simulates.

    Parameters
    ----------
    tool : Tool
        The program.
    name : str
        What the program calls it.
    firmware : str
        File of ``firmware/`` that knows how a program starts there and asks for rows.
    flash_start, flash_bytes, ram_start, ram_bytes : int
        Where code and variables go.
    options : tuple of str
        More options.
    """

    tool: Tool
    name: str
    firmware: str
    flash_start: int
    flash_bytes: int
    ram_start: int
    ram_bytes: int
    options: tuple[str, ...] = ()


def _cortex(name: str, flash_bytes: int, ram_bytes: int, flash_start: int = 0, ram_start: int = 0x2000_0000) -> Machine:
    return Machine(QEMU_SYSTEM_ARM, name, "cortex_m.h", flash_start, flash_bytes, ram_start, ram_bytes)


_ALL = (
    # The micro:bit has a true Cortex-M0: it refuses newer instructions and unaligned access, as the real one does.
    _cortex("microbit", 256 * _KIB, 16 * _KIB),
    _cortex("mps2-an385", 4 * _MIB, 4 * _MIB),  # Cortex-M3
    _cortex("mps2-an386", 4 * _MIB, 4 * _MIB),  # Cortex-M4
    _cortex("mps2-an500", 4 * _MIB, 4 * _MIB),  # Cortex-M7
    _cortex("mps2-an505", 4 * _MIB, 4 * _MIB, 0x1000_0000, 0x3800_0000),  # Cortex-M33
    _cortex("netduinoplus2", 1 * _MIB, 128 * _KIB, 0x0800_0000),  # STM32F405, a Cortex-M4
    _cortex("stm32vldiscovery", 128 * _KIB, 8 * _KIB, 0x0800_0000),  # STM32F100, a Cortex-M3
    Machine(QEMU_SYSTEM_RISCV, "virt", "riscv.h", 0x8000_0000, 4 * _MIB, 0x8040_0000, 4 * _MIB, ("-bios", "none")),
    Machine(QEMU_SYSTEM_XTENSA, "sim", "xtensa.h", 0x5000_0000, 1 * _MIB, 0x3FFC_0000, 256 * _KIB, ("-cpu", "lx106")),
)

MACHINES = {machine.name: machine for machine in _ALL}
