"""Finds places in a firmware where simavr before 1.7 skips too much; knows AVR machine code, runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..build.firmware import Firmware

# address, bytes, mnemonic, operands, as avr-objdump lists them
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*\t(\w+)(?:\t([^;\n]*))?", re.M)
_SKIPS = ("sbrc", "sbrs", "cpse", "sbic", "sbis")


@dataclass(frozen=True, slots=True)
class SkipPlace:
    """A skip whose next instruction an old simavr takes for a two-word one.

    Parameters
    ----------
    address : int
        Byte address of the skip.
    function : str
        The function it is in.
    """

    address: int
    function: str

    def __str__(self) -> str:
        return f"{self.function} at 0x{self.address:04x}"


def find_skip_places(firmware: Firmware) -> list[SkipPlace]:
    """Places where ``sbrc sbrs cpse sbic sbis`` is followed by ``adiw``/``sbiw`` with a constant of low bits 12-15."""
    found = []
    skip_address: int | None = None
    for address, mnemonic, operands in _INSTRUCTION.findall(firmware.disassembly()):
        if skip_address is not None and mnemonic in ("adiw", "sbiw") and _constant(operands) % 16 >= 12:
            found.append(SkipPlace(skip_address, firmware.function_at(skip_address)))
        skip_address = int(address, 16) if mnemonic in _SKIPS else None
    return found


def _constant(operands: str) -> int:
    return int(operands.split(",")[1].strip(), 0)
