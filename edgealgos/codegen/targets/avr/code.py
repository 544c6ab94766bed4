"""A function body of AVR assembly with its cycles and bytes, and what collects it word by word; knows no programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CALL_SAVED = frozenset(f"r{i}" for i in range(2, 18))  # registers that a function must hand back as they were


@dataclass(frozen=True, slots=True)
class Code:
    """A function body.

    Parameters
    ----------
    lines : tuple of str
        Lines of the asm statement.
    clobbers : tuple of str
        Registers it changes, operands left out.
    cycles : float
        Of a call with its return, registers saved and restored.
    size : int
        Bytes of flash.
    """

    lines: tuple[str, ...]
    clobbers: tuple[str, ...]
    cycles: float
    size: int

    @property
    def saved(self) -> int:
        """Bytes of the stack for registers that its caller needs."""
        return len(CALL_SAVED.intersection(self.clobbers))


class Writer:
    """Collects words with their cycles and program words."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.cycles = 0.0
        self.words = 0
        self._line: list[str] = []

    def add(self, text: str, cycles: float, words: int) -> None:
        self._line.append(text)
        self.cycles += cycles
        self.words += words

    def end_line(self) -> None:
        if self._line:
            self.lines.append(" ".join(self._line))
            self._line = []

    def code(self, used: Iterable[str], operands: Iterable[str] = ()) -> Code:
        self.end_line()
        registers = sorted(set(used), key=lambda name: int(name[1:]))
        saved = len(CALL_SAVED & set(registers))
        operands = {"r26", "r27", "r30", "r31", *operands}
        clobbers = ("r0", *(r for r in registers if r not in operands))
        return Code(tuple(self.lines), clobbers, self.cycles + 8 + 4 * saved, 2 * (self.words + 1 + 2 * saved))
