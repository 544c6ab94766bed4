"""Registers in which classes are counted by straight-line AVR code, and the words for that; knows no programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Counters:
    """Registers in which classes count, those first that a constant is added to in one word."""

    size: int
    classes: int
    wide: bool = False
    """Whether they are words; their upper bytes lie in r15 downwards."""
    halves: bool = False
    """Whether the lower bytes count votes by twos until all are cast, and the upper ones those that are left over."""

    @property
    def upper(self) -> int:
        """How many of those there are, whether classes need them or not."""
        return 10 if self.size == 1 else 9

    @property
    def names(self) -> list[str]:
        """Of each class its own."""
        return [f"r{16 + k}" if k < self.upper else f"r{15 + self.upper - k}" for k in range(self.classes)]

    @property
    def spares(self) -> list[str]:
        """Upper ones that no class needs."""
        return [f"r{16 + k}" for k in range(self.classes, self.upper)]

    @property
    def free(self) -> int:
        """Pairs of registers from r2 on that no class needs; less than none where they do not suffice."""
        lower = self.classes if self.wide else max(0, self.classes - self.upper)
        return -1 if self.wide and self.classes > self.upper else min(7, (14 - lower) // 2)

    def above(self, number: int) -> str:
        """The upper byte of a word."""
        return f"r{15 - number}"

    def vote(self, number: int, votes: int) -> tuple[str, int]:
        """What adds votes to a class, and its words, each a cycle."""
        if self.halves:
            twos, odd = divmod(votes, 2)
            text = f"EDGEALGOS_VOTES_FOR({self.names[number]}, {twos})" if twos else ""
            return text + f" EDGEALGOS_ODD_VOTE({self.above(number)})" * odd, (twos > 0) + odd
        if self.wide:
            return f"EDGEALGOS_VOTES_FOR_WORD({self.names[number]}, {self.above(number)}, {votes})", 2
        word, words = ("VOTES_FOR", 1) if number < self.upper else ("LATER_VOTE", 2)
        return f"EDGEALGOS_{word}({self.names[number]}, {votes})", words

    @property
    def lead(self) -> list[str]:
        """What finds by how much the largest is above the second one."""
        if not self.wide:
            rivals = [f"EDGEALGOS_RIVAL({name})" for name in self.names[1:]]
            return [f"EDGEALGOS_LEADER({self.names[0]})", *rivals, "EDGEALGOS_LEAD"]
        words = [f"({name}, {self.above(number)})" for number, name in enumerate(self.names)]
        kind = "HALVES" if self.halves else "WORD"
        rivals = [f"EDGEALGOS_{kind}_RIVAL{word}" for word in words[1:]]
        return [f"EDGEALGOS_{kind}_LEADER{words[0]}", *rivals, f"EDGEALGOS_{kind}_LEAD"]

    def begin(self, number: int, votes: int) -> tuple[list[str], int, int]:
        """What lets a class begin with so many votes; its cycles and words."""
        upper = number < self.upper
        lower = votes // 2 if self.halves else votes
        lines = [f"EDGEALGOS_{'FIRST' if upper else 'LATER_FIRST'}_VOTES({self.names[number]}, {lower})"]
        if self.wide:
            lines.append(f"EDGEALGOS_NO_VOTES_ABOVE({self.above(number)})")
        if self.halves and votes % 2:
            lines.append(f"EDGEALGOS_ODD_VOTE({self.above(number)})")
        count = len(lines) + (not upper)
        return lines, count, count

    @property
    def whole(self) -> list[str]:
        """What makes words of halves, each six words and as many cycles."""
        names = enumerate(self.names) if self.halves else ()
        return [f"EDGEALGOS_WHOLE_VOTES({name}, {self.above(number)})" for number, name in names]

    @property
    def stores(self) -> list[str]:
        """What writes the counts."""
        if self.wide:
            return [f"EDGEALGOS_STORE_WORD_VOTES({n}, {self.above(k)})" for k, n in enumerate(self.names)]
        return [f"EDGEALGOS_STORE_VOTES({name})" for name in self.names]

    @property
    def most(self) -> list[str]:
        """What finds which is the first largest, in r27."""
        if not self.wide:
            others = [f"EDGEALGOS_MORE_VOTED({name}, {k})" for k, name in enumerate(self.names) if k]
            return [f"EDGEALGOS_FIRST_VOTED({self.names[0]})", *others]
        words = [f"({name}, {self.above(k)}, {k})" for k, name in enumerate(self.names)]
        first = f"EDGEALGOS_FIRST_WORD_VOTED({self.names[0]}, {self.above(0)})"
        return [first, *(f"EDGEALGOS_MORE_WORD_VOTED{word}" for word in words[1:])]

    def added(self, additions: Sequence[tuple[int, int]]) -> float:
        """Cycles of a leaf."""
        return 4.0 + sum(self.vote(*addition)[1] for addition in additions)
